"""A cache of decoded images: one file a split, memory-mapped, replaced atomically, checksummed.

A file is two `.npy` arrays one after the other, images and labels, and then four bytes, the CRC-32
of all before them. `np.load(path, mmap_mode="r")` opens the images.
"""

import hashlib
import warnings
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int32, UInt8

from jaxgan.files import atomic_write

Decoded = tuple[UInt8[np.ndarray, "n h w c"], Int32[np.ndarray, "m"]]

# Large enough that checksumming runs at the speed of memory, small enough to stay in cache.
BLOCK = 1 << 20

# The CRC-32 of any data followed by its own CRC-32, little-endian (the code's "residue").
RESIDUE = 0x2144DF1C


def decoded(
    key: str, shape: tuple[int, ...], chunks: Callable[[], Iterable[Decoded]], directory: Path
) -> Decoded:
    """All images and labels of a split, from the cache, else decoded and put into it.

    Args:
        key: Identifies the content, the transforms included.
        shape: [n, height, width, channels] of all the images.
        chunks: Decodes: yields consecutive images and labels.
        directory: The cache. If it cannot be written, the images are held in memory.
    """
    path = directory / f"{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}.npy"
    if (cached := _read(path)) is not None:
        return cached
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(path, shape, chunks())
    except OSError as error:
        warnings.warn(
            f"cannot write the cache of decoded images ({error}); set JAXGAN_CACHE_DIR to a "
            "writable directory, or images are decoded again at every start",
            stacklevel=2,
        )
    else:
        if (cached := _read(path)) is not None:
            return cached
    images, labels = zip(*chunks(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _read(path: Path) -> Decoded | None:
    """What the file holds, or None if it is missing or damaged."""
    try:
        if _checksum(path) != RESIDUE:
            return None
    except OSError:
        return None
    images = np.load(path, mmap_mode="r")
    with path.open("rb") as file:
        file.seek(images.offset + images.nbytes)
        return images, np.load(file)


def _write(path: Path, shape: tuple[int, ...], chunks: Iterable[Decoded]) -> None:
    with atomic_write(path) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        labels = []
        for images, part in chunks:
            file.write(np.ascontiguousarray(images).data)
            labels.append(part)
        np.save(file, np.concatenate(labels))
        file.flush()
        file.write(_checksum(Path(file.name)).to_bytes(4, "little"))


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum
