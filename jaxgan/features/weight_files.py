"""Reads named arrays from files of weights: .pth or .pt, .npz and .safetensors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.errors import ConfigError
from jaxgan.features.torch_files import read_torch


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a file by their names; no code of the file is run.

    Args:
        path: Ends in .pth or .pt (a state dict by `torch.save`), .npz or .safetensors.

    Raises:
        ConfigError: Another ending, no such file, or one that cannot be read.
    """
    path = Path(path)
    reader = READERS.get(path.suffix)
    if reader is None:
        raise ConfigError(
            f"{path} ends in {path.suffix!r}; weights are read from {', '.join(READERS)}"
        )
    try:
        return reader(path)
    except ConfigError:
        raise
    except Exception as error:  # damaged bytes raise a dozen unrelated kinds
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise ConfigError(f"{path} cannot be read ({reason}); copy or download it again") from error


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors.numpy import load_file  # pyright: ignore[reportMissingImports] - an extra
    except ImportError as error:
        raise ConfigError(
            f"{path} needs the package safetensors: pip install safetensors"
        ) from error
    return load_file(path)


READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".pth": read_torch,
    ".pt": read_torch,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
