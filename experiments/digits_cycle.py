"""CycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1703.10593) from negatives to digits, unpaired.

    python -m experiments.digits_cycle

Which negative belongs to which digit, nobody tells it.

On 2 CPU cores, 2026-11-21, seeds 0 to 2, mean and 95 % interval: FID .030 +- .006
(classifier features), mean absolute error there and back .0278 +- .0012 of pixels in [-1, 1].
"""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
)
from jaxgan.data import Source, digits, from_arrays, whole
from jaxgan.networks import Conv


def negatives(*, split: str = "train") -> Source:
    """The digits, each with the negative of another digit as its condition."""
    batch = whole(digits(split=split))
    real, labels = np.asarray(batch.real), np.asarray(batch.labels)
    others = 255 - np.random.default_rng(0).permutation(real)
    return from_arrays(real, labels, condition=others, name="negatives", split=split)


class Translator(nn.Module):
    """Three convolutions at the size of the image."""

    width: int = 32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], *, train: bool) -> Float[Array, "n h w c"]:
        """Returns images of the shape of x, in (-1, 1)."""
        del train
        channels = x.shape[-1]
        for _ in range(2):
            x = nn.leaky_relu(Conv(self.width, 3)(x), 0.2)
        return jnp.tanh(Conv(channels, 3)(x))


def player(name: str, **fields) -> PlayerConfig:
    """A network and its optimiser."""
    return PlayerConfig(
        network=NetworkConfig(name=name, kwargs=fields),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5}),
        learning_rate=5e-4,
    )


def config() -> Config:
    """Two generators, two discriminators."""
    translator = player(f"{__name__}:Translator")
    judge = player("mlp", widths=(256, 256), spectral_norm=True)
    return Config(
        steps=3000,
        data=DataConfig(name=f"{__name__}:negatives", batch_size=64),
        game=GameConfig(name="cycle_gan", kwargs={"cycle": 10.0}),
        generator=translator,
        discriminator=judge,
        networks={"generator_back": translator, "discriminator_back": judge},
        ema_half_life=100.0,
        steps_per_call=100,
        log_every=500,
        sample_every=1500,
        eval_every=1500,
        checkpoint_every=1500,
    )


if __name__ == "__main__":
    experiment_main("experiments.digits_cycle")
