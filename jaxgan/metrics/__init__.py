"""Metrics of what a generator makes: distances of features, coverage of modes and classes."""

from jaxgan.metrics.agreement import ClassAgreement, class_agreement
from jaxgan.metrics.clusters import normalised_mutual_information, purity
from jaxgan.metrics.columns import Correlations, Pair, correlations
from jaxgan.metrics.copies import Memorisation, memorisation
from jaxgan.metrics.curves import CurveCoverage, curve_coverage
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.feature_moments import Moments, device_moments, merge, moments
from jaxgan.metrics.frechet import IntraFID, fid, fid_infinity, frechet_distance, intra_fid
from jaxgan.metrics.gaussian_mmd import cmmd
from jaxgan.metrics.inception import inception_score
from jaxgan.metrics.kernel_inception import KID, kid, kid_blocks
from jaxgan.metrics.modes import (
    ClassCoverage,
    MixtureModes,
    class_coverage,
    kl_baseline,
    mixture_kl_baseline,
    mixture_modes,
)
from jaxgan.metrics.precision_recall import PRDC, prdc
from jaxgan.metrics.ranks import probability_below
from jaxgan.metrics.record import METRICS, Metric, metric
from jaxgan.metrics.sides import Features, Sides
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein_distance
from jaxgan.metrics.spectra import (
    SpectralDistance,
    dominant_frequency,
    log_power,
    spectral_distance,
)
from jaxgan.metrics.two_sample import TwoSampleTest, two_sample_test
from jaxgan.metrics.vendi import vendi_score

__all__ = [
    "KID",
    "METRICS",
    "PRDC",
    "ClassAgreement",
    "ClassCoverage",
    "Correlations",
    "CurveCoverage",
    "Estimate",
    "Features",
    "IntraFID",
    "Memorisation",
    "Metric",
    "MixtureModes",
    "Moments",
    "Pair",
    "Sides",
    "SpectralDistance",
    "TwoSampleTest",
    "class_agreement",
    "class_coverage",
    "cmmd",
    "correlations",
    "curve_coverage",
    "device_moments",
    "dominant_frequency",
    "fid",
    "fid_infinity",
    "frechet_distance",
    "inception_score",
    "intra_fid",
    "kid",
    "kid_blocks",
    "kl_baseline",
    "log_power",
    "memorisation",
    "merge",
    "metric",
    "mixture_kl_baseline",
    "mixture_modes",
    "moments",
    "normalised_mutual_information",
    "prdc",
    "probability_below",
    "purity",
    "sliced_wasserstein_distance",
    "spectral_distance",
    "two_sample_test",
    "vendi_score",
]
