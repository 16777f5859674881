"""Pictures of samples: a grid of images, or a scatter plot of points."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from jaxgan.data import Source, to_uint8

# Smallest side of an image in a grid, in pixels: 8x8 digits are enlarged fourfold.
_MIN_SIDE = 32
_GAP = 2


def image_grid(images: np.ndarray) -> Image.Image:
    """A grid of uint8 images [n, h, w, c], c = 1 or 3, row by row, near to a square."""
    n, h, w, c = images.shape
    scale = max(1, _MIN_SIDE // max(h, w))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    h, w = h * scale + _GAP, w * scale + _GAP
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    canvas = np.zeros((rows * h + _GAP, columns * w + _GAP, c), np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * h + _GAP, index % columns * w + _GAP
        canvas[top : top + h - _GAP, left : left + w - _GAP] = image
    return Image.fromarray(canvas if c == 3 else canvas[..., 0])


def scatter(real: np.ndarray, fake: np.ndarray) -> Figure:
    """Real points [n, 2] under generated ones [m, 2], on the axes of the real ones."""
    figure = Figure(figsize=(5, 5.3), layout="constrained")
    axes = figure.add_subplot(aspect="equal")
    axes.scatter(*real.T, s=4, c="#bbbbbb", linewidths=0, label="real")
    axes.scatter(*fake.T, s=4, c="#c0392b", linewidths=0, alpha=0.6, label="generated")
    reach = 1.25 * np.abs(real).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    figure.legend(loc="outside upper center", ncols=2, markerscale=3, frameon=False)
    return figure


def save_samples(path: Path, samples: np.ndarray, source: Source) -> None:
    """Writes samples of the generator as a PNG: images as a grid, points over as many real ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(source.shape) == 3:
        image_grid(to_uint8(samples)).save(path)
    else:
        real = np.asarray(source.read(np.arange(min(len(samples), source.size))).real)
        scatter(real, samples).savefig(path, dpi=120)
