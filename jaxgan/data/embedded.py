"""The 8 x 8 digits that scikit-learn embeds: 1,797 images, nothing to download."""

import numpy as np
from jaxtyping import Bool, UInt8

from jaxgan.data.record import dataset
from jaxgan.data.source import Source, from_arrays, unknown_split, whole
from jaxgan.data.transforms import transform, transformed_shape
from jaxgan.registry import FRACTION

# The customary split of scikit-learn's examples: the last 360 images are the test set.
SPLITS = {"train": slice(0, 1437), "test": slice(1437, None), "all": slice(None)}


@dataset()
def digits(*, split: str = "train", resize: int | None = None, pad: int | None = None) -> Source:
    """Optical digits of Alpaydin & Kaynak (1998), as uint8 [8, 8, 1], 10 classes.

    Args:
        split: "train" (the first 1,437), "test" (the last 360) or "all".
        resize: The side to resize to.
        pad: The side to pad to with zeros.
    """
    # Imported here: scikit-learn takes a second to import, and most runs do not need it.
    from sklearn.datasets import load_digits

    if split not in SPLITS:
        raise unknown_split("digits", split, SPLITS)
    transformed_shape((8, 8, 1), resize=resize, pad=pad)
    images, labels = load_digits(return_X_y=True)
    grey = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)[SPLITS[split]]
    real = np.stack([transform(image, resize=resize, pad=pad) for image in grey])
    return from_arrays(
        real,
        labels[SPLITS[split]],
        name="digits",
        split=split,
        version=f"1-resize={resize}-pad={pad}",
        num_classes=10,
    )


@dataset(ranges={"threshold": FRACTION})
def digit_edges(
    *,
    split: str = "train",
    resize: int | None = None,
    pad: int | None = None,
    threshold: float = 0.5,
) -> Source:
    """The digits, each with its edges as its condition: pairs to translate, as pix2pix does.

    Edges are uint8 [8, 8, 1]: 255 where the Sobel gradient, the image continued by its own border,
    has more than `threshold` times the image's largest norm, else 0.

    Args:
        split: As in `digits`.
        resize: The side to resize digits to, before their edges are found.
        pad: The side to pad them to with zeros.
        threshold: In [0, 1].

    Source: Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks,
    https://arxiv.org/abs/1611.07004, whose edges are those of another detector.
    """
    source = digits(split=split, resize=resize, pad=pad)
    batch = whole(source)
    images = np.asarray(batch.real)
    return from_arrays(
        images,
        np.asarray(batch.labels),
        condition=np.where(_edges(images, threshold), np.uint8(255), np.uint8(0)),
        name="digit_edges",
        split=split,
        version=source.version,
        num_classes=10,
    )


def _edges(images: UInt8[np.ndarray, "n h w c"], threshold: float) -> Bool[np.ndarray, "n h w c"]:
    from scipy.ndimage import correlate1d

    def slope(along: int, across: int) -> np.ndarray:
        smooth = correlate1d(images.astype(np.float64), [1, 2, 1], axis=across, mode="nearest")
        return correlate1d(smooth, [-1, 0, 1], axis=along, mode="nearest")

    norms = np.hypot(slope(1, 2), slope(2, 1))
    return norms > threshold * norms.max(axis=(1, 2, 3), keepdims=True)
