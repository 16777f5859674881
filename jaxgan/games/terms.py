"""What each player minimises: a weighted sum of losses on views of the batch, plus penalties.

Under an axis name each device holds a slice of the batch. What the losses compare is gathered, so
that every device computes the loss of the whole batch; penalties are means over a device's samples.
The mean over devices of the gradients is exact for both (see `jaxgan.collectives`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxgan import collectives
from jaxgan.penalties import lazy, scaled_mmd_factor
from jaxgan.training.controllers import Controller
from jaxgan.training.state import TrainState
from jaxgan.types import Critic, Losses, Outputs, PyTree

Hparams = Mapping[str, Float[Array, "..."]]
Metrics = dict[str, Float[Array, ""]]


class Term(NamedTuple):
    """A loss in the objective.

    Attributes:
        path: Its dotted name in the config, "loss" or "terms.LABEL": its prefix in hparams.
        loss: The loss with its static hyperparameters bound.
        traced: Names of its traced hyperparameters.
        on: The view that it compares: "images", "features" or "logits".
        players: Who minimises it: "both" or "generator".
        needs_key: Whether it asks for a random key.
        scaled: Whether `jaxgan.penalties.scaled_mmd_factor` multiplies it.
    """

    path: str
    loss: Callable[..., Losses]
    traced: tuple[str, ...] = ()
    on: str = "logits"
    players: str = "both"
    needs_key: bool = False
    scaled: bool = False


class Penalty(NamedTuple):
    """A regulariser of the discriminator.

    Attributes:
        path: Its dotted name in the config, "penalties.NAME": its prefix in hparams.
        penalty: The penalty with its static hyperparameters bound.
        traced: Names of its traced hyperparameters.
        every: Discriminator steps between its uses (see `jaxgan.penalties.lazy`).
    """

    path: str
    penalty: Callable[..., Float[Array, ""]]
    traced: tuple[str, ...] = ()
    every: int = 1


class Objective(NamedTuple):
    """The terms, of which the first is the main one, the penalties and the controllers.

    Attributes:
        terms: At least one.
        penalties: Added to the discriminator's loss.
        controllers: They adjust hyperparameters to what they measure.
        axis_name: The device axis under pmap or shard_map; None under jit.
    """

    terms: tuple[Term, ...]
    penalties: tuple[Penalty, ...] = ()
    controllers: tuple[Controller, ...] = ()
    axis_name: str | None = None


def apply(player: TrainState, params: PyTree, stats: PyTree, x: Array) -> tuple[Any, PyTree]:
    """The player's output in training mode, and its new batch statistics."""
    output, updates = player.apply_fn(
        {"params": params, "batch_stats": stats}, x, train=True, mutable=["batch_stats"]
    )
    return output, updates.get("batch_stats", stats)


def generator_loss(
    objective: Objective,
    fake: Float[Array, "n ..."],
    real: Float[Array, "n ..."],
    discriminator: TrainState | None,
    hparams: Hparams,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], tuple[Metrics, Metrics]]:
    """What the generator minimises, as a function of its samples.

    Also what the controllers measure, by their paths, and metrics.
    """
    params = None if discriminator is None else discriminator.params
    entries = (*objective.terms, *objective.controllers)
    views, _ = _views(objective, entries, discriminator, params, real, fake)
    critic = None if discriminator is None else _critic(discriminator, params)
    losses = _losses(objective, views, critic, real, hparams, key)
    values = {term.path: losses[term.path].generator for term in objective.terms}
    total = _weighted_sum(values, hparams)
    measured = {
        controller.path: controller.measure(
            *views[controller.on],
            **_key(controller, jax.random.fold_in(key, len(objective.terms) + index)),
            **_hyperparameters(controller, hparams),
        )
        for index, controller in enumerate(objective.controllers)
    }
    metrics = {"loss/generator": total, **_named(values, "/generator", skip="loss")}
    return total, (measured, metrics)


