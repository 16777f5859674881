"""Reference MMD (RDM, arXiv 2607.02375) on MNIST: a generator alone, against all training data.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_reference_mmd

MMD^2 within the batch is exact; to the 60,000 images it is by 512 landmarks, which are fitted once.
Samples are compared together with their labels.

On one of 2 CPU cores (AMD EPYC), 2026-11-21, seed 0, --steps 1000: classifier FID 20.3, 10 of 10
classes, their KL .066, 59 % read as the class that was asked for, after 4 minutes. Score drift
(`experiments.mnist_drifting`) comes to 3.0 in as many steps.
"""

import dataclasses

from experiments import mnist_drifting
from jaxgan.cli import experiment_main
from jaxgan.config import Config, TermConfig


def config() -> Config:
    """The generator and the batches of `experiments.mnist_drifting`."""
    loss = TermConfig(name="mmd_nystroem", on="images", label_scale=20.0)
    return dataclasses.replace(mnist_drifting.config(), loss=loss)


if __name__ == "__main__":
    experiment_main("experiments.mnist_reference_mmd")
