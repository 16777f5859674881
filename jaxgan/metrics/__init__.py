"""Metrics of what a generator makes: distances of features, coverage of modes and classes."""

from collections.abc import Callable

from jaxgan.metrics.fid import fid
from jaxgan.metrics.kid import KID, kid
from jaxgan.metrics.memorisation import Memorisation, memorisation
from jaxgan.metrics.modes import (
    ClassCoverage,
    MixtureModes,
    class_coverage,
    kl_floor,
    mixture_kl_floor,
    mixture_modes,
)
from jaxgan.metrics.prdc import PRDC, prdc
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein_distance
from jaxgan.metrics.two_sample import TwoSampleTest, two_sample_test
from jaxgan.metrics.vendi import vendi_score

__all__ = [
    "KID",
    "METRICS",
    "PRDC",
    "ClassCoverage",
    "MixtureModes",
    "TwoSampleTest",
    "class_coverage",
    "fid",
    "kid",
    "kl_floor",
    "memorisation",
    "mixture_kl_floor",
    "mixture_modes",
    "prdc",
    "sliced_wasserstein_distance",
    "two_sample_test",
    "vendi_score",
]

METRICS: dict[str, Callable] = {
    "class_coverage": class_coverage,
    "fid": fid,
    "kid": kid,
    "memorisation": memorisation,
    "mixture_modes": mixture_modes,
    "prdc": prdc,
    "sliced_wasserstein_distance": sliced_wasserstein_distance,
    "two_sample_test": two_sample_test,
    "vendi_score": vendi_score,
}
