"""R3GAN (Huang et al. 2024, https://arxiv.org/abs/2501.05441) on CIFAR-10, given the classes.

    TFDS_DATA_DIR=DIR python -m experiments.cifar10_r3gan --eval-features inception

The authors' preset for CIFAR-10: 20.8 and 21.3 million parameters with the classes' embeddings,
batches of 512, cosine ramps of the learning rate (2e-4 to 5e-5), of gamma (.05 to .005), of Adam's
beta2 (.9 to .99), of the average's half-life (to 5 million images) and of the probability of ADA
(to .55). They last 20 million images there too, where the run goes on; here it ends with them. The
authors' augmentations also cut out, and change colours half as often as they move pixels.
--data.name takes any prepared TFDS set of labelled 32 x 32 colour images.

Expected: FID 1.96 in the paper (Inception features, 50,000 samples). It was not run to the end
here, nor for a few steps, on 2 CPU cores, 2026-11-21: `experiments.stacked_mnist` says what was
seen of the same networks.
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    AugmentationConfig,
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


def ramp(start: float, end: float) -> Ramp:
    """Over the whole run."""
    return Ramp(start, end, shape="cosine")


def player(**fields) -> PlayerConfig:
    """A network of R3GAN and its optimiser."""
    return PlayerConfig(
        network=NetworkConfig(name="r3gan", kwargs={"width": 768, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.0, "b2": ramp(0.9, 0.99)}),
        learning_rate=ramp(2e-4, 5e-5),
    )


def config() -> Config:
    """The authors' preset CIFAR10, on 20 million images."""
    gamma = ramp(0.05, 0.005)
    return Config(
        steps=39_000,
        data=DataConfig(name="cifar10", batch_size=512, mirror=True),
        latent=LatentConfig(dim=64),
        generator=player(conditioning="concat"),
        discriminator=player(conditioning="projection"),
        loss=TermConfig(name="relativistic_pairing"),
        penalties={"r1": PenaltyConfig(weight=gamma), "r2": PenaltyConfig(weight=gamma)},
        augmentation=AugmentationConfig(name="ada", kwargs={"probability": ramp(0.0, 0.55)}),
        ema_half_life=ramp(0.0, 10_000.0),
        steps_per_call=10,
        log_every=100,
        sample_every=1000,
        eval_every=3000,
        checkpoint_every=1000,
        num_eval_samples=5000,
    )


if __name__ == "__main__":
    experiment_main("experiments.cifar10_r3gan")
