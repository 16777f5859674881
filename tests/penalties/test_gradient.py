"""Gradient penalties of critics whose gradients are worked out by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.networks.dcgan import DCGANDiscriminator
from jaxgan.penalties import dragan, jacobian, r1, r2, randomly_signed, wgan_gp


def test_linear_critic_by_hand(key):
    # The gradient is (3, 4) everywhere: r1 = r2 = 25 / 2 and (5 - target)^2, whatever n and m.
    def critic(x):
        return x @ jnp.array([[3.0], [4.0]])

    real, fake = jnp.ones((5, 2)), jnp.zeros((3, 2))
    assert r1(critic, real, fake, key=key, axis_name=None) == 12.5
    assert r2(critic, real, fake, key=key, axis_name=None) == 12.5
    assert wgan_gp(critic, real, fake, key=key, axis_name=None) == 16
    assert wgan_gp(critic, real, fake, key=key, axis_name=None, target=2.0) == 9
    assert dragan(critic, real, fake, key=key, axis_name=None) == 16
    assert jacobian(critic, real, fake, key=key, axis_name=None) == 25


def test_wgan_gp_is_two_sided_unless_asked(key):
    def critic(x):
        return 0.25 * x

    samples = jnp.ones((4, 1))
    penalty = functools.partial(wgan_gp, critic, samples, samples, key=key, axis_name=None)
    assert penalty() == 0.75**2
    assert penalty(one_sided=True) == 0
    assert penalty(one_sided=True, target=0.0) == 0.25**2


def test_unknown_noise(key):
    with pytest.raises(ConfigError, match="unknown noise 'centered'; did you mean 'centred'"):
        dragan(
            jnp.tanh, jnp.ones((3, 1)), jnp.ones((3, 1)), key=key, axis_name=None, noise="centered"
        )


def test_jacobian_keeps_the_features_apart(key):
    # D = (x, -x): the gradients cancel in the sum of features, not in the Jacobian.
    def critic(x):
        return jnp.concatenate([x, -x], axis=1)

    samples = jnp.ones((3, 1))
    assert jacobian(critic, samples, samples, key=key, axis_name=None) == 2
    assert r1(critic, samples, samples, key=key, axis_name=None) == 0


def test_random_signs_keep_the_features_apart_on_average(key):
    """D = (x, -x) again: r1 is 0 or 4 / 2, each for half of the signs, and |J|_F^2 / 2 = 1."""
    samples = jnp.ones((3, 1))

    def value(key):
        critic = randomly_signed(lambda x: jnp.concatenate([x, -x], axis=1), (2,), key)
        return r1(critic, samples, samples, key=key, axis_name=None)

    values = jax.vmap(value)(jax.random.split(key, 200))
    assert set(np.unique(values)) == {0.0, 2.0}
    assert abs(values.mean() - 1) < 4 / 200**0.5


def test_a_jacobian_of_too_many_outputs_is_refused(key):
    samples = jnp.ones((3, 1))
    with pytest.raises(ConfigError, match=r"a critic with 1025 outputs .* set loss.on to logits"):
        jacobian(lambda x: jnp.tile(x, 1025), samples, samples, key=key, axis_name=None)


def test_r1_looks_only_at_real_and_r2_only_at_fake(key):
    given, absent = jax.random.normal(key, (5, 1)), jnp.full((3, 1), jnp.nan)
    assert np.isfinite(r1(jnp.tanh, given, absent, key=key, axis_name=None))
    assert np.isfinite(r2(jnp.tanh, absent, given, key=key, axis_name=None))


def test_jacobian_of_a_convolutional_critic_is_a_sum_over_its_features(key):
    """One feature at a time it is twice R1; through convolutions with rules of their own."""
    net, x = DCGANDiscriminator(width=2, num_outputs=3), jax.random.normal(key, (4, 8, 8, 1))
    variables = net.init(key, x, train=True)

    def critic(x):
        return net.apply(variables, x, train=False).logits

    @jax.jit
    def both(x):
        parts = [
            r1(lambda x, k=k: critic(x)[:, k : k + 1], x, x, key=key, axis_name=None)
            for k in range(3)
        ]
        return jacobian(critic, x, x, key=key, axis_name=None), 2 * sum(parts)

    np.testing.assert_allclose(*both(x), rtol=1e-5)


def test_one_epsilon_per_sample(key):
    # Between 0 and 1 a sample equals its epsilon, which the critic x^2 / 2 shows as its gradient.
    seen = []

    def critic(x):
        jax.debug.callback(lambda x: seen.append(np.asarray(x)), x)
        return jnp.sum(jnp.square(x), axis=(1, 2, 3))[:, None] / 2

    real, fake = jnp.ones((500, 2, 3, 1)), jnp.zeros((300, 2, 3, 1))
    penalty = jax.jit(functools.partial(wgan_gp, critic, key=key, axis_name=None))
    value = penalty(real, fake)
    jax.effects_barrier()
    epsilon = seen[0][:, 0, 0, 0]
    np.testing.assert_array_equal(
        seen[0], np.broadcast_to(epsilon[:, None, None, None], real.shape)
    )
    assert len(np.unique(epsilon)) > 490
    # U[0, 1) has mean 1/2 and standard deviation 12^(-1/2): four standard errors.
    assert abs(epsilon.mean() - 0.5) < 4 * (12 * 500) ** -0.5
    np.testing.assert_allclose(value, np.mean((epsilon * 6**0.5 - 1) ** 2), rtol=1e-5)
