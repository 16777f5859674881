"""DCGAN (Radford et al. 2016) on MNIST, or on any prepared TFDS set of small images.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_dcgan
    TFDS_DATA_DIR=DIR python -m experiments.mnist_dcgan --data.name cifar10

The networks take their size and colours from the data: sides of 8, 16, 28, 32 or 64 pixels (others
with --data.resize or --data.pad).

On 2 CPU cores, 2026-11-21, seed 0, after --steps 300: digits in the making, all 10 classes, FID
48.6 on the features of a classifier of 99.4 % accuracy; 75 ms a step.
"""

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

# `jaxgan sweep experiments.mnist_dcgan`: who learns faster (Heusel et al. 2017, TTUR).
SWEEP = {
    "generator.learning_rate": "log:5e-5:8e-4:3",
    "discriminator.learning_rate": "log:5e-5:8e-4:3",
}


def config() -> Config:
    """The settings of the paper: z ~ U[-1, 1]^100, batch norm in both players, Adam 2e-4, 0.5."""
    player = PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 64}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5, "b2": 0.999}),
        learning_rate=2e-4,
    )
    return Config(
        steps=20_000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=100, distribution="uniform"),
        generator=player,
        discriminator=player,
        loss=TermConfig(name="non_saturating"),
        ema_half_life=50.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_dcgan")
