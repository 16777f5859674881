"""The state of a run: everything that a train step reads and writes, and how it is made."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from flax.training import train_state
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.games import Game, Latents, Nets
from jaxgan.purposes import INITIALISATION
from jaxgan.training.schedules import Ramps, scheduled
from jaxgan.types import Batch, Hparams, PyTree

# Makes the optimiser of a player from its part of the hyperparameters.
MakeOptimizer = Callable[[Hparams], optax.GradientTransformation]


class TrainState(train_state.TrainState):
    """A player: flax's TrainState with the statistics of its normalisation layers."""

    batch_stats: PyTree


class GANState(struct.PyTreeNode):
    """The state of a run.

    Attributes:
        step: Steps done.
        key: The run's key; step t uses `fold_in(key, t)`.
        players: Parameters, statistics and optimiser of each network, by its name.
        averages: The averaged variables (parameters and statistics) of those who are averaged.
        hparams: Every float of the config, nested as the config is.
        reference: What `Game.fit` made; None without.
    """

    step: Int[Array, ""]
    key: PRNGKeyArray
    players: dict[str, TrainState]
    averages: dict[str, PyTree]
    hparams: dict[str, Any]
    reference: PyTree = None

    def variables(self, *, averaged: bool = True) -> dict[str, PyTree]:
        """What networks take, by name: averages, where there are any, or the current weights."""
        current = {name: variables(player) for name, player in self.players.items()}
        return {**current, **self.averages} if averaged else current


class Player(NamedTuple):
    """A network and how it learns.

    Attributes:
        module: The network.
        optimizer: Makes its optimiser from its part of the hyperparameters, in every step.
        tx: The optimiser with the floats that the run starts with, for `TrainState.tx`.
    """

    module: nn.Module
    optimizer: MakeOptimizer
    tx: optax.GradientTransformation


class Setup(NamedTuple):
    """What is static of a run's state and step.

    Attributes:
        game: Makes the game of these hyperparameters.
        players: The networks, by name; the game may leave some of them unused.
        latents: Draws z.
        ramps: The floats that change over the steps.
        axis_name: The device axis under pmap or shard_map; None under jit.
    """

    game: Callable[[Hparams], Game]
    players: Mapping[str, Player]
    latents: Latents
    ramps: Ramps
    axis_name: str | None = None


def of_player(hparams: Hparams, name: str) -> Hparams:
    """A player's part of the hyperparameters: its own, or among the further networks."""
    return hparams[name] if name in hparams else hparams.get("networks", {}).get(name, {})


def modules_of(setup: Setup, hparams: Hparams) -> dict[str, nn.Module]:
    """The networks by name, with the floats among their fields that `hparams` holds."""

    def with_floats(name: str, player: Player) -> nn.Module:
        floats = of_player(hparams, name).get("network", {}).get("kwargs", {})
        return player.module.clone(**floats) if floats else player.module

    return {name: with_floats(name, player) for name, player in setup.players.items()}


def variables(player: TrainState) -> dict[str, PyTree]:
    """What the player's `apply_fn` takes."""
    return {"params": player.params, "batch_stats": player.batch_stats}


def initial_nets(
    setup: Setup, hparams: Hparams, key: PRNGKeyArray, reference: PyTree = None
) -> Nets:
    """Networks that are initialised by their first call, as those of the state of this key are.

    Args:
        setup: The game and its players.
        hparams: The floats that the run starts with.
        key: The run's key.
        reference: What `Game.fit` made.
    """
    # Initialisation runs outside of pmap and shard_map, where no axis is bound.
    modules = {name: without_axis(m) for name, m in modules_of(setup, hparams).items()}
    init_key = jax.random.fold_in(key, INITIALISATION)
    init_keys = dict(zip(modules, jax.random.split(init_key, len(modules)), strict=True))
    return Nets(
        modules,
        {},
        key=init_key,
        latents=setup.latents,
        reference=reference,
        init_keys=init_keys,
    )


