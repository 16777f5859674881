"""Packing against indexing by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.losses import mmd_gaussian, pack, packed
from jaxgan.penalties import r1


def test_packs_are_consecutive_samples_joined_along_the_channels():
    x = np.random.default_rng(0).normal(size=(6, 2, 4, 3))
    together = np.asarray(pack(jnp.asarray(x), 3))
    assert together.shape == (2, 2, 4, 9)
    for i, h, w, channel, j in np.ndindex(2, 2, 4, 3, 3):
        assert together[i, h, w, j * 3 + channel] == np.float32(x[i * 3 + j, h, w, channel])


def test_points_and_bytes_can_be_packed():
    points = jnp.arange(12, dtype=jnp.uint8).reshape(6, 2)
    np.testing.assert_array_equal(pack(points, 2), np.arange(12).reshape(3, 4))
    assert pack(points, 2).dtype == jnp.uint8
    np.testing.assert_array_equal(pack(points, 1), points)


@pytest.mark.parametrize("degree", [4, 0])
def test_a_degree_that_does_not_divide_the_batch(degree):
    with pytest.raises(ConfigError, match=f"packing of 6 samples in groups of {degree}"):
        pack(jnp.zeros((6, 2)), degree)


def test_a_packed_discriminator_judges_packs():
    """The same logits as the discriminator gives packs that were written out by hand."""
    real, fake = (jax.random.normal(jax.random.key(i), (n, 3)) for i, n in enumerate((8, 4)))
    weights = jax.random.normal(jax.random.key(2), (6, 2))

    def discriminator(x, *, scale):
        return jnp.tanh(x @ weights) * scale

    judge = packed(discriminator, 2)
    for x in (real, fake):
        by_hand = discriminator(jnp.concatenate([x[::2], x[1::2]], axis=1), scale=2.0)
        assert by_hand.shape == (len(x) // 2, 2)
        np.testing.assert_allclose(judge(x, scale=2.0), by_hand, rtol=1e-6)


def test_only_packs_show_that_samples_come_in_pairs(key):
    real, half = jax.random.normal(key, (2, 200, 1))
    fake = jnp.repeat(half[:100], 2, axis=0)
    shuffled = jax.random.permutation(jax.random.key(1), fake)
    loss = functools.partial(mmd_gaussian, bandwidth=0.5)
    single, double = jax.jit(loss), jax.jit(packed(loss, 2))
    alone = [single(real, x).generator for x in (fake, shuffled)]
    np.testing.assert_allclose(*alone, atol=1e-6)
    of_packs = [double(real, x).generator for x in (fake, shuffled)]
    assert of_packs[0] > of_packs[1] + 0.05


def test_penalties_see_packs_as_samples(key):
    """D = sum of a pack of two: the gradient for a pack is (1, 1), of squared norm 2."""
    packs = pack(jnp.ones((6, 1)), 2)

    def critic(x):
        return jnp.sum(x, axis=1, keepdims=True)

    assert r1(critic, packs, packs, key=key, axis_name=None) == 1
