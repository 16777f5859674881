"""Semi-supervised digits, 10 labels a class (Salimans et al. 2016, "Improved GAN").

    python -m experiments.digits_semi_supervised

Source: https://arxiv.org/abs/1606.03498

On one of 2 CPU cores (AMD EPYC), 2026-11-22, seeds 0 to 2, mean and 95 % interval: error .121 +-
.038 of 360 held-out digits; .24 with a generator that does not learn, .167 by the nearest of the
100 labelled digits. It varies: on seeds 0 to 3 two roundings of the same batch norm have means of
.096 and .124.
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
        network=NetworkConfig(kwargs=fields),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5}),
        learning_rate=3e-3,
    )


def config() -> Config:
    """The paper's networks for MNIST, smaller: noise and weight norm in the discriminator."""
    discriminator = {
        "widths": (256, 128, 128),
        "activation": "relu",
        "auxiliary": True,
        "weight_norm": True,
        "input_noise": 0.2,
        "noise": 0.2,
    }
    generator = {"widths": (256, 256), "activation": "softplus", "norm": "batch"}
    return Config(
        steps=3000,
        data=DataConfig(name="digits", batch_size=100),
        streams={"labelled": DataConfig(name="digits", per_class=10, batch_size=100)},
        latent=LatentConfig(dim=50, distribution="uniform"),
        game=GameConfig(name="semi_supervised"),
        generator=player(**generator),
        discriminator=player(**discriminator),
        ema_half_life=200.0,
        steps_per_call=100,
        log_every=500,
        sample_every=1500,
        eval_every=1500,
        checkpoint_every=1500,
    )


if __name__ == "__main__":
    experiment_main("experiments.digits_semi_supervised")