def create(
    key: PRNGKeyArray,
    reference: PyTree = None,
    *,
    example: Batch,
    setup: Setup,
    hparams: Hparams,
) -> GANState:
    """A fresh state. Pure: it can be jitted, and vmapped over keys and hyperparameters.

    Networks are initialised by their first call, so that no input shape is declared.

    Args:
        key: Seeds the parameters, and is kept as the run's key.
        reference: What `Game.fit` made.
        example: Arrays of the shapes and types of a batch, images as floats; its values are not
            looked at.
        setup: The game and its networks.
        hparams: Floats, and tuples of floats, nested as the config is.

    Raises:
        ConfigError: samples that have not the shape of the data, or a player without a network.
    """
    hparams = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), hparams, is_leaf=_is_vector)
    example = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), example)
    now = scheduled(hparams, setup.ramps, jnp.zeros((), jnp.int32))
    game, nets = setup.game(now), initial_nets(setup, now, key, reference)
    generate_key, sample_key, losses_key = jax.random.split(key, 3)
    fakes = game.generate(nets, example, generate_key)
    samples = game.generate if game.sample is None else game.sample
    _check_samples(samples(nets, example, sample_key), example)
    losses, _ = game.losses(nets, example, fakes, losses_key)
    _check_players(game, tuple(losses), nets.variables)
    players = {
        name: _fresh(player, nets.variables[name], of_player(now, name))
        for name, player in setup.players.items()
        if name in nets.variables
    }
    averages = {name: variables(players[name]) for name in game.averaged}
    return GANState(jnp.zeros((), jnp.int32), key, players, averages, dict(hparams), reference)


# Of a program that runs once. Random bits, and what is made of each of them, have the bits of the
# full optimisation; a sum, such as in the spectral norm of a first kernel, may round otherwise.
_QUICK = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}


def compiled_once(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`jax.jit` for the creation of a state: on CPUs compiled in a fifth to two thirds of the time.

    Args:
        function: Called once, or once for each of some members.
        options: Of `jax.jit`.
    """
    # XLA refuses an option that it does not know, and knows others in other versions.
    known = jax.default_backend() == "cpu" and jax.__version_info__[:2] == (0, 10)
    quick = _QUICK if known else None
    return jax.jit(function, compiler_options=quick, **options)


def _is_vector(x: Any) -> bool:
    return isinstance(x, tuple)


def without_axis(module: nn.Module) -> nn.Module:
    """The network for use outside of pmap and shard_map, on whole batches."""
    return module.clone(axis_name=None) if getattr(module, "axis_name", None) else module


def _fresh(player: Player, made: Mapping[str, PyTree], hparams: Hparams) -> TrainState:
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        apply_fn=player.module.apply,
        params=made["params"],
        tx=player.tx,
        opt_state=player.optimizer(hparams).init(made["params"]),
        batch_stats=made["batch_stats"],
    )


def _check_players(game: Game, losers: tuple[str, ...], called: Mapping[str, PyTree]) -> None:
    """Raises ConfigError unless everybody who moves has a network and a loss, and the reverse."""
    for name in game.players:
        if name not in called:
            raise ConfigError(
                f"{name!r} has a turn, and the game calls {', '.join(called)} alone; "
                f"call nets.{name} or leave it out of the turns"
            )
        if name not in losers and jax.tree.leaves(called[name]["params"]):
            raise ConfigError(
                f"{name!r} has a turn and no loss, only {', '.join(losers)}; add one, or leave it "
                "out of the turns"
            )
    for name in losers:
        if name not in game.players and name in called:
            raise ConfigError(f"{name!r} has a loss and no turn; add it to the game's turns")
    for name in game.averaged:
        if name not in called:
            raise ConfigError(
                f"{name!r} is averaged, and the game calls {', '.join(called)} alone; "
                "name others as the game's `averaged`"
            )


def _check_samples(samples: Any, example: Batch) -> None:
    shape = getattr(samples, "shape", None)
    if shape != example.real.shape:
        found = f"samples of shape {shape[1:]}" if shape else f"{type(samples).__name__}"
        raise ConfigError(
            f"the game's `sample` makes {found}, and the data has samples of shape "
            f"{example.real.shape[1:]}; make the last layer of that shape, or define `sample`"
        )


def average(
    averaged: PyTree, new: PyTree, *, step: Int[Array, ""], half_life: Float[Array, ""]
) -> PyTree:
    """One step of a bias-corrected exponential moving average.

    The average of x_1 .. x_t with weights d^(t - i), d = 2^(-1 / half_life), normalised to sum 1
    (Adam's bias correction, Kingma & Ba 2015), as a recursion that needs no state but itself:
    a_t = a_{t-1} + (1 - d) / (1 - d^t) (x_t - a_{t-1}).

    Args:
        averaged: a_{t-1}; ignored at t = 1.
        new: x_t.
        step: t, from 1.
        half_life: In steps; 0 returns `new`.
    """
    log_decay = -jnp.log(2.0) / half_life
    rate = jnp.expm1(log_decay) / jnp.expm1(log_decay * step)
    return jax.tree.map(lambda old, x: old + rate.astype(x.dtype) * (x - old), averaged, new)
