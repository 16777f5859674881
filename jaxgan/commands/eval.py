"""`jaxgan eval`: scores of a run, or of the images of any program, against real data."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jaxgan import runtime
from jaxgan.config import DataConfig
from jaxgan.errors import ConfigError
from jaxgan.flags import parse
from jaxgan.runs import names


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


def command(arguments: Sequence[str]) -> None:
    """Runs `jaxgan eval`.

    Raises:
        ConfigError: nothing to score, or flags that do not go together.
    """
    options = parse(EvalOptions(), arguments, usage="jaxgan eval RUN")
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
