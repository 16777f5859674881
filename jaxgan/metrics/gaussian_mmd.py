"""Maximum mean discrepancy of features with one wide Gaussian kernel."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.kernels import mean_between, mean_within, squared_distances
from jaxgan.metrics.checks import AnyArray, check_features
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.kernel_error import mmd2_variance
from jaxgan.metrics.record import metric


@metric()
def cmmd(
    real: Float[AnyArray, "n d"],
    fake: Float[AnyArray, "m _d"],
    *,
    bandwidth: float = 10.0,
    scale: float = 1000.0,
    estimator: Literal["biased", "unbiased"] = "biased",
) -> Estimate:
    """`scale` times MMD^2 with k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2)), in tiles.

    The published metric is this on CLIP embeddings of length 1, with these defaults. The standard
    error is the asymptotic one of unbiased MMD^2 (`jaxgan.metrics.kernel_error`).

    Args:
        real: Features of n real samples.
        fake: Features of m generated samples, from the same feature network.
        bandwidth: Above 0, in the units of the features.
        scale: What MMD^2 is multiplied by.
        estimator: "biased" counts the pairs of a sample with itself, and is at least 0, up to
            rounding; "unbiased" leaves them out, and is around 0 where the distributions are equal.

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2, or
            `bandwidth` or `scale` is not above 0, or the estimator is unknown, or distances
            overflow float32.

    Source: Jayasumana et al. 2024, https://arxiv.org/abs/2401.09603, section 4; the estimators are
    equations 3 and 5 of Gretton et al. 2012, A Kernel Two-Sample Test,
    https://jmlr.org/papers/v13/gretton12a.html.
    """
    check_features(real, fake)
    for name, value in (("bandwidth", bandwidth), ("scale", scale)):
        if not 0 < value < np.inf:
            raise ConfigError(f"{name} is {value}; it must be above 0 and finite")
    if estimator not in ("biased", "unbiased"):
        raise ConfigError(f"unknown estimator {estimator!r}; it must be 'biased' or 'unbiased'")
    x, y = jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)
    means = _means(x, y, jnp.float32(bandwidth), estimator == "biased")
    xx, yy, xy = (float(mean) for mean in means)
    if not np.isfinite(xx + yy + xy):
        largest = max(jnp.abs(x).max(), jnp.abs(y).max())
        raise ConfigError(
            f"distances of features as large as {largest:.3g} overflow float32: divide both sets "
            "and the bandwidth by one number"
        )
    variance = mmd2_variance(_kernel, x, y, jnp.float32(bandwidth))
    return Estimate(scale * (xx + yy - 2 * xy), scale * np.sqrt(variance))


def _kernel(
    x: Float[Array, "n d"], y: Float[Array, "m d"], bandwidth: Float[Array, ""]
) -> Float[Array, "n m"]:
    """The Gaussian kernel less 1, which cancels from MMD^2.

    It saves float32 the digits that 1 costs: a wide kernel is nearly 1 everywhere.
    """
    return jnp.expm1(-squared_distances(x, y) / (2 * bandwidth**2))


@partial(jax.jit, static_argnums=3)
def _means(
    x: Float[Array, "n d"], y: Float[Array, "m d"], bandwidth: Float[Array, ""], diagonal: bool
) -> tuple[Array, Array, Array]:
    kernel = partial(_kernel, bandwidth=bandwidth)
    return (
        mean_within(kernel, x, diagonal=diagonal),
        mean_within(kernel, y, diagonal=diagonal),
        mean_between(kernel, x, y),
    )
