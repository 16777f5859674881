"""Expected values: indexing in NumPy, and the scaling worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.data import fits_on_device, from_arrays, gather, to_model, to_uint8, whole
from jaxgan.data.transforms import transform, transformed_shape
from jaxgan.errors import ConfigError
from jaxgan.types import Batch


def test_from_arrays():
    real = np.arange(6 * 2, dtype=np.float32).reshape(6, 2)
    source = from_arrays(real, np.arange(6), name="mine")
    assert source.num_classes == 6
    assert (source.shape, source.size, source.dtype) == ((2,), 6, np.float32)
    np.testing.assert_array_equal(source.read(np.array([4, 1, 4])).real, real[[4, 1, 4]])
    np.testing.assert_array_equal(whole(source).labels, np.arange(6))
    assert whole(from_arrays(real, name="mine")).labels is None
    assert source.nbytes == 6 * (2 * 4 + 4)
    assert fits_on_device(source, 72) and not fits_on_device(source, 71)


@pytest.mark.parametrize("labelled", [True, False])
def test_gather_inside_a_scan(labelled):
    real = np.random.default_rng(0).integers(0, 256, (9, 4, 3, 1), dtype=np.uint8)
    labels = np.arange(9, dtype=np.int32) if labelled else None
    indices = np.array([[8, 0], [3, 3], [1, 7]])
    dataset = jax.device_put(Batch(real=real, labels=labels))
    scanned = jax.jit(lambda d, i: jax.lax.map(lambda rows: gather(d, rows), i))(dataset, indices)
    assert scanned.real.dtype == jnp.uint8
    np.testing.assert_array_equal(scanned.real, real[indices])
    if labelled:
        np.testing.assert_array_equal(scanned.labels, labels[indices])
    else:
        assert scanned.labels is None


def test_scaling_and_its_inverse():
    pixels = np.arange(256, dtype=np.uint8).reshape(2, 8, 16, 1)
    scaled = jax.jit(to_model)(pixels)
    assert scaled.dtype == jnp.float32
    np.testing.assert_allclose(
        scaled.ravel()[jnp.array([0, 51, 255])], [-1.0, -0.6, 1.0], atol=1e-6
    )
    np.testing.assert_array_equal(to_uint8(scaled), pixels)
    np.testing.assert_array_equal(to_uint8(np.array([-7.0, -1.003, 0.0, 1.01])), [0, 0, 128, 255])
    points = jnp.array([[0.5, -3.0]])
    np.testing.assert_array_equal(to_model(points), points)


def test_resize_is_pillows_with_antialiasing():
    image = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    resized = transform(image, resize=5, pad=None)
    expected = Image.fromarray(image).resize((5, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(resized, np.asarray(expected))
    # A one-pixel checkerboard averages to grey; a filter that skips pixels gives black or white.
    board = 255 * (np.indices((32, 32)).sum(0) % 2).astype(np.uint8)[..., None]
    small = transform(board, resize=8, pad=None)
    assert small.shape == (8, 8, 1) and np.abs(small.astype(int) - 127).max() < 20


def test_resize_takes_the_central_square():
    image = np.zeros((4, 10, 1), np.uint8)
    image[:, 3:7] = 200
    np.testing.assert_array_equal(transform(image, resize=2, pad=None), np.full((2, 2, 1), 200))


def test_pad_is_symmetric():
    image = np.full((2, 3, 1), 9, np.uint8)
    padded = transform(image, resize=None, pad=6)
    expected = np.zeros((6, 6, 1), np.uint8)
    expected[2:4, 1:4] = 9
    np.testing.assert_array_equal(padded, expected)
    assert transform(image, resize=None, pad=None) is image


def test_transformed_shape():
    assert transformed_shape((None, None, 3), resize=8, pad=None) == (8, 8, 3)
    assert transformed_shape((28, 28, 1), resize=None, pad=32) == (32, 32, 1)
    assert transformed_shape((28, 20, 1), resize=None, pad=None) == (28, 20, 1)
    for shape, resize, pad in (
        ((None, 4, 3), None, 8),
        ((28, 28, 1), None, 27),
        ((28, 28, 1), 0, None),
        ((28, 28, 1), 16, -1),
    ):
        with pytest.raises(ConfigError):
            transformed_shape(shape, resize=resize, pad=pad)
