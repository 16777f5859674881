"""`jaxgan compare`: variants of an experiment over seeds, with intervals and verdicts."""

import dataclasses
import inspect
import shlex
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

from jaxgan import runtime
from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.flags import UNPREFIXED, parse
from jaxgan.runs import names
from jaxgan.runs.experiments import experiment

_USAGE = 'jaxgan compare EXPERIMENT --losses a,b or --variant "LABEL: --flag value" ...'


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Compares losses, or any variants of an experiment, over seeds: intervals and verdicts.

    Each variant is trained with each seed; its runs are in WORKDIR/LABEL/seed-SEED, or with
    --together in the sweep WORKDIR/LABEL/seeds-FIRST-LAST. The same command goes on where an
    earlier one stopped, also with more seeds or variants. All other flags are the experiment's, as
    in `jaxgan train`, and hold for all variants.
    """

    config: Annotated[Config, UNPREFIXED]
    losses: tuple[str, ...] = ()
    """Variants by loss: --loss.name of each."""
    variant: tuple[str, ...] = ()
    """A variant: "LABEL: --flag value ...", or "LABEL: EXPERIMENT --flag value ..."; repeated."""
    seeds: int = 5
    """Training seeds of each variant: --seed S and those that follow it."""
    score: str | None = None
    """Score to compare, such as fid; default: that which marks the best checkpoint."""
    samplings: int = 3
    """Evaluations of each run, each of other samples."""
    baseline: str | None = None
    """Variant that the others are compared with; default: the first."""
    higher_is_better: bool = False
    """Of a game's own figure, such as test_error, of which that is not known."""
    together: bool = False
    """Train the seeds of a variant in one program: one compilation, and often less time."""
    workdir: Path | None = None
    """Directory of all runs; default: runs/EXPERIMENT-compared."""
    debug: bool = False
    """Show the traceback of an error."""


def command(arguments: Sequence[str]) -> None:
    """Runs `jaxgan compare`.

    Raises:
        ConfigError: see `jaxgan.compare`; or flags that say no two variants.
    """
    if not arguments or (arguments[0].startswith("-") and "--help" not in arguments):
        raise ConfigError(f"name an experiment: {_USAGE}")
    if arguments[0].startswith("-"):
        print(f"usage: {_USAGE}; jaxgan compare EXPERIMENT --help tells them")
        return
    given, written = _apart(arguments[1:])
    base = experiment(arguments[0])
    options = _parsed(base.config, given)
    configs: dict[str, Config] = {}
    modules: dict[str, ModuleType] = {}
    variants = [(loss.rpartition(":")[2], ["--loss.name", loss]) for loss in options.losses]
    for label, flags in [*variants, *map(_variant, written)]:
        if label in configs:
            raise ConfigError(f"two variants are called {label!r}; rename one")
        has_own = bool(flags) and not flags[0].startswith("-")
        of = experiment(flags[0]) if has_own else base
        own = _parsed(of.config, [*given, *flags[has_own:]])
        if dataclasses.replace(own, config=options.config) != options:
            raise ConfigError(f"variant {label!r} has a flag of the comparison; set it outside")
        configs[label], modules[label] = own.config, of.module
        names.check(own.config)
    if len(configs) < 2:
        raise ConfigError(f"variants: {', '.join(configs) or 'none'}; name two: {_USAGE}")
    runtime.prepare()
    if options.together:
        runtime.take_all_cores()
    from jaxgan.studies.compare import compare
    from jaxgan.studies.comparison_report import print_tables

    comparison = compare(
        configs,
        options.workdir or Path("runs") / f"{base.name}-compared",
        seeds=options.seeds,
        score=options.score,
        samplings=options.samplings,
        baseline=options.baseline,
        higher_is_better=options.higher_is_better,
        together=options.together,
        experiments=modules,
    )
    print_tables(comparison)
    for name in ("comparison.md", "comparison.json", "comparison.png"):
        print(comparison.workdir / name)


def _parsed(config: Config, flags: Sequence[str]) -> CompareOptions:
    about = inspect.getdoc(CompareOptions) or ""
    return parse(CompareOptions(config=config), flags, usage=_USAGE, about=about)


def _apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The flags without those that write a variant, which may be repeated, and the variants."""
    remaining, flags, variants = list(arguments), [], []
    while remaining:
        argument = remaining.pop(0)
        name, equals, value = argument.partition("=")
        if name != "--variant":
            flags.append(argument)
        elif equals or (remaining and not remaining[0].startswith("--")):
            variants.append(value if equals else remaining.pop(0))
        else:
            raise ConfigError('--variant needs a value, such as "LABEL: --loss.name hinge"')
    return flags, variants


def _variant(text: str) -> tuple[str, list[str]]:
    """The label and the flags of a variant."""
    label, colon, flags = text.partition(":")
    if not colon or not label.strip() or label.strip().startswith("-"):
        raise ConfigError(f'--variant is {text!r}; it must be "LABEL: --flag value ..."')
    try:
        return label.strip(), shlex.split(flags)
    except ValueError as error:
        raise ConfigError(f"--variant is {text!r} ({error}); close its quotes") from error
