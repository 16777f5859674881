"""Penalties: regularisers of the critic, unweighted. See `types.PenaltyFn`.

Those that need more than a critic and samples (state, parameters, a generator) are plain functions
outside PENALTIES.
"""

from jaxgan.penalties.augmented import (
    augment,
    balanced_consistency,
    consistency,
    consistency_gap,
    latent_consistency,
)
from jaxgan.penalties.gradient import dragan, jacobian, r1, r2, wgan_gp
from jaxgan.penalties.laziness import lazy
from jaxgan.penalties.mmd import scaled_mmd_factor, witness, witness_gaussian
from jaxgan.penalties.outputs import LecamAnchors, activation_l2, lecam, lecam_anchors
from jaxgan.penalties.weights import orthogonal
from jaxgan.types import PenaltyFn

__all__ = [
    "PENALTIES",
    "LecamAnchors",
    "activation_l2",
    "augment",
    "balanced_consistency",
    "consistency",
    "consistency_gap",
    "dragan",
    "jacobian",
    "latent_consistency",
    "lazy",
    "lecam",
    "lecam_anchors",
    "orthogonal",
    "r1",
    "r2",
    "scaled_mmd_factor",
    "wgan_gp",
    "witness",
    "witness_gaussian",
]

PENALTIES: dict[str, PenaltyFn] = {
    "r1": r1,
    "r2": r2,
    "wgan_gp": wgan_gp,
    "dragan": dragan,
    "jacobian": jacobian,
    "witness_gaussian": witness_gaussian,
    "activation_l2": activation_l2,
    "consistency": consistency,
    "balanced_consistency": balanced_consistency,
}
