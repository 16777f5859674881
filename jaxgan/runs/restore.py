"""A run that was trained before: its program and state again, samples of it, and its scores."""

import dataclasses
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config import Config, DataConfig
from jaxgan.data import described
from jaxgan.errors import CheckpointError, ConfigError, DataError
from jaxgan.evaluation import (
    Evaluation,
    average_scores,
    conditions,
    draw,
    evaluate_samples,
    request,
)
from jaxgan.runs.build import Program, build
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.pictures import in_rows
from jaxgan.runs.scoring import check_names, metrics_of, reference_of
from jaxgan.runs.sources import open_source
from jaxgan.training.parallel import make_mesh


class Restored(NamedTuple):
    """A run, restored.

    Attributes:
        config: What was run; on one device.
        program: Its functions. The data is only described: it is not opened.
        state: Its newest state.
    """

    config: Config
    program: Program
    state: Any


def restored(root: Path) -> Restored:
    """The run of a directory, with its newest state; needs no data.

    Raises:
        ConfigError: no run, or code of the user's that cannot be imported.
        CheckpointError: no checkpoint, or none that can be used.
    """
    directory = RunDirectory(root)
    config = dataclasses.replace(directory.read_config(), parallel="jit")
    directory.import_modules()
    data = {name: described(data) for name, data in directory.data().items()}
    source = data.pop("")
    program = build(config, make_mesh(jax.devices()[:1]), source=source, streams=data)
    if not directory.checkpoints.exists():
        raise CheckpointError(f"{root} holds no checkpoint yet; let it train on")
    key = jax.random.key(config.seed)
    with closing(Checkpointer(directory.checkpoints, read_only=True)) as checkpointer:
        found = checkpointer.restore(partial(jax.eval_shape, program.init, key))
    if found is None:
        raise CheckpointError(f"{root} holds no checkpoint yet; let it train on")
    return Restored(config, program, found[0])


def drawn(
    run: Restored, num: int, *, seed: int = 0, label: int | None = None, averaged: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples of a run, and the labels that were asked for.

    Args:
        run: The run.
        num: How many.
        seed: Of the samples.
        label: The class of all of them; None: the classes in turn.
        averaged: Whether to take averaged weights.

    Raises:
        ConfigError: a label of a run that has no classes, or not this one.
    """
    classes = run.program.source.num_classes if run.program.conditional else None
    if label is not None and classes is None:
        raise ConfigError(f"label is {label}, and this generator is not conditional; leave it out")
    if label is not None and classes is not None and not 0 <= label < classes:
        raise ConfigError(f"label is {label}; it must be in [0, {classes - 1}]")
    asked = request(num)
    if classes is not None:
        if label is None:
            labels = in_rows(request(classes, labels=np.arange(classes)), num).labels
        else:
            labels = np.full(num, label)
        asked = request(num, labels=np.asarray(labels, np.int32))
    if run.program.source.condition_shape is not None:
        # A translator: its inputs are those of the data.
        asked = conditions(open_source(run.config.data), num)
    sampler = jax.jit(partial(run.program.sample, averaged=averaged))
    return draw(sampler, run.state, jax.random.key(seed), num, conditions=asked)


def real_points(run: Restored, num: int) -> np.ndarray | None:
    """As many real points, to be shown under generated ones; None of images, or without data."""
    if len(run.program.source.shape) == 3:
        return None
    try:
        source = open_source(run.config.data)
    except (ConfigError, DataError):
        return None
    return np.asarray(source.read(np.arange(min(num, source.size))).real)


def evaluated_run(
    root: Path,
    data: DataConfig | None,
    *,
    names: tuple[str, ...],
    features: str | None,
    num_samples: int | None,
    seed: int,
    averaged: bool,
) -> tuple[Evaluation, dict[str, Any]]:
    """The scores of a run's newest state, and what was scored.

    Args:
        root: The run directory.
        data: What to compare with; None: the run's own data.
        names: Metrics; none: those that suit the data.
        features: The feature network; None: the run's, or the one that suits the data.
        num_samples: Generated samples; None: the run's `num_eval_samples`.
        seed: Of the samples.
        averaged: Whether to take averaged weights.

    Raises:
        ConfigError: see `restored`; an unknown metric, or one that needs what is missing.
        DataError: data that is missing or unreadable.
    """
    check_names(names)
    run = restored(root)
    config, program, state = run
    own = data is None
    data = config.data if data is None else data
    source = open_source(data)
    samples_key, key, scores_key = jax.random.split(jax.random.key(seed), 3)
    num = config.num_eval_samples if num_samples is None else num_samples
    sampler = jax.jit(partial(program.sample, averaged=averaged))
    asked = conditions(source if own else open_source(config.data), num)
    samples, labels = draw(sampler, state, samples_key, num, conditions=asked)
    reference = reference_of(data, source, features or (config.eval_features if own else "auto"))
    metrics = metrics_of(
        names or (config.eval_metrics if own else ()),
        source,
        reference.features,
        conditional=program.conditional and own,
        thorough=True,
        held_out=reference.held_out is not None,
    )
    scores, held_out = program.held_out_scores(), reference.held_out_source
    evaluation = evaluate_samples(
        reference,
        samples,
        key,
        metrics=metrics,
        labels=labels if program.conditional and own else None,
        further=average_scores(scores, state, held_out, scores_key)
        if scores and held_out and own
        else {},
    )
    return evaluation, {
        "fake": str(root),
        "step": int(jnp.asarray(state.step)),
        "weights": "averaged" if averaged else "raw",
        "seed": seed,
        "real": source.name,
        "split": source.split,
    }


def evaluated_images(
    fake: str,
    data: DataConfig,
    *,
    names: tuple[str, ...],
    features: str | None,
    num_samples: int | None,
    seed: int,
) -> tuple[Evaluation, dict[str, Any]]:
    """The scores of a folder or .npz of images of any program, and what was scored.

    Args:
        fake: The folder or .npz.
        data: What to compare with.
        names: Metrics; none: those that suit the data.
        features: The feature network; None: the one that suits the data.
        num_samples: Images to score; None: all.
        seed: Of metrics that draw at random.

    Raises:
        ConfigError: an unknown metric, or one that needs what is missing; too few images.
        DataError: data that is missing or unreadable.
    """
    check_names(names)
    source = open_source(data)
    images = open_source(dataclasses.replace(data, name=fake), split="train")
    count = images.size if num_samples is None else num_samples
    if count > images.size:
        raise ConfigError(f"--num-samples is {count}; {fake} holds {images.size}")
    samples = images.read(np.arange(count)).real
    reference = reference_of(data, source, features or "auto")
    metrics = metrics_of(
        names,
        source,
        reference.features,
        thorough=True,
        held_out=reference.held_out is not None,
    )
    # The second of three, as for a run.
    _, key, _ = jax.random.split(jax.random.key(seed), 3)
    evaluation = evaluate_samples(reference, np.asarray(samples), key, metrics=metrics)
    return evaluation, {"fake": fake, "seed": seed, "real": source.name, "split": source.split}
