"""Small configs, and programs that are built from them on one device."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config import (
    Config,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
)
from jaxgan.runs.build import build
from jaxgan.training.parallel import make_mesh
from jaxgan.training.schedules import with_value
from jaxgan.types import Batch

# Gradient descent: Adam would amplify gradients of pure rounding noise, such as that of a bias to
# which a loss is indifferent.
SGD = OptimizerConfig(name="sgd")


def player(learning_rate, *, optimizer=SGD, widths=(8,), **kwargs):
    """A dense network and its optimiser."""
    return PlayerConfig(
        network=NetworkConfig(name="mlp", kwargs={"widths": widths, **kwargs}),
        optimizer=optimizer,
        learning_rate=learning_rate,
    )


RING = Config(
    steps=20,
    data=DataConfig(name="ring", batch_size=16),
    latent=LatentConfig(dim=2),
    generator=player(0.1, output="linear"),
    discriminator=player(0.2),
)


def one_device():
    return make_mesh(jax.devices()[:1])


def start(config):
    """The program of a config, and its first state."""
    program = build(config, one_device())
    key = jax.random.key(config.seed)
    return program, jax.jit(program.init)(key, program.fit(key))


def with_float(state, name, value):
    """The state with another value of the float of this dotted name."""
    value = jnp.asarray(value, jnp.float32)
    return state.replace(hparams=with_value(state.hparams, tuple(name.split(".")), value))


def points(n, seed=0):
    return jax.random.normal(jax.random.key(seed), (n, 2))


def batch_of(program, n, seed=0):
    """Normal samples of the program's shape, with labels where its data has them."""
    real = jax.random.normal(jax.random.key(seed), (n, *program.source.shape))
    count = program.source.num_classes
    return Batch(real=real, labels=None if count is None else jnp.arange(n) % count)


def params(state, name):
    """The parameters of a player."""
    return state.players[name].params


def close(one, other, atol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=atol), one, other)


def member(tree, index):
    """One member of what a vmapped sweep returns."""
    return jax.tree.map(lambda x: x[index], tree)
