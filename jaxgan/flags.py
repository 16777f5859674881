"""Flags of the command line, dotted paths into a frozen dataclass; tyro writes the help."""

import contextlib
import dataclasses
import io
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import tyro

from jaxgan.errors import ConfigError
from jaxgan.fields import check_type, leaves, override_all
from jaxgan.registry import unknown

Options = TypeVar("Options")

# Annotates a field whose own fields are not prefixed with its name.
UNPREFIXED = tyro.conf.arg(name="")

_ALIASES = {"batch_size": "data.batch_size", "data_dir": "data.dir"}


def parse(defaults: Options, arguments: Sequence[str], *, usage: str, about: str = "") -> Options:
    """The options with the flags applied: `--path.to.field VALUE` or `--path.to.field=VALUE`.

    A field of booleans may stand alone, or as `--no-field`. The fields of a dataclass in a field
    `config` need not be prefixed with its name. What is no flag is the first field's.

    Args:
        defaults: A frozen dataclass.
        arguments: Those of the command line.
        usage: How the command is called, for `--help` and for messages.
        about: What it does, for `--help`.

    Raises:
        ConfigError: an unknown flag, or a value that is missing or of the wrong type.
        SystemExit: after `--help`.
    """
    if {"-h", "--help"} & set(arguments):
        print(_help(defaults, usage, about))
        raise SystemExit(0)
    own = set(typing.get_type_hints(type(defaults)))
    config = getattr(defaults, "config", None)
    values, of_config = {}, {}
    for path, value in _pairs(defaults, list(arguments)):
        head = path.partition(".")[0]
        if head in own or config is None:
            values[path] = value
        else:
            of_config[path] = value
    known = own | {f.name for f in dataclasses.fields(config)} if config is not None else own
    for path in (*values, *of_config):
        head = path.partition(".")[0]
        if head not in known:
            raise unknown("flag", _flag(head), [_flag(name) for name in (*known, *_ALIASES)])
    if config is not None:
        values["config"] = override_all(config, of_config)
    options = override_all(defaults, values)
    for path, value, hint in leaves(options):
        if not path.startswith("config."):  # a config checks itself
            check_type(path, value, hint)
    return options


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _pairs(defaults: Any, remaining: list[str]) -> Iterator[tuple[str, Any]]:
    """(path, value) of each argument."""
    config = getattr(defaults, "config", None)
    hints = typing.get_type_hints(type(defaults))
    hints |= typing.get_type_hints(type(config)) if config is not None else {}
    first, *_ = dataclasses.fields(defaults)
    while remaining:
        argument = remaining.pop(0)
        if not argument.startswith("--"):
            yield first.name, argument
            continue
        flag, equals, value = argument.removeprefix("--").partition("=")
        path = flag.replace("-", "_")
        path = _ALIASES.get(path, path)
        has_value = bool(remaining) and not remaining[0].startswith("--")
        if equals:
            yield path, value
        elif hints.get(path) is bool and not (has_value and remaining[0].lower() in _BOOLEANS):
            yield path, True
        elif path.startswith("no_") and hints.get(path.removeprefix("no_")) is bool:
            yield path.removeprefix("no_"), False
        elif not has_value:
            raise ConfigError(f"--{flag} needs a value")
        else:
            several = typing.get_origin(hints.get(path)) is tuple
            value = remaining.pop(0)
            while several and remaining and not remaining[0].startswith("--"):
                value += "," + remaining.pop(0)
            yield path, value


_BOOLEANS = ("true", "false")


def _help(defaults: Any, usage: str, about: str) -> str:
    """What tyro says of the fields, their types, defaults and docstrings."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(
            type(defaults),
            default=defaults,
            args=["--help"],
            prog=usage,
            description=about,
            config=(tyro.conf.AvoidSubcommands, tyro.conf.FlagCreatePairsOff),
        )
    return text.getvalue()
