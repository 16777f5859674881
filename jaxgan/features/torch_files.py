"""Reads state dicts written by `torch.save` without torch, and without running their pickles.

A pickle is a program that may call any function. This reader knows the few names that a state dict
of plain tensors needs, and refuses a file at the first other one.

Both formats are read: since PyTorch 1.6 an uncompressed zip archive with the record `data.pkl` and
one record for each storage; before, five pickles in a row (a magic number, the version, the system,
the state dict, the storages' keys), followed by each storage's length and bytes.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import ConfigError

_ZIP_START = b"PK\x03\x04"
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001

# Little-endian, which the reader checks.
_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


class _Storage(NamedTuple):
    """A flat run of numbers, kept elsewhere in the file under its key."""

    key: str
    dtype: np.dtype
    size: int


class _Tensor(NamedTuple):
    """A view of a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dict, by their names.

    Raises:
        ConfigError: The pickle asks for anything but tensors, or is no state dict. What damaged
            bytes raise besides is the caller's to handle.
    """
    content = path.read_bytes()
    read = _read_zip if content.startswith(_ZIP_START) else _read_legacy
    return read(io.BytesIO(content), path)


class _Unpickler(pickle._Unpickler):
    """Builds dicts of `_Tensor`s; the overridden methods are all that reaches beyond plain data.

    The Python implementation, for the one in C allocates whatever an index in the file claims.
    """

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _DTYPES:
            return name  # a string, for a pickle can change the state of a dtype
        raise ConfigError(
            f"{self.path} asks for {f'{module}.{name}'!r}, which no state dict of tensors needs; "
            "it was not run: save model.state_dict()"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        # The legacy format adds a sixth item, for views of storages: None in files of today.
        kind, dtype, key, _, size, *view = pid
        if kind != "storage" or view not in ([], [None]) or not isinstance(size, int):
            raise pickle.UnpicklingError("a storage of an unknown kind")
        return _Storage(str(key), _DTYPES[dtype], size)


def _rebuild(storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any) -> _Tensor:
    """Stands for torch's function of that name; whether a gradient is required does not matter."""
    return _Tensor(storage, offset, shape, strides)


def _read_zip(file: io.BytesIO, path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("compressed records, which torch.save does not write")
        names = archive.namelist()
        (record,) = (name for name in names if name.count("/") == 1 and name.endswith("/data.pkl"))
        root = record.removesuffix("data.pkl")
        if f"{root}byteorder" in names:
            _check_byte_order(archive.read(f"{root}byteorder") == b"little")
        state = _Unpickler(io.BytesIO(archive.read(record)), path).load()

        def read(storage: _Storage) -> bytes:
            name = f"{root}data/{storage.key}"
            _check_size(storage, archive.getinfo(name).file_size)
            return archive.read(name)

        return _tensors(state, read, path)


def _read_legacy(file: io.BytesIO, path: Path) -> dict[str, np.ndarray]:
    def load() -> Any:
        return _Unpickler(file, path).load()

    if load() != _MAGIC_NUMBER or load() != _PROTOCOL_VERSION:
        raise pickle.UnpicklingError("not a file by torch.save")
    _check_byte_order(load()["little_endian"])
    state, keys = load(), load()
    tensors = _check_state(state, path).values()
    storages = {tensor.storage.key: tensor.storage for tensor in tensors}
    contents = {}
    for key in keys:
        size = int.from_bytes(file.read(8), "little") * storages[key].dtype.itemsize
        contents[key] = file.read(size)  # fewer bytes where the file ends early
        _check_size(storages[key], len(contents[key]))
    return _tensors(state, lambda storage: contents[storage.key], path)


def _check_byte_order(little: bool) -> None:
    if not little:
        raise ValueError("big-endian numbers")


def _check_size(storage: _Storage, num_bytes: int) -> None:
    if num_bytes != storage.size * storage.dtype.itemsize:
        raise ValueError(f"storage {storage.key} has {num_bytes} bytes, not {storage.size} numbers")


def _check_state(state: Any, path: Path) -> dict[str, _Tensor]:
    if not isinstance(state, dict):
        raise ConfigError(f"{path} holds a {type(state).__name__}; save model.state_dict()")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise ConfigError(
                f"{path} holds a {type(value).__name__} under {name!r} instead of a tensor; save "
                "model.state_dict()"
            )
    return state


def _tensors(state: Any, read: Callable[[_Storage], bytes], path: Path) -> dict[str, np.ndarray]:
    storages: dict[_Storage, np.ndarray] = {}
    arrays = {}
    for name, tensor in _check_state(state, path).items():
        storage, offset, shape, strides = tensor
        if storage not in storages:
            storages[storage] = np.frombuffer(read(storage), storage.dtype)
        arrays[name] = _view(storages[storage], offset, shape, strides)
    return arrays


def _view(
    storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    """A copy of the elements, none of them outside of the storage."""
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    inside = min(offset, *shape, *strides, 0) == 0 and last < storage.size
    if not inside or math.prod(shape) > storage.size:
        raise ValueError(f"a tensor of shape {shape} reaches beyond its storage of {storage.size}")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()
