"""Data sets by name, the order in which they are read, and the pipeline from host to device."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from jaxgan.config import DataConfig
from jaxgan.data.embedded import digits
from jaxgan.data.files import folder, npz
from jaxgan.data.host_pipeline import host_batches
from jaxgan.data.source import (
    Mixture,
    Source,
    fits_on_device,
    from_arrays,
    gather,
    to_model,
    to_uint8,
    whole,
)
from jaxgan.data.synthetic import grid, ring
from jaxgan.data.tfds import prepared
from jaxgan.errors import ConfigError, DataError
from jaxgan.registry import hyperparameters
from jaxgan.runtime import cache_directory
from jaxgan.training.data_order import batch_indices

__all__ = [
    "DATASETS",
    "Mixture",
    "Source",
    "batch_indices",
    "cache_directory",
    "digits",
    "fits_on_device",
    "folder",
    "from_arrays",
    "gather",
    "grid",
    "host_batches",
    "load",
    "npz",
    "open_source",
    "prepared",
    "ring",
    "to_model",
    "to_uint8",
    "whole",
]

DATASETS: dict[str, Callable[..., Source]] = {
    "digits": digits,
    "ring": ring,
    "grid": grid,
    "mnist": partial(prepared, "mnist"),
    "cifar10": partial(prepared, "cifar10"),
}


def load(
    name: str,
    *,
    split: str = "train",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resize: int | None = None,
    pad: int | None = None,
) -> Source:
    """A split of a data set by name: of DATASETS, of files, else a TFDS image set prepared here.

    Args:
        name: A key of DATASETS, a folder of images, an .npz file of images, or a TFDS name: `NAME`,
            `NAME/CONFIG` or `NAME/CONFIG:VERSION`.
        split: The split; TFDS's slices such as `train[:5000]` too for TFDS sets.
        data_dir: Where TFDS sets are prepared; default TFDS_DATA_DIR, else TFDS's own default.
        cache_dir: Where decoded images are kept; default `cache_directory()`.
        resize: The side to which images are resized.
        pad: The side to which images are padded with zeros, after resizing.

    Raises:
        ConfigError: An unknown split, or an option that the data set cannot have.
        DataError: Data that is missing, unprepared, empty or unreadable.
    """
    if data_dir is not None and not Path(data_dir).expanduser().is_dir():
        raise DataError(
            f"data directory {str(data_dir)!r} does not exist; create it or name another"
        )
    dataset = DATASETS.get(name) or _files(name)
    dataset = dataset or partial(prepared, name, known=tuple(DATASETS))
    accepted = hyperparameters(dataset)
    images = {"resize": resize, "pad": pad}
    for option, side in images.items():
        if side is not None and option not in accepted:
            raise ConfigError(f"data set {name!r} has no images; leave out {option}={side}")
    options = {"split": split, "data_dir": data_dir, "cache_dir": cache_dir, **images}
    return dataset(**{option: value for option, value in options.items() if option in accepted})


def open_source(config: DataConfig, split: str | None = None) -> Source:
    """`load`s what a config names, or another split of it."""
    return load(
        config.name,
        split=config.split if split is None else split,
        data_dir=config.dir,
        resize=config.resize,
        pad=config.pad,
    )


def _files(name: str) -> Callable[..., Source] | None:
    if Path(name).expanduser().is_dir():
        return partial(folder, Path(name).expanduser())
    if name.endswith(".npz"):
        return partial(npz, name)
    if name.startswith((".", "/", "~")):  # as no name of a data set does
        raise DataError(
            f"there is no folder {name!r}; name a folder of images, an .npz or a data set"
        )
    return None
