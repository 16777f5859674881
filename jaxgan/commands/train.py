"""`jaxgan train`: one run of an experiment, or on a folder of images."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from jaxgan import runtime
from jaxgan.commands import processes
from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.flags import UNPREFIXED, parse
from jaxgan.runs import names
from jaxgan.runs.experiments import experiment


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """A config, and where and how to run it."""

    config: Annotated[Config, UNPREFIXED]
    workdir: Path | None = None
    """Run directory; default: runs/EXPERIMENT, or runs/FOLDER."""
    resume: bool = False
    """Go on with the run in the directory, which may have had another number of steps."""
    distributed: bool = False
    """Train with all processes of a TPU pod, or those that SLURM or Open MPI started."""
    coordinator: str | None = None
    """HOST:PORT of process 0, where processes are started in any other way."""
    num_processes: int | None = None
    """How many processes there are."""
    process_id: int | None = None
    """Which of them this is, from 0."""
    profile: int = 0
    """Trace so many steps into profile/ of the run directory, for https://ui.perfetto.dev."""
    debug: bool = False
    """Show the traceback of an error."""


def command(arguments: Sequence[str]) -> None:
    """Trains an experiment, or on a folder of images: `jaxgan train EXPERIMENT [flags]`.

    Raises:
        ConfigError: see `jaxgan.train`.
    """
    if not arguments or (arguments[0].startswith("-") and "--help" not in arguments):
        raise ConfigError(
            "name an experiment or a folder of images: jaxgan train EXPERIMENT [flags]"
        )
    if arguments[0].startswith("-"):
        print("usage: jaxgan train EXPERIMENT [flags]; jaxgan train EXPERIMENT --help tells them")
        return
    base = experiment(arguments[0])
    options = parse(
        TrainOptions(config=base.config),
        arguments[1:],
        usage=base.command,
        about=f"{(base.module.__doc__ or '').strip()}\n\n{_HELP}",
    )
    names.check(options.config)
    runtime.prepare()
    processes.start(
        distributed=options.distributed,
        coordinator=options.coordinator,
        num_processes=options.num_processes,
        process_id=options.process_id,
    )
    from jaxgan.runs.loop import train

    workdir = options.workdir or Path("runs") / base.name
    result = train(
        options.config,
        workdir,
        resume=options.resume,
        profile=options.profile,
        experiment=base.module,
    )
    for metric, value in result.summary["metrics"].items():
        print(f"  {metric:<28} {value:.5g}")
    print(f"run directory  {result.workdir}")
    print(f"samples        {result.workdir / result.summary['picture']}")


_HELP = """Aliases: --batch-size, --data-dir, --chunk. By name: --loss.kwargs.NAME VALUE
(and likewise of terms, penalties, augmentation, controllers, game, networks, optimizers and data),
--terms.LABEL.name LOSS, --penalties.NAME.weight VALUE, --networks.NAME.network.name NETWORK,
--controllers.LABEL.name MEASURE; `jaxgan list` tells the names. Any float X may change over the
steps: --X.end VALUE --X.shape cosine --X.warmup STEPS --X.hold SHARE."""
