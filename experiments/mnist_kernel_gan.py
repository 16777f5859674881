"""A kernel GAN on MNIST: Gaussian kernels between D(x) and D(G(z)), of six kinds of bandwidth.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_kernel_gan             five, and a repulsive D
    ... --loss.name mmd_gaussian                                         fixed at 1
    ... --loss.name mmd_gaussian --loss.kwargs.bandwidth 0.2
    ... --loss.name mmd_gaussian --loss.kwargs.bandwidth 4 --loss.kwargs.bandwidth.end 0.5
    ... --loss.name mmd_gaussian --discriminator.network.kwargs.learned-bandwidth true
    ... --loss.name mmd_median                                           the median

The generator minimises MMD^2 of the discriminator's 16 outputs. The discriminator maximises it (Li
et al. 2017, https://arxiv.org/abs/1705.08584) or, by default, draws fakes together and drives reals
apart, whose differences it then has to see (Wang et al. 2019, https://arxiv.org/abs/1812.09916).
Spectral norm holds the outputs' scale, which would stand for a bandwidth otherwise. Where a
tutorial compares D(x) and D(G(z)) by the kernel's value alone (`--loss.name kernel_similarity`),
nothing keeps the fakes apart.

On one of 2 CPU cores (AMD EPYC), 2026-11-22, seed 0: all 10 classes, classifier FID 1.60 (real
images .13), class KL .002; 22 minutes beside other work. With a learned bandwidth and a
discriminator that maximises MMD^2: 7.47, the best of it 5.71 after 4,000 steps; class KL .061.
With one bandwidth from 4 to .5: 7.90, class KL .029.
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
)

# `jaxgan sweep experiments.mnist_kernel_gan`: one fixed Gaussian, over its bandwidth.
SWEEP = {
    "loss.name": ["mmd_gaussian"],
    "loss.kwargs.bandwidth": "log:0.125:8:7",
}


def player(**fields) -> PlayerConfig:
    """A DCGAN network of half the usual width."""
    return PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 32, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5, "b2": 0.99}),
        learning_rate=Ramp(1e-3, 0.0, shape="cosine"),
    )


def config() -> Config:
    """A critic without batch norm: its statistics would couple the samples that are compared."""
    critic = {"num_outputs": 16, "final_bias": False}
    return Config(
        steps=10_000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=64),
        generator=player(),
        discriminator=player(norm="none", spectral_norm=True, **critic),
        loss=TermConfig(name="mmd_repulsive"),
        ema_half_life=100.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_kernel_gan")
