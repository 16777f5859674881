"""Maximum mean discrepancy: the distance of two distributions' mean embeddings."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels import Kernel, at_least_float32, gaussian
from jaxgan.registry import unknown
from jaxgan.types import Losses


def _mean_within(gram: Float[Array, "n n"], estimator: str) -> Float[Array, ""]:
    n = len(gram)
    if estimator == "biased":
        return jnp.mean(gram)
    return jnp.sum(gram, where=~jnp.eye(n, dtype=bool)) / (n * (n - 1))


def mmd2(
    x: Float[Array, "n ..."],
    y: Float[Array, "m ..."],
    *,
    kernel: Kernel,
    estimator: str = "unbiased",
) -> Float[Array, ""]:
    """MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), of n and m samples flattened to vectors.

    Args:
        x: Samples of one distribution.
        y: Samples of the other.
        kernel: A function of (x, y) that returns the matrix of all pairs [n, m].
        estimator: "unbiased" leaves out the pairs of a sample with itself, may be negative, and
            needs n, m >= 2; "biased" averages over all pairs and is never negative.

    Raises:
        ConfigError: On another estimator, or too few samples for the unbiased one.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test, equations 3 (unbiased) and 5 (biased).
    """
    n, m = len(x), len(y)
    if estimator not in ("biased", "unbiased"):
        raise unknown("estimator", estimator, ("biased", "unbiased"))
    if estimator == "unbiased" and min(n, m) < 2:
        raise ConfigError(
            f"unbiased MMD^2 of {n} and {m} samples; it needs at least 2 of each: "
            "use a larger batch or estimator='biased'"
        )
    x, y = at_least_float32(x.reshape(n, -1), y.reshape(m, -1))
    within = _mean_within(kernel(x, x), estimator) + _mean_within(kernel(y, y), estimator)
    return within - 2 * jnp.mean(kernel(x, y))


def mmd_gaussian(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidth: ScalarLike = 1.0,
    estimator: str = "unbiased",
) -> Losses:
    """G = MMD^2(real, fake) with the Gaussian kernel of `kernels.gaussian`, D = -MMD^2.

    Source: Li et al. 2017, MMD GAN, which compares critic features.
    """
    kernel = functools.partial(gaussian, bandwidth=bandwidth)
    distance = mmd2(real, fake, kernel=kernel, estimator=estimator)
    return Losses(generator=distance, discriminator=-distance)
