"""Registries are plain dicts from a name to a function or class; this looks names up in them."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from jaxgan.errors import ConfigError

Entry = TypeVar("Entry")


def unknown(kind: str, name: str, names: Iterable[str]) -> ConfigError:
    """The error for a name that is not among `names`: names the nearest, else lists them all."""
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(names)}"
    return ConfigError(f"unknown {kind} {name!r}; {remedy}")


def lookup(registry: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """Returns `registry[name]`; raises ConfigError with the nearest known name otherwise."""
    if name not in registry:
        raise unknown(kind, name, registry)
    return registry[name]


def hyperparameters(function: Callable) -> dict[str, Any]:
    """The arguments of a function, or fields of a linen module, that have defaults, with them."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty and name not in ("parent", "name")
    }


def takes_key(function: Callable) -> bool:
    """Whether a function asks for a random key: an argument `key` without default."""
    parameter = inspect.signature(function).parameters.get("key")
    return parameter is not None and parameter.default is parameter.empty


def is_traced(value: Any) -> bool:
    """Whether a hyperparameter of this value is traced: a float or a tuple of floats."""
    return isinstance(value, float) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(v, float) for v in value)
    )


def bind(function: Callable, kwargs: Mapping[str, Any], path: str) -> dict[str, Any]:
    """All hyperparameters of a function: its defaults, replaced by `kwargs`.

    Args:
        function: A registry entry; its signature is the one source of its hyperparameters.
        kwargs: What a user set; ints become floats where the default is a float.
        path: Dotted name of the entry, for messages.

    Raises:
        ConfigError: an unknown name, or a value that is not of its default's type.
    """
    defaults = hyperparameters(function)
    for name in kwargs:
        if name not in defaults:
            if not defaults:
                raise ConfigError(f"{path} takes no hyperparameters; remove {name!r}")
            raise unknown(f"hyperparameter of {path}", name, defaults)
    return {
        name: _coerce(kwargs[name], default, f"{path}.kwargs.{name}") if name in kwargs else default
        for name, default in defaults.items()
    }


def _coerce(value: Any, default: Any, path: str) -> Any:
    """The value in the type of the default; None as default admits anything."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, float) and is_number:
        return float(value)
    if isinstance(default, tuple):
        values = value if isinstance(value, tuple | list) else (value,)
        return tuple(_coerce(v, default[0], path) for v in values) if default else tuple(values)
    if default is None or (
        isinstance(value, type(default)) and isinstance(value, bool) == isinstance(default, bool)
    ):
        return value
    raise ConfigError(f"{path} is {value!r}; it must be of type {type(default).__name__}")
