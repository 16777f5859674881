"""Nested frozen dataclasses as trees of fields: dotted paths, overrides from text, plain dicts.

A field may hold a value, a dataclass, dataclasses by label, keyword arguments, or a `Ramp`.
"""

import ast
import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from jaxgan.errors import ConfigError
from jaxgan.ramp import SHAPES, Ramp, ends
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
    is_union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return typing.get_args(hint) if is_union else (hint,)


def hint_at(kind: Any, path: str) -> Any:
    """The type of what stands at a dotted path in a dataclass of this kind; None if it has none."""
    for name in path.split("."):
        entry = _entry_type(kind)
        held = _dataclasses(kind)
        kind = entry or (typing.get_type_hints(held[0]).get(name) if held else None)
    return kind


def first_leaf(kind: Any, path: str) -> str | None:
    """The first single value in what stands at a dotted path; None where that is a single value.

    Args:
        kind: A dataclass type with defaults.
        path: The path in it.
    """
    hint = hint_at(kind, path)
    if entry := _entry_type(hint):
        return leaves(entry(), f"{path}.LABEL.")[0][0]
    held = _dataclasses(hint)
    return leaves(held[0](), f"{path}.")[0][0] if held else None


def _dataclasses(hint: Any) -> list[Any]:
    """The dataclasses that a field of this type may hold."""
    return [option for option in _options(hint) if dataclasses.is_dataclass(option)]


