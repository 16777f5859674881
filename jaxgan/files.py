"""Files of named arrays that can be made again: written whole or not at all, checked when read."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Log = Callable[[str], None]


def path_of(directory: Path, recipe: Any) -> Path:
    """The file in `directory` for what `recipe` (JSON) makes: another recipe, another file."""
    digest = hashlib.blake2b(json.dumps(recipe, sort_keys=True).encode(), digest_size=8)
    return directory / f"{digest.hexdigest()}.npz"


def save(path: Path, arrays: Mapping[str, Any], *, log: Log | None = None) -> None:
    """Writes the arrays; where that fails, says so and goes on, since a cache can be missed."""
    # Under another name first: whoever reads sees all of the file or none.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, **arrays)
        partial.replace(path)
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
