"""Augmentations: random changes of what a discriminator sees, differentiable, sample by sample.

See `record.AugmentationFn`. AUGMENTATIONS holds those that a config can name.
"""

from jaxgan.augmentations.adaptive import ada
from jaxgan.augmentations.differentiable import diffaugment
from jaxgan.augmentations.record import AUGMENTATIONS, Augmentation, AugmentationFn, augmentation
from jaxgan.augmentations.shifts import augment, flip_shift

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "AugmentationFn",
    "ada",
    "augment",
    "augmentation",
    "diffaugment",
    "flip_shift",
]
