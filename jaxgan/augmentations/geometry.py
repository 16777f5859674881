"""ADA's affine maps of the image plane, and bilinear resampling by them.

A matrix takes the homogeneous coordinates (x, y, 1) of a pixel of the result, in pixels from the
centre of the image, x to the right and y down, to where that pixel comes from.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, ScalarLike

from jaxgan.augmentations.draws import per_sample

MAX_SHIFT = 0.125
SCALE_STD = 0.2
STRETCH_STD = 0.2
DRIFT_STD = 0.125


class Blit(NamedTuple):
    """Maps of pixels to pixels, for each of n images, in this order.

    Attributes:
        flip: Whether it is mirrored left to right.
        quarter_turns: By which it turns, counterclockwise.
        shift: To the right and down, in whole pixels.
    """

    flip: Bool[Array, "n"]
    quarter_turns: Int[Array, "n"]
    shift: Float[Array, "n 2"]


class Warp(NamedTuple):
    """Maps that need pixels between the pixels, for each of n images, in this order.

    Attributes:
        scale: Factor of height and width.
        turn_before: Angle in radians, counterclockwise.
        stretch: Factor of the width; the height is divided by it.
        turn_after: Angle in radians, counterclockwise.
        drift: Shift to the right and down, in pixels.
    """

    scale: Float[Array, "n"]
    turn_before: Float[Array, "n"]
    stretch: Float[Array, "n"]
    turn_after: Float[Array, "n"]
    drift: Float[Array, "n 2"]


def draw_blit(
    key: PRNGKeyArray, x: Float[Array, "n h w c"], axis_name: str | None, probability: ScalarLike
) -> Blit:
    """One map for each image of the global batch, of which this device's.

    Each of the three is drawn with this probability; else it does nothing.
    """
    gates, values = jnp.split(per_sample(jax.random.uniform, key, x, axis_name, (7,)), [3], axis=1)
    flips, turns, shifts = (gates < probability).T
    pixels = jnp.round((2 * values[:, 2:] - 1) * MAX_SHIFT * _width_and_height(x))
    return Blit(
        flip=flips & (values[:, 0] < 0.5),
        quarter_turns=jnp.where(turns, jnp.floor(4 * values[:, 1]), 0).astype(jnp.int32),
        shift=jnp.where(shifts[:, None], pixels, 0),
    )


def draw_warp(
    key: PRNGKeyArray, x: Float[Array, "n h w c"], axis_name: str | None, probability: ScalarLike
) -> Warp:
    """One map for each image of the global batch, of which this device's.

    Scale, stretch and drift are each drawn with this probability p, and the two turns each with
    1 - sqrt(1 - p), so that an image turns with probability p.
    """
    uniform_key, normal_key = jax.random.split(key)
    uniform = per_sample(jax.random.uniform, uniform_key, x, axis_name, (7,))
    normal = per_sample(jax.random.normal, normal_key, x, axis_name, (4,))
    scales, stretches, drifts = (uniform[:, :3] < probability).T
    turning = 1 - jnp.sqrt(1 - jnp.asarray(probability))
    angles = (2 * uniform[:, 5:] - 1) * jnp.pi
    before, after = jnp.where(uniform[:, 3:5] < turning, angles, 0).T
    drift = normal[:, 2:] * DRIFT_STD * _width_and_height(x)
    return Warp(
        scale=jnp.exp2(jnp.where(scales, normal[:, 0] * SCALE_STD, 0)),
        turn_before=before,
        stretch=jnp.exp2(jnp.where(stretches, normal[:, 1] * STRETCH_STD, 0)),
        turn_after=after,
        drift=jnp.where(drifts[:, None], drift, 0),
    )


def blit_matrices(blit: Blit) -> Float[Array, "n 3 3"]:
    """The matrices, exact: of whole numbers."""
    # Cosines and sines of multiples of pi / 2 are not exact as floats; these are.
    cosine = jnp.array([1.0, 0.0, -1.0, 0.0])[blit.quarter_turns]
    sine = jnp.array([0.0, 1.0, 0.0, -1.0])[blit.quarter_turns]
    one = jnp.ones_like(cosine)
    flip = _scaling(jnp.where(blit.flip, -1.0, 1.0), one)
    return compose(flip, _turn(cosine, sine), _shift(-blit.shift))


def warp_matrices(warp: Warp) -> Float[Array, "n 3 3"]:
    """The matrices."""
    return compose(
        _scaling(1 / warp.scale, 1 / warp.scale),
        _turn(jnp.cos(warp.turn_before), jnp.sin(warp.turn_before)),
        _scaling(1 / warp.stretch, warp.stretch),
        _turn(jnp.cos(warp.turn_after), jnp.sin(warp.turn_after)),
        _shift(-warp.drift),
    )


def compose(*matrices: Float[Array, "n 3 3"]) -> Float[Array, "n 3 3"]:
    """The matrix products, image by image. What the first map does to an image is done first."""
    product = matrices[0]
    for matrix in matrices[1:]:
        product = jnp.matmul(product, matrix, precision=jax.lax.Precision.HIGHEST)
    return product


def resample(
    x: Float[Array, "n h w c"], matrices: Float[Array, "n 3 3"]
) -> Float[Array, "n h w c"]:
    """Image k is read through matrix k, between pixels bilinearly, and mirrored at its borders.

    The mirror does not repeat the pixels at the border: d c b | a b c d | c b a.

    >>> x = jnp.arange(3.0).reshape(1, 1, 3, 1)
    >>> half_a_pixel = jnp.array([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> resample(x, half_a_pixel).ravel()
    Array([0.5, 1.5, 1.5], dtype=float32)
    """
    n, h, w, c = x.shape
    across, down = (jnp.arange(size) - (size - 1) / 2 for size in (w, h))
    a = matrices[:, :, :, None, None]
    across, down = across[None, None, :], down[None, :, None]
    columns = a[:, 0, 0] * across + a[:, 0, 1] * down + a[:, 0, 2] + (w - 1) / 2
    rows = a[:, 1, 0] * across + a[:, 1, 1] * down + a[:, 1, 2] + (h - 1) / 2
    top, left = jnp.floor(rows), jnp.floor(columns)
    below, right = rows - top, columns - left
    top, left = top.astype(jnp.int32), left.astype(jnp.int32)
    pixels = x.reshape(n, h * w, c)

    def corner(i: int, j: int) -> Array:
        index = _mirrored(top + i, h) * w + _mirrored(left + j, w)
        weight = (below if i else 1 - below) * (right if j else 1 - right)
        return weight[..., None] * jax.vmap(lambda image, index: image[index])(pixels, index)

    # Four gathers are many times faster on CPUs than one of all corners.
    return corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1)


def _mirrored(index: Int[Array, "..."], size: int) -> Int[Array, "..."]:
    last = size - 1
    return last - jnp.abs(index % max(2 * last, 1) - last)


def _width_and_height(x: Array) -> Float[Array, "1 2"]:
    return jnp.array([[x.shape[2], x.shape[1]]], jnp.float32)


def _matrices(rows: tuple[tuple[Array, Array, Array], ...]) -> Float[Array, "n 3 3"]:
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=1)


def _scaling(x: Array, y: Array) -> Float[Array, "n 3 3"]:
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return _matrices(((x, zero, zero), (zero, y, zero), (zero, zero, one)))


def _turn(cosine: Array, sine: Array) -> Float[Array, "n 3 3"]:
    zero, one = jnp.zeros_like(cosine), jnp.ones_like(cosine)
    return _matrices(((cosine, -sine, zero), (sine, cosine, zero), (zero, zero, one)))


def _shift(shift: Float[Array, "n 2"]) -> Float[Array, "n 3 3"]:
    zero, one = jnp.zeros_like(shift[:, 0]), jnp.ones_like(shift[:, 0])
    return _matrices(((one, zero, shift[:, 0]), (zero, one, shift[:, 1]), (zero, zero, one)))
