"""Kernel distance between two sets of features: unbiased MMD^2 with a cubic polynomial kernel."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import Features, check_features


class KID(NamedTuple):
    """The mean and the standard deviation of MMD^2 over the subsets.

    The subsets overlap, so `std` describes a single subset; it is no error bar of `mean`.
    """

    mean: float
    std: float


def subset_indices(
    key: PRNGKeyArray, n: int, m: int, subset_size: int
) -> tuple[Int[Array, "s"], Int[Array, "s"]]:
    """The rows of one subset of n real and of m fake samples, each without replacement."""
    key_real, key_fake = jax.random.split(key)
    return (
        jax.random.permutation(key_real, n)[:subset_size],
        jax.random.permutation(key_fake, m)[:subset_size],
    )


def _kernel(x: Float[Array, "s d"], y: Float[Array, "t d"]) -> Float[Array, "s t"]:
    """(u + 1)^3 - 1 with u = <x, y> / d.

    A constant taken from the kernel leaves MMD^2 as it is and saves float32 the digits it costs.
    """
    u = jnp.matmul(x, y.T, precision="highest") / x.shape[1]
    return u * (u * (u + 3.0) + 3.0)


def _mmd2(x: Float[Array, "s d"], y: Float[Array, "s d"]) -> Float[Array, ""]:
    """Unbiased MMD^2; the three terms are summed row by row, where they nearly cancel."""
    s = x.shape[0]
    within = jnp.where(jnp.eye(s, dtype=bool), 0.0, _kernel(x, x) + _kernel(y, y))
    return jnp.mean(within.sum(axis=1) / (s - 1) - 2.0 * _kernel(x, y).mean(axis=1))


@partial(jax.jit, static_argnames=("num_subsets", "subset_size"))
def _subset_mmd2s(
    real: Float[Array, "n d"],
    fake: Float[Array, "m d"],
    key: PRNGKeyArray,
    num_subsets: int,
    subset_size: int,
) -> Float[Array, "num_subsets"]:
    def one(subset_key: PRNGKeyArray) -> Float[Array, ""]:
        rows, columns = subset_indices(subset_key, real.shape[0], fake.shape[0], subset_size)
        return _mmd2(real[rows], fake[columns])

    return jax.lax.map(one, jax.random.split(key, num_subsets))  # one kernel matrix at a time


def kid(
    real: Float[Features, "n d"],
    fake: Float[Features, "m _d"],
    *,
    num_subsets: int = 100,
    subset_size: int = 1000,
    key: PRNGKeyArray,
) -> KID:
    """Unbiased MMD^2 with k(x, y) = (<x, y> / d + 1)^3, averaged over random subsets.

    Args:
        real: Features of n real samples, not centred: the kernel depends on the origin.
        fake: Features of m generated samples, from the same feature network.
        num_subsets: How many subsets to average over.
        subset_size: Rows of each set in a subset, drawn without replacement.
        key: Draws the subsets.

    Returns:
        Mean and standard deviation over the subsets; around 0, and below it at times, where both
        sets come from one distribution, whatever n and m.

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2, or
            `num_subsets` or `subset_size` is out of range, or the kernel overflows float32.

    Source: Binkowski et al. 2018, arXiv:1801.01401, section 4.
    """
    check_features(real, fake)
    smallest = min(real.shape[0], fake.shape[0])
    if not 2 <= subset_size <= smallest:
        raise ConfigError(
            f"subset_size is {subset_size}; it must lie between 2 and min(n, m) = {smallest}: "
            "lower it or pass more samples"
        )
    if num_subsets < 1:
        raise ConfigError(f"num_subsets is {num_subsets}; it must be at least 1: try 100")
    x, y = jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)
    values = np.asarray(_subset_mmd2s(x, y, key, num_subsets, subset_size), np.float64)
    if not np.isfinite(values).all():
        largest = max(jnp.abs(x).max(), jnp.abs(y).max())
        raise ConfigError(
            f"features as large as {largest:.3g} overflow the cubic kernel in float32: "
            "divide both sets by one number"
        )
    return KID(mean=float(values.mean()), std=float(values.std()))
