"""DiffAugment against NumPy in float64, written from the authors' code, image by image."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.augmentations import diffaugment
from jaxgan.augmentations.differentiable import change_colours, cut_out
from jaxgan.errors import ConfigError

PARTS = ("colour", "translation", "cutout")


def images(n, h=6, w=6, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, h, w, channels)).astype("f")


def recoloured(image, brightness, saturation, contrast):
    image = np.float64(image) + brightness
    grey = image.mean(axis=2, keepdims=True)
    image = (image - grey) * saturation + grey
    return (image - image.mean()) * contrast + image.mean()


def shifted(image, down, right):
    """Pixel (i, j) from (i + down, j + right), 0 outside."""
    h, w, _ = image.shape
    padded = np.pad(image, ((h, h), (w, w), (0, 0)))
    return padded[h + down : 2 * h + down, w + right : 2 * w + right]


def with_hole(image, centre, size):
    """The authors' loop over the hole: what falls outside is moved to the border."""
    out, (h, w, _) = image.copy(), image.shape
    for i in range(size[0]):
        for j in range(size[1]):
            row, column = (c + k - s // 2 for c, k, s in zip(centre, (i, j), size, strict=True))
            out[min(max(row, 0), h - 1), min(max(column, 0), w - 1)] = 0
    return out


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_by_hand(channels):
    x = images(5, 4, 3, channels)
    rng = np.random.default_rng(1)
    b, s, c = rng.uniform(-0.5, 0.5, 5), rng.uniform(0, 2, 5), rng.uniform(0.5, 1.5, 5)
    out = change_colours(jnp.asarray(x), *(jnp.float32(v) for v in (b, s, c)))
    expected = [recoloured(*values) for values in zip(x, b, s, c, strict=True)]
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("sizes", [(3, 2), (2, 3), (1, 1), (0, 4), (6, 7)])
def test_holes_at_every_centre(sizes):
    """In images of 6 x 7, with the centres that can be drawn."""
    h, w = 6, 7
    grid = np.meshgrid(np.arange(h + 1 - sizes[0] % 2), np.arange(w + 1 - sizes[1] % 2))
    centres = np.stack([axis.ravel() for axis in grid], axis=1)
    x = np.ones((len(centres), h, w, 1), "f")
    out = jax.jit(cut_out)(jnp.asarray(x), jnp.asarray(centres), jnp.array(sizes))
    expected = [with_hole(image, centre, sizes) for image, centre in zip(x, centres, strict=True)]
    np.testing.assert_array_equal(out, expected)


def reference(x, key, probability=1.0, policy=PARTS):
    """The whole augmentation, with the numbers that each part draws."""
    n, h, w, _ = x.shape
    keys = jax.random.split(key, 4)
    chosen = np.asarray(jax.random.uniform(keys[0], (n,))) < probability
    u = np.float64(jax.random.uniform(keys[1], (n, 3)))
    most, sizes = np.array([h // 8, w // 8]), np.array([h // 2, w // 2])
    shifts = np.asarray(jax.random.randint(keys[2], (n, 2), -most[None], most[None] + 1))
    end = np.array([h, w]) + 1 - sizes % 2
    centres = np.asarray(jax.random.randint(keys[3], (n, 2), 0, end[None]))
    out = np.float64(x)
    for i in np.flatnonzero(chosen):
        for part in policy:
            if part == "colour":
                out[i] = recoloured(out[i], u[i, 0] - 0.5, 2 * u[i, 1], u[i, 2] + 0.5)
            elif part == "translation":
                out[i] = shifted(out[i], *shifts[i])
            else:
                out[i] = with_hole(out[i], centres[i], sizes)
    return out


@pytest.mark.parametrize("policy", [PARTS, ("cutout", "colour"), ("translation",), ()])
def test_whole_augmentation(policy, key):
    x = images(12, 17, 8)
    out = jax.jit(functools.partial(diffaugment, axis_name=None, policy=policy))(
        jnp.asarray(x), key=key, probability=0.7
    )
    np.testing.assert_allclose(out, reference(x, key, 0.7, policy), rtol=0, atol=2e-6)


def test_ratios(key):
    """No shift and no hole; shifts by up to half, with which only a quarter is sure to stay."""
    x = jnp.ones((500, 8, 8, 1))
    augment = jax.jit(functools.partial(diffaugment, axis_name=None, policy=PARTS[1:]))
    np.testing.assert_array_equal(augment(x, key=key, translation_ratio=0.0, cutout_ratio=0.0), x)
    shifted = augment(x, key=key, translation_ratio=0.5, cutout_ratio=0.0)
    rows = np.asarray(shifted).any(axis=(2, 3))
    np.testing.assert_array_equal(np.unique(rows.sum(axis=1)), [4, 5, 6, 7, 8])
    holes = 64 - np.asarray(augment(x, key=key, translation_ratio=0.0, cutout_ratio=0.25)).sum(
        axis=(1, 2, 3)
    )
    assert set(holes) == {1, 2, 4}


@pytest.mark.slow
def test_distribution_of_the_colours(key):
    """Of one-pixel images 0.2: grey, so that brightness alone is left; of two pixels, contrast."""
    augment = jax.jit(functools.partial(diffaugment, key=key, axis_name=None, policy=("colour",)))
    brightness = augment(jnp.full((3000, 1, 1, 1), 0.2)).ravel() - 0.2
    pair = augment(jnp.tile(jnp.array([[[[0.0], [1.0]]]]), (3000, 1, 1, 1)))
    contrast = (pair[:, 0, 1] - pair[:, 0, 0]).ravel()
    tinted = augment(jnp.tile(jnp.array([[[[1.0, 0.0, 0.0]]]]), (3000, 1, 1, 1)))
    saturation = (tinted[..., 0] - tinted[..., 1]).ravel() / contrast
    for values, low, high in ((brightness, -0.5, 0.5), (contrast, 0.5, 1.5), (saturation, 0, 2)):
        assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_policies_are_checked(key):
    x = jnp.ones((2, 4, 4, 1))
    with pytest.raises(ConfigError, match=r"unknown part of policy .* 'color'; did you mean 'colo"):
        diffaugment(x, key=key, axis_name=None, policy=("color",))
    with pytest.raises(ConfigError, match="'cutout' 2 times; name it once"):
        diffaugment(x, key=key, axis_name=None, policy=("cutout", "cutout"))
