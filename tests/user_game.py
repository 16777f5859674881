"""A user's own module: a game with a network, data and floats of its own, and a train step."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax import struct

from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
)
from jaxgan.data import digits, from_arrays, whole
from jaxgan.games import Algorithm, Game, ranged
from jaxgan.networks import dropout, gaussian_noise
from jaxgan.registry import POSITIVE
from jaxgan.types import Outputs


def line(*, split="train", slope=2.0):
    """Points (t, slope t) with a little noise, each with t as its condition."""
    t = np.random.default_rng(len(split)).normal(size=(64, 1))
    noise = 0.1 * np.random.default_rng(0).normal(size=(64, 2))
    points = np.concatenate([t, slope * t], axis=1) + noise
    return from_arrays(
        points.astype(np.float32), condition=t.astype(np.float32), name="line", split=split
    )


def negatives(*, split="train"):
    """Digits, each with the negative of another one as its condition."""
    batch = whole(digits(split=split))
    condition = 255 - np.roll(batch.real, 1, axis=0)
    return from_arrays(batch.real, batch.labels, condition=condition, name="negatives", split=split)


class Judge(nn.Module):
    """A discriminator with noise and dropout."""

    width: int = 8
    noise: float = 0.1
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x, condition=None, *, train):
        options = {"train": train, "axis_name": self.axis_name}
        x = gaussian_noise(self, jnp.concatenate([x, condition], axis=1), self.noise, **options)
        x = dropout(self, jnp.tanh(nn.Dense(self.width)(x)), 0.25, **options)
        return Outputs(logits=nn.Dense(1)(x), features=x)


class Regressor(nn.Module):
    """A generator of a condition and z."""

    width: int = 8

    @nn.compact
    def __call__(self, z, condition=None, *, train):
        del train
        x = jnp.tanh(nn.Dense(self.width)(jnp.concatenate([z, condition], axis=1)))
        return nn.Dense(2)(x)


class Fakes(NamedTuple):
    z: jax.Array
    samples: jax.Array


@ranged(margin=POSITIVE)
def margin_game(*, margin: float = 1.0, pull: float = 0.1, squared: bool = False) -> Game:
    """A hinge game with a margin, whose fitted reference is the mean of the data."""

    def fit(nets, source, key):
        del nets, key
        return {"mean": source.read(np.arange(source.size)).real.mean(axis=0)}

    def generate(nets, batch, key):
        z = nets.latents(key, len(batch.real))
        return Fakes(z, nets.generator(z, batch.condition))

    def losses(nets, batch, fakes, key):
        del key
        real, fake = (
            nets.discriminator(x, batch.condition).logits for x in (batch.real, fakes.samples)
        )
        violations = jax.nn.relu(margin - real), jax.nn.relu(margin + fake)
        hinge = sum(jnp.mean(v**2 if squared else v) for v in violations)
        center = jnp.sum(jnp.square(fakes.samples.mean(axis=0) - nets.reference["mean"]))
        generator = {"gan": -jnp.mean(fake), "center": pull * center}
        return {"generator": generator, "discriminator": hinge}, {"center": center}

    def sample(nets, batch, key):
        return generate(nets, batch, key).samples

    def scores(nets, batch, key):
        error = sample(nets, batch, key) - batch.real
        return {"distance": jnp.sqrt(jnp.square(error).sum(axis=1))}

    return Game(generate, losses, sample=sample, fit=fit, scores=scores)


class Mean(struct.PyTreeNode):
    """The state of `running_mean`: a Gaussian with the mean of the data."""

    step: jax.Array
    key: jax.Array
    mean: jax.Array
    opt_state: optax.OptState


def running_mean(*, rate: float = 0.1, deviation: float = 0.1) -> Algorithm:
    """The last resort: a train step of one's own, on a state of one's own."""
    optimizer = optax.sgd(rate)

    def init(key, batch):
        mean = jnp.zeros(batch.real.shape[1:])
        return Mean(jnp.zeros((), jnp.int32), key, mean, optimizer.init(mean))

    def train_step(state, batch):
        noise = deviation * jax.random.normal(
            jax.random.fold_in(state.key, state.step), batch.real.shape
        )
        loss = lambda mean: jnp.mean(jnp.square(mean[None] + noise - batch.real))  # noqa: E731
        value, grad = jax.value_and_grad(loss)(state.mean)
        updates, opt_state = optimizer.update(grad, state.opt_state)
        mean = optax.apply_updates(state.mean, updates)
        return state.replace(step=state.step + 1, mean=mean, opt_state=opt_state), {"loss": value}

    def sample(state, batch, key):
        return state.mean[None] + deviation * jax.random.normal(key, batch.real.shape)

    return Algorithm(init, train_step, sample)


def _player(name):
    network = NetworkConfig(name=f"user_game:{name}")
    return PlayerConfig(network=network, optimizer=OptimizerConfig(name="sgd"), learning_rate=0.05)


def config() -> Config:
    """The experiment of this module."""
    return Config(
        steps=40,
        data=DataConfig(name="user_game:line", batch_size=16),
        latent=LatentConfig(dim=2),
        game=GameConfig(name="user_game:margin_game"),
        generator=_player("Regressor"),
        discriminator=_player("Judge"),
        steps_per_call=5,
        log_every=10,
        sample_every=20,
        eval_every=20,
        checkpoint_every=10,
    )