def discriminator_loss(
    objective: Objective,
    params: PyTree,
    discriminator: TrainState,
    real: Float[Array, "n ..."],
    fake: Float[Array, "n ..."],
    hparams: Hparams,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], tuple[PyTree, Metrics]]:
    """What the discriminator minimises, as a function of `params`; its statistics and metrics."""
    losses_key, penalties_key = jax.random.split(key)
    views, stats = _views(objective, objective.terms, discriminator, params, real, fake)
    critic = _critic(discriminator, params)
    losses = _losses(objective, views, critic, real, hparams, losses_key)
    values = {
        term.path: losses[term.path].discriminator
        for term in objective.terms
        if term.players == "both"
    }

    def value(index: int, penalty: Penalty) -> Float[Array, ""]:
        compute = partial(
            penalty.penalty,
            critic,
            real,
            fake,
            key=jax.random.fold_in(penalties_key, index),
            axis_name=objective.axis_name,
            **_hyperparameters(penalty, hparams),
        )
        return lazy(
            compute,
            jnp.asarray(discriminator.step),
            every=penalty.every,
            axis_name=objective.axis_name,
        )

    penalties = {
        penalty.path: value(index, penalty) for index, penalty in enumerate(objective.penalties)
    }
    total = _weighted_sum({**values, **penalties}, hparams)
    metrics = {
        "loss/discriminator": total,
        **_named(values, "/discriminator", skip="loss"),
        **_named(penalties),
    }
    if "logits" in views:
        metrics["logits/real"], metrics["logits/fake"] = (x.mean() for x in views["logits"])
    return total, (stats, metrics)


def _critic(discriminator: TrainState, params: PyTree) -> Critic:
    """The logits of samples, as a function with the discriminator's statistics fixed."""
    return lambda x: apply(discriminator, params, discriminator.batch_stats, x)[0].logits


def _views(
    objective: Objective,
    entries: tuple[Term | Controller, ...],
    discriminator: TrainState | None,
    params: PyTree,
    real: Array,
    fake: Array,
) -> tuple[dict[str, tuple[Array, Array]], PyTree]:
    """Real and fake of each view in use, of the whole batch; the discriminator's new statistics."""
    outputs: tuple[Outputs | None, Outputs | None] = (None, None)
    stats = None
    if discriminator is not None:
        of_real, stats = apply(discriminator, params, discriminator.batch_stats, real)
        of_fake, stats = apply(discriminator, params, stats, fake)
        outputs = of_real, of_fake

    def view(samples: Array, output: Outputs | None, on: str) -> Array:
        seen = samples if on == "images" else getattr(output, on)
        return collectives.gather(seen, objective.axis_name)

    names = {entry.on: None for entry in entries}
    views = {on: (view(real, outputs[0], on), view(fake, outputs[1], on)) for on in names}
    return views, stats


def _losses(
    objective: Objective,
    views: Mapping[str, tuple[Array, Array]],
    critic: Critic | None,
    real: Array,
    hparams: Hparams,
    key: PRNGKeyArray,
) -> dict[str, Losses]:
    def losses(index: int, term: Term) -> Losses:
        both = term.loss(
            *views[term.on],
            **_key(term, jax.random.fold_in(key, index)),
            **_hyperparameters(term, hparams),
        )
        if not term.scaled:
            return both
        assert critic is not None
        factor = scaled_mmd_factor(
            critic,
            real,
            axis_name=objective.axis_name,
            coefficient=hparams[f"{term.path}.jacobian_scale"],
        )
        return Losses(*(factor * loss for loss in both))

    return {term.path: losses(index, term) for index, term in enumerate(objective.terms)}


def _key(entry: Term | Controller, key: PRNGKeyArray) -> dict[str, PRNGKeyArray]:
    return {"key": key} if entry.needs_key else {}


def _hyperparameters(entry: Term | Penalty | Controller, hparams: Hparams) -> dict[str, Array]:
    return {name: hparams[f"{entry.path}.kwargs.{name}"] for name in entry.traced}


def _weighted_sum(values: Mapping[str, Array], hparams: Hparams) -> Float[Array, ""]:
    terms = [hparams[f"{path}.weight"] * value for path, value in values.items()]
    return sum(terms[1:], start=terms[0])


def _named(values: Mapping[str, Array], suffix: str = "", skip: str = "") -> Metrics:
    """Metrics by path; `skip` leaves out the main term, which stands in the total."""
    return {path.replace(".", "/") + suffix: v for path, v in values.items() if path != skip}
