"""Reference MMD (RDM, arXiv 2607.02375) on MNIST: a generator alone, against all training data.

TFDS_DATA_DIR=DIR python -m experiments.mnist_reference_mmd
"""

import dataclasses

from experiments import mnist_drifting
from jaxgan.cli import experiment_main
from jaxgan.config import Config, TermConfig


def config() -> Config:
    """MMD^2 within the batch, and to 512 landmarks of the training set's features."""
    loss = TermConfig(name="mmd_nystroem", on="frozen:random_conv")
    return dataclasses.replace(mnist_drifting.config(), loss=loss)


if __name__ == "__main__":
    experiment_main("experiments.mnist_reference_mmd")
