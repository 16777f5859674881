"""Mean and covariance of features that come a batch at a time.

    total = moments(first_batch)
    for batch in batches:
        total = merge(total, moments(batch))

Only the d x d matrix stays in memory. `moments` is float64 on the host, `device_moments` runs
inside jit; what either returns can be merged with its like.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_matrix
from jaxgan.numerics import at_least_float32

# Rows that are held in float64 at once.
_BLOCK = 4096


class Moments(NamedTuple):
    """What a Gaussian fit needs to know about n samples; a pytree.

    Attributes:
        count: n.
        mean: Their mean.
        scatter: The sum of the outer products of their deviations from the mean.
    """

    count: int | float | Array
    mean: Float[AnyArray, "d"]
    scatter: Float[AnyArray, "d d"]

    @property
    def covariance(self) -> Float[AnyArray, "d d"]:
        """The unbiased covariance: divided by n - 1, as np.cov and pytorch-fid do."""
        return self.scatter / (self.count - 1)


def moments(x: Float[AnyArray, "n d"]) -> Moments:
    """The moments of n >= 1 samples, in float64 on the host.

    Raises:
        ConfigError: x is not a finite matrix with a row.
    """
    check_matrix("features", x, at_least=1)
    blocks = (x[start : start + _BLOCK] for start in range(0, x.shape[0], _BLOCK))
    return functools.reduce(merge, map(_block_moments, blocks))


def _block_moments(x: Float[AnyArray, "n d"]) -> Moments:
    x = np.asarray(x, np.float64)
    mean = x.mean(axis=0)
    centred = x - mean[None]
    return Moments(len(x), mean, centred.T @ centred)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of both sets together, on the host or, of traced ones, inside jit.

    Raises:
        ConfigError: They are of different widths.

    Source: Chan, Golub and LeVeque 1982, Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances, https://doi.org/10.1007/978-3-642-51461-6_3, equation 2.1.
    """
    if a.mean.shape != b.mean.shape:
        raise ConfigError(
            f"moments of {a.mean.shape[-1]} and of {b.mean.shape[-1]} features cannot be merged; "
            "both must have as many: take them from the same feature network"
        )
    count = a.count + b.count
    difference = b.mean - a.mean
    between = difference[:, None] * difference[None] * (a.count * (b.count / count))
    return Moments(count, a.mean + difference * (b.count / count), a.scatter + b.scatter + between)


def device_moments(x: Float[Array, "n d"], *, axis_name: str | None = None) -> Moments:
    """The moments of a batch inside jit, vmap or shard_map, in at least float32.

    Deviations are taken from the mean before they are squared: features far from the origin lose no
    digits. Merged over many batches, float32 keeps covariances to about 1e-6 of the largest.

    Args:
        x: This device's n samples.
        axis_name: The axis over which a pmap or shard_map has split the batch, evenly.
    """
    (x,) = at_least_float32(x)
    mean = collectives.mean(jnp.mean(x, axis=0), axis_name)
    centred = x - mean[None]
    product = jnp.matmul(centred.T, centred, precision="highest")
    devices = collectives.size(axis_name)
    count = jnp.asarray(len(x) * devices, x.dtype)
    return Moments(count, mean, devices * collectives.mean(product, axis_name))
