"""Scores a generator against real data, in training and after it.

Figures of features are named after the feature network, such as "classifier_fid": they cannot be
compared with those of another network.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int, PRNGKeyArray, Shaped

from jaxgan.errors import ConfigError
from jaxgan.evaluation.reference import Reference, take_features
from jaxgan.evaluation.samples import Sampler, conditions, draw
from jaxgan.evaluation.scores import HeldOutScores, average_scores, real_baseline, score
from jaxgan.files import write_json
from jaxgan.metrics import Estimate, Metric, Sides
from jaxgan.pixels import to_uint8
from jaxgan.types import Batch

# (state, key) -> scores by name.
Evaluator = Callable[[Any, PRNGKeyArray], dict[str, float]]


class Evaluation(NamedTuple):
    """Figures with their standard errors, by full name.

    Attributes:
        values: Of the generated samples.
        real_baseline: Of real samples in their place, where that can be (`scores.real_baseline`).
        num_samples: Generated samples.
        num_real: Real samples in their place.
        features: The name of the feature network with its weights; None for points.
        higher_is_better: Of a metric's figures, whether the highest value is the best or the
            lowest; a game's own have no entry.
    """

    values: dict[str, Estimate]
    real_baseline: dict[str, Estimate]
    num_samples: int
    num_real: int
    features: str | None
    higher_is_better: dict[str, bool]

    def table(self) -> list[str]:
        """Lines of a table: each figure, which values are better, its error, what real ones get."""
        note = "" if self.num_real == self.num_samples else f" ({self.num_real} samples)"
        lines = [f"  {'':<30} {'better':<8} {'generated':<24} real baseline{note}"]
        words = {True: "higher", False: "lower", None: ""}
        for name, value in self.values.items():
            baseline = self.real_baseline.get(name)
            shown = "" if baseline is None else figure_text(baseline)
            better = words[self.higher_is_better.get(name)]
            lines.append(f"  {name:<30} {better:<8} {figure_text(value):<24} {shown}".rstrip())
        return lines


def make_evaluator(
    reference: Reference,
    metrics: Mapping[str, Metric],
    sampler: Sampler,
    *,
    num_samples: int,
    conditional: bool = False,
    held_out_scores: HeldOutScores | None = None,
) -> Evaluator:
    """A function from (state, key) to scores, named "eval/...".

    Args:
        reference: What to compare with.
        metrics: By name.
        sampler: Makes samples of a state; compiled, if it is to be fast.
        num_samples: How many.
        conditional: Whether the sampler uses the labels of its batch. Then samples are scored class
            by class where metrics can.
        held_out_scores: The game's own figures of a batch, which are averaged over the held-out
            samples of the reference; without any they are left out.
    """
    asked = conditions(reference.source, num_samples)

    def evaluate(state: Any, key: PRNGKeyArray) -> dict[str, float]:
        samples_key, score_key = jax.random.split(key)
        samples, labels = draw(sampler, state, samples_key, num_samples, conditions=asked)
        sides = _sides(reference, samples, labels if conditional else None)
        values = score(sides, metrics, score_key, features=reference.features)
        if held_out_scores is not None and reference.held_out_source is not None:
            own_key = jax.random.fold_in(score_key, 1)
            values |= average_scores(held_out_scores, state, reference.held_out_source, own_key)
        scores = {f"eval/{name}": float(value) for name, value in values.items()}
        network = reference.network
        if network is not None and network.accuracy is not None:
            scores[f"eval/{reference.features}_accuracy"] = network.accuracy
        return scores

    return evaluate


def evaluate_samples(
    reference: Reference,
    samples: Shaped[np.ndarray, "n ..."],
    key: PRNGKeyArray,
    *,
    metrics: Mapping[str, Metric],
    labels: Int[np.ndarray, "n"] | None = None,
    further: Mapping[str, Estimate] | None = None,
) -> Evaluation:
    """Figures of samples, with those of real samples in their place.

    Args:
        reference: What to compare with.
        samples: n samples: uint8 images, float images in [-1, 1], or points.
        key: For metrics that draw at random.
        metrics: By name.
        labels: The classes that a conditional generator was asked for.
        further: Figures that are known, such as a game's own (`average_scores`).

    Raises:
        ConfigError: What is missing for a metric.
    """
    sides = _sides(reference, samples, labels)
    value_key, baseline_key = jax.random.split(key)
    pool = reference.held_out or reference.real
    available = len(pool.features) // (1 if reference.held_out else 2)
    features, network = reference.features, reference.network
    return Evaluation(
        values=score(sides, metrics, value_key, features=features) | dict(further or {}),
        real_baseline=real_baseline(sides, metrics, baseline_key, features=features),
        num_samples=len(samples),
        num_real=min(len(samples), available),
        features=None if network is None else network.name,
        higher_is_better={
            full_name: figure in metric.higher_is_better
            for metric in metrics.values()
            for full_name, figure in metric.full_names(features).items()
        },
    )


def write_evaluation(path: Path, evaluation: Evaluation, described: Mapping[str, Any]) -> None:
    """Writes an evaluation as JSON, whole or not at all; an unknown error is null.

    Raises:
        ConfigError: the file cannot be written.
    """
    figures = {
        name: {
            "generated": figure_json(value),
            "real": figure_json(evaluation.real_baseline.get(name)),
        }
        for name, value in evaluation.values.items()
    }
    content = {
        **described,
        "num_samples": evaluation.num_samples,
        "num_real": evaluation.num_real,
        "features": evaluation.features,
        "figures": figures,
    }
    write_report(path, content)


def figure_json(estimate: Estimate | None) -> dict[str, float | None] | None:
    """A figure as JSON has it: what is not finite is null."""
    if estimate is None:
        return None
    numbers = {"value": estimate.value, "standard_error": estimate.standard_error}
    return {name: x if math.isfinite(x) else None for name, x in numbers.items()}


def write_report(path: Path, content: Mapping[str, Any]) -> None:
    """Writes what an evaluation found, whole or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        write_json(path, content)
    except OSError as error:
        reason = error.strerror.lower() if error.strerror else error
        raise ConfigError(f"{path} cannot be written ({reason}); choose another --out") from error


def figure_text(estimate: Estimate) -> str:
    """A figure as tables show it, with its error where that is known."""
    known = math.isfinite(estimate.standard_error)
    return str(estimate) if known else f"{estimate.value:.5g}"


def _sides(
    reference: Reference,
    samples: Shaped[np.ndarray, "n ..."],
    labels: Int[np.ndarray, "n"] | None,
) -> Sides:
    if reference.network is not None and samples.dtype != np.uint8:
        samples = to_uint8(samples)  # as a picture shows them, and like the real ones
    source = reference.source
    return Sides(
        real=reference.real,
        fake=take_features(reference.network, Batch(real=samples, labels=labels)),
        held_out=reference.held_out,
        num_classes=source.num_classes,
        mixture=source.mixture,
        curve=source.curve,
        sample_rate=source.sample_rate,
    )
