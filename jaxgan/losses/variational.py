"""The terms of variational autoencoders, in nats: sums over a sample's values, means over samples.

Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114
"""

import math

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.numerics import at_least_float32


def _mean_over_samples(terms: Float[Array, "n ..."]) -> Float[Array, ""]:
    return jnp.sum(terms) / len(terms)


def reparameterise(
    key: PRNGKeyArray, mean: Float[Array, "n ..."], log_variance: Float[Array, "n ..."]
) -> Float[Array, "n ..."]:
    """Draws z = mean + exp(log_variance / 2) N(0, I), differentiable in both.

    Args:
        key: Draws the noise.
        mean: Of n distributions [n, ...].
        log_variance: Of the same shape.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, section 2.4,
    https://arxiv.org/abs/1312.6114
    """
    return mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape, mean.dtype)


def gaussian_kl(
    mean: Float[Array, "n ..."],
    log_variance: Float[Array, "n ..."],
    prior_mean: Float[Array, "n ..."] | ScalarLike = 0.0,
    prior_log_variance: Float[Array, "n ..."] | ScalarLike = 0.0,
) -> Float[Array, ""]:
    """E KL(N(mean, exp(log_variance)) | N(prior_mean, exp(prior_log_variance))) >= 0, diagonal.

    The sum over dimensions of (s - 1 - log s + (mean - prior_mean)^2 / prior_variance) / 2, with
    s the ratio of the variances.

    Args:
        mean: Of n distributions [n, ...].
        log_variance: Of the same shape.
        prior_mean: Of the same shape, or one for all; the default prior is the standard normal.
        prior_log_variance: Of the same shape, or one for all.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, appendix B,
    https://arxiv.org/abs/1312.6114

    >>> float(gaussian_kl(jnp.array([[3.0, 4.0]]), jnp.zeros((1, 2))))  # |mean|^2 / 2
    12.5
    """
    mean, log_variance = at_least_float32(mean, log_variance)
    log_ratio = log_variance - prior_log_variance
    distance = jnp.square(mean - prior_mean) * jnp.exp(-jnp.asarray(prior_log_variance))
    return _mean_over_samples(jnp.expm1(log_ratio) - log_ratio + distance) / 2


def bernoulli_reconstruction(
    logits: Float[Array, "n ..."], x: Float[Array, "n ..."]
) -> Float[Array, ""]:
    """-E log p(x), p Bernoulli with these logits.

    Args:
        logits: Of n samples, one for each of their values [n, ...].
        x: The samples, of the same shape, in [0, 1], as images scaled to it.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, appendix C.1,
    https://arxiv.org/abs/1312.6114

    >>> float(bernoulli_reconstruction(jnp.array([[100.0, 100.0]]), jnp.array([[1.0, 0.0]])))
    100.0
    """
    logits, x = at_least_float32(logits, x)
    return _mean_over_samples(softplus(logits) - x * logits)


def gaussian_reconstruction(
    mean: Float[Array, "n ..."], x: Float[Array, "n ..."], *, scale: ScalarLike = 1.0
) -> Float[Array, ""]:
    """-E log p(x), p = N(mean, scale^2 I).

    Args:
        mean: Of n samples [n, ...].
        x: The samples, of the same shape.
        scale: The standard deviation, positive.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, appendix C.2,
    https://arxiv.org/abs/1312.6114

    >>> mean, x = jnp.zeros((1, 1)), jnp.full((1, 1), 4.0)
    >>> at_mean, at_x = (float(gaussian_reconstruction(mean, z)) for z in (mean, x))
    >>> round(at_x - at_mean, 4)  # 4^2 / 2
    8.0
    """
    mean, x = at_least_float32(mean, x)
    return _mean_over_samples(
        jnp.square((x - mean) / scale) / 2 + jnp.log(scale) + math.log(2 * math.pi) / 2
    )
