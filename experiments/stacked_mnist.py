"""R3GAN (Huang et al. 2024, https://arxiv.org/abs/2501.05441) on the 1,000 modes of stacked MNIST.

    TFDS_DATA_DIR=DIR python -m experiments.stacked_mnist

The paper's setting: a generator of 20.73 and a discriminator of 20.68 million parameters, digits
padded to 32 x 32, 10 million images in batches of 512, a learning rate of 2e-4, gamma from 1 to .1
and Adam's beta2 from .9 to .99. That the learning rate falls to 5e-5, as for CIFAR-10, that the
average's half-life grows to 512,000 images, and that all ramps last as long as the run, is our
choice. Modes are read by a classifier of single digits, trained on the data first, whose accuracy
is the score `eval/stacked_classifier_accuracy`.

Expected in the paper: 1,000 modes and KL(modes || uniform) of .029. It is counted here on 26,000
samples, of which real digits get .0236. It was not run to the end here. On one of 2 CPU cores (AMD
EPYC) that other programs shared, 2026-11-21, seed 0: at its real size 2 steps of 2 stacks
(--batch-size 2 --data.kwargs.size 2000 --steps 2 --steps-per-call 1), all finite; and with 16
channels, one block a side and 28 x 28 pixels (--PLAYER.network.kwargs.width 16,
--PLAYER.network.kwargs.blocks 1 for both players, --data.pad None, --data.kwargs.size 20000) 300
steps of 32 stacks: strokes on black, no digits yet; the discriminator's loss falls from .65 at step
50 to .11 at step 250. Modes were not counted.
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
    """Relativistic pairing with R1 and R2, on 10 million images."""
    gamma = ramp(1.0, 0.1)
    return Config(
        steps=19_500,
        data=DataConfig(name="stacked_mnist", batch_size=512, pad=32),
        latent=LatentConfig(dim=64),
        generator=player(),
        discriminator=player(),
        loss=TermConfig(name="relativistic_pairing"),
        penalties={"r1": PenaltyConfig(weight=gamma), "r2": PenaltyConfig(weight=gamma)},
        ema_half_life=ramp(0.0, 1000.0),
        steps_per_call=10,
        log_every=100,
        sample_every=500,
        eval_every=1500,
        checkpoint_every=500,
        num_eval_samples=26_000,
        eval_metrics=("class_coverage",),
        best_metric="eval/class_kl",
    )


if __name__ == "__main__":
    experiment_main("experiments.stacked_mnist")
