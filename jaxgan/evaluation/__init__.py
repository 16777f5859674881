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
from jaxgan.evaluation.probes import (
    Probed,
    ProbeReport,
    anomaly_scores,
    cluster_probe,
    linear_probe,
    probe,
    write_probe,
)
from jaxgan.evaluation.reference import Reference, make_reference, take_features
from jaxgan.evaluation.samples import Sampler, conditions, draw, request
from jaxgan.evaluation.scores import HeldOutScores, average_scores, real_baseline, score

__all__ = [
    "Evaluation",
    "Evaluator",
    "HeldOutScores",
    "ProbeReport",
    "Probed",
    "Reference",
    "Sampler",
    "anomaly_scores",
    "average_scores",
    "cluster_probe",
    "conditions",
    "draw",
    "evaluate_samples",
    "feature_monitor",
    "linear_probe",
    "make_evaluator",
    "make_monitor",
    "make_reference",
    "mixture_monitor",
    "monitored",
    "probe",
    "real_baseline",
    "request",
    "score",
    "take_features",
    "write_evaluation",
    "write_probe",
]
