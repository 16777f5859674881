"""SNGAN's ResNet (Miyato et al. 2018, https://arxiv.org/abs/1802.05957) on CIFAR-10.

    TFDS_DATA_DIR=DIR python -m experiments.cifar10_sngan --eval-features inception
    TFDS_DATA_DIR=DIR python -m experiments.cifar10_sngan \
        --generator.network.kwargs.conditioning batch_norm \
        --discriminator.network.kwargs.conditioning projection

The second command gives both players the classes (Miyato and Koyama 2018,
https://arxiv.org/abs/1802.05637). --data.name takes any prepared TFDS set of 32 x 32 colour images.
The networks have 4,276,739 and 1,053,824 parameters, as in the authors' code.

Expected: the paper's table 2 has FID 21.7 and an Inception score of 8.22 (Inception features, 5,000
samples). It was not run to the end here. At its real size on one of 2 CPU cores (AMD EPYC) that
other programs shared, 2026-11-22, seed 0, 4 steps on a re-encoding of the images (--data.name
cifar10_jpeg --steps 4 --steps-per-call 1 --log-every 1 --sample-every 0 --eval-every 0
--checkpoint-every 0): all finite, 61 s of processor time for the first step, which is compiled, and
37 to 41 s for each of the others, of five updates of the discriminator and one of the generator.
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


def player(**fields) -> PlayerConfig:
    """A residual network and its optimiser, as in the authors' code."""
    return PlayerConfig(
        network=NetworkConfig(name="resnet", kwargs=fields),
        optimizer=OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.9}),
        learning_rate=Ramp(2e-4, 0.0),
    )


def config() -> Config:
    """Spectral norm and the hinge loss; five updates of the discriminator to one."""
    return Config(
        steps=50_000,
        data=DataConfig(name="cifar10", batch_size=64),
        latent=LatentConfig(dim=128),
        generator=player(),
        discriminator=player(spectral_norm=True, final_bias=False),
        loss=TermConfig(name="hinge"),
        discriminator_steps=5,
        fresh_latents=True,
        ema_half_life=0.0,
        steps_per_call=10,
        log_every=100,
        sample_every=1000,
        eval_every=5000,
        checkpoint_every=1000,
        num_eval_samples=5000,
    )


if __name__ == "__main__":
    experiment_main("experiments.cifar10_sngan")