def check_type(path: str, value: Any, hint: Any) -> None:
    """Raises ConfigError unless the value is of the type of its field."""
    options = _options(hint)
    literals = [option for option in options if typing.get_origin(option) is Literal]
    if literals and not (value is None and types.NoneType in options):
        if value not in typing.get_args(literals[0]):
            raise unknown(path, str(value), typing.get_args(literals[0]))
        return
    options = tuple(option for option in options if option not in literals)
    allowed = tuple(typing.get_origin(option) or option for option in options)
    if float in allowed:
        allowed += (int,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        shown = [option for option in options if option is not Ramp]
        names = " or ".join(getattr(option, "__name__", str(option)) for option in shown)
        raise ConfigError(f"{path} is {value!r}; it must be of type {names}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path} is {value}; it must be finite")


def check_ramp(path: str, ramp: Ramp, steps: int, *, single: bool) -> None:
    """Raises ConfigError unless the ramp is well defined in a run of so many steps.

    Args:
        path: Of the ramp, for the message.
        ramp: What is checked.
        steps: Of the run.
        single: Whether it stands for one float, and not for a tuple.
    """
    if ramp.shape not in SHAPES:
        raise unknown(f"{path}.shape", str(ramp.shape), SHAPES)
    for name in ("start", "end"):
        end = getattr(ramp, name)
        for number in (end,) if single else ends(end):
            if not isinstance(number, int | float) or not math.isfinite(number):
                raise ConfigError(f"{path}.{name} is {number!r}; it must be a finite number")
    if len(ends(ramp.start)) != len(ends(ramp.end)):
        raise ConfigError(
            f"{path} goes from {ramp.start} to {ramp.end}; give as many numbers at its end as at "
            "its start"
        )
    if ramp.shape == "exponential" and min(*ends(ramp.start), *ends(ramp.end)) <= 0:
        raise ConfigError(
            f"{path} goes from {ramp.start} to {ramp.end} exponentially; both ends must be greater "
            "than 0: take another shape or ends"
        )
    end = steps if ramp.steps is None else ramp.steps
    if not isinstance(ramp.warmup, int) or not 0 <= ramp.warmup < end:
        raise ConfigError(
            f"{path}.warmup is {ramp.warmup}; it must be an integer, at least 0 and less than its "
            f"steps ({end})"
        )
    if not isinstance(ramp.hold, int | float) or not 0 <= ramp.hold < 1:
        raise ConfigError(f"{path}.hold is {ramp.hold}; it must be in [0, 1): a share of the steps")


def get(config: Any, path: str) -> Any:
    """The value at a dotted path, such as "loss.kwargs.bandwidth"."""
    for name in path.split("."):
        config = config[name] if isinstance(config, Mapping) else getattr(config, name)
    return config


def override(config: Dataclass, path: str, value: Any) -> Dataclass:
    """The config with the value at a dotted path replaced: see `override_all`."""
    return override_all(config, {path: value})


def override_all(config: Dataclass, values: Mapping[str, Any]) -> Dataclass:
    """The config with the values at dotted paths replaced; text is parsed to the field's type.

    New entries by label, `kwargs` and ramps (`PATH.end` makes a float at `PATH` the start of one)
    are made on the way. Another `name` empties the `kwargs` beside it, which were the old entry's.
    The config is checked once, with all values replaced.

    Raises:
        ConfigError: no such field, or a value of the wrong type.
    """
    return _replaced(config, {tuple(path.split(".")): value for path, value in values.items()}, "")


# What is replaced inside of something: values by the rest of their paths.
_Changes = dict[tuple[str, ...], Any]


def _replaced(config: Any, changes: _Changes, prefix: str) -> Any:
    """A dataclass, keyword arguments or entries by label, with some of what it holds replaced."""
    inner: dict[str, _Changes] = {}
    for (name, *rest), value in changes.items():
        inner.setdefault(name, {})[tuple(rest)] = value
    if isinstance(config, Mapping):
        new = {
            name: _value(config.get(name), Any, rest, prefix + name) for name, rest in inner.items()
        }
        return {**config, **new}
    hints = typing.get_type_hints(type(config))
    for name in inner:
        if name not in hints:
            raise unknown("field", prefix + name, [prefix + hint for hint in hints])
    new = {}
    # Names first: another name drops the arguments that belonged to the old one.
    for name in sorted(inner, key=lambda name: name != "name"):
        current = new.get(name, getattr(config, name))
        new[name] = _value(current, hints[name], inner[name], prefix + name)
        if name == "name" and new[name] != current and "kwargs" in hints:
            new["kwargs"] = {}
    return dataclasses.replace(config, **new)


def _value(current: Any, hint: Any, changes: _Changes, path: str) -> Any:
    """What a field holds, replaced as a whole or inside."""
    current = _parsed(changes[()], hint) if () in changes else current
    changes = {names: value for names, value in changes.items() if names}
    if not changes:
        return current
    entry_type = _entry_type(hint)
    if entry_type is not None:
        current = {**{label: entry_type() for label, *_ in changes}, **current}
    if current is None:
        held = _dataclasses(hint)
        current = held[0]() if held else None
    if dataclasses.is_dataclass(current) or isinstance(current, Mapping):
        return _replaced(current, changes, f"{path}.")
    inner = ".".join(next(iter(changes)))
    if hint is not Any and Ramp not in _options(hint):
        raise ConfigError(f"unknown field '{path}.{inner}'; {path!r} holds a single value")
    return _ramp(current, changes, path)


def _ramp(current: Any, changes: _Changes, path: str) -> Ramp:
    """A ramp with some of its fields replaced; a float is the start of a new one."""
    new = {}
    for (name, *rest), value in changes.items():
        if rest or name not in Ramp._fields:
            unknown_path = ".".join((path, name, *rest))
            raise unknown("field", unknown_path, [f"{path}.{n}" for n in Ramp._fields])
        new[name] = _parsed(value, Any)
    if isinstance(current, Ramp):
        return current._replace(**new)
    if current is None and "start" not in new:
        raise ConfigError(f"{path} is a ramp without a start; set {path}.start too")
    if not {"end", "shape", "hold"} & set(new):
        new["shape"] = "constant"  # a warm-up alone
    return Ramp(**{"start": current, **new})


def _parsed(value: Any, hint: Any) -> Any:
    """Text as the type of its field, or as a Python literal where it is one; else as it stands."""
    options = _options(hint)
    if isinstance(value, str) and Path in options:
        return Path(value)
    if isinstance(value, str) and typing.get_origin(hint) is tuple:
        return tuple(part for part in value.split(",") if part)
    is_literal = any(typing.get_origin(option) is Literal for option in options)
    if not isinstance(value, str) or str in options or is_literal:
        new = value
    else:
        try:
            new = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            new = {"true": True, "false": False, "none": None}.get(value.lower(), value)
    if float in options and isinstance(new, int) and not isinstance(new, bool):
        return float(new)
    return new


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
    if entry is not None and isinstance(value, Mapping):
        return {name: from_dict(entry, item, f"{prefix}{name}.") for name, item in value.items()}
    return _tuples(value)


def _tuples(value: Any) -> Any:
    """JSON has no tuples and no ramps: every sequence in a config is a tuple."""
    if isinstance(value, dict):
        # Runs from before ramps could be held lack that field.
        if {"start", "end", "shape"} <= set(value) <= set(Ramp._fields):
            return Ramp(**{name: _tuples(item) for name, item in value.items()})
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
