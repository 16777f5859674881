"""The Frechet distance as a loss (arXiv 2604.28190) on MNIST, with moments averaged over steps.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_frechet

Of features of a masked autoencoder, which is trained on the data first, together with the labels.
"""

import dataclasses

from experiments import mnist_drifting
from jaxgan.cli import experiment_main
from jaxgan.config import Config, TermConfig


def config() -> Config:
    """The generator and the batches of `experiments.mnist_drifting`."""
    loss = TermConfig(name="frechet", on="frozen:autoencoder", label_scale=3.0)
    return dataclasses.replace(mnist_drifting.config(), loss=loss)


if __name__ == "__main__":
    experiment_main("experiments.mnist_frechet")
