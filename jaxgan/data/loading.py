"""Opens a data set by name."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jaxgan.data.files import folder, npz
from jaxgan.data.record import DATASETS, Dataset
from jaxgan.data.source import Source, labelled_few, mirrored
from jaxgan.data.tfds import RANGES, prepared
from jaxgan.errors import ConfigError, DataError
from jaxgan.ramp import Ramp
from jaxgan.registry import as_record, bind, lookup


def load(
    name: str,
    *,
    split: str = "train",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resize: int | None = None,
    pad: int | None = None,
    per_class: int | None = None,
    mirror: bool = False,
    kwargs: Mapping[str, Any] | None = None,
) -> Source:
    """Opens a split of a data set.

    Args:
        name: A key of DATASETS, a folder of images, an .npz file of images, MODULE:NAME for a
            function of your own (`(*, split, ...) -> Source`), or an image set that TFDS prepared:
            `NAME`, `NAME/CONFIG` or `NAME/CONFIG:VERSION`.
        split: The split; TFDS's slices such as `train[:5000]` too for TFDS sets.
        data_dir: Where TFDS sets are prepared; default TFDS_DATA_DIR, else TFDS's own default.
        cache_dir: Where decoded images are kept; default `cache_directory()`.
        resize: The side to which images are resized.
        pad: The side to which images are padded with zeros, after resizing.
        per_class: Keep only the first so many samples of each class (see `labelled_few`).
        mirror: Add the mirror image of each image (see `mirrored`).
        kwargs: Hyperparameters of the data set itself.

    Raises:
        ConfigError: An unknown split or hyperparameter, an option that the data set does not take,
            or a value out of range.
        DataError: Data that is missing, unprepared, empty or unreadable.
    """
    if data_dir is not None and not Path(data_dir).expanduser().is_dir():
        raise DataError(
            f"data directory {str(data_dir)!r} does not exist; create it or name another"
        )
    record = record_of(name)
    hyperparameters = bind(record, kwargs or {}, "data", record.ranges)
    _check_constant(hyperparameters)
    options = {"data_dir": data_dir, "cache_dir": cache_dir, "resize": resize, "pad": pad}
    for option in ("resize", "pad"):
        if options[option] is not None and option not in record.options:
            raise ConfigError(
                f"data set {name!r} takes no {option}; leave out {option}={options[option]}"
            )
    given = {"split": split, **options}
    source = record.function(**{o: given[o] for o in record.options}, **hyperparameters)
    if not isinstance(source, Source):
        raise ConfigError(
            f"data set {name!r} returned a {type(source).__name__}; it must return a Source: use "
            "jaxgan.data.from_arrays"
        )
    changed = {k: v for k, v in hyperparameters.items() if v != record.hyperparameters[k]}
    if changed:
        source = replace(source, version=f"{source.version}-{changed}")
    source = source if per_class is None else labelled_few(source, per_class)
    return mirrored(source) if mirror else source


def record_of(name: str) -> Dataset:
    """The record that `load` opens for a name.

    Raises:
        ConfigError: MODULE:NAME that cannot be imported, or is not a function with a split.
        DataError: A path at which there is nothing.
    """
    if name in DATASETS:
        return DATASETS[name]
    path = Path(name).expanduser()
    if path.is_dir():
        return Dataset(partial(folder, path))
    if name.endswith(".npz"):
        return Dataset(partial(npz, name))
    if name.startswith((".", "/", "~")):  # as no name of a data set does
        raise DataError(
            f"there is no folder {name!r}; name a folder of images, an .npz or a data set"
        )
    # TFDS's versions follow a colon too, and are no names in Python.
    if name.partition(":")[2].isidentifier():
        record = as_record(Dataset, lookup(DATASETS, name, "data set"))
        if not callable(record.function) or "split" not in record.options:
            raise ConfigError(
                f"data set {name!r} does not take a split; define a function (*, split, ...)"
            )
        return record
    return Dataset(partial(prepared, name), RANGES)


def _check_constant(hyperparameters: Mapping[str, Any]) -> None:
    for name, value in hyperparameters.items():
        if isinstance(value, Ramp):
            raise ConfigError(f"data.kwargs.{name} cannot change over the run; give one value")
