"""What scores a run, as its config says: real samples, metrics, and the function of both."""

from collections.abc import Callable
from typing import Any

from jaxtyping import PRNGKeyArray

from jaxgan.config import Config
from jaxgan.data import Source
from jaxgan.evaluation import Reference, make_evaluator
from jaxgan.files import Log
from jaxgan.metrics import Metric
from jaxgan.runs.build import Program
from jaxgan.runs.scoring import TRAINED, features_of, metrics_of, reference_of, scored_by
from jaxgan.training.parallel import readable


def reference_for(config: Config, source: Source, log: Log) -> Reference:
    """The real samples that a run of this config is scored against.

    Args:
        config: Of the run.
        source: Its data.
        log: Told when a network is trained, and how good it is.
    """
    return reference_of(config.data, source, scored_by(config, source), log=log)


def needs_training(config: Config, source: Source) -> bool:
    """Whether a run is scored by a network that is trained on its data set first, for a minute."""
    return features_of(source, scored_by(config, source)) in TRAINED


def metrics_for(config: Config, program: Program, reference: Reference) -> dict[str, Metric]:
    """The metrics of a run's evaluations, by name."""
    return metrics_of(
        config.eval_metrics, program.source, reference.features, conditional=program.conditional
    )


def evaluator_for(
    config: Config, program: Program, reference: Reference
) -> Callable[[Any, PRNGKeyArray], dict[str, float]]:
    """(state, key) -> scores of the averaged weights."""
    return make_evaluator(
        reference,
        metrics_for(config, program, reference),
        readable(program.sample, program.mesh),
        num_samples=config.num_eval_samples,
        conditional=program.conditional,
        held_out_scores=program.held_out_scores(),
    )
