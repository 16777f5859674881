"""Image sets that TensorFlow Datasets prepared on disk, read without TensorFlow or a network."""

import difflib
import hashlib
import io
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.cache import Decoded, decoded
from jaxgan.data.record import DATASETS
from jaxgan.data.source import Source, take, unknown_split
from jaxgan.data.transforms import transform, transformed_shape
from jaxgan.errors import DataError
from jaxgan.registry import NON_NEGATIVE
from jaxgan.runtime import cache_directory, expanded
from jaxgan.types import Batch

# Pillow's modes by the number of channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}

# What TFDS calls a version: MAJOR.MINOR.PATCH.
VERSION = re.compile(r"\d+\.\d+\.\d+")

# Threads that decode one read. Images of fewer pixels use one: opening them holds the interpreter
# lock longer than decoding releases it (MNIST: 79 us an image in one thread, 121 in two).
WORKERS = min(os.cpu_count() or 1, 16)
THREADED_PIXELS = 128 * 128

# Decoded bytes of the images that are held at a time while the cache is filled.
CHUNK_BYTES = 64 << 20

# Bytes of decoded images, above which a split is not cached.
CACHE_LIMIT = 4 << 30

# Of the hyperparameters of `prepared`.
RANGES = {"cache_limit": NON_NEGATIVE}


