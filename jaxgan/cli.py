"""The command line. jax and all that needs it are imported on first use.

Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 data, 4 diverged, 5 interrupted
and saved, 6 run directory in use, 7 checkpoint unusable, 8 run directory cannot be
written. An error is one line; --debug adds the traceback.
"""

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import jaxgan
from jaxgan import runtime
from jaxgan.commands import compare, processes, sweep, train
from jaxgan.config import DataConfig
from jaxgan.errors import ConfigError, JaxganError
from jaxgan.flags import FOREIGN_COMMANDS, parse
from jaxgan.registry import lookup
from jaxgan.runs import names
from jaxgan.runs.experiments import experiments


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Draws samples of a run: a picture, an animation, an .npz, a .wav, or a folder of images."""

    run: Path | None = None
    """Run directory."""
    num: int | None = None
    """Number of samples, default 64; of paths, default 8."""
    out: Path = Path("samples.png")
    """The .png, .gif, .npz or (of waveforms) .wav to write; without a suffix, a folder."""
    label: int | None = None
    """The class of all samples; default: the classes in turn."""
    interpolate: bool = False
    """Show paths between samples: rows of a .png; a .gif always does."""
    frames: int = 16
    """Samples along each path."""
    truncation: float | None = None
    """Draw latents of at most this size: less variety, and often better samples."""
    history: bool = False
    """Make a .gif of the pictures that training left."""
    step: str = "newest"
    """The checkpoint: newest, best, or a step."""
    seed: int = 0
    """Seed of the samples."""
    raw: bool = False
    """Use the current weights instead of their average."""
    debug: bool = False
    """Show the traceback of an error."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """Scores a run, finished or not, or the images of any program, against real data.

    Each figure comes with its standard error, and with what real samples get in its place.
    """

    run: Path | None = None
    """Run directory; its newest checkpoint is scored."""
    metrics: tuple[str, ...] = ()
    """Such as fid,kid,prdc; default: those that suit the data."""
    num_samples: int | None = None
    """Generated samples; default: the run's num_eval_samples, or all of --fake."""
    features: str | None = None
    """Feature network of `jaxgan list features`, such as classifier, inception or random_conv."""
    real: str | None = None
    """Data set, folder of images or .npz to compare with, in the place of the run's own."""
    fake: str | None = None
    """Folder of images or .npz to score, in the place of a run."""
    split: str = "train"
    """Split of --real."""
    resize: int | None = None
    """Side, in pixels, to which the images of --real and --fake are resized."""
    dir: str | None = None
    """Folder of prepared TFDS sets (also --data-dir)."""
    probe: bool = False
    """Score the features of a run's networks in the place of its samples: by a linear classifier,
    as clusters, and by the anomalies that they tell."""
    player: str = "auto"
    """Whose features --probe takes: discriminator, encoder, ...; auto: the encoder's, if any."""
    anomalies: str | None = None
    """Data set, folder of images or .npz that --probe is to tell from the run's data."""
    out: Path | None = None
    """The JSON to write; default: eval.json, eval-2.json, ... in the run directory, or here."""
    seed: int = 0
    """Seed of the samples."""
    raw: bool = False
    """Use the current weights instead of their average."""
    debug: bool = False
    """Show the traceback of an error."""


