"""Flags of the command line, dotted paths into a frozen dataclass; tyro writes the help."""

import contextlib
import dataclasses
import inspect
import io
import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import tyro

from jaxgan.errors import ConfigError
from jaxgan.fields import check_type, first_leaf, hint_at, leaves, override_all
from jaxgan.registry import unknown

Options = TypeVar("Options")

# Annotates a field whose own fields are not prefixed with its name.
UNPREFIXED = tyro.conf.arg(name="")

_ALIASES = {
    "batch_size": "data.batch_size",
    "chunk": "game.kwargs.chunk",
    "data_dir": "data.dir",
}

# What users of other libraries write in the place of a config's flags, and what to write here.
FOREIGN = {
    r"lr|learning_rate": "use --generator.learning-rate and --discriminator.learning-rate",
    r"(generator|discriminator|networks\.\w+)\.lr": r"use --\1.learning-rate",
    r"(\w+_)?epochs?": (
        "the length of a run is --steps N; an epoch is (number of samples / --batch-size) steps"
    ),
    r"(\w+_)?(iters?|iterations|kimg)|(num|max|total|train)_steps": "use --steps N",
    r"bs|batch": "use --batch-size N",
    r"(\w+_)?(gpus?|devices?|accelerators?)|cuda": (
        "a run takes all devices that JAX finds: choose them by the environment, "
        "CUDA_VISIBLE_DEVICES=0 or JAX_PLATFORMS=cpu"
    ),
    r"(\w+_)?(out|output|log|save|run|result|results)_?dir|output|out": "use --workdir DIR",
    r"(ckpt|checkpoint|resume)_(from|path|dir)": "use --workdir RUN --resume",
    r"optim|optimi[sz]er": "use --generator.optimizer.name and --discriminator.optimizer.name",
    r"network|model|arch": "use --generator.network.name and --discriminator.network.name",
    r"(generator|discriminator)\.b(?:eta)?([12])": r"use --\1.optimizer.kwargs.b\2",
    r"(loss|terms\.\w+)\.lambda_?": r"use --\1.weight",
    r"(?:penalties\.)?(\w+)\.(?:lambda_?|gamma)": r"use --penalties.\1.weight",
    r"dataset|data_?(path|root)": "use --data.name with a name or a folder of images",
    r"size|resolution|(image|img)_?size": "use --data.resize SIDE",
    r"flip|mirror|xflip|hflip": "use --data.mirror",
    r"nz|(z|latent)_(dim|size)": "use --latent.dim N",
    r"amp|fp16|bf16|precision": "use --dtype bfloat16",
    r"ema(_(decay|beta|rate))?": "use --ema-half-life STEPS",
}


def parse(
    defaults: Options, arguments: Sequence[str], *, usage: str, about: str | None = None
) -> Options:
    """The options with the flags applied: `--path.to.field VALUE` or `--path.to.field=VALUE`.

    A field of booleans may stand alone, or as `--no-field`. The fields of a dataclass in a field
    `config` need not be prefixed with its name. What is no flag is the first field's.

    Args:
        defaults: A frozen dataclass.
        arguments: Those of the command line.
        usage: How the command is called, for `--help` and for messages.
        about: What it does, for `--help`; by default the docstring of the dataclass.

    Raises:
        ConfigError: an unknown flag, or a value that is missing or of the wrong type.
        SystemExit: after `--help`.
    """
    if {"-h", "--help"} & set(arguments):
        about = (inspect.getdoc(type(defaults)) or "") if about is None else about
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
            check_flag(config, path, value)
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


def field_of(flag: str) -> str:
    """The dotted name of what a flag, without its hyphens in front, sets."""
    path = flag.replace("-", "_")
    return _ALIASES.get(path, path)


def check_flag(config: Any, path: str, value: Any) -> None:
    """Raises ConfigError on a flag of another library's, or one that stands for several flags."""
    for pattern, remedy in FOREIGN.items():
        if found := re.fullmatch(pattern, path):
            raise ConfigError(f"unknown flag {_flag(path)!r}; {found.expand(remedy)}")
    leaf = first_leaf(type(config), path)
    if leaf is not None and value not in ("none", "None"):
        raise ConfigError(f"{_flag(path)} stands for several flags; use {_flag(leaf)} {value}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _pairs(defaults: Any, remaining: list[str]) -> Iterator[tuple[str, Any]]:
    """(path, value) of each argument."""
    config = getattr(defaults, "config", None)
    hints = typing.get_type_hints(type(defaults))
    first, *_ = dataclasses.fields(defaults)

    def hint(path: str) -> Any:
        return hints.get(path) or hint_at(type(config), path)

    while remaining:
        argument = remaining.pop(0)
        if not argument.startswith("--"):
            yield first.name, argument
            continue
        flag, equals, value = argument.removeprefix("--").partition("=")
        path = field_of(flag)
        has_value = bool(remaining) and not remaining[0].startswith("--")
        if equals:
            yield path, value
        elif hint(path) is bool and not (has_value and remaining[0].lower() in _BOOLEANS):
            yield path, True
        elif path.startswith("no_") and hint(path.removeprefix("no_")) is bool:
            yield path.removeprefix("no_"), False
        elif not has_value:
            raise ConfigError(f"--{flag} needs a value")
        else:
            several = typing.get_origin(hint(path)) is tuple
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
