"""Nested frozen dataclasses as trees of fields: dotted paths, overrides from text, plain dicts.

A field may hold a value, a dataclass, dataclasses by label, keyword arguments, or a `Ramp`.
"""

import ast
import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar

from jaxgan.errors import ConfigError
from jaxgan.ramp import SHAPES, Ramp
from jaxgan.registry import unknown

Dataclass = TypeVar("Dataclass")


def _is_nested(value: Any, hint: Any) -> bool:
    """Whether a field holds a dataclass, or dataclasses by label."""
    return dataclasses.is_dataclass(value) or _entry_type(hint) is not None


def _entry_type(hint: Any) -> Any:
    """The dataclass of the entries of a field that holds them by label; None for other fields."""
    arguments = typing.get_args(hint)
    is_entries = typing.get_origin(hint) is dict and dataclasses.is_dataclass(arguments[1])
    return arguments[1] if is_entries else None


def _fields(config: Any) -> list[tuple[str, Any, Any]]:
    """(name, value, type hint) of each field, or of each entry by label."""
    if isinstance(config, Mapping):
        return [(label, entry, type(entry)) for label, entry in config.items()]
    hints = typing.get_type_hints(type(config))
    return [(f.name, getattr(config, f.name), hints[f.name]) for f in dataclasses.fields(config)]


