"""Kernels made of kernels, and bandwidths made of data."""

import functools
import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels.distances import squared_distances
from jaxgan.numerics import nonnegative_median

Kernel = Callable[[Float[Array, "n d"], Float[Array, "m d"]], Float[Array, "n m"]]


def weighted_sum(*kernels: Kernel, weights: Sequence[ScalarLike] | None = None) -> Kernel:
    """k(x, y) = sum_i weights_i k_i(x, y).

    Args:
        *kernels: At least one function of (x, y) that returns the matrix of all pairs.
        weights: Positive, one to each kernel; all 1 by default.

    Raises:
        ConfigError: No kernels, or another number of weights.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section 4.2.4,
    https://doi.org/10.7551/mitpress/3206.001.0001

    >>> one, two = jnp.array([[1.0]]), jnp.array([[2.0]])
    >>> double = weighted_sum(lambda x, y: x @ y.T, weights=[2.0])
    >>> double(one, two)
    Array([[4.]], dtype=float32)
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

    Args:
        *kernels: At least one function of (x, y) that returns the matrix of all pairs.

    Raises:
        ConfigError: No kernels.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section 4.2.4,
    https://doi.org/10.7551/mitpress/3206.001.0001
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

    Args:
        x: n points [n, d].
        y: m points [m, d].
        max_samples: At most so many evenly spaced rows of each are used, the same every time.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test, section 8; preprint
    https://arxiv.org/abs/0805.2368

    >>> median_bandwidth(jnp.array([[0.0], [1.0]]), jnp.array([[5.0]]))  # of 1, 4 and 5
    Array(4., dtype=float32)
    """
    x, y = (z[:: -(-len(z) // max_samples)] for z in (x, y))
    points = jax.lax.stop_gradient(jnp.concatenate([x, y]))
    pairs = jnp.triu_indices(len(points), k=1)
    median = jnp.sqrt(nonnegative_median(squared_distances(points, points)[pairs]))
    return jnp.where(median > 0, median, 1)


def ema_bandwidth(
    previous: ScalarLike, current: ScalarLike, *, decay: ScalarLike = 0.99
) -> Float[Array, ""]:
    """The mean decay previous + (1 - decay) current, or current where previous is 0: at first.

    Args:
        previous: The last mean, at least 0; 0 at first.
        current: The bandwidth of this step, positive.
        decay: In [0, 1].
    """
    mixed = decay * previous + (1 - decay) * current
    return jax.lax.stop_gradient(jnp.where(jnp.greater(previous, 0), mixed, current))
