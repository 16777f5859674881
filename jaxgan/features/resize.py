"""Bilinear resizing: as the reference implementations of FID do it, and with antialiasing."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Alignment = Literal["centers", "corners"]

TRAINED_SIDE = 224  # of most networks for ImageNet


def _weights(size: int, out: int, alignment: Alignment) -> Float[np.ndarray, "out size"]:
    """Row i holds the weights of the source pixels of output pixel i: a tent of width one pixel."""
    positions = np.arange(out, dtype=np.float32)  # as rounded as in the originals
    if alignment == "centers":
        positions = (positions + 0.5) * (size / out) - 0.5
    else:
        positions = positions * (size / out)
    positions = np.clip(positions, 0.0, size - 1.0)  # edges are repeated
    distances = np.abs(positions[:, None] - np.arange(size, dtype=np.float32)[None, :])
    return np.maximum(1.0 - distances, 0.0)


def resize_bilinear(
    images: Float[Array, "n h w c"], side: int, *, alignment: Alignment
) -> Float[Array, "n side side c"]:
    """Interpolates linearly between the two nearest rows and columns, also where it shrinks.

    Args:
        images: Any range.
        side: Height and width of the result.
        alignment: "centers" maps the pixels' centres to each other, as PyTorch's `interpolate` with
            `align_corners=False`; "corners" maps output pixel i to i * size / side, as TensorFlow
            1's `resize_bilinear`, which shifts images by up to half a pixel.
    """
    rows = _weights(images.shape[1], side, alignment)
    columns = _weights(images.shape[2], side, alignment)
    return jnp.einsum(
        "ah,nhwc,bw->nabc", rows, images, columns, precision=lax.Precision.HIGHEST, optimize=True
    )


def resize_antialiased(images: Float[Array, "n h w c"], side: int) -> Float[Array, "n side side c"]:
    """Interpolates linearly, with tents as wide as the shrinking where it shrinks, as Pillow does.

    Args:
        images: Any range.
        side: Height and width of the result.

    Source: Parmar et al. 2022, On Aliased Resizing, https://arxiv.org/abs/2104.11222.
    """
    n, _, _, channels = images.shape
    return jax.image.resize(images, (n, side, side, channels), "bilinear", antialias=True)


def side_for(shape: tuple[int, int, int], *, times: int, least: int) -> int:
    """The side at which a network trained on photographs of 224 pixels sees images [h, w, c].

    `times` their longer side, rounded up to a multiple of 32, which no stage has to pad; at least
    `least`, at most 224. Stretched further, images cost more and say little more.

    >>> [side_for((side, side, 3), times=3, least=96) for side in (28, 32, 64, 256)]
    [96, 96, 192, 224]
    """
    return min(max(least, -(-times * max(shape[:2]) // 32) * 32), TRAINED_SIDE)
