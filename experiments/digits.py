"""A DCGAN on scikit-learn's 8x8 digits: the demonstration, within a minute on a laptop.

    python -m experiments.digits

On 2 CPU cores, 2026-11-21, seeds 0 to 2, mean and 95 % interval: all 10 classes in each,
FID 1.98 +- .63 on the features of a classifier of 98.6 % accuracy; 30 s.
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PenaltyConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
)

# `jaxgan sweep experiments.digits`: three losses, each with penalties of its own.
SWEEP = {
    "loss.name": ["relativistic_pairing", "hinge", "non_saturating"],
    "penalties.r1.weight": "log:0.01:1:3",
}


def config() -> Config:
    """Relativistic pairing with R1 and R2 (R3GAN, Huang et al. 2024) on small convolutions."""
    adam = OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.99})
    rate = Ramp(1e-3, 0.02 * 1e-3, shape="cosine")
    return Config(
        steps=15_000,
        data=DataConfig(name="digits", batch_size=64),
        latent=LatentConfig(dim=32),
        generator=PlayerConfig(
            network=NetworkConfig(name="dcgan", kwargs={"width": 64}),
            optimizer=adam,
            learning_rate=rate,
        ),
        discriminator=PlayerConfig(
            network=NetworkConfig(name="dcgan", kwargs={"width": 64, "norm": "none"}),
            optimizer=adam,
            learning_rate=rate,
        ),
        loss=TermConfig(name="relativistic_pairing"),
        penalties={"r1": PenaltyConfig(weight=0.1), "r2": PenaltyConfig(weight=0.1)},
        ema_half_life=400.0,
        steps_per_call=100,
        log_every=500,
        sample_every=3000,
        eval_every=3000,
        checkpoint_every=3000,
    )


if __name__ == "__main__":
    experiment_main("experiments.digits")
