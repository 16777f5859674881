"""PacGAN (Lin et al. 2018, https://arxiv.org/abs/1712.04086) on the 1,000 modes of stacked MNIST.

    TFDS_DATA_DIR=DIR python -m experiments.stacked_mnist_pacgan
    TFDS_DATA_DIR=DIR python -m experiments.stacked_mnist_pacgan --game.kwargs.packing 1

A DCGAN whose discriminator judges two samples at once; the second command is the plain DCGAN. Modes
are read as in `experiments.stacked_mnist`. The paper trains on 128,000 stacks too.

Expected in the paper: 1,000 modes and a KL of .06 +- .003; 99 modes and 3.40 of a DCGAN. It was not
run to the end here. On one of 2 CPU cores (AMD EPYC) that other programs shared, 2026-11-21, seed
0, half as wide on 20,000 stacks, 300 steps (--generator.network.kwargs.width 32
--discriminator.network.kwargs.width 32 --data.kwargs.size 20000 --steps 300): the shapes of digits,
not yet any one digit; in 2,500 samples 78 modes, KL 5.06 +- .04, where real stacks get .22.
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
    TermConfig,
)


def config() -> Config:
    """Adam 2e-4, .5 and z ~ U[-1, 1]^100 on 128,000 stacks, 50 times each."""
    player = PlayerConfig(
        network=NetworkConfig(name="dcgan", kwargs={"width": 64}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5, "b2": 0.999}),
        learning_rate=2e-4,
    )
    return Config(
        steps=100_000,
        data=DataConfig(name="stacked_mnist", batch_size=64),
        latent=LatentConfig(dim=100, distribution="uniform"),
        game=GameConfig(kwargs={"packing": 2}),
        generator=player,
        discriminator=player,
        loss=TermConfig(name="non_saturating"),
        ema_half_life=50.0,
        steps_per_call=20,
        log_every=100,
        sample_every=1000,
        eval_every=5000,
        checkpoint_every=1000,
        num_eval_samples=26_000,
        eval_metrics=("class_coverage",),
        best_metric="eval/class_kl",
    )


if __name__ == "__main__":
    experiment_main("experiments.stacked_mnist_pacgan")
