"""Class-conditional GANs on MNIST: of each sample one may ask what digit it is to be.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_conditional --steps 2000
    jaxgan sample runs/mnist_conditional --label 7

Conditional batch norm in the generator, and a discriminator with a projection (Miyato and Koyama
2018, https://arxiv.org/abs/1802.05637) and an auxiliary classifier (Odena et al. 2017, AC-GAN,
https://arxiv.org/abs/1610.09585). One flag takes either away, or joins the label to the images
(Mirza and Osindero 2014, https://arxiv.org/abs/1411.1784):

    --terms.classes.weight 0                                      the projection alone
    --discriminator.network.kwargs.conditioning none              the classifier alone
    --discriminator.network.kwargs.conditioning concat            the label, with the classifier

On 2 CPU cores, 2026-11-21, seeds 0 to 2, 2,000 steps, mean and 95 % interval: .989 +- .010 of
samples are read as the class asked for, by a classifier of 99.4 % accuracy; FID .83 +- .15 on its
features; 165 s. Seed 0 with the projection alone: .977; with the label joined to the images and the
classifier: .962; with the classifier alone: .870.

On one of 2 CPU cores (AMD EPYC), 2026-11-22, seed 0, all 10,000 steps: .993, FID .37 (real images
.13), class KL .0013; 12 minutes.
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


def player(**fields) -> PlayerConfig:
    """A DCGAN network of half the usual width."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.9}),
        learning_rate=2e-3,
    )


def config() -> Config:
    """Spectral norm and the hinge loss, as in the paper of the projection."""
    return Config(
        steps=10_000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=64),
        generator=player(conditioning="batch_norm"),
        discriminator=player(
            norm="none", spectral_norm=True, conditioning="projection", auxiliary=True
        ),
        loss=TermConfig(name="hinge"),
        terms={"classes": TermConfig(name="auxiliary_classifier", on="class_logits")},
        ema_half_life=100.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_conditional")
