"""Metrics of what a generator makes: distances of features, coverage of modes and classes."""

from collections.abc import Callable

from jaxgan.metrics.classifier import FeatureNetwork, extract, load_classifier, train_classifier
from jaxgan.metrics.fid import fid
from jaxgan.metrics.kid import KID, kid
from jaxgan.metrics.modes import ClassCoverage, MixtureModes, class_coverage, mixture_modes

__all__ = [
    "KID",
    "METRICS",
    "ClassCoverage",
    "FeatureNetwork",
    "MixtureModes",
    "class_coverage",
    "extract",
    "fid",
    "kid",
    "load_classifier",
    "mixture_modes",
    "train_classifier",
]

METRICS: dict[str, Callable] = {
    "class_coverage": class_coverage,
    "fid": fid,
    "kid": kid,
    "mixture_modes": mixture_modes,
}
