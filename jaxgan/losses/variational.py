"""The terms of variational autoencoders, in nats: sums over a sample's values, means over samples.

Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes.
"""

import math

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.kernels import at_least_float32


def _mean_over_samples(terms: Float[Array, "n ..."]) -> Float[Array, ""]:
    return jnp.sum(terms) / len(terms)


def reparameterise(
    key: PRNGKeyArray, mean: Float[Array, "n ..."], log_variance: Float[Array, "n ..."]
) -> Float[Array, "n ..."]:
    """Draws z = mean + exp(log_variance / 2) N(0, I), differentiable in both.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, section 2.4.
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
    s the ratio of the variances. The default prior is the standard normal.
    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, appendix B.
    """
    mean, log_variance = at_least_float32(mean, log_variance)
    log_ratio = log_variance - prior_log_variance
    distance = jnp.square(mean - prior_mean) * jnp.exp(-jnp.asarray(prior_log_variance))
    return _mean_over_samples(jnp.expm1(log_ratio) - log_ratio + distance) / 2


def bernoulli_reconstruction(
    logits: Float[Array, "n ..."], x: Float[Array, "n ..."]
) -> Float[Array, ""]:
    """-E log p(x), p Bernoulli with these logits; x in [0, 1], as images scaled to it.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, appendix C.1.
    """
    logits, x = at_least_float32(logits, x)
    return _mean_over_samples(softplus(logits) - x * logits)


def gaussian_reconstruction(
    mean: Float[Array, "n ..."], x: Float[Array, "n ..."], *, scale: ScalarLike = 1.0
) -> Float[Array, ""]:
    """-E log p(x), p = N(mean, scale^2 I); scale > 0 is the standard deviation.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes, appendix C.2.
    """
    mean, x = at_least_float32(mean, x)
    return _mean_over_samples(
        jnp.square((x - mean) / scale) / 2 + jnp.log(scale) + math.log(2 * math.pi) / 2
    )
