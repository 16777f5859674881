"""Evaluation of generators: in training, after it, and inside the compiled loop."""

from jaxgan.evaluation.evaluator import (
    Evaluation,
    Evaluator,
    evaluate_samples,
    make_evaluator,
    write_evaluation,
)
from jaxgan.evaluation.monitor import (
    feature_monitor,
    make_monitor,
    mixture_monitor,
    monitored,
)
from jaxgan.evaluation.reference import Reference, make_reference, take_features
from jaxgan.evaluation.samples import Sampler, conditions, draw, request
from jaxgan.evaluation.scores import HeldOutScores, average_scores, real_baseline, score

__all__ = [
    "Evaluation",
    "Evaluator",
    "HeldOutScores",
    "Reference",
    "Sampler",
    "average_scores",
    "conditions",
    "draw",
    "evaluate_samples",
    "feature_monitor",
    "make_evaluator",
    "make_monitor",
    "make_reference",
    "mixture_monitor",
    "monitored",
    "real_baseline",
    "request",
    "score",
    "take_features",
    "write_evaluation",
]
