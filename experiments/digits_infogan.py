"""InfoGAN (Chen et al. 2016, https://arxiv.org/abs/1606.03657) on scikit-learn's 8x8 digits.

    python -m experiments.digits_infogan

A code of 10 categories, learned without labels; samples/codes_*.png has a column for each.

On 2 CPU cores, 2026-11-21, seeds 0 to 2, mean and 95 % interval: FID .67 +- .14
(classifier features); .21 +- .02 of held-out digits are not of their code's most frequent class.
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
    """A dense network."""
    return PlayerConfig(
        network=NetworkConfig(kwargs={"widths": (256, 256), **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5}),
        learning_rate=5e-4,
    )


def config() -> Config:
    """The code beside z in the generator; a second head of the discriminator reads it."""
    return Config(
        steps=6000,
        data=DataConfig(name="digits", batch_size=64),
        latent=LatentConfig(dim=16),
        game=GameConfig(name="infogan", kwargs={"information": 0.1}),
        generator=player(norm="batch", conditioning="concat"),
        discriminator=player(spectral_norm=True, auxiliary=True),
        ema_half_life=200.0,
        steps_per_call=100,
        log_every=500,
        sample_every=3000,
        eval_every=3000,
        checkpoint_every=3000,
    )


if __name__ == "__main__":
    experiment_main("experiments.digits_infogan")