def parts(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(prefix of its fields, dataclass) of the config and of all that it holds."""
    if dataclasses.is_dataclass(config):
        yield prefix, config
    for name, value, hint in _fields(config):
        if _is_nested(value, hint):
            yield from parts(value, f"{prefix}{name}.")


def leaves(config: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    """(dotted path, value, type hint) of every field that holds no dataclass."""
    found = []
    for name, value, hint in _fields(config):
        path = prefix + name
        nested = _is_nested(value, hint)
        found += leaves(value, f"{path}.") if nested else [(path, value, hint)]
    return found


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def check_type(path: str, value: Any, hint: Any) -> None:
    """Raises ConfigError unless the value is of the type of its field."""
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise unknown(path, str(value), typing.get_args(hint))
        return
    options = _options(hint)
    allowed = tuple(typing.get_origin(option) or option for option in options)
    if float in allowed:
        allowed += (int,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        shown = [option for option in options if option is not Ramp]
        names = " or ".join(getattr(option, "__name__", str(option)) for option in shown)
        raise ConfigError(f"{path} is {value!r}; it must be of type {names}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path} is {value}; it must be finite")


def check_ramp(path: str, ramp: Ramp, steps: int) -> None:
    """Raises ConfigError unless the ramp is well defined in a run of so many steps."""
    if ramp.shape not in SHAPES:
        raise unknown(f"{path}.shape", str(ramp.shape), SHAPES)
    for name in ("start", "end"):
        number = getattr(ramp, name)
        if not isinstance(number, int | float) or not math.isfinite(number):
            raise ConfigError(f"{path}.{name} is {number!r}; it must be a finite number")
    if ramp.shape == "exponential" and min(ramp.start, ramp.end) <= 0:
        raise ConfigError(
            f"{path} goes from {ramp.start} to {ramp.end} exponentially; both ends must be greater "
            "than 0: take another shape or ends"
        )
    end = steps if ramp.steps is None else ramp.steps
    if not 0 <= ramp.warmup < end:
        raise ConfigError(
            f"{path}.warmup is {ramp.warmup}; it must be at least 0 and less than its steps ({end})"
        )


def get(config: Any, path: str) -> Any:
    """The value at a dotted path, such as "loss.kwargs.bandwidth"."""
    for name in path.split("."):
        config = config[name] if isinstance(config, Mapping) else getattr(config, name)
    return config


def override(config: Dataclass, path: str, value: Any) -> Dataclass:
    """The config with the value at a dotted path replaced; text is parsed to the field's type.

    New entries by label, `kwargs` and ramps (`PATH.end` makes a float at `PATH` the start of one)
    are made on the way. Another `name` empties the `kwargs` beside it: they were the old entry's.

    Raises:
        ConfigError: no such field, or a value of the wrong type.
    """
    return _override(config, path.split("."), value, path)


def _override(config: Any, names: list[str], value: Any, path: str) -> Any:
    name, *rest = names
    if isinstance(config, Mapping):  # keyword arguments, or entries by label
        entry = config.get(name)
        if not rest:
            return {**config, name: _parse(value)}
        nested = dataclasses.is_dataclass(entry) or isinstance(entry, Mapping)
        new = _override(entry, rest, value, path) if nested else _ramp(entry, rest, value, path)
        return {**config, name: new}
    hints = typing.get_type_hints(type(config))
    if name not in hints:
        prefix = path.removesuffix(".".join(names))
        raise unknown("field", prefix + name, [prefix + hint for hint in hints])
    hint, current = hints[name], getattr(config, name)
    if rest:
        new = _inner(current, hint, rest, value, path)
    else:
        new = value if _is_text(hint) else _parse(value)
        if float in _options(hint) and isinstance(new, int) and not isinstance(new, bool):
            new = float(new)
    changes = {name: new}
    if name == "name" and new != current and "kwargs" in hints:
        changes["kwargs"] = {}
    return dataclasses.replace(config, **changes)


def _inner(current: Any, hint: Any, rest: list[str], value: Any, path: str) -> Any:
    """What a field holds, with something inside it replaced."""
    entry_type = _entry_type(hint)
    if entry_type is not None:
        current = {rest[0]: entry_type(), **current}
    optional = [option for option in _options(hint) if dataclasses.is_dataclass(option)]
    if current is None and optional:
        current = optional[0]()
    if dataclasses.is_dataclass(current) or isinstance(current, Mapping):
        return _override(current, rest, value, path)
    if Ramp not in _options(hint):
        field = path.removesuffix("." + ".".join(rest))
        raise ConfigError(f"unknown field {path!r}; {field!r} holds a single value")
    return _ramp(current, rest, value, path)


def _ramp(current: Any, rest: list[str], value: Any, path: str) -> Ramp:
    """A ramp with one of its fields replaced; a float is the start of a new one."""
    if len(rest) > 1 or rest[0] not in Ramp._fields:
        field = path.removesuffix(".".join(rest))
        raise unknown("field", path, [field + name for name in Ramp._fields])
    new = _parse(value)
    if isinstance(current, Ramp):
        return current._replace(**{rest[0]: new})
    if rest[0] == "start":
        return Ramp(start=new, end=new)
    if current is None:
        start = path.removesuffix(rest[0]) + "start"
        raise ConfigError(f"{path} is the {rest[0]} of a ramp without a start; set {start} too")
    return Ramp(start=current)._replace(**{rest[0]: new})


def _is_text(hint: Any) -> bool:
    return hint in (str, str | None) or typing.get_origin(hint) is Literal


def _parse(value: Any) -> Any:
    """Text as a Python literal where it is one ("0.5", "1,2,4", "True"), else as it stands."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(value.lower(), value)


def to_dict(value: Any) -> Any:
    """Dataclasses and ramps as dicts."""
    if dataclasses.is_dataclass(value):
        return {name: to_dict(field) for name, field, _ in _fields(value)}
    if isinstance(value, Ramp):
        return value._asdict()
    return {k: to_dict(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def from_dict(kind: Any, data: Any, prefix: str = "") -> Any:
    """The dataclass of this kind that `to_dict` wrote.

    Raises:
        ConfigError: an unknown field, or a value that breaks a rule.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{prefix or 'config'} is {data!r}; it must be a JSON object")
    hints = typing.get_type_hints(kind)
    for name in data.keys() - hints.keys():
        raise unknown("field", prefix + name, [prefix + hint for hint in hints])
    return kind(**{name: _decode(hints[name], data[name], f"{prefix}{name}.") for name in data})


def _decode(hint: Any, value: Any, prefix: str) -> Any:
    for option in _options(hint):
        if dataclasses.is_dataclass(option) and value is not None:
            return from_dict(option, value, prefix)
    entry = _entry_type(hint)
    if entry is not None:
        return {name: from_dict(entry, item, f"{prefix}{name}.") for name, item in value.items()}
    return _tuples(value)


def _tuples(value: Any) -> Any:
    """JSON has no tuples and no ramps: every sequence in a config is a tuple."""
    if isinstance(value, dict):
        if set(value) == set(Ramp._fields):
            return Ramp(**value)
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
