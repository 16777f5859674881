"""Well-known image sets, which TensorFlow Datasets must have prepared."""

from pathlib import Path

from jaxgan.data.record import dataset
from jaxgan.data.source import Source
from jaxgan.data.tfds import CACHE_LIMIT, RANGES, prepared


@dataset(ranges=RANGES)
def mnist(
    *,
    split: str = "train",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resize: int | None = None,
    pad: int | None = None,
    cache_limit: int = CACHE_LIMIT,
) -> Source:
    """70,000 handwritten digits as uint8 [28, 28, 1], 10 classes; arguments as in `prepared`.

    Source: LeCun et al. 1998, doi:10.1109/5.726791.
    """
    return prepared(
        "mnist",
        split=split,
        data_dir=data_dir,
        cache_dir=cache_dir,
        resize=resize,
        pad=pad,
        cache_limit=cache_limit,
    )


@dataset(ranges=RANGES)
def cifar10(
    *,
    split: str = "train",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resize: int | None = None,
    pad: int | None = None,
    cache_limit: int = CACHE_LIMIT,
) -> Source:
    """60,000 photographs as uint8 [32, 32, 3], 10 classes; arguments as in `prepared`.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    return prepared(
        "cifar10",
        split=split,
        data_dir=data_dir,
        cache_dir=cache_dir,
        resize=resize,
        pad=pad,
        cache_limit=cache_limit,
    )
