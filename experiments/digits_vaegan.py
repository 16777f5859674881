"""VAE-GAN (Larsen et al. 2016, https://arxiv.org/abs/1512.09300) on scikit-learn's 8x8 digits.

    python -m experiments.digits_vaegan

It encodes, reconstructs and interpolates (see the pictures in samples/).

On 2 CPU cores, 2026-11-21, seeds 0 to 2, mean and 95 % interval: FID 3.47 +- .25
(classifier features), mean squared error of held-out reconstructions .0331 +- .0014
of pixels in [-1, 1].
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
)


def player(**fields) -> PlayerConfig:
    """Small convolutions; the encoder is a discriminator with two outputs for each z."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5}),
        learning_rate=1e-3,
    )


def config() -> Config:
    """The paper's losses; features of small networks are small, and so is their deviation."""
    return Config(
        steps=5000,
        data=DataConfig(name="digits", batch_size=64),
        latent=LatentConfig(dim=16),
        game=GameConfig(name="vae_gan", kwargs={"scale": 0.1}),
        generator=player(),
        discriminator=player(),
        networks={"encoder": player(num_outputs=32)},
        ema_half_life=100.0,
        steps_per_call=100,
        log_every=500,
        sample_every=2500,
        eval_every=2500,
        checkpoint_every=2500,
    )


if __name__ == "__main__":
    experiment_main("experiments.digits_vaegan")
