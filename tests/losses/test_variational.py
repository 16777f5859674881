"""Against scipy's densities and entropies, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from execution import central_differences
from scipy import stats

from jaxgan.losses import (
    bernoulli_reconstruction,
    gaussian_kl,
    gaussian_reconstruction,
    reparameterise,
)

RNG = np.random.default_rng(0)
SHAPE = (5, 2, 3)
MEAN, LOG_VARIANCE, PRIOR_MEAN, PRIOR_LOG_VARIANCE = jnp.float32(RNG.normal(size=(4, *SHAPE)))


def kl(mean, log_variance, prior_mean, prior_log_variance):
    """Sums of log(t/s) + (s^2 + (m - n)^2) / (2 t^2) - 1/2, of N(m, s^2) to N(n, t^2)."""
    total = 0
    for index in np.ndindex(mean.shape):
        m, n = float(mean[index]), float(prior_mean[index])
        s, t = (np.exp(float(v[index]) / 2) for v in (log_variance, prior_log_variance))
        total += np.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5
    return total / len(mean)


def test_kl_of_two_gaussians():
    value = jax.jit(gaussian_kl)(MEAN, LOG_VARIANCE, PRIOR_MEAN, PRIOR_LOG_VARIANCE)
    expected = kl(MEAN, LOG_VARIANCE, PRIOR_MEAN, PRIOR_LOG_VARIANCE)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_kl_to_the_standard_normal():
    zeros = np.zeros(SHAPE)
    value = jax.jit(gaussian_kl)(MEAN, LOG_VARIANCE)
    np.testing.assert_allclose(value, kl(MEAN, LOG_VARIANCE, zeros, zeros), rtol=1e-6)
    assert gaussian_kl(jnp.zeros((3, 2)), jnp.zeros((3, 2))) == 0


def test_kl_by_simulation():
    """E log q - E log p of scipy's normal densities, within four standard errors."""
    m, s, n, t = 0.3, 0.6, -0.5, 1.4
    z = np.random.default_rng(1).normal(m, s, 100_000)
    ratios = stats.norm.logpdf(z, m, s) - stats.norm.logpdf(z, n, t)
    arguments = (m, 2 * np.log(s), n, 2 * np.log(t))
    value = gaussian_kl(*(jnp.full((1, 1), a) for a in arguments))
    assert abs(value - ratios.mean()) < 4 * ratios.std() / len(z) ** 0.5


def test_kl_of_nearly_equal_variances_does_not_cancel():
    """exp(t) - 1 - t = t^2 / 2 + O(t^3)."""
    value = gaussian_kl(jnp.zeros((1, 1)), jnp.full((1, 1), 1e-3))
    np.testing.assert_allclose(value, 1e-6 / 4, rtol=1e-3)


def test_kl_gradients():
    zeros = np.zeros(SHAPE)
    gradients = jax.grad(gaussian_kl, argnums=(0, 1))(MEAN, LOG_VARIANCE)
    expected = (
        central_differences(lambda x: kl(x, LOG_VARIANCE, zeros, zeros), MEAN),
        central_differences(lambda x: kl(MEAN, x, zeros, zeros), LOG_VARIANCE),
    )
    for gradient, e in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, e, rtol=0, atol=1e-6)


def test_bernoulli_reconstruction():
    """scipy's mass function for bits; and the cross-entropy of gray values, by its formula."""
    logits, bits = 3 * MEAN, np.asarray(PRIOR_MEAN > 0)
    p = 1 / (1 + np.exp(-np.float64(logits)))
    expected = -stats.bernoulli.logpmf(bits, p).sum() / len(bits)
    np.testing.assert_allclose(
        jax.jit(bernoulli_reconstruction)(logits, bits.astype("f")), expected, rtol=1e-5
    )
    gray = RNG.uniform(size=SHAPE)
    expected = -(gray * np.log(p) + (1 - gray) * np.log1p(-p)).sum() / len(gray)
    np.testing.assert_allclose(
        bernoulli_reconstruction(logits, jnp.float32(gray)), expected, rtol=1e-5
    )
    confident = bernoulli_reconstruction(jnp.array([[1e4, -1e4]]), jnp.array([[1.0, 1.0]]))
    assert confident == 1e4


def test_gaussian_reconstruction():
    values = jnp.array([0.1, 1.0, 3.0])
    swept = jax.jit(jax.vmap(lambda scale: gaussian_reconstruction(MEAN, PRIOR_MEAN, scale=scale)))(
        values
    )
    for scale, value in zip(np.float64(values), swept, strict=True):
        expected = -stats.norm.logpdf(np.float64(PRIOR_MEAN), np.float64(MEAN), scale).sum() / len(
            MEAN
        )
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_reparameterised_draws(key):
    """By Kolmogorov and Smirnov; and dz/dmean = 1, dz/dlog_variance = (z - mean) / 2."""
    mean, log_variance = jnp.full(4000, 2.0), jnp.full(4000, np.log(9.0))
    z = reparameterise(key, mean, log_variance)
    assert stats.kstest(np.asarray(z), "norm", (2, 3)).pvalue > 1e-3
    by_mean, by_log_variance = jax.grad(
        lambda m, v: reparameterise(key, m, v).sum(), argnums=(0, 1)
    )(mean, log_variance)
    np.testing.assert_allclose(by_mean, 1)
    np.testing.assert_allclose(by_log_variance, (z - 2) / 2, atol=1e-5)
