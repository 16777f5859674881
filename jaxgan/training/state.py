"""The state of a run: everything that a train step reads and writes, and how it is made."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from flax.training import train_state
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxgan.types import PyTree


class TrainState(train_state.TrainState):
    """A player: flax's TrainState with the statistics of its normalisation layers."""

    batch_stats: PyTree


class GANState(struct.PyTreeNode):
    """The state of a run.

    Attributes:
        step: Generator steps done.
        key: The run's key; step t uses `fold_in(key, t)`.
        generator: The generator's parameters, statistics and optimiser.
        discriminator: The same of the discriminator; None where no loss needs one.
        ema_params: The generator's averaged variables (parameters and statistics), for sampling.
        hparams: Every float hyperparameter, by its dotted name in the config.
    """

    step: Int[Array, ""]
    key: PRNGKeyArray
    generator: TrainState
    discriminator: TrainState | None
    ema_params: PyTree
    hparams: dict[str, Float[Array, "..."]]


def variables(player: TrainState) -> dict[str, PyTree]:
    """What the player's `apply_fn` takes."""
    return {"params": player.params, "batch_stats": player.batch_stats}


def create(
    key: PRNGKeyArray,
    *,
    generator: nn.Module,
    discriminator: nn.Module | None,
    generator_optimizer: optax.GradientTransformation,
    discriminator_optimizer: optax.GradientTransformation | None,
    latent_dim: int,
    hparams: Mapping[str, Any],
) -> GANState:
    """A fresh state. Pure: it can be jitted, and vmapped over keys and hyperparameters.

    Args:
        key: Seeds the parameters, and is kept as the run's key.
        generator: Maps z [n, latent_dim] to samples.
        discriminator: Maps samples to `Outputs`, or None.
        generator_optimizer: See `jaxgan.optimizers.make_optimizer`.
        discriminator_optimizer: The same for the discriminator, or None.
        latent_dim: Dimensions of z.
        hparams: Floats, and tuples of floats, by dotted name.
    """
    generator_key, discriminator_key = jax.random.split(jax.random.fold_in(key, _INITIALISATION))
    # Two samples, since batch statistics of one are degenerate.
    z = jnp.zeros((2, latent_dim))
    player, samples = _create_player(generator, generator_optimizer, generator_key, z)
    adversary = None
    if discriminator is not None:
        assert discriminator_optimizer is not None
        adversary, _ = _create_player(
            discriminator, discriminator_optimizer, discriminator_key, samples
        )
    return GANState(
        step=jnp.zeros((), jnp.int32),
        key=key,
        generator=player,
        discriminator=adversary,
        ema_params=variables(player),
        hparams={name: jnp.asarray(value, jnp.float32) for name, value in hparams.items()},
    )


# Steps fold in 0, 1, 2, ...; the initialisation folds in what no run's step reaches.
_INITIALISATION = 2**32 - 1


def _create_player(
    module: nn.Module, optimizer: optax.GradientTransformation, key: PRNGKeyArray, x: Array
) -> tuple[TrainState, Any]:
    output, initial = module.init_with_output(key, x, train=True)
    player = TrainState.create(
        apply_fn=module.apply,
        params=initial["params"],
        tx=optimizer,
        batch_stats=initial.get("batch_stats", {}),
    )
    return player, output


def average(
    ema: PyTree, new: PyTree, *, step: Int[Array, ""], half_life: Float[Array, ""]
) -> PyTree:
    """One step of a bias-corrected exponential moving average.

    The average of x_1 .. x_t with weights d^(t - i), d = 2^(-1 / half_life), normalised to sum 1
    (Adam's bias correction, Kingma & Ba 2015), as a recursion that needs no state but itself:
    a_t = a_{t-1} + (1 - d) / (1 - d^t) (x_t - a_{t-1}).

    Args:
        ema: a_{t-1}; ignored at t = 1.
        new: x_t.
        step: t, from 1.
        half_life: In steps; 0 returns `new`.
    """
    log_decay = -jnp.log(2.0) / half_life
    rate = jnp.expm1(log_decay) / jnp.expm1(log_decay * step)
    return jax.tree.map(lambda old, x: old + rate.astype(x.dtype) * (x - old), ema, new)


def sample(state: GANState, z: Float[Array, "n latent"], *, ema: bool = True) -> Array:
    """Samples of the generator in evaluation mode, from its averaged or its current variables."""
    chosen = state.ema_params if ema else variables(state.generator)
    return state.generator.apply_fn(chosen, z, train=False)
