"""Files that are written whole or not at all: text, JSON, and arrays that can be made again."""

import hashlib
import itertools
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

Log = Callable[[str], None]


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Opens a new file for writing and reading that replaces `path` when the block is left.

    Until then it has another name in the same folder, so a reader sees all of the old file or all
    of the new one, also after a crash or a power cut. An error in the block removes it.

    Raises:
        OSError: The folder does not exist or cannot be written, or the disk is full.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    # Not tempfile: it would make the file unreadable for others, whatever the umask.
    try:
        with partial.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes) -> None:
    """Writes a file atomically, unless it holds this very content."""
    if not path.is_file() or path.read_bytes() != content:
        with atomic_write(path) as file:
            file.write(content)


def write_text(path: Path, text: str) -> None:
    """Writes a text file as UTF-8: see `write`."""
    write(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file: see `write`."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def unused(path: Path) -> Path:
    """The path, or where it is taken the first free one of NAME-2.json, NAME-3.json, ..."""
    numbers = itertools.count(2)
    free = path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{next(numbers)}")
    return free


def path_of(directory: Path, recipe: Any) -> Path:
    """The file in `directory` for what `recipe` (JSON) makes: another recipe, another file."""
    digest = hashlib.blake2b(json.dumps(recipe, sort_keys=True).encode(), digest_size=8)
    return directory / f"{digest.hexdigest()}.npz"


def save(path: Path, arrays: Mapping[str, Any], *, log: Log | None = None) -> None:
    """Writes named arrays atomically; where that fails, logs it and goes on: it is only a cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            np.savez(file, **arrays)
    except OSError as error:
        if log is not None:
            log(f"not kept in {path} ({error.strerror}); make the directory writable")


def restore(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None if there is no file, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except Exception:  # zipfile, zlib and NumPy raise a dozen unrelated kinds on damaged bytes
        return None
