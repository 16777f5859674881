"""The 8 x 8 digits that scikit-learn embeds: 1,797 images, nothing to download."""

import numpy as np

from jaxgan.data.record import dataset
from jaxgan.data.source import Source, from_arrays, unknown_split
from jaxgan.data.transforms import transform, transformed_shape

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
