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
    """The keyword-only arguments of a function that have defaults, with them."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
    }
