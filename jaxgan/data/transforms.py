"""Resizing and padding of images on the host, before they are cached."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from jaxgan.errors import ConfigError


def transformed_shape(
    shape: tuple[int | None, ...], *, resize: int | None, pad: int | None
) -> tuple[int, int, int]:
    """The shape of a transformed image; raises ConfigError for what cannot be done.

    Args:
        shape: (height, width, channels) as stored; None where it varies from image to image.
        resize: The side to resize to.
        pad: The side to pad to.
    """
    for option, side in (("resize", resize), ("pad", pad)):
        if side is not None and side < 1:
            raise ConfigError(f"{option}={side} must be at least 1 pixel")
    height, width, channels = shape
    if resize is not None:
        height = width = resize
    if height is None or width is None or channels is None:
        raise ConfigError("the images differ in size, so they need resize=SIDE")
    if pad is None:
        return height, width, channels
    if pad < max(height, width):
        raise ConfigError(f"pad={pad} must be at least the image's side, {max(height, width)}")
    return pad, pad, channels


def transform(
    image: UInt8[np.ndarray, "h w c"], *, resize: int | None, pad: int | None
) -> UInt8[np.ndarray, "h2 w2 c"]:
    """Resizes to a square of side `resize`, then pads with zeros on all sides to side `pad`.

    An image that is not square is cropped to its central square first. The filter is Lanczos with
    antialiasing (as Karras et al. prepare their data; Parmar et al. 2022 on why it matters).
    """
    if resize is not None and image.shape[:2] != (resize, resize):
        height, width, channels = image.shape
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image[top : top + side, left : left + side]
        picture = Image.fromarray(square[..., 0] if channels == 1 else square)
        resized = picture.resize((resize, resize), Image.Resampling.LANCZOS)
        image = np.asarray(resized).reshape(resize, resize, channels)
    if pad is not None:
        before = [(pad - side) // 2 for side in image.shape[:2]]
        after = [pad - side - b for side, b in zip(image.shape[:2], before, strict=True)]
        image = np.pad(image, (*zip(before, after, strict=True), (0, 0)))
    return image
