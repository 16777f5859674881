"""The augmentation by its properties, and the consistency terms on critics worked out by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import on_eight_devices

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.penalties import augment, consistency, consistency_gap, latent_consistency


def gradient_images(n, side=9):
    """Pixel (i, j) holds (i, j): where each one came from."""
    grid = jnp.stack(jnp.meshgrid(jnp.arange(side), jnp.arange(side), indexing="ij"), axis=-1)
    return jnp.broadcast_to(grid[None].astype(jnp.float32), (n, side, side, 2))


def test_images_are_shifted_and_flipped(key):
    """All shifts up to 2 and both flips occur, about equally often; the border is repeated."""
    n, side = 2000, 9
    out = np.asarray(jax.jit(functools.partial(augment, max_shift=2))(gradient_images(n), key=key))
    flipped = out[:, 4, 3, 1] > out[:, 4, 5, 1]
    shifts = (out[:, 4, 4] - 4).astype(int)
    shifts[flipped, 1] *= -1
    for axis in range(2):
        values, counts = np.unique(shifts[:, axis], return_counts=True)
        np.testing.assert_array_equal(values, [-2, -1, 0, 1, 2])
        # Binomial(2000, 1/5): four standard deviations.
        assert np.abs(counts - n / 5).max() < 4 * (n * 0.2 * 0.8) ** 0.5
    assert abs(flipped.sum() - n / 2) < 4 * (n / 4) ** 0.5
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 4 * n**-0.5
    for image, (down, right), flip in zip(out[:50], shifts[:50], flipped[:50], strict=True):
        rows, columns = (np.clip(np.arange(side) + s, 0, side - 1) for s in (down, right))
        if flip:
            columns = side - 1 - columns
        np.testing.assert_array_equal(image[..., 0], np.broadcast_to(rows[:, None], (side, side)))
        np.testing.assert_array_equal(image[..., 1], np.broadcast_to(columns[None], (side, side)))


def test_nothing_asked_is_nothing_done(key):
    x = gradient_images(5)
    np.testing.assert_array_equal(augment(x, key=key, max_shift=0, flip=False), x)


def test_negative_shifts_are_refused(key):
    with pytest.raises(ConfigError, match="max_shift is -1; it must be at least 0"):
        augment(gradient_images(1), key=key, max_shift=-1)


def test_points_get_noise(key):
    x = jnp.arange(3000.0).reshape(1000, 3)
    shift = augment(x, key=key, noise=0.5) - x
    assert abs(shift.std() - 0.5) < 4 * 0.5 / (2 * 3000) ** 0.5
    assert abs(shift.mean()) < 4 * 0.5 / 3000**0.5


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


def test_latent_consistency_by_hand(key):
    """G(z) = 3 z and D(x) = 2 x of one number: 9 E e^2 and 36 E e^2."""
    z = jnp.ones((50, 1))
    losses = latent_consistency(lambda z: 3 * z, lambda x: 2 * x, z, key=key, noise=0.1)
    np.testing.assert_allclose(losses.discriminator, -4 * losses.generator, rtol=1e-5)
    squares = -losses.generator / 9
    assert abs(squares - 0.01) < 4 * 0.01 * (2 / 50) ** 0.5


def test_devices_draw_different_parts_of_one_augmentation(key):
    x = jnp.tile(gradient_images(1), (16, 1, 1, 1))
    expected = augment(x, key=key)

    def step(params, x, *, axis_name):
        return collectives.gather(augment(x, key=key, axis_name=axis_name), axis_name)

    assert len(np.unique(expected, axis=0)) > 8
    for mode in ("pmap", "sharded_jit"):
        np.testing.assert_array_equal(on_eight_devices(mode, step, (), x), expected)
