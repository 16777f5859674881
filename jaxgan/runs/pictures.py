"""Pictures of samples: a grid of images, a scatter plot of points, or waveforms as curves."""

import math
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.pixels import to_uint8
from jaxgan.runs.sounds import NUM_WAVES, write_wav
from jaxgan.types import Batch

# Smallest side of an image in a grid, in pixels: 8x8 digits are enlarged fourfold.
_MIN_SIDE = 32
_GAP = 2


def image_grid(images: np.ndarray, columns: int | None = None) -> Image.Image:
    """A grid of uint8 images [n, h, w, c], c = 1 or 3, row by row; by default near to a square."""
    n, h, w, c = images.shape
    scale = max(1, _MIN_SIDE // max(h, w))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    h, w = h * scale + _GAP, w * scale + _GAP
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * h + _GAP, columns * w + _GAP, c), np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * h + _GAP, index % columns * w + _GAP
        canvas[top : top + h - _GAP, left : left + w - _GAP] = image
    return Image.fromarray(canvas if c == 3 else canvas[..., 0])


def picture_of(
    samples: np.ndarray,
    real: np.ndarray | None = None,
    columns: int | None = None,
    *,
    sample_rate: int | None = None,
) -> Image.Image:
    """Images [n, h, w, c] in [-1, 1] as a grid, points [n, d] over real ones, or waveforms."""
    if samples.ndim == 4:
        return image_grid(to_uint8(samples), columns)
    from jaxgan.runs.figures import curves, drawn, scatter  # matplotlib, half a second

    figure = scatter(samples, real) if sample_rate is None else curves(samples, real, sample_rate)
    return drawn(figure)


def save_samples(
    path: Path,
    samples: np.ndarray,
    real: np.ndarray | None = None,
    columns: int | None = None,
    *,
    sample_rate: int | None = None,
) -> None:
    """Writes samples as a PNG: images as a grid, points over real ones, waveforms beside them.

    The waveforms that are shown are written as a WAV too, beside the PNG.

    Args:
        path: The file.
        samples: Images [n, h, w, c] in [-1, 1], points [n, d], or waveforms [n, length].
        real: Real points or waveforms.
        columns: Of the grid.
        sample_rate: Of waveforms, in Hz.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    picture_of(samples, real, columns, sample_rate=sample_rate).save(path)
    if sample_rate is not None:
        write_wav(path.with_suffix(".wav"), samples[:NUM_WAVES], sample_rate)


def class_columns(num: int, num_classes: int) -> int:
    """The columns of a grid of so many pictures that shows each class in columns of its own.

    Near to a square, or up to twice as wide for the classes to fit; of more classes than that, a
    square shows the first.
    """
    square = math.ceil(math.sqrt(num))
    columns = num_classes * max(1, square // num_classes)
    return columns if columns <= 2 * square else square


def in_columns(num: int, num_classes: int) -> np.ndarray:
    """Labels [num] for a grid of `class_columns`, row by row."""
    return np.arange(num) % min(num_classes, class_columns(num, num_classes))


def in_rows(conditions: Batch, num: int) -> tuple[Batch, int | None]:
    """At most `num` conditions for whole rows of a grid, classes in columns, and its columns.

    Without labels the conditions themselves, for a grid of any width.
    """
    if conditions.labels is None:
        return conditions, None
    classes = np.unique(np.asarray(conditions.labels))
    columns = class_columns(num, len(classes))
    labels = classes[in_columns(num, len(classes))[: num - num % columns]]
    num = len(labels)
    asked = conditions.replace(
        real=conditions.real[:num],
        labels=labels.astype(np.int32),
        condition=None if conditions.condition is None else conditions.condition[:num],
    )
    return asked, columns
