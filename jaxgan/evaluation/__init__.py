"""Evaluation of generators: in training, after it, and inside the compiled loop."""

from jaxgan.evaluation.evaluator import (
    Evaluation,
    Evaluator,
    evaluate_samples,
    make_evaluator,
    score_names,
    write_evaluation,
)
from jaxgan.evaluation.monitor import (
    feature_monitor,
    make_monitor,
    mixture_monitor,
    monitored,
)
from jaxgan.evaluation.reference import Reference, make_reference
from jaxgan.evaluation.samples import draw
from jaxgan.evaluation.scores import SCORES, score

__all__ = [
    "SCORES",
    "Evaluation",
    "Evaluator",
    "Reference",
    "draw",
    "evaluate_samples",
    "feature_monitor",
    "make_evaluator",
    "make_monitor",
    "make_reference",
    "mixture_monitor",
    "monitored",
    "score",
    "score_names",
    "write_evaluation",
]
