"""The scores of a run that was trained before, and of the images of any program."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.config import DataConfig
from jaxgan.errors import ConfigError
from jaxgan.evaluation import Evaluation, average_scores, conditions, draw, evaluate_samples
from jaxgan.runs.run import load
from jaxgan.runs.scoring import check_names, metrics_of, reference_of, scored_by
from jaxgan.runs.sources import open_source


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
        ConfigError: see `load`; an unknown metric, or one that needs what is missing.
        DataError: data that is missing or unreadable.
    """
    check_names(names)
    run = load(root)
    config, program, state = run.config, run.program, run.state
    own = data is None
    data = config.data if data is None else data
    source = open_source(data)
    samples_key, key, scores_key = jax.random.split(jax.random.key(seed), 3)
    num = config.num_eval_samples if num_samples is None else num_samples
    sampler = jax.jit(partial(program.sample, averaged=averaged))
    asked = conditions(source if own else open_source(config.data), num)
    samples, labels = draw(sampler, state, samples_key, num, conditions=asked)
    names_of = config if own else dataclasses.replace(config, eval_features="auto")
    reference = reference_of(data, source, scored_by(names_of, source, features or "auto"))
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
        "step": run.step,
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
