"""DiffAugment: colours, shifts and holes."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, ScalarLike

from jaxgan.augmentations.draws import (
    check_images,
    check_policy,
    chosen,
    over,
    per_sample,
    where,
)
from jaxgan.augmentations.record import augmentation
from jaxgan.augmentations.shifts import shift_zero_padded
from jaxgan.numerics import at_least_float32
from jaxgan.registry import FRACTION

PARTS: tuple[str, ...] = ("colour", "translation", "cutout")

# Of the authors' code: https://github.com/mit-han-lab/data-efficient-gans
BRIGHTNESS = (-0.5, 0.5)
SATURATION = (0.0, 2.0)
CONTRAST = (0.5, 1.5)


def change_colours(
    x: Float[Array, "n h w c"],
    brightness: Float[Array, "n"],
    saturation: Float[Array, "n"],
    contrast: Float[Array, "n"],
) -> Float[Array, "n h w c"]:
    """Adds a brightness, then stretches each pixel about its own mean and all about the image's.

    Args:
        x: Images.
        brightness: Added to every value.
        saturation: Factor of a pixel's distance from the mean of its channels. Grey images have
            none.
        contrast: Factor of a value's distance from the mean of the image.
    """
    x = x + over(brightness, x)
    grey = jnp.mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * over(saturation, x)
    mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + (x - mean) * over(contrast, x)


def cut_out(
    x: Float[Array, "n h w c"], centres: Int[Array, "n 2"], sizes: Int[Array, "2"]
) -> Float[Array, "n h w c"]:
    """Sets rectangles of `sizes` to 0: rows c - s // 2 to c - s // 2 + s - 1, columns likewise.

    Args:
        x: Images.
        centres: Row and column c of each image; parts outside the image are lost.
        sizes: Height and width s.

    >>> cut_out(jnp.ones((1, 1, 5, 1)), jnp.array([[0, 3]]), jnp.array([1, 2])).ravel()
    Array([1., 1., 0., 0., 1.], dtype=float32)
    """
    first = centres - sizes[None] // 2

    def inside(axis: int) -> Array:
        offset = jnp.arange(x.shape[axis + 1])[None] - first[:, axis, None]
        return (offset >= 0) & (offset < sizes[axis])

    hole = inside(0)[:, :, None] & inside(1)[:, None, :]
    return jnp.where(hole[..., None], 0, x)


def _colour(key: PRNGKeyArray, x: Array, axis_name: str | None) -> Array:
    low, high = jnp.array([BRIGHTNESS, SATURATION, CONTRAST]).T[:, None]
    uniform = per_sample(jax.random.uniform, key, x, axis_name, (3,))
    return change_colours(x, *(low + (high - low) * uniform).T)


def _sizes(x: Array, ratio: ScalarLike) -> Int[Array, "2"]:
    return jnp.floor(jnp.array(x.shape[1:3]) * ratio).astype(jnp.int32)


def _translation(key: PRNGKeyArray, x: Array, axis_name: str | None, ratio: ScalarLike) -> Array:
    most = _sizes(x, ratio)[None]
    shifts = per_sample(
        lambda key, shape: jax.random.randint(key, shape, -most, most + 1), key, x, axis_name, (2,)
    )
    return shift_zero_padded(x, shifts)


def _cutout(key: PRNGKeyArray, x: Array, axis_name: str | None, ratio: ScalarLike) -> Array:
    sizes = _sizes(x, ratio)
    # An even hole may also be centred on the border past the last pixel, as on the first one.
    end = (jnp.array(x.shape[1:3]) + 1 - sizes % 2)[None]
    centres = per_sample(
        lambda key, shape: jax.random.randint(key, shape, 0, end), key, x, axis_name, (2,)
    )
    return cut_out(x, centres, sizes)


@augmentation(
    ranges={"probability": FRACTION, "translation_ratio": FRACTION, "cutout_ratio": FRACTION}
)
def diffaugment(
    x: Float[Array, "n ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    probability: ScalarLike = 1.0,
    policy: tuple[str, ...] = PARTS,
    translation_ratio: ScalarLike = 0.125,
    cutout_ratio: ScalarLike = 0.5,
) -> Float[Array, "n ..."]:
    """DiffAugment: random colours, a random shift and a random hole.

    "colour": adds U[-.5, .5) to all values, stretches each pixel about the mean of its channels by
    U[0, 2), and all values about the image's mean by U[.5, 1.5). "translation": shifts by whole
    pixels, equally likely up to `translation_ratio` of the height and of the width to either side,
    with zeros outside. "cutout": sets a rectangle to 0. All as in the authors' code, but for
    `probability`, which is 1 there, and half precision, which becomes float32 inside.

    Args:
        x: Images [n, h, w, c] in [-1, 1]; the result may leave that range.
        key: Draws what happens to each sample of the global batch.
        axis_name: The device axis.
        probability: With which an image is changed, in [0, 1]; then all of the policy applies.
        policy: Which of "colour", "translation" and "cutout", in the order in which they apply.
        translation_ratio: Largest shift, of the height and the width, in [0, 1]; rounded down.
        cutout_ratio: Height and width of the hole, of the image's, in [0, 1]; rounded down.

    Raises:
        ConfigError: On samples that are not images, or an unknown or repeated part of the policy.

    Source: Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training.
    https://arxiv.org/abs/2006.10738
    """
    check_images(x, "diffaugment")
    check_policy(policy, PARTS, "policy of augmentation 'diffaugment'")
    chosen_key, *keys = jax.random.split(key, 1 + len(PARTS))
    keys = dict(zip(PARTS, keys, strict=True))
    parts: dict[str, Callable[..., Array]] = {
        "colour": _colour,
        "translation": partial(_translation, ratio=translation_ratio),
        "cutout": partial(_cutout, ratio=cutout_ratio),
    }
    (augmented,) = at_least_float32(x)
    for part in policy:
        augmented = parts[part](keys[part], augmented, axis_name)
    return where(chosen(chosen_key, x, axis_name, probability), augmented, x)
