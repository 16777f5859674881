"""Reads named arrays from files (.pth or .pt, .npz, .safetensors, .ckpt), checks and folds them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from jaxgan.errors import ConfigError
from jaxgan.features.numpy_pickles import read_pickled
from jaxgan.features.torch_files import read_torch

# Of a batch normalisation, as torch names them.
STATISTICS = ("weight", "bias", "running_mean", "running_var")


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a file by their names; no code of the file is run.

    Args:
        path: Ends in .pth or .pt (a state dict by `torch.save`), .npz, .safetensors or .ckpt (a
            pickled dict of dicts of NumPy arrays, whose keys are joined by "/").

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


def check_arrays(
    arrays: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    source: str,
    remedy: str,
) -> None:
    """Checks that a file holds finite arrays of these names and shapes, and no others.

    Args:
        arrays: What it holds.
        shapes: What it should.
        source: The file, for messages.
        remedy: What to do, for messages.

    Raises:
        ConfigError: An array is missing, unknown, of another shape or not finite.
    """
    for name, shape in shapes.items():
        if name not in arrays:
            raise ConfigError(f"{source} lacks {name!r}, of shape {shape}; {remedy}")
        if arrays[name].shape != shape:
            raise ConfigError(
                f"{source} has {name!r} of shape {arrays[name].shape}, expected {shape}; {remedy}"
            )
        if not np.isfinite(arrays[name]).all():
            raise ConfigError(f"{source} has NaN or infinite values in {name!r}; copy it again")
    for name in arrays:
        if name not in shapes:
            raise ConfigError(
                f"{source} has {name!r} of shape {arrays[name].shape}, which no layer takes; "
                f"{remedy}"
            )


def fold_normalisation(
    kernel: np.ndarray, statistics: Mapping[str, np.ndarray], epsilon: float
) -> dict[str, np.ndarray]:
    """The kernel and bias, in float32, of a convolution and the batch normalisation after it.

    weight (conv(x) - running_mean) / sqrt(running_var + epsilon) + bias is one convolution.

    Args:
        kernel: Its last axis holds the outputs; in float64.
        statistics: weight, bias, running_mean and running_var [o], in float64.
        epsilon: Of the batch normalisation.
    """
    scale = statistics["weight"] / np.sqrt(statistics["running_var"] + epsilon)
    bias = statistics["bias"] - statistics["running_mean"] * scale
    return {"kernel": (kernel * scale).astype(np.float32), "bias": bias.astype(np.float32)}


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
    ".ckpt": read_pickled,
}
