"""Metrics of what a generator makes: distances of features, coverage of modes and classes."""

from collections.abc import Callable

from jaxgan.metrics.copies import Memorisation, memorisation
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.frechet import IntraFID, fid, fid_infinity, frechet_distance, intra_fid
from jaxgan.metrics.gaussian_mmd import cmmd
from jaxgan.metrics.inception import inception_score
from jaxgan.metrics.kernel_inception import KID, kid, kid_blocks
from jaxgan.metrics.modes import (
    ClassCoverage,
    MixtureModes,
    class_coverage,
    kl_floor,
    mixture_kl_floor,
    mixture_modes,
)
from jaxgan.metrics.moments import Moments, device_moments, merge, moments
from jaxgan.metrics.precision_recall import PRDC, prdc
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein_distance
from jaxgan.metrics.two_sample import TwoSampleTest, two_sample_test
from jaxgan.metrics.vendi import vendi_score

__all__ = [
    "KID",
    "METRICS",
    "PRDC",
    "ClassCoverage",
    "Estimate",
    "IntraFID",
    "Memorisation",
    "MixtureModes",
    "Moments",
    "TwoSampleTest",
    "class_coverage",
    "cmmd",
    "device_moments",
    "fid",
    "fid_infinity",
    "frechet_distance",
    "inception_score",
    "intra_fid",
    "kid",
    "kid_blocks",
    "kl_floor",
    "memorisation",
    "merge",
    "mixture_kl_floor",
    "mixture_modes",
    "moments",
    "prdc",
    "sliced_wasserstein_distance",
    "two_sample_test",
    "vendi_score",
]

METRICS: dict[str, Callable] = {
    "class_coverage": class_coverage,
    "cmmd": cmmd,
    "fid": fid,
    "fid_infinity": fid_infinity,
    "inception_score": inception_score,
    "intra_fid": intra_fid,
    "kid": kid,
    "kid_blocks": kid_blocks,
    "memorisation": memorisation,
    "mixture_modes": mixture_modes,
    "prdc": prdc,
    "sliced_wasserstein_distance": sliced_wasserstein_distance,
    "two_sample_test": two_sample_test,
    "vendi_score": vendi_score,
}
