"""Consistency terms on critics worked out by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device

from jaxgan import collectives
from jaxgan.penalties import augment, consistency, consistency_gap, latent_consistency


def test_consistency_of_points(key):
    """A linear critic w sees noise e as w e: E |w e|^2, of the same noise."""
    x, w = jnp.ones((6, 2)), jnp.array([[2.0], [-1.0]])
    noise = np.float64(augment(x, key=key, noise=0.3)) - 1
    value = consistency(lambda x: x @ w, x, x, key=key, axis_name=None, noise=0.3)
    np.testing.assert_allclose(value, np.mean((noise @ np.float64(w)) ** 2), rtol=1e-4)


def test_gap_of_features_by_hand():
    """Squares summed over features, averaged over samples."""
    x, other = jnp.zeros((2, 1)), jnp.array([[1.0], [2.0]])
    gap = consistency_gap(lambda x: jnp.concatenate([x, 3 * x], axis=1), x, other)
    assert gap == ((1 + 9) + (4 + 36)) / 2


def linear(x):
    return 2 * x


def test_latent_consistency_by_hand(key):
    """G(z) = 3 z and D(x) = 2 x of one number: 9 E e^2 and 36 E e^2."""
    z = jnp.ones((50, 1))
    penalty = functools.partial(
        latent_consistency, linear, lambda z: 3 * z, z, 3 * z, key=key, axis_name=None
    )
    losses = penalty(noise=0.1)
    np.testing.assert_allclose(losses.discriminator, -4 * losses.generator, rtol=1e-5)
    squares = -losses.generator / 9
    assert abs(squares - 0.01) < 4 * 0.01 * (2 / 50) ** 0.5
    halved = penalty(noise=0.1, generator_weight=0.5)
    np.testing.assert_allclose(halved, (losses.generator / 2, losses.discriminator), rtol=1e-6)


def latent_reference(w, v, z, e):
    """Zhao et al. 2021, algorithm 3, with G(z) = tanh(z w), D(x) = x v and z' = z + e."""
    fake, near = np.tanh(z @ w), np.tanh((z + e) @ w)
    by_generator = -np.mean(np.sum((fake - near) ** 2, axis=1))
    return by_generator, np.mean(np.sum((fake @ v - near @ v) ** 2, axis=1))


def latent_step(params, z, *, axis_name):
    """Both parts and the gradient of each for its own player, as means over the devices."""

    def value(params, part):
        def generate(z):
            return jnp.tanh(z @ params["w"])

        losses = latent_consistency(
            lambda x: x @ params["v"],
            generate,
            z,
            generate(z),
            key=jax.random.key(7),
            axis_name=axis_name,
            noise=0.2,
        )
        return losses[part]

    parts = [jax.value_and_grad(functools.partial(value, part=part))(params) for part in (0, 1)]
    return collectives.mean(parts, axis_name)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["one", *MODES])
def test_latent_consistency_matches_its_reference_on_any_number_of_devices(mode):
    run = on_one_device if mode == "one" else functools.partial(on_eight_devices, mode)
    rng = np.random.default_rng(0)
    w, v, z = (rng.normal(size=s).astype("f") for s in ((3, 4), (4, 2), (16, 3)))
    (by_generator, g), (by_critic, d) = run(
        latent_step, {"w": jnp.asarray(w), "v": jnp.asarray(v)}, jnp.asarray(z)
    )
    e = 0.2 * np.float64(jax.random.normal(jax.random.key(7), z.shape))
    w, v, z = (np.float64(x) for x in (w, v, z))
    expected = latent_reference(w, v, z, e)
    np.testing.assert_allclose((by_generator, by_critic), expected, rtol=1e-5)
    for gradient, slopes in (
        (g["w"], central_differences(lambda w: latent_reference(w, v, z, e)[0], w)),
        (d["v"], central_differences(lambda v: latent_reference(w, v, z, e)[1], v)),
    ):
        np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-5 * np.abs(slopes).max())
    assert not np.any(g["v"])