def prepared(
    name: str,
    *,
    split: str = "train",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resize: int | None = None,
    pad: int | None = None,
    cache_limit: int = CACHE_LIMIT,
) -> Source:
    """A prepared TFDS set with a feature `image` (uint8) and, optionally, a class feature `label`.

    Args:
        name: `NAME` or `NAME/CONFIG`, optionally followed by `:VERSION`; else the highest version.
        split: A split, or TFDS's slice or sum of splits: `train[:5000]`, `train+test`.
        data_dir: Where sets are prepared; default TFDS_DATA_DIR, else TFDS's own default.
        cache_dir: Where decoded images are kept; default `cache_directory()`.
        resize: The side to which images are resized (see `transforms.transform`).
        pad: The side to which images are padded with zeros, after resizing.
        cache_limit: Bytes. A split that is larger when decoded is not cached; it is decoded, in
            threads, each time it is read.

    Raises:
        ConfigError: An unknown split, or transforms that do not fit the images.
        DataError: The set is not prepared, is empty, has no usable images, or cannot be read.
    """
    directory = find(name, data_dir, known=[known for known in DATASETS if known != name])
    # Imported here: it takes a third of a second, which other data sets need not pay.
    import tensorflow_datasets as tfds

    with _readable(name, directory):
        builder: Any = tfds.builder_from_directory(directory)
        features = dict(builder.info.features.items())
    image, label, splits = features.get("image"), features.get("label"), builder.info.splits
    stored: Any = getattr(image, "shape", None)
    if (
        not isinstance(image, tfds.features.Image)
        or image.np_dtype != np.uint8
        or stored[-1] not in MODES
    ):
        raise DataError(
            f"data set {name!r} has no feature 'image' of uint8 with 1, 3 or 4 channels among "
            f"{', '.join(features)}; use another"
        )
    try:
        size = splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise unknown_split(name, split, splits) from error
    if size == 0:
        raise DataError(f"split {split!r} of data set {name!r} is empty; use another")
    shape = transformed_shape(stored, resize=resize, pad=pad)
    num_classes = label.num_classes if isinstance(label, tfds.features.ClassLabel) else None
    with _readable(name, directory):
        # Images come undecoded: TFDS would decode with OpenCV where that is installed and with
        # Pillow elsewhere, which differ on JPEG and on images that are stored in other channels.
        records = builder.as_data_source(
            split, decoders={"image": tfds.decode.SkipDecoding()}, file_format="array_record"
        )
    workers = WORKERS if None in stored or math.prod(stored[:2]) >= THREADED_PIXELS else 1

    # Functions of modules, which processes that read can be sent.
    examples = partial(_decode, records, shape, resize, pad, num_classes is not None)
    decode = partial(_decode_in_threads, examples, workers, name, directory)

    def chunks() -> Iterator[Decoded]:
        length = max(1, CHUNK_BYTES // math.prod(shape))
        for start in range(0, size, length):
            yield decode(np.arange(start, min(start + length, size)))

    source = Source(
        name=name,
        split=split,
        version=f"{directory.name}-{_content(directory)}-resize={resize}-pad={pad}",
        shape=shape,
        size=size,
        num_classes=num_classes,
        dtype=np.uint8,
        read=partial(_read, decode, num_classes is not None),
        in_memory=False,
    )
    if source.nbytes > cache_limit:
        return source
    cache = Path(cache_dir).expanduser() if cache_dir else cache_directory()
    key = f"{name} {split} {source.version}"
    images, labels = decoded(key, (size, *shape), chunks, cache)
    arrays = Batch(real=images, labels=None if num_classes is None else labels)
    return replace(source, read=partial(take, arrays), in_memory=True)


def find(name: str, data_dir: str | Path | None = None, *, known: Iterable[str] = ()) -> Path:
    """The directory of a prepared set. Raises DataError, without touching the network.

    Args:
        name: `NAME` or `NAME/CONFIG`, optionally followed by `:VERSION`.
        data_dir: Where sets are prepared; default TFDS_DATA_DIR, else TFDS's own default.
        known: Names of other data sets, to suggest.
    """
    place = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    root = expanded(str(place)).resolve()
    sets = _prepared_sets(root)
    base, _, version = name.partition(":")
    configs = [found for found in sets if found == base or found.startswith(f"{base}/")]
    if len(configs) > 1 and base not in sets:
        raise DataError(f"data set {name!r} has several configurations; use one of: {configs}")
    if configs:
        versions = sets[base if base in sets else configs[0]]
        version = version or max(versions, key=lambda v: [int(part) for part in v.split(".")])
        if version in versions:
            return versions[version]
    names = [f"{found}:{v}" for found in sets for v in sets[found]] if configs else [*sets]
    there = (
        f"prepared there: {', '.join(names) or 'none'}" if root.is_dir() else "no such directory"
    )
    near = difflib.get_close_matches(name, [*names, *known], n=1)
    raise DataError(
        f"no prepared data set {name!r} in {root} ({there}); "
        + (f"did you mean {near[0]!r}? else " if near else "")
        + f"prepare it: {preparation(name, root)}"
    )


def _content(directory: Path) -> str:
    """A digest of file sizes and descriptions: one name and version may hold other content."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(directory.iterdir()):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        if path.suffix == ".json":
            digest.update(path.read_bytes())
    return digest.hexdigest()


def preparation(name: str, root: Path) -> str:
    """The command that prepares a TFDS set."""
    # TFDS's own command line cannot be imported without Apache Beam (4.9.10), this can.
    builder = f"tfds.builder({name!r}, data_dir={str(root)!r}, file_format='array_record')"
    return (
        "pip install 'jaxgan[prepare]' && python -c "
        f'"import tensorflow_datasets as tfds; {builder}.download_and_prepare()"'
    )


def _prepared_sets(root: Path) -> dict[str, dict[str, Path]]:
    """NAME or NAME/CONFIG of every prepared set: its versions and their directories."""
    sets: dict[str, dict[str, Path]] = {}
    for pattern in ("*/*/dataset_info.json", "*/*/*/dataset_info.json"):
        for info in sorted(root.glob(pattern)):
            directory = info.parent
            if VERSION.fullmatch(directory.name) and (directory / "features.json").is_file():
                name = directory.parent.relative_to(root).as_posix()
                sets.setdefault(name, {})[directory.name] = directory
    return sets


def _decode(
    records: Any,
    shape: tuple[int, int, int],
    resize: int | None,
    pad: int | None,
    labelled: bool,
    indices: np.ndarray,
) -> Decoded:
    """Decodes and transforms the images at `indices`, one after the other."""
    images = np.empty((len(indices), *shape), np.uint8)
    labels = np.empty(len(indices) if labelled else 0, np.int32)
    for row, record in enumerate(records.__getitems__(indices.tolist())):
        picture = Image.open(io.BytesIO(record["image"])).convert(MODES[shape[2]])
        pixels = np.asarray(picture).reshape(picture.height, picture.width, shape[2])
        images[row] = transform(pixels, resize=resize, pad=pad)
        if labelled:
            labels[row] = record["label"]
    return images, labels


def _decode_in_threads(
    examples: Callable[[np.ndarray], Decoded],
    workers: int,
    name: str,
    directory: Path,
    indices: np.ndarray,
) -> Decoded:
    """The images and labels at `indices`, of which each thread decodes a part."""
    parts = np.array_split(indices, workers)
    with _readable(name, directory), ThreadPoolExecutor(workers) as pool:
        images, labels = zip(*pool.map(examples, parts), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _read(decode: Callable[[np.ndarray], Decoded], labelled: bool, indices: np.ndarray) -> Batch:
    images, labels = decode(indices)
    return Batch(real=images, labels=labels if labelled else None)


@contextmanager
def _readable(name: str, directory: Path) -> Iterator[None]:
    """Turns whatever TFDS, ArrayRecord and Pillow raise on damaged data into one line."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"cannot read data set {name!r} in {directory}: {reason}; delete that directory and "
            "prepare the set again with file_format='array_record'"
        ) from error
