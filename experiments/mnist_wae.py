"""A Wasserstein autoencoder (WAE-MMD, Tolstikhin et al. 2018, arXiv:1711.01558) on MNIST.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_wae
    TFDS_DATA_DIR=DIR python -m experiments.mnist_wae --loss.name mmd_energy --loss.on codes

Squared error of reconstructions, and a distance between codes and draws from the prior, which is an
MMD with the paper's inverse multiquadric kernel, or any other loss of sets (the second command).
The pictures in samples/ show samples, reconstructions, and interpolations between codes.

On one of 2 CPU cores (AMD EPYC), 2026-11-21: no figure yet. Only a few steps were run, on narrow
networks (`tests/test_experiments.py`).
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    Ramp,
)

LATENT = 8


def player(**fields) -> PlayerConfig:
    """The encoder is a discriminator whose output is the code."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5}),
        learning_rate=Ramp(1e-3, 1e-4, shape="cosine"),
    )


def config() -> Config:
    """Codes of 8 dimensions, as in the paper; its weight of 10 is for pixels in [0, 1]."""
    return Config(
        steps=12_000,
        data=DataConfig(name="mnist", batch_size=128),
        latent=LatentConfig(dim=LATENT),
        game=GameConfig(name="wae", kwargs={"matching": 40.0}),
        generator=player(),
        networks={"encoder": player(num_outputs=LATENT)},
        ema_half_life=200.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
        num_eval_samples=10_000,
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_wae")
