"""The command line. It alone imports tyro; jax and all that needs it are imported on first use.

Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 data, 4 diverged, 5 interrupted
and saved, 6 run directory in use, 7 checkpoint unusable. An error is one line; --debug adds the
traceback.
"""

import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import inspect
import io
import itertools
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import tyro

import jaxgan
from jaxgan import runtime
from jaxgan.config import Config, DataConfig, from_json, override
from jaxgan.errors import CheckpointError, ConfigError, JaxganError
from jaxgan.registry import hyperparameters, lookup, unknown

_ALIASES = {"--batch-size": "--data.batch-size", "--data-dir": "--data.dir"}
# Registry entries and their arguments, of which tyro knows those of the default config alone.
_ENTRY_FLAG = re.compile(
    r"--((terms|penalties|controllers)\.|.*\.kwargs\.|(loss|.*\.network|.*\.optimizer)\.name)"
)
# Arguments of registry entries that follow from the rest of the config or from the machine.
_SET_ELSEWHERE = {"dtype", "axis_name", "data_dir", "cache_dir", "cache_limit", "known"}
Kind = Literal[
    "losses",
    "kernels",
    "penalties",
    "measures",
    "networks",
    "metrics",
    "features",
    "datasets",
    "experiments",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """A config, and where and how to run it."""

    config: Annotated[Config, tyro.conf.arg(name="")]
    workdir: Path | None = None
    """Run directory; default: runs/EXPERIMENT."""
    resume: bool = False
    """Go on with the run in the directory, which may have had another number of steps."""
    debug: bool = False
    """Show the traceback of an error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `jaxgan`; returns its exit code."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    return _guarded(rest, lambda: _run_command(command, rest))


def experiment_main(module_name: str, arguments: Sequence[str] | None = None) -> None:
    """The command `python -m experiments.NAME`: trains the experiment, then exits."""
    rest = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_guarded(rest, lambda: train(module_name, rest)))


def train(experiment: str, arguments: Sequence[str]) -> None:
    """Trains an experiment: `jaxgan train EXPERIMENT [flags]`."""
    module = _experiment(experiment)
    name = module.__name__.rpartition(".")[2]
    options = _parse_options(arguments, module)
    runtime.prepare()
    from jaxgan.runs.loop import train as run

    workdir = options.workdir or Path("runs") / name
    result = run(options.config, workdir, resume=options.resume)
    summary = result.summary
    for metric, value in summary["metrics"].items():
        print(f"  {metric:<28} {value:.5g}")
    print(f"run directory  {result.workdir}")
    print(f"samples        {result.workdir / summary['picture']}")


def sample(
    run: tyro.conf.Positional[Path],
    num: int = 64,
    out: Path = Path("samples.png"),
    seed: int = 0,
    raw: bool = False,
    debug: bool = False,
) -> None:
    """Draws samples from the newest checkpoint of a run into a picture.

    Args:
        run: Run directory.
        num: Number of samples.
        out: The PNG to write.
        seed: Seed of the latents.
        raw: Use the current weights of the generator instead of their average.
        debug: Show the traceback of an error.
    """
    del debug
    if num < 1:
        raise ConfigError(f"--num is {num}; it must be at least 1")
    runtime.prepare()
    import jax

    from jaxgan.evaluation import draw
    from jaxgan.runs.pictures import save_samples

    _, built, state = _restore(run)
    samples = draw(state, jax.random.key(seed), num, built.latents, ema=not raw)
    save_samples(out, samples, built.source)
    print(out)


def evaluate(
    run: tyro.conf.Positional[Path | None] = None,
    metrics: tuple[str, ...] = (),
    num_samples: int | None = None,
    features: str | None = None,
    real: str | None = None,
    fake: str | None = None,
    split: str = "train",
    resize: int | None = None,
    data_dir: str | None = None,
    out: Path | None = None,
    seed: int = 0,
    raw: bool = False,
    debug: bool = False,
) -> None:
    """Scores a run, finished or not, or the images of any program, against real data.

    Each figure comes with its standard error and its floor: what real samples get in its place.

    Args:
        run: Run directory; its newest checkpoint is scored.
        metrics: Such as fid kid prdc; default: those that suit the data.
        num_samples: Generated samples; default: the run's num_eval_samples, or all of --fake.
        features: Feature network: classifier, inception, pca, pixels or random_conv.
        real: Data set, folder of images or .npz to compare with, in the place of the run's own.
        fake: Folder of images or .npz to score, in the place of a run.
        split: Split of --real.
        resize: Side, in pixels, to which the images of --real and --fake are resized.
        data_dir: Folder of prepared TFDS sets.
        out: The JSON to write; default: eval.json in the run directory, or here.
        seed: Seed of the samples.
        raw: Use the current weights of the generator instead of their average.
        debug: Show the traceback of an error.
    """
    del debug
    if (run is None) == (fake is None) or (fake is not None and real is None):
        raise ConfigError("name a run to score, or --real and --fake")
    if num_samples is not None and num_samples < 2:
        raise ConfigError(f"--num-samples is {num_samples}; it must be at least 2")
    runtime.prepare()
    import jax

    from jaxgan.data import open_source
    from jaxgan.evaluation import draw, evaluate_samples, make_reference, write_evaluation
    from jaxgan.evaluation.scores import check_names

    names = tuple(name for text in metrics for name in text.split(",") if name)
    check_names(names)
    samples_key, key = jax.random.split(jax.random.key(seed))
    described: dict[str, Any] = {"fake": fake, "seed": seed}
    data = DataConfig(name=real or "", split=split, dir=data_dir, resize=resize)
    source = None
    if run is None:
        samples = _images(data, fake or "", num_samples)
    else:
        config, built, state = _restore(run)
        num = config.num_eval_samples if num_samples is None else num_samples
        samples = draw(state, samples_key, num, built.latents, ema=not raw)
        weights = "raw" if raw else "averaged"
        described |= {"fake": str(run), "step": int(state.step), "weights": weights}
        if real is None:
            data, source, features = config.data, built.source, features or config.eval_features
            names = names or config.eval_metrics
    source = source or open_source(data)
    reference = make_reference(data, source, features=features or "auto")
    evaluation = evaluate_samples(reference, samples, key, metrics=names)
    described |= {"real": source.name, "split": source.split}
    path = out or (Path("eval.json") if run is None else run / "eval.json")
    write_evaluation(path, evaluation, described)
    print(f"{evaluation.num_samples} samples against {source.name} ({source.split})")
    for line in evaluation.table():
        print(line)
    print(path)


def list_entries(kind: tyro.conf.Positional[Kind], debug: bool = False) -> None:
    """Lists what there is of a kind: names, hyperparameters with defaults, and what each is.

    Args:
        kind: What to list.
        debug: Show the traceback of an error.
    """
    del debug
    runtime.prepare()
    for name, entry in _entries(kind).items():
        settings = hyperparameters(entry) if callable(entry) else {}
        arguments = ", ".join(
            f"{setting}={getattr(default, '__name__', repr(default))}"
            for setting, default in settings.items()
            if setting not in _SET_ELSEWHERE
        )
        documented = entry.func if isinstance(entry, functools.partial) else entry
        text = inspect.getdoc(documented) or ""
        print(f"{name}({arguments})" if arguments else name)
        print(f"    {text.partition(chr(10))[0]}")
        if kind == "losses":
            print(f"    {_compared_by(name)}")
        if source := re.search(r"^Source: (.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE):
            print(f"    {' '.join(source[0].split())}")


def _compared_by(name: str) -> str:
    """What a loss compares: the views it takes, and whether sample by sample or as sets."""
    losses = jaxgan.losses
    how = "real i with fake i" if losses.needs_pairs(name) else "set with set"
    return f"Compares {', '.join(losses.views(name))}; {how}."


def _entries(kind: Kind) -> dict[str, Any]:
    if kind == "experiments":
        package = importlib.import_module("experiments")
        names = [module.name for module in pkgutil.iter_modules(package.__path__)]
        return {name: importlib.import_module(f"experiments.{name}") for name in names}
    registry = getattr(jaxgan, kind.upper())
    if kind != "networks":
        return dict(registry)
    return {
        f"{name} {player}": module
        for name, players in registry.items()
        for player, module in players._asdict().items()
        if module is not None
    }


_COMMANDS: dict[str, Callable[..., None]] = {
    "train": train,
    "sample": sample,
    "eval": evaluate,
    "list": list_entries,
}


def _run_command(command: str, arguments: Sequence[str]) -> None:
    if command in ("-h", "--help"):
        print("usage: jaxgan COMMAND [arguments]\n\ncommands:")
        for name, function in _COMMANDS.items():
            print(f"  {name:<8}{(function.__doc__ or '').partition(chr(10))[0]}")
        print("\n`jaxgan COMMAND --help` tells the rest.")
        return
    function = lookup(_COMMANDS, command, "command")
    if function is not train:
        _parse(function, arguments, prog=f"jaxgan {command}", description=None)
        return
    if not arguments or arguments[0].startswith("-"):
        raise ConfigError("name an experiment: jaxgan train experiments.NAME [flags]")
    train(arguments[0], arguments[1:])


def _guarded(arguments: Sequence[str], command: Callable[[], None]) -> int:
    """Runs a command; an error becomes one line and an exit code, unless --debug asks for more."""
    try:
        command()
    except JaxganError as error:
        if "--debug" in arguments:
            raise
        print(f"jaxgan: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:  # the second one, or one before anything was trained
        print("jaxgan: stopped at once; the last checkpoint stands", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if "--debug" in arguments:
            raise
        line = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"jaxgan: {line[:500]} (--debug shows the traceback)", file=sys.stderr)
        return 1
    return 0


def _parse_options(arguments: Sequence[str], module: ModuleType) -> TrainOptions:
    """The experiment's config with the flags applied, and the options beside it."""
    known, entries = _split_entry_flags(_expand_aliases(arguments))
    config = module.config()
    # Names first: another name drops the arguments that belonged to the old one.
    for path in sorted(entries, key=lambda path: not path.endswith(".name")):
        config = override(config, path, entries[path])
    description = (module.__doc__ or "").strip() + (
        "\n\nAliases: --batch-size, --data-dir. Entries by name: --loss.kwargs.NAME VALUE (also of"
        " terms, penalties, controllers, networks and optimizers), --terms.LABEL.name LOSS,"
        " --penalties.NAME.weight VALUE, --controllers.LABEL.name MEASURE; `jaxgan list` tells the"
        " names."
    )
    return _parse(
        TrainOptions,
        known,
        prog=f"python -m {module.__name__}",
        description=description,
        default=TrainOptions(config=config),
    )


def _parse(target: Any, arguments: Sequence[str], **options: Any) -> Any:
    """`tyro.cli`, whose complaints become one line of a ConfigError."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                target,
                args=list(arguments),
                config=(tyro.conf.AvoidSubcommands, tyro.conf.FlagCreatePairsOff),
                **options,
            )
    except SystemExit as error:
        if not error.code:
            raise
        raise ConfigError(_one_line(complaint.getvalue())) from None


def _one_line(box: str) -> str:
    """What a box of tyro's says: its first paragraph and its first suggestion."""
    lines = [line.strip("│╭╮╰╯─ ") for line in box.splitlines()[1:]]
    paragraph = " ".join(itertools.takewhile(bool, lines))
    hints = [after.split()[0] for line, after in itertools.pairwise(lines) if "you meant" in line]
    return paragraph.rstrip(".") + (f"; did you mean {hints[0]}?" if hints else "; see --help")


def _expand_aliases(arguments: Sequence[str]) -> list[str]:
    expanded = []
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        expanded.append(_ALIASES.get(flag.replace("_", "-"), flag) + equals + value)
    return expanded


def _split_entry_flags(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Splits off the flags of registry entries, as dotted paths with their values."""
    known, entries = [], {}
    remaining = iter(arguments)
    for argument in remaining:
        if not _ENTRY_FLAG.match(argument):
            known.append(argument)
            continue
        flag, equals, value = argument.partition("=")
        value = value if equals else next(remaining, None)
        if value is None:
            raise ConfigError(f"{flag} needs a value")
        entries[flag.removeprefix("--").replace("-", "_")] = value
    return known, entries


def _experiment(name: str) -> ModuleType:
    """Imports an experiment: a module with `config()`, such as experiments.digits."""
    sys.path.insert(0, str(Path.cwd()))  # a console script leaves out the user's own modules
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise unknown("experiment", name, [f"experiments.{n}" for n in _entries("experiments")])
    module = importlib.import_module(name)
    if not hasattr(module, "config"):
        raise ConfigError(f"{name} has no function config(); an experiment needs one")
    return module


def _images(data: DataConfig, name: str, num: int | None) -> Any:
    """The samples of a folder or an .npz; those of the data set's shape that are asked for."""
    import numpy as np

    from jaxgan.data import open_source

    source = open_source(dataclasses.replace(data, name=name), split="train")
    count = source.size if num is None else num
    if count > source.size:
        raise ConfigError(f"--num-samples is {count}; {name} holds {source.size}")
    return source.read(np.arange(count)).real


def _restore(workdir: Path) -> tuple[Config, Any, Any]:
    """The config of a run directory, its functions and its newest state."""
    import jax

    from jaxgan.runs.build import build
    from jaxgan.runs.checkpoint import Checkpointer
    from jaxgan.training.parallel import make_mesh

    if not (workdir / "config.json").exists():
        raise ConfigError(f"{workdir} holds no run; name a run directory")
    config = from_json((workdir / "config.json").read_text())
    config = dataclasses.replace(config, parallel="jit")
    run = build(config, make_mesh(jax.devices()[:1]))
    like = jax.eval_shape(run.init, jax.random.key(config.seed))
    if not (workdir / "checkpoints").exists():
        raise CheckpointError(f"{workdir} holds no checkpoint yet; let it train on")
    with contextlib.closing(Checkpointer(workdir / "checkpoints", read_only=True)) as checkpointer:
        restored = checkpointer.restore(like)
    if restored is None:
        raise CheckpointError(f"{workdir} holds no checkpoint yet; let it train on")
    return config, run, restored[0]
