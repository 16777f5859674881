"""Wasserstein GAN with clipped weights (Arjovsky et al. 2017, arXiv:1701.07875) on MNIST.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_wgan

The settings of the paper: every weight of the critic is clipped to .01 after each of its five
updates, RMSprop 5e-5, no momentum. The critic has no batch norm, whose gains would be clipped with
its weights. `experiments.mnist_wgan_gp` puts a gradient penalty in the place of clipping.

On one of 2 CPU cores (AMD EPYC), 2026-11-21: no figure yet. At most .1 s of processor time a step;
only its first 60 steps were run.
"""

import dataclasses

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    TermConfig,
)


def player(**fields) -> PlayerConfig:
    """A DCGAN network of half the usual width."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(name="rmsprop"),
        learning_rate=5e-5,
    )


def config() -> Config:
    """Five updates of the critic for one of the generator, each on a batch of its own."""
    return Config(
        steps=10_000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=100),
        generator=player(),
        discriminator=dataclasses.replace(player(norm="none"), clip_weights=0.01),
        loss=TermConfig(name="wasserstein"),
        discriminator_steps=5,
        ema_half_life=100.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
        num_eval_samples=10_000,
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_wgan")
