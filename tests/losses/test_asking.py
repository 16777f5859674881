"""What the registry-wide tests do not show of losses that ask for labels or latents."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from asking_references import conditional_mmd as conditional_mmd_loop
from asking_references import hsic_infogan as hsic_infogan_loop

from jaxgan.losses import conditional_mmd, hsic_infogan, mmd_gaussian_mixture, mode_seeking
from jaxgan.registry import asks_for


def samples(n, *shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, *shape)), jnp.float32)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_conditional_mmd_of_any_integers(estimator):
    """Among them a class of one sample, which only the biased estimator counts."""
    labels = jnp.array([7, -3, 7, 100, 7, -3, -3, 7])
    real, fake = samples(8, 2), samples(8, 2, seed=1) + labels[:, None] / 50
    loss = jax.jit(functools.partial(conditional_mmd, bandwidths=(0.5, 2.0), estimator=estimator))
    expected = conditional_mmd_loop(
        real, fake, np.asarray(labels), bandwidths=(0.5, 2), estimator=estimator
    )
    np.testing.assert_allclose(loss(real, fake, labels=labels), expected, rtol=0, atol=2e-6)


def test_conditional_mmd_sees_classes_that_are_exchanged():
    """As sets the batches are equal; class by class they are far apart."""
    labels = jnp.array([0, 0, 0, 1, 1, 1])
    real = samples(6, 2) + 20 * labels[:, None]
    fake = real[::-1]
    assert jax.jit(mmd_gaussian_mixture)(real, fake).generator < 0.1
    assert jax.jit(conditional_mmd)(real, fake, labels=labels).generator > 2


def test_conditional_mmd_of_classes_without_pairs_is_zero():
    gradient = jax.jit(jax.value_and_grad(lambda *x: conditional_mmd(*x, labels=jnp.arange(4))[0]))
    value, slope = gradient(samples(4, 2), samples(4, 2, seed=1))
    assert value == 0
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_hsic_infogan_of_views_of_any_shape(estimator):
    fake, z = samples(7, 2, 3, 1), samples(7, 4, seed=1)
    settings = {"bandwidth": 0.5, "latent_bandwidth": 2.0, "estimator": estimator}
    losses = jax.jit(functools.partial(hsic_infogan, **settings))(fake, fake, z=z)
    expected = hsic_infogan_loop(fake, fake, z, **settings)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-6)


def test_hsic_infogan_rewards_dependence_on_any_scale():
    z, noise = samples(64, 2), samples(64, 2, seed=1)
    loss = jax.jit(hsic_infogan)
    dependent, independent = (loss(x, x, z=z).generator for x in (1e3 * z, noise))
    assert dependent < -0.03
    assert abs(independent) < 0.003
    np.testing.assert_allclose(loss(z, z, z=z).generator, dependent, rtol=1e-4)


@pytest.mark.slow
def test_regularisers_of_the_generator_leave_the_discriminator_alone():
    fake, z = samples(5, 3), samples(5, 2, seed=1)
    for loss in (hsic_infogan, mode_seeking):
        value, slope = jax.value_and_grad(lambda x, f=loss: f(fake, x, z=z).discriminator)(fake)
        assert value == 0
        np.testing.assert_array_equal(slope, 0)
        assert asks_for(loss) == ("z",)


def test_collapsed_fakes_have_finite_gradients():
    fake, z = jnp.ones((5, 3)), samples(5, 2)
    for loss in (hsic_infogan, mode_seeking):
        gradient = jax.jit(jax.grad(lambda x, f=loss: f(fake, x, z=z).generator))(fake)
        assert np.all(np.isfinite(gradient))
