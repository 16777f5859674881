"""Image sets of any program: a folder of image files, or an .npz of an array of images."""

import hashlib
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from jaxgan.data.source import Source, from_arrays, unknown_split
from jaxgan.data.transforms import transform, transformed_shape
from jaxgan.errors import DataError
from jaxgan.image_files import image_files
from jaxgan.types import Batch


def folder(
    path: str | Path, *, split: str = "train", resize: int | None = None, pad: int | None = None
) -> Source:
    """The image files in a folder and its subfolders, in the order of their names.

    If all files lie in subfolders, each subfolder of the folder is a class. If all images are
    grey, they have one channel; otherwise all are RGB.

    Args:
        path: The folder.
        split: "train", the only one.
        resize: The side to which images are resized (see `transforms.transform`).
        pad: The side to which images are padded with zeros, after resizing.

    Raises:
        ConfigError: another split, a side below 1 pixel, or images that differ in size without
            `resize`.
        DataError: no images, or a file that is not a readable image.
    """
    root = Path(path)
    if split != "train":
        raise unknown_split(str(path), split, ["train"])
    found = image_files(root)
    width, height = found.sizes[0]
    stored = (height, width) if len(set(found.sizes)) == 1 else (None, None)
    shape = transformed_shape((*stored, 1 if found.is_grey else 3), resize=resize, pad=pad)
    labels = np.array(found.labels, np.int32) if found.classes else None
    mode = "L" if found.is_grey else "RGB"
    return Source(
        name=str(path),
        split=split,
        version=_version(found.files, resize, pad),
        shape=shape,
        size=len(found.files),
        num_classes=len(found.classes) or None,
        dtype=np.uint8,
        read=partial(_read, found.files, labels, mode, resize, pad),
    )


def npz(
    path: str | Path, *, split: str = "train", resize: int | None = None, pad: int | None = None
) -> Source:
    """The images of an .npz: uint8 [n, h, w, c] or [n, h, w], and labels [n] where it has them.

    The images are its array "images" or "arr_0", or its only one; labels are "labels" or "arr_1".

    Args:
        path: The file.
        split: "train", the only one.
        resize: The side to which images are resized.
        pad: The side to which images are padded with zeros, after resizing.

    Raises:
        ConfigError: another split, or a side that is too small.
        DataError: the file is missing or damaged, or holds something else.
    """
    if split != "train":
        raise unknown_split(str(path), split, ["train"])
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{str(path)!r} is not a readable .npz ({error}); write it again"
        ) from error
    only = next(iter(arrays)) if len(arrays) == 1 else "images"
    images = arrays.get("images", arrays.get("arr_0", arrays.get(only)))
    if images is not None and images.ndim == 3:
        images = images[..., None]
    if (
        images is None
        or images.dtype != np.uint8
        or images.ndim != 4
        or not len(images)
        or images.shape[-1] not in (1, 3)
    ):
        found = "none" if images is None else f"{images.dtype} {images.shape}"
        raise DataError(
            f"images of {str(path)!r} are {found}; it must hold uint8 [n, h, w, 1 or 3] as 'images'"
        )
    labels = arrays.get("labels", arrays.get("arr_1"))
    if labels is not None and (labels.shape != (len(images),) or labels.dtype.kind not in "iu"):
        raise DataError(
            f"labels of {str(path)!r} are {labels.dtype} {labels.shape}; they must be integers "
            f"[{len(images)}]"
        )
    transformed_shape(images.shape[1:], resize=resize, pad=pad)
    images = np.stack([transform(image, resize=resize, pad=pad) for image in images])
    version = _version([Path(path)], resize, pad)
    return from_arrays(images, labels, name=str(path), split=split, version=version)


def _version(files: Sequence[Path], resize: int | None, pad: int | None) -> str:
    """Changes with the files' names, sizes and times, and with the transforms."""
    digest = hashlib.blake2b(digest_size=8)
    for path in files:
        status = path.stat()
        digest.update(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    return f"{digest.hexdigest()}-resize={resize}-pad={pad}"


def _read(
    files: Sequence[Path],
    labels: np.ndarray | None,
    mode: str,
    resize: int | None,
    pad: int | None,
    indices: np.ndarray,
) -> Batch:
    images = [_decode(files[i], mode, resize, pad) for i in np.asarray(indices).tolist()]
    return Batch(real=np.stack(images), labels=None if labels is None else labels[indices])


def _decode(
    path: Path, mode: str, resize: int | None, pad: int | None
) -> UInt8[np.ndarray, "h w c"]:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:  # what PIL raises on damaged files
        raise DataError(f"{path} is damaged ({error}); remove or replace it") from error
    return transform(pixels.reshape(*pixels.shape[:2], -1), resize=resize, pad=pad)
