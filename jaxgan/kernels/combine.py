"""Kernels made of kernels, and bandwidths made of data."""

import functools
import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels.distances import squared_distances

Kernel = Callable[[Float[Array, "n d"], Float[Array, "m d"]], Float[Array, "n m"]]


def weighted_sum(*kernels: Kernel, weights: Sequence[ScalarLike] | None = None) -> Kernel:
    """k(x, y) = sum_i weights_i k_i(x, y), weights > 0; all 1 by default.

    Raises:
        ConfigError: No kernels, or another number of weights.
    """
    weights = [1.0] * len(kernels) if weights is None else weights
    if not kernels or len(weights) != len(kernels):
        raise ConfigError(
            f"{len(weights)} weights for {len(kernels)} kernels; give one or more, a weight to each"
        )

    def kernel(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        terms = [jnp.multiply(w, k(x, y)) for w, k in zip(weights, kernels, strict=True)]
        return functools.reduce(operator.add, terms)

    return kernel


def product(*kernels: Kernel) -> Kernel:
    """k(x, y) = prod_i k_i(x, y).

    Raises:
        ConfigError: No kernels.
    """
    if not kernels:
        raise ConfigError("0 kernels to multiply; give one or more")

    def kernel(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        return functools.reduce(operator.mul, [k(x, y) for k in kernels])

    return kernel


def median_bandwidth(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, max_samples: int = 256
) -> Float[Array, ""]:
    """The median distance of two different points of x and y pooled, as a constant; 1 if that is 0.

    At most `max_samples` evenly spaced rows of each are used, the same ones every time.
    Source: Gretton et al. 2012, A Kernel Two-Sample Test, section 8.
    """
    x, y = (z[:: -(-len(z) // max_samples)] for z in (x, y))
    points = jax.lax.stop_gradient(jnp.concatenate([x, y]))
    pairs = jnp.triu_indices(len(points), k=1)
    median = jnp.sqrt(jnp.median(squared_distances(points, points)[pairs]))
    return jnp.where(median > 0, median, 1)


def ema_bandwidth(
    previous: ScalarLike, current: ScalarLike, *, decay: ScalarLike = 0.99
) -> Float[Array, ""]:
    """The mean decay previous + (1 - decay) current, or current where previous is 0: at first."""
    mixed = decay * previous + (1 - decay) * current
    return jax.lax.stop_gradient(jnp.where(jnp.greater(previous, 0), mixed, current))
