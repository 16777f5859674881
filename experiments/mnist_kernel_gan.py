"""A kernel GAN on MNIST: a Gaussian kernel between D(x) and D(G(z)), of five kinds of bandwidth.

    TFDS_DATA_DIR=DIR python -m experiments.mnist_kernel_gan                           learned
    ... --discriminator.network.kwargs.learned-bandwidth false                         fixed at 1
    ... --discriminator.network.kwargs.learned-bandwidth false --loss.kwargs.bandwidth 0.2
    ... --discriminator.network.kwargs.learned-bandwidth false --loss.name mmd_median  the median
    ... --loss.kwargs.bandwidth 4 --loss.kwargs.bandwidth.end 0.5                      annealed

The generator minimises MMD^2 of the discriminator's 16 outputs, and the discriminator maximises it
(Li et al. 2017, https://arxiv.org/abs/1705.08584). Spectral norm holds the outputs' scale, which
would stand for a bandwidth otherwise. Where a tutorial compares D(x) and D(G(z)) by the kernel's
value alone (`--loss.name kernel_similarity`), nothing keeps the fakes apart.

Not yet trained to the end; on 2 CPU cores, 2026-11-21, it was built and trained for a few steps.
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

# `jaxgan sweep experiments.mnist_kernel_gan`: the second of the five, over its bandwidth.
SWEEP = {
    "discriminator.network.kwargs.learned_bandwidth": [False],
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
    critic = {"num_outputs": 16, "final_bias": False, "learned_bandwidth": True}
    return Config(
        steps=10_000,
        data=DataConfig(name="mnist", batch_size=64),
        latent=LatentConfig(dim=64),
        generator=player(),
        discriminator=player(norm="none", spectral_norm=True, **critic),
        loss=TermConfig(name="mmd_gaussian"),
        ema_half_life=100.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=1000,
        checkpoint_every=1000,
    )


if __name__ == "__main__":
    experiment_main("experiments.mnist_kernel_gan")
