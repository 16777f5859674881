"""`jaxgan sweep`: hyperparameters and seeds of an experiment, trained side by side and ranked."""

import dataclasses
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from jaxgan import runtime
from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.flags import UNPREFIXED, check_flag, field_of, parse
from jaxgan.runs import names
from jaxgan.runs.experiments import Experiment, experiment
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.space import members

_USAGE = "jaxgan sweep EXPERIMENT --vary PATH=SPEC ..."


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Trains an experiment with many hyperparameters and seeds, in one program, and ranks them.

    Members that differ in floats and seeds share one compiled program; other differences, such as
    loss.name=hinge,wasserstein, make groups with one each. A member that diverges ends by itself.
    The same command goes on where an earlier one stopped. `jaxgan sweep DIR --export N` makes
    DIR/members/000N a run for `jaxgan sample`, `eval` and `train --resume`, as the best member is
    in the end; `jaxgan sweep DIR` shows the table again. --optuna chooses values by those that were
    tried, in a study that many processes and hosts may share (docs/scaling.md). All other flags are
    the experiment's.
    """

    config: Annotated[Config, UNPREFIXED]
    vary: tuple[str, ...] = ()
    """PATH=A,B,C (PATH=A;B where values hold commas), PATH=log:LOW:HIGH:N or linear:LOW:HIGH:N, or
    for drawing without :N (Optuna draws from the whole range in any case); repeated. Default: SWEEP
    of the experiment, if it has one."""
    method: str = "grid"
    """grid: all combinations; or drawn: random, sobol, latin_hypercube."""
    num: int | None = None
    """How many points are drawn."""
    seeds: int | None = None
    """Seeds of each point: --seed S and those that follow it. Default: those of SWEEP, or 1."""
    halving: int | None = None
    """Drop all but the best one in N points at each of several rungs; a smaller program is compiled
    at each."""
    executor: str = "auto"
    """How members run: vmap (at once), map (in turn), shard (over devices); auto measures them."""
    export: int | None = None
    """Of DIR: the member to make a run of."""
    optuna: str | None = None
    """Storage of an Optuna study: a journal file (.log, .journal), or the URL of a database."""
    trials: int | None = None
    """Of the study, by all workers: the command ends when so many have ended."""
    study: str | None = None
    """Name of the study; default: EXPERIMENT."""
    population: int = 8
    """Trials that are asked for at a time, and train side by side."""
    sampler: str = "tpe"
    """What chooses the next values: tpe, random, nsgaii."""
    score: tuple[str, ...] = ()
    """Objectives of the study, such as fid,kid; default: that which marks the best checkpoint."""
    prune: bool = False
    """End trials at an evaluation where they are below the median of those that have ended."""
    workdir: Path | None = None
    """Directory of the sweep; default: runs/EXPERIMENT-sweep."""
    debug: bool = False
    """Show the traceback of an error."""


def command(arguments: Sequence[str]) -> None:
    """Runs `jaxgan sweep`.

    Raises:
        ConfigError: see `jaxgan.sweep`.
    """
    if not arguments or (arguments[0].startswith("-") and "--help" not in arguments):
        raise ConfigError(f"name an experiment: {_USAGE}")
    if arguments[0].startswith("-"):
        print(f"usage: {_USAGE}; jaxgan sweep EXPERIMENT --help tells the flags")
        return
    directory = SweepDirectory(Path(arguments[0]).expanduser())
    if directory.sweep.exists():
        _look(directory, arguments[1:])
        return
    vary, rest = _apart(arguments[1:])
    base = experiment(arguments[0])
    options = parse(SweepOptions(config=base.config), rest, usage=_USAGE)
    if options.export is not None:
        raise ConfigError(f"--export is {options.export}, of which sweep? name its directory")
    axes: dict[str, Any] = dict(_axes(vary, options.config)) or dict(
        getattr(base.module, "SWEEP", {})
    )
    own_seeds = axes.pop("seeds", 1)
    seeds = own_seeds if options.seeds is None else options.seeds
    workdir = options.workdir or Path("runs") / f"{base.name}-sweep"
    _check_together(options)
    if options.optuna is not None:
        _search(base, options, axes, seeds, workdir)
        return
    if not axes and seeds == 1:
        raise ConfigError("nothing varies; add --vary PATH=A,B,C or --seeds N")
    drawn: dict[str, Any] = {"method": options.method, "num": options.num, "seeds": seeds}
    for member in members(options.config, axes, **drawn):
        names.check(member.config)
    runtime.prepare()
    runtime.take_all_cores()
    from jaxgan.studies.sweep import sweep

    results = sweep(
        options.config,
        axes,
        workdir,
        **drawn,
        executor=options.executor,
        halving=options.halving,
        experiment=base.module,
    )
    assert results.best is not None
    print(f"table     {SweepDirectory(workdir).table}")
    print(f"best run  {workdir / results.best.directory}")


# What only some sweeps have.
_OF_SEARCHES = ("trials", "study", "population", "sampler", "score", "prune")
_OF_OTHERS = ("method", "num", "halving")


def _check_together(options: SweepOptions) -> None:
    """Raises ConfigError on a flag of another kind of sweep."""
    searches = options.optuna is not None
    for name in _OF_OTHERS if searches else _OF_SEARCHES:
        if getattr(options, name) != getattr(SweepOptions, name):
            remedy = "leave out one of them" if searches else "add --optuna STORAGE"
            which = "has no meaning with --optuna" if searches else "is of a study"
            raise ConfigError(f"--{name} {which}; {remedy}")
    if searches and options.trials is None:
        raise ConfigError(f"--optuna is {options.optuna}; say how many trials with --trials N")
    if searches and importlib.util.find_spec("optuna") is None:
        raise ConfigError("--optuna needs the package optuna: pip install 'jaxgan[sweep]'")


def _search(
    base: Experiment, options: SweepOptions, axes: dict[str, Any], seeds: int, workdir: Path
) -> None:
    """Trains trials of a study."""
    runtime.prepare()
    runtime.take_all_cores()
    from jaxgan.studies.search import search

    assert options.optuna is not None and options.trials is not None
    results = search(
        options.config,
        axes,
        workdir,
        storage=options.optuna,
        num_trials=options.trials,
        study=options.study or base.name,
        population=options.population,
        seeds=seeds,
        sampler=options.sampler,
        scores=options.score,
        prunes=options.prune,
        executor=options.executor,
        experiment=base.module,
    )
    print(f"table     {SweepDirectory(workdir).table}")
    for member in results.best:
        print(f"best run  {member['directory']}")


def _look(directory: SweepDirectory, arguments: Sequence[str]) -> None:
    """Exports a member of a sweep, or shows its table."""
    options = parse(SweepOptions(config=Config()), arguments, usage="jaxgan sweep DIR")
    given = dataclasses.replace(options, export=None, debug=False)
    if given != SweepOptions(config=Config()):
        raise ConfigError(
            f"{directory.root} is a sweep's directory, which takes --export N alone; to go on with "
            "it, give the command that began it"
        )
    if options.export is None:
        if not directory.table.exists():
            raise ConfigError(f"{directory.root} has no table yet; let the sweep go on")
        print(directory.table.read_text(), end="")
        return
    runtime.prepare()
    from jaxgan.studies.exporting import export

    print(export(directory.root, options.export).root)


def _apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands after each --vary, and all other arguments."""
    vary: list[str] = []
    rest: list[str] = []
    is_varied = False
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag == "--vary":
            vary += [value] if equals else []
            is_varied = not equals
        elif is_varied and not argument.startswith("--"):
            vary.append(argument)
        else:
            is_varied = False
            rest.append(argument)
    return vary, rest


def _axes(vary: Sequence[str], config: Config) -> dict[str, str]:
    """The specs by the dotted names of the fields."""
    axes: dict[str, str] = {}
    for text in vary:
        name, equals, spec = text.partition("=")
        path = field_of(name)
        if not equals or not path:
            raise ConfigError(f"--vary is {text!r}; write PATH=A,B,C or PATH=log:LOW:HIGH:N")
        check_flag(config, path, spec)
        if path in axes:
            raise ConfigError(f"--vary {path} is given twice; give all values at once")
        axes[path] = spec
    return axes
