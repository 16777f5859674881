"""Bilinear resizing without antialiasing, as the reference implementations of FID do it."""

from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

Alignment = Literal["centers", "corners"]


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
