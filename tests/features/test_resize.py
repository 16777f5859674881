import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.features.inception import PREPROCESSINGS
from jaxgan.features.resize import resize_bilinear

RNG = np.random.default_rng(0)


def interpolate(images, side, centers):
    """Pixel by pixel in float64: where it comes from, its two neighbours, edges repeated.

    With `centers`, the rule that PyTorch documents for align_corners=False; without, TensorFlow
    1's resize_bilinear with align_corners=False: position i * size / side.
    """
    n, height, width, c = images.shape
    result = np.zeros((n, side, side, c))

    def source(i, size):
        x = (i + 0.5) * size / side - 0.5 if centers else i * size / side
        x = min(max(x, 0.0), size - 1.0)
        low = int(np.floor(x))
        return low, min(low + 1, size - 1), x - low

    for i in range(side):
        top, bottom, down = source(i, height)
        for j in range(side):
            left, right, along = source(j, width)
            upper = (1 - along) * images[:, top, left] + along * images[:, top, right]
            lower = (1 - along) * images[:, bottom, left] + along * images[:, bottom, right]
            result[:, i, j] = (1 - down) * upper + down * lower
    return result


@pytest.mark.parametrize("alignment", ["centers", "corners"])
@pytest.mark.parametrize("sides", [(5, 7), (31, 12)])  # grows, and shrinks without antialiasing
def test_resize_is_the_interpolation_of_each_pixel(alignment, sides):
    images = RNG.uniform(-1, 1, (2, *sides, 3))
    value = resize_bilinear(jnp.asarray(images, jnp.float32), 11, alignment=alignment)
    assert_allclose(value, interpolate(images, 11, alignment == "centers"), atol=1e-5)


def test_corners_are_what_tensorflow_1_makes_of_a_ramp():
    # tf.compat.v1.image.resize_bilinear of [0, 30, 60] to 5 columns: 0, 18, 36, 54, 60.
    images = jnp.broadcast_to(jnp.array([0.0, 30.0, 60.0])[None, None, :, None], (1, 3, 3, 1))
    value = resize_bilinear(images, 5, alignment="corners")
    assert_allclose(value[0, 2, :, 0], [0, 18, 36, 54, 60], atol=1e-5)
    # torch.nn.functional.interpolate of the same: 0, 12, 30, 48, 60.
    value = resize_bilinear(images, 5, alignment="centers")
    assert_allclose(value[0, 2, :, 0], [0, 12, 30, 48, 60], atol=1e-5)


def test_preprocessings_scale_bytes_as_their_originals():
    images = jnp.asarray(RNG.integers(0, 256, (1, 6, 5, 3)), jnp.float32)
    centred = resize_bilinear(images / 255, 299, alignment="centers")
    shifted = resize_bilinear(images, 299, alignment="corners")
    expected = {"pytorch": 2 * centred - 1, "tensorflow": (shifted - 128) / 128}
    assert set(expected) == set(PREPROCESSINGS)
    for name, reference in expected.items():
        assert_allclose(PREPROCESSINGS[name](images / 127.5 - 1), reference, atol=1e-6)
