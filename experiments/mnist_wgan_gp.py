"""WGAN-GP (Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028) on MNIST.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_wgan_gp

Penalty of weight 10 on gradient norms that are not 1 between real and fake images, five updates of
the critic for one of the generator, no batch norm in the critic.

On one of 2 CPU cores (AMD EPYC), 2026-11-22, seed 0: all 10 classes, classifier FID 6.26 (real
images .13), class KL .020, after 36 minutes beside other work.
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


def player(**fields) -> PlayerConfig:
    """A DCGAN network of half the usual width, with steps five times those of the paper."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.9}),
        learning_rate=Ramp(5e-4, 5e-5, shape="linear"),
    )


def config() -> Config:
    """The paper's weights and updates, for a run of minutes."""
    return Config(
        steps=5000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=100),
        generator=player(),
        discriminator=player(norm="none"),
        loss=TermConfig(name="wasserstein"),
        penalties={"wgan_gp": PenaltyConfig(weight=10.0)},
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
    experiment_main("experiments.mnist_wgan_gp")