Kind = Literal[
    "losses",
    "penalties",
    "augmentations",
    "kernels",
    "measures",
    "games",
    "networks",
    "optimizers",
    "metrics",
    "features",
    "datasets",
    "experiments",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Lists what there is of a kind: names, hyperparameters with defaults, and what each is."""

    kind: Kind | None = None
    """What to list."""
    debug: bool = False
    """Show the traceback of an error."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunsOptions:
    """Lists the runs in a folder: how far each is, and its best score."""

    folder: Path = Path("runs")
    """Where to look, subfolders too."""
    debug: bool = False
    """Show the traceback of an error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `jaxgan`; returns its exit code."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    return _guarded(rest, lambda: _run_command(command, rest))


def experiment_main(module_name: str, arguments: Sequence[str] | None = None) -> None:
    """The command `python -m experiments.NAME`: trains the experiment, then exits."""
    rest = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_guarded(rest, lambda: train.command([module_name, *rest])))


def _sample(arguments: Sequence[str]) -> None:
    options = parse(
        SampleOptions(), arguments, usage="jaxgan sample RUN", about=SampleOptions.__doc__ or ""
    )
    if options.run is None:
        raise ConfigError("name a run directory: jaxgan sample RUN; see --help")
    step = _step(options.step)
    runtime.prepare()
    from jaxgan.runs.exports import export, write_history
    from jaxgan.runs.run import load

    if options.history:
        write_history(options.out, options.run)
    else:
        export(
            load(options.run, step=step),
            options.out,
            num=options.num,
            label=options.label,
            frames=options.frames if options.interpolate else None,
            truncation=options.truncation,
            seed=options.seed,
            averaged=not options.raw,
        )
    print(options.out)


def _step(text: str) -> Literal["newest", "best"] | int:
    if text in ("newest", "best"):
        return text
    if text.isdecimal():
        return int(text)
    raise ConfigError(f"--step is {text!r}; it must be newest, best, or a step")


def _evaluate(arguments: Sequence[str]) -> None:
    options = parse(
        EvalOptions(), arguments, usage="jaxgan eval RUN", about=EvalOptions.__doc__ or ""
    )
    if (options.run is None) == (options.fake is None) or (options.fake and options.real is None):
        raise ConfigError("name a run to score, or --real and --fake")
    if options.num_samples is not None and options.num_samples < 2:
        raise ConfigError(f"--num-samples is {options.num_samples}; it must be at least 2")
    names.check_scores(options.metrics, options.features)
    _check_probe(options)
    runtime.prepare()
    from jaxgan.evaluation import write_evaluation
    from jaxgan.runs.evaluation import evaluated_images, evaluated_run

    data = None
    if options.real is not None:
        data = DataConfig(
            name=options.real, split=options.split, dir=options.dir, resize=options.resize
        )
    if options.probe:
        _probe(options, data)
        return
    shared = {
        "names": tuple(options.metrics),
        "features": options.features,
        "num_samples": options.num_samples,
        "seed": options.seed,
    }
    if options.run is None:
        assert data is not None and options.fake is not None
        evaluation, described = evaluated_images(options.fake, data, **shared)
    else:
        evaluation, described = evaluated_run(options.run, data, averaged=not options.raw, **shared)
    path = _report_path(options)
    write_evaluation(path, evaluation, described)
    print(f"{evaluation.num_samples} samples against {described['real']} ({described['split']})")
    for line in evaluation.table():
        print(line)
    print(path)


def _report_path(options: EvalOptions) -> Path:
    """Where an evaluation is written."""
    from jaxgan.files import unused
    from jaxgan.runs.directory import RunDirectory

    place = Path("eval.json") if options.run is None else RunDirectory(options.run).evaluation
    return options.out or unused(place)


def _check_probe(options: EvalOptions) -> None:
    """Raises ConfigError on flags that do not go with --probe, or not without it."""
    defaults = EvalOptions()
    ours, others = ("player", "anomalies"), ("fake", "metrics", "features", "num_samples")
    for name in others if options.probe else ours:
        if getattr(options, name) != getattr(defaults, name):
            flag = "--" + name.replace("_", "-")
            rule = "does not go with --probe" if options.probe else "needs --probe"
            raise ConfigError(f"{flag} {rule}; {'leave it out' if options.probe else 'add it'}")


def _probe(options: EvalOptions, data: DataConfig | None) -> None:
    from jaxgan.evaluation import write_probe
    from jaxgan.runs.probing import probed_run

    assert options.run is not None
    anomalies = None
    if options.anomalies is not None:
        anomalies = DataConfig(name=options.anomalies, dir=options.dir, resize=options.resize)
    report, described = probed_run(
        options.run,
        data,
        player=options.player,
        anomalies=anomalies,
        seed=options.seed,
        averaged=not options.raw,
    )
    path = _report_path(options)
    write_probe(path, report, described)
    sizes = ", ".join(f"{count} {name}" for name, count in report.sizes.items())
    print(f"features of {described['player']} on {described['real']}: {sizes}")
    for line in report.table():
        print(line)
    print(path)


def _list(arguments: Sequence[str]) -> None:
    options = parse(
        ListOptions(), arguments, usage="jaxgan list KIND", about=ListOptions.__doc__ or ""
    )
    if options.kind is None:
        raise ConfigError("name a kind: jaxgan list losses; see --help")
    runtime.prepare()
    from jaxgan.runs.listing import described_entries

    if options.kind == "experiments":
        entries = {name: importlib.import_module(path) for name, path in experiments().items()}
        for name, module in entries.items():
            print(f"{name}\n    {(module.__doc__ or '').partition(chr(10))[0]}")
        return
    for line in described_entries(options.kind):
        print(line)


def _runs(arguments: Sequence[str]) -> None:
    options = parse(
        RunsOptions(), arguments, usage="jaxgan runs FOLDER", about=RunsOptions.__doc__ or ""
    )
    from jaxgan.runs.overview import print_runs

    print_runs(options.folder)


_COMMANDS: dict[str, tuple[Callable[[Sequence[str]], None], str]] = {
    "train": (train.command, "Trains an experiment, or on a folder of images."),
    "sample": (_sample, SampleOptions.__doc__ or ""),
    "sweep": (sweep.command, sweep.SweepOptions.__doc__ or ""),
    "eval": (_evaluate, EvalOptions.__doc__ or ""),
    "compare": (compare.command, compare.CompareOptions.__doc__ or ""),
    "runs": (_runs, RunsOptions.__doc__ or ""),
    "list": (_list, ListOptions.__doc__ or ""),
}


def _run_command(command: str, arguments: Sequence[str]) -> None:
    if command in ("--version", "version"):
        print(f"jaxgan {jaxgan.__version__}")
        return
    if command in ("-h", "--help"):
        print("usage: jaxgan COMMAND [arguments]\n\ncommands:")
        for name, (_, about) in _COMMANDS.items():
            print(f"  {name:<8}{about.partition(chr(10))[0]}")
        print("\n`jaxgan COMMAND --help` tells the rest.")
        return
    if command in FOREIGN_COMMANDS:
        raise ConfigError(f"unknown command {command!r}; {FOREIGN_COMMANDS[command]}")
    function, _ = lookup(_COMMANDS, command, "command")
    if function is not train.command:
        processes.refuse(arguments, command)
    function(arguments)


def _guarded(arguments: Sequence[str], command: Callable[[], None]) -> int:
    """Runs a command; an error becomes one line and an exit code, unless --debug asks for more."""
    try:
        command()
    except JaxganError as error:
        if "--debug" in arguments:
            raise
        print(f"jaxgan: {error}", file=sys.stderr)
        return processes.leave(error, error.exit_code)
    except KeyboardInterrupt as error:  # the second one, or one before anything was trained
        print("jaxgan: stopped at once; the last checkpoint stands", file=sys.stderr)
        return processes.leave(error, 130)
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if "--debug" in arguments:
            raise
        line = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"jaxgan: {line[:500]} (--debug shows the traceback)", file=sys.stderr)
        return processes.leave(error, 1)
    return 0
