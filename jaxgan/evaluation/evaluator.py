"""Scores a generator against real data, in training and after it.

Figures of features are named after the feature network, such as "classifier_fid": they cannot be
compared with those of another network.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray, Shaped

from jaxgan.config import Config
from jaxgan.data import Source, to_uint8
from jaxgan.errors import ConfigError
from jaxgan.evaluation.reference import Reference, features_name, make_reference, take_features
from jaxgan.evaluation.samples import draw
from jaxgan.evaluation.scores import HIGHER_IS_BETTER, Sides, check_names, figures, floor, score
from jaxgan.metrics import Estimate
from jaxgan.runs.writer import write_json
from jaxgan.training.state import GANState
from jaxgan.training.steps import Latents
from jaxgan.types import Batch

_ACCURACY = "eval/classifier_accuracy"

Scores = dict[str, float]
Evaluator = Callable[[GANState, PRNGKeyArray], Scores]
Log = Callable[[str], None]


class Evaluation(NamedTuple):
    """Figures with their standard errors, by full name.

    Attributes:
        values: Of the generated samples.
        floors: Of real samples in their place, where that can be (`scores.floor`).
        num_samples: Generated samples.
        num_floor: Real samples in their place.
        features: The name of the feature network with its weights; None for points.
    """

    values: dict[str, Estimate]
    floors: dict[str, Estimate]
    num_samples: int
    num_floor: int
    features: str | None

    def table(self) -> list[str]:
        """Lines of a table: each figure with its standard error and its floor."""
        note = "" if self.num_floor == self.num_samples else f" ({self.num_floor} samples)"
        lines = [f"  {'':<30} {'generated':<24} real{note}"]
        for name, value in self.values.items():
            floor = self.floors.get(name)
            lines.append(
                f"  {name:<30} {_shown(value):<24} {'' if floor is None else _shown(floor)}"
            )
        return lines


def default_metrics(source: Source, features: str | None) -> tuple[str, ...]:
    """The metrics of a data set in training, unless others are named: the cheap ones.

    Args:
        source: The data set.
        features: The name of the feature network; None for points.
    """
    if source.mixture is not None:
        return ("mixture_modes",)
    if features is None:
        return ("sliced_wasserstein_distance",)
    return ("fid", "kid", "class_coverage") if features == "classifier" else ("fid", "kid")


def score_names(config: Config, source: Source) -> dict[str, bool]:
    """The scores of a run, and whether the highest value is the best; by default the first counts.

    Raises:
        ConfigError: an unknown metric.
    """
    features = features_name(source, config.eval_features)
    names = config.eval_metrics or default_metrics(source, features)
    check_names(names)
    scores = {
        f"eval/{name}": figure in HIGHER_IS_BETTER
        for name, figure in figures(names, features).items()
    }
    return scores | ({_ACCURACY: True} if features == "classifier" else {})


def make_evaluator(
    config: Config, source: Source, latents: Latents, *, log: Log = print
) -> Evaluator:
    """A function from (state, key) to scores.

    Args:
        config: Says what to measure on how many samples, and how the data set is read.
        source: What the generator is trained on.
        latents: Draws z.
        log: Told when a classifier is trained, and how good it is.

    Raises:
        ConfigError: an unknown metric or feature network, or one that the data set cannot have.
        DataError: data that is missing or unreadable.
    """
    reference = make_reference(config.data, source, features=config.eval_features, log=log)
    features = reference.features
    names = config.eval_metrics or default_metrics(source, features)

    def evaluate(state: GANState, key: PRNGKeyArray) -> Scores:
        samples_key, score_key = jax.random.split(key)
        samples = draw(state, samples_key, config.num_eval_samples, latents)
        values = score(_sides(reference, samples), names, score_key, features=features)
        scores = {f"eval/{name}": float(value) for name, value in values.items()}
        network = reference.network
        if network is not None and network.accuracy is not None:
            scores[_ACCURACY] = network.accuracy
        return scores

    return evaluate


def evaluate_samples(
    reference: Reference,
    samples: Shaped[np.ndarray, "n ..."],
    key: PRNGKeyArray,
    *,
    metrics: Sequence[str] = (),
) -> Evaluation:
    """Figures of samples, with those of real samples in their place.

    Args:
        reference: What to compare with.
        samples: n samples: uint8 images, float images in [-1, 1], or points.
        key: For metrics that draw at random.
        metrics: Keys of `scores.SCORES`; none: all that are cheap and suit what there is.

    Raises:
        ConfigError: an unknown metric, or one that needs what there is not.
    """
    sides = _sides(reference, samples)
    source, network = reference.source, reference.network
    features = reference.features
    further = ("sliced_wasserstein_distance", "two_sample_test") if features is None else ("prdc",)
    if features is not None and reference.held_out is not None:
        further += ("memorisation",)
    names = metrics or tuple(dict.fromkeys((*default_metrics(source, features), *further)))
    value_key, floor_key = jax.random.split(key)
    pool = reference.held_out or reference.real
    available = len(pool.features) // (1 if reference.held_out else 2)
    return Evaluation(
        values=score(sides, names, value_key, features=features),
        floors=floor(sides, names, floor_key, features=features),
        num_samples=len(samples),
        num_floor=min(len(samples), available),
        features=network.name if network is not None else None,
    )


def write_evaluation(path: Path, evaluation: Evaluation, described: Mapping[str, Any]) -> None:
    """Writes an evaluation as JSON, whole or not at all; an unknown error is null.

    Raises:
        ConfigError: the file cannot be written.
    """

    def figure(estimate: Estimate | None) -> dict[str, float | None] | None:
        if estimate is None:
            return None
        numbers = {"value": float(estimate), "standard_error": estimate.standard_error}
        return {name: x if math.isfinite(x) else None for name, x in numbers.items()}

    figures = {
        name: {"generated": figure(value), "real": figure(evaluation.floors.get(name))}
        for name, value in evaluation.values.items()
    }
    content = {
        **described,
        "num_samples": evaluation.num_samples,
        "num_floor": evaluation.num_floor,
        "features": evaluation.features,
        "figures": figures,
    }
    try:
        write_json(path, content)
    except OSError as error:
        reason = error.strerror.lower() if error.strerror else error
        raise ConfigError(f"{path} cannot be written ({reason}); choose another --out") from error


def _shown(estimate: Estimate) -> str:
    return str(estimate) if math.isfinite(estimate.standard_error) else f"{float(estimate):.5g}"


def _sides(reference: Reference, samples: Shaped[np.ndarray, "n ..."]) -> Sides:
    if reference.network is not None and samples.dtype != np.uint8:
        samples = to_uint8(samples)  # as a picture shows them, and like the real ones
    source = reference.source
    return Sides(
        real=reference.real,
        fake=take_features(reference.network, Batch(real=samples)),
        held_out=reference.held_out,
        num_classes=source.num_classes,
        mixture=source.mixture,
    )
