"""Networks of one weight, for values by hand, and a setup of a game with gradient descent."""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgan.games import Nets
from jaxgan.training.latents import normal_latents
from jaxgan.training.optimizers import make_optimizer
from jaxgan.training.state import Player, Setup, create
from jaxgan.types import Batch, Outputs

KEY = jax.random.key(0)
LATENTS = normal_latents(2)


class Scale(nn.Module):
    """x -> w x, with w = `start` at first; a condition is added, unless it is labels."""

    start: float = 1.0

    @nn.compact
    def __call__(self, x, condition=None, *, train):
        del train
        w = self.param("w", nn.initializers.constant(self.start), ())
        return w * x if condition is None or condition.ndim == 1 else w * x + condition


class Critic(nn.Module):
    """Logits w (x_1 + ... + x_d), and the features x."""

    start: float = 1.0

    @nn.compact
    def __call__(self, x, condition=None, *, train):
        del train, condition
        w = self.param("w", nn.initializers.constant(self.start), ())
        return Outputs(logits=w * x.reshape(len(x), -1).sum(axis=1, keepdims=True), features=x)


class Counter(nn.Module):
    """The identity, which counts its calls in training and sums up what it saw."""

    @nn.compact
    def __call__(self, x, *, train):
        calls = self.variable("batch_stats", "calls", jnp.zeros, ())
        total = self.variable("batch_stats", "total", jnp.zeros, ())
        scale = self.param("scale", nn.initializers.ones, ())
        if train and not self.is_initializing():
            calls.value, total.value = calls.value + 1, total.value + x.sum()
        return scale * x


def nets_of(reference=None, *, key=KEY, **modules):
    """Fresh networks, which their first call initialises."""
    init_keys = {name: jax.random.fold_in(key, i) for i, name in enumerate(modules)}
    return Nets(
        modules,
        {},
        key=key,
        latents=LATENTS,
        reference=reference,
        init_keys=init_keys,
    )


def again(nets, **options):
    """Networks with the variables of these, in a step; statistics are threaded."""
    options = {"key": KEY, "latents": LATENTS} | options
    return Nets(nets._modules, nets.variables, **options)


def setup_of(game, *, latents=LATENTS, ramps=None, axis_name=None, **modules):
    """A setup of this one game, whose players descend with `hparams[name]["learning_rate"]`."""

    def optimizer(hparams):
        return make_optimizer(hparams, function=optax.sgd, static={})

    players = {name: Player(module, optimizer, optax.sgd(0.0)) for name, module in modules.items()}
    return Setup(lambda hparams: game, players, latents, ramps or {}, axis_name)


def hparams_of(**rates):
    """Learning rates of the players, and no averaging."""
    players = {name: {"learning_rate": jnp.float32(rate)} for name, rate in rates.items()}
    return {**players, "ema_half_life": jnp.float32(0.0)}


def first_state(setup, *, rate=0.1, example=None, reference=None):
    """The first state of a setup; every player learns at this rate."""
    hparams = hparams_of(**dict.fromkeys(setup.players, rate))
    example = batch(4) if example is None else example
    return create(KEY, reference, example=example, setup=setup, hparams=hparams)


def batch(n, *shape, seed=0, **fields):
    return Batch(real=jax.random.normal(jax.random.key(seed), (n, *(shape or (2,)))), **fields)
