"""Registries: dicts from a name to a record, and what records say of hyperparameters.

A record says in its first field, `function`, what it is about. Names that are no key of
a registry may be MODULE:NAME, which imports a user's own function. The signature of a function is
the one source of its hyperparameters: keyword-only arguments with defaults.
"""

import difflib
import functools
import importlib
import inspect
import math
import numbers
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from jaxgan.errors import ConfigError
from jaxgan.ramp import Ramp, ends

Entry = TypeVar("Entry")
Record = TypeVar("Record")
Function = TypeVar("Function", bound=Callable[..., Any])

# What a function may ask the step for, by a keyword-only argument of this name without default.
# "others" are as many more fakes, made from other latents; "reference" is what was fitted once.
ASKABLE = ("key", "labels", "z", "reference", "others")
# What views of networks that are not trained begin with: "frozen:NAME" are the features of one,
# "patches:NAME" its maps at several scales.
FROZEN = ("frozen:", "patches:")
# What a game may take from the config, by arguments of these names.
SUPPLIED = ("terms", "penalties", "augmentation", "measures", "frozen")
# What a data set may take from the config, by arguments of these names.
DATA_OPTIONS = ("split", "data_dir", "cache_dir", "resize", "pad")


class Range(NamedTuple):
    """The values that a hyperparameter may take, or each number of it if it is a tuple.

    Attributes:
        low: The least value.
        high: The greatest value.
        above: Whether `low` itself is excluded.
        below: Whether `high` itself is excluded.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: Any) -> bool:
        low = value > self.low if self.above else value >= self.low
        return low and (value < self.high if self.below else value <= self.high)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'greater than' if self.above else 'at least'} {self.low:g}"
        if self.low == -math.inf:
            return f"{'less than' if self.below else 'at most'} {self.high:g}"
        first, last = "(" if self.above else "[", ")" if self.below else "]"
        return f"in {first}{self.low:g}, {self.high:.10g}{last}"


POSITIVE = Range(low=0, above=True)
NON_NEGATIVE = Range(low=0)
FRACTION = Range(low=0, high=1)
AT_LEAST_ONE = Range(low=1)

Ranges = Mapping[str, Range]


def check_range(value: Any, allowed: Range, path: str) -> None:
    """Raises ConfigError unless the number, every number of the tuple or both ends are in range."""
    numbers = value if isinstance(value, tuple) else (value,)
    for number in (*ends(value.start), *ends(value.end)) if isinstance(value, Ramp) else numbers:
        if number is not None and number not in allowed:
            raise ConfigError(f"{path} is {value}; it must be {allowed}")


def refusing(function: Function, ranges: Ranges) -> Function:
    """The function, which raises ConfigError on a keyword that is a number out of its range.

    Arrays pass: to look at them would wait for the device, or is not possible while tracing.
    """

    @functools.wraps(function)
    def checked(*inputs: Any, **options: Any) -> Any:
        for name, allowed in ranges.items():
            value = options.get(name)
            for number in value if isinstance(value, tuple | list) else (value,):
                if isinstance(number, numbers.Real):
                    check_range(number, allowed, f"{name} of {function.__name__}")
        return function(*inputs, **options)

    return typing.cast(Function, checked) if ranges else function


def unknown(kind: str, name: str, names: Iterable[str]) -> ConfigError:
    """The error for a name that is not among `names`: names the nearest, else lists them all."""
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(names)}"
    return ConfigError(f"unknown {kind} {name!r}; {remedy}")


def lookup(registry: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """The entry of this name, or what MODULE:NAME names.

    Raises:
        ConfigError: no such entry, with the nearest known name; or a module that cannot be
            imported or has no such name.
    """
    if name in registry:
        return registry[name]
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise unknown(kind, name, registry)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(
            f"{kind} {name!r}: module {module_name!r} cannot be imported ({error}); "
            "run from the folder that holds it"
        ) from error
    if not hasattr(module, attribute):
        raise unknown(f"{kind} in {module_name}", attribute, vars(module))
    return getattr(module, attribute)


def as_record(kind: type[Record], entry: Any) -> Record:
    """The entry, made a record of this kind with its defaults if it is a bare function."""
    return entry if isinstance(entry, kind) else typing.cast(Callable[[Any], Record], kind)(entry)


def hyperparameters(function: Callable) -> dict[str, Any]:
    """The arguments of a function, or fields of a linen module, that have defaults, with them."""
    own = getattr(function, "hyperparameters", None)
    if own is not None:
        return dict(own)
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty and name not in ("parent", "name")
    }


def check_arguments(names: Iterable[str], known: Collection[str], path: str) -> None:
    """Raises ConfigError on a name that is none of the known hyperparameters of a function.

    Args:
        names: What a user set.
        known: What there is.
        path: Dotted name of the entry, for the message.
    """
    for name in names:
        if not known:
            raise ConfigError(f"{path} takes no hyperparameters; remove {name!r}")
        if name not in known:
            raise unknown(f"hyperparameter of {path}", name, known)


def asks_for(function: Callable) -> tuple[str, ...]:
    """What of ASKABLE a function wants to be given: its arguments of these names, no defaults."""
    parameters = inspect.signature(function).parameters
    return tuple(
        name
        for name in ASKABLE
        if name in parameters and parameters[name].default is inspect.Parameter.empty
    )


def is_traced(value: Any) -> bool:
    """Whether a hyperparameter of this value is traced: a float, a Ramp or a tuple of floats."""
    return isinstance(value, float | Ramp) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(v, float) for v in value)
    )


def bind(
    function: Callable, kwargs: Mapping[str, Any], path: str, ranges: Ranges | None = None
) -> dict[str, Any]:
    """All hyperparameters of a function: its defaults, replaced by `kwargs`.

    Args:
        function: Its signature, or its attribute `hyperparameters`, says what there are.
        kwargs: What a user set; ints become floats where the default is a float.
        path: Dotted name of the entry, for messages.
        ranges: The values that each may take; those of other names are left out.

    Raises:
        ConfigError: an unknown name, or a value that is not of its default's type or not in range.
    """
    defaults = hyperparameters(function)
    check_arguments(kwargs, defaults, path)
    annotations = {
        name: parameter.annotation
        for name, parameter in inspect.signature(function).parameters.items()
    }
    bound = dict(defaults)
    for name, value in kwargs.items():
        where = f"{path}.kwargs.{name}"
        if defaults[name] is None:
            bound[name] = _optional(value, annotations.get(name), where)
        else:
            bound[name] = _coerce(value, defaults[name], where)
    for name, allowed in (ranges or {}).items():
        if name in bound:
            check_range(bound[name], allowed, f"{path}.kwargs.{name}")
    return bound


def _coerce(value: Any, default: Any, path: str) -> Any:
    """The value in the type of the default."""
    if isinstance(default, str) and value is None:
        return "none"  # which a flag reads as None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, Ramp) and is_traced(default):
        start, end = (_coerce(one, default, path) for one in value[:2])
        return value._replace(start=start, end=end)
    if isinstance(default, float) and isinstance(value, int | float) and is_number:
        return float(value)
    if isinstance(default, tuple):
        values = value if isinstance(value, tuple | list) else (value,)
        return tuple(_coerce(v, default[0], path) for v in values) if default else tuple(values)
    if isinstance(value, type(default)) and isinstance(value, bool) == isinstance(default, bool):
        return value
    raise ConfigError(f"{path} is {value!r}; it must be of type {type(default).__name__}")


def _optional(value: Any, annotation: Any, path: str) -> Any:
    """The value of an argument that is None by default, in the number type of its annotation."""
    options = typing.get_args(annotation) or (annotation,)
    for kind, example in ((float, 0.0), (int, 0)):
        if value is not None and kind in options:
            return _coerce(value, example, path)
    return value
