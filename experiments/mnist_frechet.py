"""The Frechet distance as a loss (arXiv 2604.28190) on MNIST, with moments averaged over steps.

TFDS_DATA_DIR=DIR python -m experiments.mnist_frechet
"""

import dataclasses

from experiments import mnist_drifting
from jaxgan.cli import experiment_main
from jaxgan.config import Config, TermConfig


def config() -> Config:
    """Of the features of random convolutions, to the moments of the whole training set."""
    loss = TermConfig(name="frechet", on="frozen:random_conv")
    return dataclasses.replace(mnist_drifting.config(), loss=loss)


if __name__ == "__main__":
    experiment_main("experiments.mnist_frechet")
