"""Flips and shifts by their properties and against NumPy, noise by its moments."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import on_eight_devices

from jaxgan import collectives
from jaxgan.augmentations import augment, flip_shift
from jaxgan.augmentations.shifts import shift_zero_padded
from jaxgan.errors import ConfigError


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


@pytest.mark.slow
def test_devices_draw_different_parts_of_one_augmentation(key):
    x = jnp.tile(gradient_images(1), (16, 1, 1, 1))
    expected = augment(x, key=key)

    def step(params, x, *, axis_name):
        return collectives.gather(augment(x, key=key, axis_name=axis_name), axis_name)

    assert len(np.unique(expected, axis=0)) > 8
    for mode in ("pmap", "sharded_jit"):
        np.testing.assert_array_equal(on_eight_devices(mode, step, (), x), expected)


def test_flip_shift_changes_some_samples_as_augment_would_and_leaves_the_others(key):
    """Those with u < probability, of u ~ U[0, 1) of the first half of the key."""
    chosen_key, augment_key = jax.random.split(key)
    chosen = np.asarray(jax.random.uniform(chosen_key, (20,))) < 0.4
    for x in (gradient_images(20), jnp.ones((20, 2))):
        out = jax.jit(functools.partial(flip_shift, axis_name=None))(x, key=key, probability=0.4)
        expected = np.array(jax.jit(augment)(x, key=augment_key))
        expected[~chosen] = np.asarray(x)[~chosen]
        np.testing.assert_array_equal(out, expected)


def test_shift_with_zeros_is_a_crop_of_the_padded_image():
    x = np.random.default_rng(0).normal(size=(7, 4, 5, 2)).astype("f")
    shifts = np.array([[0, 0], [1, 0], [0, -2], [-3, 4], [4, 0], [9, -9], [2, 5]])
    out = np.asarray(jax.jit(shift_zero_padded)(jnp.asarray(x), jnp.asarray(shifts)))
    padded = np.pad(x, ((0, 0), (9, 9), (9, 9), (0, 0)))
    for image, source, (down, right) in zip(out, padded, shifts, strict=True):
        np.testing.assert_array_equal(image, source[9 + down :, 9 + right :][:4, :5])
