"""`jaxgan sweep`: hyperparameters and seeds of an experiment, trained side by side and ranked."""

import dataclasses
import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from jaxgan import runtime
from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.flags import UNPREFIXED, check_flag, field_of, parse
from jaxgan.runs import names
from jaxgan.runs.experiments import experiment
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
    in the end; `jaxgan sweep DIR` shows the table again. All other flags are the experiment's.
    """

    config: Annotated[Config, UNPREFIXED]
    vary: tuple[str, ...] = ()
    """PATH=A,B,C (PATH=A;B where values hold commas), PATH=log:LOW:HIGH:N or linear:LOW:HIGH:N, or
    for drawing without :N; repeated. Default: SWEEP of the experiment, if it has one."""
    method: str = "grid"
    """grid: all combinations; or drawn: random, sobol, latin_hypercube."""
    num: int | None = None
    """How many points are drawn."""
    seeds: int = 1
    """Seeds of each point: --seed S and those that follow it."""
    halving: int | None = None
    """Drop all but the best one in N points at each of several rungs; a smaller program is compiled
    at each."""
    executor: str = "auto"
    """How members run: vmap (at once), map (in turn), shard (over devices); auto measures them."""
    export: int | None = None
    """Of DIR: the member to make a run of."""
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
    options = parse(
        SweepOptions(config=base.config),
        rest,
        usage=_USAGE,
        about=inspect.getdoc(SweepOptions) or "",
    )
    if options.export is not None:
        raise ConfigError(f"--export is {options.export}, of which sweep? name its directory")
    axes = _axes(vary, options.config) or dict(getattr(base.module, "SWEEP", {}))
    if not axes and options.seeds == 1:
        raise ConfigError("nothing varies; add --vary PATH=A,B,C or --seeds N")
    drawn: dict[str, Any] = {
        "method": options.method,
        "num": options.num,
        "seeds": options.seeds,
    }
    for member in members(options.config, axes, **drawn):
        names.check(member.config)
    runtime.prepare()
    _take_all_cores()
    from jaxgan.studies.sweep import sweep

    workdir = options.workdir or Path("runs") / f"{base.name}-sweep"
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


def _take_all_cores() -> None:
    """One CPU device a core, unless the environment says how many."""
    import jax

    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    if jax.config.values["jax_num_cpu_devices"] == -1:
        available = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
        jax.config.update("jax_num_cpu_devices", len(available(0)))
