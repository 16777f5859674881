"""The train step: one pure function (state, batch) -> (state, metrics) for every way to run it.

It runs under jit, sharded jit, pmap, shard_map, `lax.scan` and, over seeds and floats, vmap.
"""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from operator import or_
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from jaxgan import collectives
from jaxgan.games import Game, Nets, Slices
from jaxgan.games.game import Loss
from jaxgan.penalties import orthogonal
from jaxgan.pixels import model_batch
from jaxgan.registry import unknown
from jaxgan.training.controllers import Controller, adjusted
from jaxgan.training.schedules import scheduled
from jaxgan.training.state import (
    GANState,
    Setup,
    TrainState,
    average,
    modules_of,
    of_player,
    variables,
)
from jaxgan.types import Batch, Hparams, Metrics, PyTree

TrainStep = Callable[[Any, Batch], tuple[Any, Metrics]]
Players = dict[str, TrainState]

# The player whose turn is repeated `discriminator_steps` times.
_REPEATED = "discriminator"


def make_train_step(
    setup: Setup,
    *,
    controllers: tuple[Controller, ...] = (),
    discriminator_steps: int = 1,
    fresh_latents: bool = False,
) -> TrainStep:
    """A train step: the turns of the game, one after the other.

    What the game generates is shared by all turns until one of the networks that it came from has
    moved: gradients are pulled back through `jax.vjp`. Where `hparams` holds a
    `discriminator_share`, an update of the discriminator is taken with that probability.

    Args:
        setup: The game and its players.
        controllers: They adjust hyperparameters to what is measured.
        discriminator_steps: How often the turn of the discriminator is repeated, at least 1.
        fresh_latents: Generate anew for every other turn, at one more forward pass.

    Returns:
        A function of the state and of a batch of n * discriminator_steps rows, of which minibatch j
        is every `discriminator_steps`-th one from the j-th; images are uint8, or floats in
        [-1, 1]. Its metrics are scalars over the whole batch, those of a repeated turn of its last
        update.
    """
    count, last = discriminator_steps, discriminator_steps - 1

    def train_step(state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        hparams = scheduled(state.hparams, setup.ramps, state.step)
        game = setup.game(hparams)
        nets = partial(_nets, setup, hparams, state.reference)
        generated = partial(_generated, game, nets, setup.axis_name)
        updated = partial(_updated, game, nets, hparams, setup)
        batches = jax.tree.map(partial(_minibatches, count=count), model_batch(batch))
        final = jax.tree.map(lambda x: x[last], batches)
        generate_key, losses_key = jax.random.split(jax.random.fold_in(state.key, state.step))

        def generate(players: Players, batch: Batch, index: Any) -> _Generated:
            return generated(players, batch, jax.random.fold_in(generate_key, index))

        def update(turn: tuple[str, ...], players: Players, fakes: _Generated, index: Any) -> Any:
            moved, metrics = updated(turn, players, fakes, jax.random.fold_in(losses_key, index))
            share = hparams.get("discriminator_share")
            if share is not None and _REPEATED in turn:
                # Of another purpose than the keys of the turns.
                share_key = jax.random.fold_in(losses_key, count + 1 + index)
                taken = jax.random.bernoulli(share_key, share)
                choose = partial(jax.tree.map, partial(jnp.where, taken))
                moved |= {name: choose(moved[name], players[name]) for name in turn}
            return moved, metrics

        def repetition(turn: tuple[str, ...], players: Players, inputs: Any) -> Any:
            batch, index = inputs
            return update(turn, players, generate(players, batch, index), index)[0], None

        players, metrics, of_turn, fakes, others = dict(state.players), {}, {}, None, 0
        for turn in game.turns:
            repeated, index = _REPEATED in turn, last
            if repeated and last:
                earlier = jax.tree.map(lambda x: x[:last], batches), jnp.arange(last)
                players, _ = jax.lax.scan(partial(repetition, turn), players, earlier)
                fakes = None if fakes is None or fakes.sources & set(turn) else fakes
            if not repeated:
                # The keys between are those of the shares.
                index, others = count if others == 0 else 2 * count + others, others + 1
            fresh = fresh_latents and not repeated
            if fakes is None or fresh:
                fakes = generate(players, final, index if fresh else last)
            players, of_turn = update(turn, players, fakes, index)
            # Later turns would compute the same metrics again, at a further forward pass.
            metrics = of_turn | metrics
            fakes = None if fakes.sources & set(turn) else fakes

        adjustments = {c: _measured(c, metrics | of_turn) for c in controllers}
        new_hparams = adjusted(state.hparams, adjustments)
        for controller, measured in adjustments.items():
            metrics |= {controller.metric: measured}
            metrics |= {f"controllers/{controller.label}/adjusted": controller.value(new_hparams)}
        averages = {
            name: average(
                state.averages[name],
                variables(players[name]),
                step=state.step + 1,
                half_life=hparams["ema_half_life"],
            )
            for name in game.averaged
        }
        return state.replace(
            step=state.step + 1, players=players, averages=averages, hparams=new_hparams
        ), metrics

    return train_step


class _Generated(NamedTuple):
    """What a game generated from a batch.

    Attributes:
        batch: The whole batch.
        rebuild: The fakes, as a function of `leaves`.
        leaves: The floating-point arrays among them; under an axis name this device's slices.
        pull_back: Takes a gradient on the leaves to one on every network's parameters.
        stats: The new statistics of the networks that were called.
        sources: These networks.
        slices: What was gathered.
    """

    batch: Batch
    rebuild: Callable[[list[Array]], PyTree]
    leaves: list[Array]
    pull_back: Callable[[list[Array]], tuple[PyTree]]
    stats: dict[str, PyTree]
    sources: frozenset[str]
    slices: Slices


def _nets(
    setup: Setup,
    hparams: Hparams,
    reference: PyTree,
    players: Players,
    *,
    params: Mapping[str, PyTree],
    stats: Mapping[str, PyTree],
    key: PRNGKeyArray,
    slices: Slices,
) -> Nets:
    """The networks of these players, with some of their parameters and statistics replaced."""
    current = {
        name: {
            "params": params.get(name, player.params),
            "batch_stats": stats.get(name, player.batch_stats),
        }
        for name, player in players.items()
    }
    return Nets(
        modules_of(setup, hparams),
        current,
        key=key,
        latents=setup.latents,
        reference=reference,
        steps={name: jnp.asarray(player.step) for name, player in players.items()},
        slices=slices,
    )


def _generated(
    game: Game,
    nets: Callable[..., Nets],
    axis_name: str | None,
    players: Players,
    local: Batch,
    key: PRNGKeyArray,
) -> _Generated:
    slices = Slices(axis_name)
    batch = jax.tree.map(slices.gather, local)
    found: dict[str, Any] = {}

    def generate(params: Mapping[str, PyTree]) -> tuple[list[Array], tuple[list, dict]]:
        nets_key = jax.random.fold_in(key, _NETS)
        used = nets(players, params=params, stats={}, key=nets_key, slices=slices)
        leaves, treedef = jax.tree.flatten(game.generate(used, batch, key))
        known = [slices.knows(x) for x in leaves]
        floating = [jnp.issubdtype(x.dtype, jnp.floating) for x in leaves]
        found.update(treedef=treedef, known=known, floating=floating, called=used.called)
        mine = [slices.local(x) if k else x for x, k in zip(leaves, known, strict=True)]
        stats = {name: used.variables[name]["batch_stats"] for name in used.called}
        return _chosen(mine, floating), (_chosen(mine, [not f for f in floating]), stats)

    params = {name: player.params for name, player in players.items()}
    leaves, pull_back, (others, stats) = jax.vjp(generate, params, has_aux=True)

    def rebuild(leaves: list[Array]) -> PyTree:
        parts = {True: iter(leaves), False: iter(others)}
        merged = [next(parts[floating]) for floating in found["floating"]]
        whole = [slices.gather(x) if k else x for x, k in zip(merged, found["known"], strict=True)]
        return found["treedef"].unflatten(whole)

    return _Generated(batch, rebuild, leaves, pull_back, stats, found["called"], slices)


def _updated(
    game: Game,
    nets: Callable[..., Nets],
    hparams: Hparams,
    setup: Setup,
    turn: tuple[str, ...],
    players: Players,
    fakes: _Generated,
    key: PRNGKeyArray,
) -> tuple[Players, Metrics]:
    """The players after one turn, and its metrics."""
    moved, metrics, pending = dict(players), {}, list(turn)
    nets_of = partial(nets, players, stats=fakes.stats, key=jax.random.fold_in(key, _NETS))
    while pending:
        grads, stats, shown = _gradients(game, nets_of, players, pending, fakes, key)
        grads, shown = collectives.mean((grads, shown), setup.axis_name)
        metrics = shown | metrics
        for name, gradient in grads.items():
            if jax.tree.leaves(gradient):
                metrics |= {f"gradient_norm/{name}": optax.tree.norm(gradient)}
            own = of_player(hparams, name)
            new = _descend(players[name], gradient, own, setup.players[name].optimizer)
            moved[name] = new.replace(batch_stats=stats[name])
        pending = [name for name in pending if name not in grads]
    return moved, metrics


# Folded into the key of a turn, for its networks; the game itself gets the key.
_NETS = 2**31 + 1


def _gradients(
    game: Game,
    nets: Callable[..., Nets],
    players: Players,
    pending: list[str],
    fakes: _Generated,
    key: PRNGKeyArray,
) -> tuple[dict[str, PyTree], dict[str, PyTree], Metrics]:
    """Of the first pending player: the gradient, the new statistics, and metrics.

    The same of other pending players that minimise the very same loss, since all of them come out
    of one backward pass, and of those without parameters, which need none.
    """
    first, together = pending[0], []

    def loss(params: Mapping[str, PyTree], leaves: list[Array]) -> tuple[Array, Any]:
        used = nets(params=params, slices=fakes.slices)
        losses, shown = game.losses(used, fakes.batch, fakes.rebuild(leaves), key)
        own = losses.get(first)
        together.extend(
            name
            for name in pending
            if losses.get(name) is own or not jax.tree.leaves(players[name].params)
        )
        stats = {name: used.variables[name]["batch_stats"] for name in together}
        named = [_named(name, losses.get(name)) for name in together]
        return _total(own), (stats, reduce(or_, named, dict(shown)))

    params = {name: players[name].params for name in pending}
    _, pull_back, (stats, shown) = jax.vjp(loss, params, fakes.leaves, has_aux=True)
    grads, to_leaves = pull_back(jnp.ones(()))
    through = fakes.sources & set(together)
    if through:
        further = fakes.pull_back(to_leaves)[0]
        grads |= {name: jax.tree.map(jnp.add, grads[name], further[name]) for name in through}
    return {name: grads[name] for name in together}, stats, shown


def _measured(controller: Controller, metrics: Metrics) -> Float[Array, ""]:
    if controller.metric not in metrics:
        raise unknown(
            f"metric, as controllers.{controller.label}.name,", controller.metric, metrics
        )
    return metrics[controller.metric]


def _chosen(items: list, chosen: list[bool]) -> list:
    return [item for item, is_chosen in zip(items, chosen, strict=True) if is_chosen]


def _total(loss: Loss | None) -> Float[Array, ""]:
    """A loss of several terms as one; nothing for a network of statistics alone."""
    if isinstance(loss, Mapping):
        values = list(loss.values())
        return sum(values[1:], start=values[0])
    return jnp.zeros(()) if loss is None else loss


def _named(player: str, loss: Loss | None) -> Metrics:
    if loss is None:
        return {}
    terms = loss if isinstance(loss, Mapping) and len(loss) > 1 else {}
    return {f"loss/{player}": _total(loss)} | {f"{player}/{n}": v for n, v in terms.items()}


def _minibatches(x: Array, *, count: int) -> Array:
    """[n * count, ...] to [count, n, ...], interleaved: a device's slice is a slice of each."""
    x = jnp.asarray(x)
    return jnp.moveaxis(x.reshape(x.shape[0] // count, count, *x.shape[1:]), 1, 0)


def _descend(
    player: TrainState,
    grads: PyTree,
    hparams: Hparams,
    optimizer: Callable[[Hparams], optax.GradientTransformation],
) -> TrainState:
    """One optimiser step with the floats that the player's `hparams` hold.

    Before it, the gradient of the orthogonal regularisation is added, where there is a weight for
    it (`jaxgan.penalties.orthogonal`); after it, where there is a limit, weights are clipped to it
    (Arjovsky et al. 2017, Wasserstein GAN, algorithm 1).
    """
    weight = hparams.get("orthogonal")
    if weight is not None:
        towards = jax.grad(orthogonal)(player.params)
        grads = jax.tree.map(lambda g, slope: g + weight * slope, grads, towards)
    updates, opt_state = optimizer(hparams).update(grads, player.opt_state, player.params)
    params = optax.apply_updates(player.params, updates)
    limit = hparams.get("clip_weights")
    if limit is not None:
        params = jax.tree.map(lambda w: jnp.clip(w, -limit, limit), params)
    return player.replace(step=player.step + 1, params=params, opt_state=opt_state)
