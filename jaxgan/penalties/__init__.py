"""Penalties: regularisers of the critic, unweighted. See `jaxgan.types.PenaltyFn`.

PENALTIES holds a record of each that a config can name; two are called in ways of their own, which
`record.Penalty` tells: `lecam`, which keeps a state, and `latent_consistency`, which the generator
minimises too. What is no regulariser of the critic's outputs is a plain function outside PENALTIES.
"""

from jaxgan.augmentations import augment
from jaxgan.penalties.augmented import (
    balanced_consistency,
    consistency,
    consistency_gap,
    latent_consistency,
)
from jaxgan.penalties.gradient import dragan, jacobian, r1, r2, randomly_signed, wgan_gp
from jaxgan.penalties.laziness import lazy
from jaxgan.penalties.mmd import scaled_mmd_factor, witness, witness_gaussian
from jaxgan.penalties.outputs import (
    LecamAnchors,
    LecamNetwork,
    activation_l2,
    lecam,
    lecam_anchors,
)
from jaxgan.penalties.record import PENALTIES, Penalty, penalty
from jaxgan.penalties.weights import orthogonal

__all__ = [
    "PENALTIES",
    "LecamAnchors",
    "LecamNetwork",
    "Penalty",
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
    "penalty",
    "r1",
    "r2",
    "randomly_signed",
    "scaled_mmd_factor",
    "wgan_gp",
    "witness",
    "witness_gaussian",
]
