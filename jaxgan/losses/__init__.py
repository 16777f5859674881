"""Losses: pure functions of a view of the real and of the fake batch. See `types.LossFn`."""

from jaxgan.losses.adversarial import (
    hinge,
    least_squares,
    minimax,
    non_saturating,
    relativistic_average,
    relativistic_pairing,
    wasserstein,
)
from jaxgan.losses.mmd import mmd2, mmd_gaussian
from jaxgan.types import LossFn

__all__ = [
    "LOSSES",
    "hinge",
    "least_squares",
    "minimax",
    "mmd2",
    "mmd_gaussian",
    "non_saturating",
    "relativistic_average",
    "relativistic_pairing",
    "wasserstein",
]

LOSSES: dict[str, LossFn] = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "least_squares": least_squares,
    "hinge": hinge,
    "wasserstein": wasserstein,
    "relativistic_average": relativistic_average,
    "relativistic_pairing": relativistic_pairing,
    "mmd_gaussian": mmd_gaussian,
}
