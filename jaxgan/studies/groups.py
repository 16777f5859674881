"""Members that one program trains: equal configs, but for seeds and floats."""

import dataclasses
import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from jaxgan.config import Config, to_json
from jaxgan.ramp import Ramp, ends
from jaxgan.runs.entries import floats
from jaxgan.studies.space import Member


def static_part(config: Config) -> Hashable:
    """What is compiled into a program of this config: all but its seed and its floats.

    Of a ramp and of a tuple of floats the form is static, and the numbers are not. Two configs that
    are equal here train in one program.

    Raises:
        ConfigError: an unknown name, or a value that its owner does not take.
    """
    traced = floats(config)
    rest = json.loads(to_json(config)) | {"seed": 0}
    for path in traced:
        rest = _without(rest, path)
    forms = {".".join(path): _form(value) for path, value in traced.items()}
    return json.dumps([rest, forms], sort_keys=True)


def whole(config: Config) -> Hashable:
    """All but the seed: the static part of an algorithm, which has its floats compiled in."""
    return json.dumps(json.loads(to_json(config)) | {"seed": 0}, sort_keys=True)


def grouped(
    members: Iterable[Member], key: Callable[[Config], Hashable] = static_part
) -> list[list[Member]]:
    """The members whose configs have one key, in the order of their first ones."""
    found: dict[Hashable, list[Member]] = {}
    for member in members:
        found.setdefault(key(member.config), []).append(member)
    return list(found.values())


def _form(value: Any) -> Any:
    if isinstance(value, Ramp):
        numbers = len(value.start) if isinstance(value.start, tuple) else None
        return ["ramp", len(ends(value.start)), numbers, *value[2:]]  # but for the ends
    return ["tuple", len(value)] if isinstance(value, tuple) else "float"


def _without(tree: Any, path: tuple[str, ...]) -> Any:
    """Nested dicts without what is at a path, if anything is."""
    name, *rest = path
    if not isinstance(tree, dict) or name not in tree:
        return tree
    if rest:
        return {**tree, name: _without(tree[name], tuple(rest))}
    return {other: value for other, value in tree.items() if other != name}


def alone(config: Config) -> Config:
    """The config of the program of a group: on one device, and without monitors."""
    return dataclasses.replace(config, parallel="jit", monitor_every=0)
