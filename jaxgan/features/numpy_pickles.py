"""Reads pickled dicts of NumPy arrays without running their pickles.

A pickle is a program that may call any function. This reader knows the three names that NumPy's
arrays need, and refuses a file at the first other one.
"""

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict

from jaxgan.errors import ConfigError

_CODES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")


def read_pickled(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a pickled dict of dicts, of protocol 3 or 4, under their keys joined by "/".

    Raises:
        ConfigError: The pickle asks for anything but arrays, or is no dict of arrays. What damaged
            bytes raise besides is the caller's to handle.
    """
    content = _Unpickler(io.BytesIO(path.read_bytes()), path).load()
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds a {type(content).__name__}; it must be a dict of arrays")
    arrays = {}
    for keys, value in flatten_dict(content).items():
        name = "/".join(map(str, keys))
        if not isinstance(value, _Array) or value.array is None:
            kind = type(value).__name__
            raise ConfigError(f"{path} holds a {kind} under {name!r}; it must be an array")
        arrays[name] = value.array
    return arrays


class _DType:
    """Stands for numpy.dtype, which a pickle makes in two steps: its code, then its byte order."""

    __slots__ = ("code", "dtype")

    def __init__(self, code: Any) -> None:
        if code not in _CODES:
            raise pickle.UnpicklingError(f"numbers of the type {code!r}")
        self.code, self.dtype = code, None

    def __setstate__(self, state: Any) -> None:
        if state[1] not in ("<", "|"):
            raise pickle.UnpicklingError("big-endian numbers")
        self.dtype = np.dtype(self.code).newbyteorder(state[1])


class _Array:
    """Stands for numpy.ndarray, which a pickle makes empty and then fills."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, content = state
        dtype = kind.dtype
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content):
            raise pickle.UnpicklingError(f"an array of {shape} has {len(content)} bytes")
        order = "F" if fortran else "C"
        self.array = np.ndarray(shape, dtype, content, order=order).copy()


class _Unpickler(pickle._Unpickler):
    """Builds dicts of `_Array`s; `find_class` is all that reaches beyond plain data.

    The Python implementation, for the one in C allocates whatever an index in the file claims, as
    does the one opcode that is left out here. What `find_class` returns is made anew for each
    file, for a pickle can change the attributes of functions and classes.
    """

    dispatch = {k: v for k, v in pickle._Unpickler.dispatch.items() if k != pickle.BYTEARRAY8[0]}  # noqa: RUF012

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if module in _MULTIARRAY and name == "_reconstruct":
            return lambda *_: _Array()
        if (module, name) == ("numpy", "ndarray"):
            return name
        if (module, name) == ("numpy", "dtype"):
            return lambda code, *_: _DType(code)
        raise ConfigError(
            f"{self.path} asks for {f'{module}.{name}'!r}, which no array needs; it was not run"
        )
