"""What is trained, as pure functions of networks.

A game is to a generative model what `optax.GradientTransformation` is to an optimiser: a tuple of
pure functions, made by a factory whose keyword-only arguments are its hyperparameters. It is
written for the whole batch and knows nothing of devices, optimisers, averages or loops.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from jaxgan.games.nets import Nets
from jaxgan.types import Batch, Metrics, PyTree

# What a player minimises: a scalar, or several by name, which are added and logged.
Loss = Float[Array, ""] | Mapping[str, Float[Array, ""]]
Generate = Callable[[Nets, Batch, PRNGKeyArray], PyTree]
Picture = Callable[[Nets, Batch, PRNGKeyArray], Shaped[Array, "n ..."]]


class Game(NamedTuple):
    """The networks that play, by name, and what each of them minimises.

    Attributes:
        generate: (nets, batch, key) -> fakes, any pytree. It runs once a step: every loss that is
            a function of the fakes shares this forward pass, and gradients are pulled back through.
        losses: (nets, batch, fakes, key) -> ({player: loss}, metrics). The parameters of each
            player follow the gradient of its own loss.
        sample: (nets, batch, key) -> samples, one for each row of the batch, of which only labels
            and condition are used. Default: `generate`.
        turns: Who moves when. Players of one turn move at once, from the same parameters.
        averaged: The players that are sampled with the average of their weights.
        fit: (nets, source, key) -> reference: what is fitted to the data once, before the first
            step, as nested dicts of arrays. It is part of the state, at hand as `nets.reference`.
        scores: (nets, batch, key) -> {name: [n]}: the game's own figures on held-out data.
        reconstruct: (nets, batch, key) -> what the game makes of the codes of the batch's samples,
            where it has an encoder.
        pictures: Further pictures of a run, by name: (nets, batch, key) -> images.
    """

    generate: Generate
    losses: Callable[[Nets, Batch, PyTree, PRNGKeyArray], tuple[Mapping[str, Loss], Metrics]]
    sample: Picture | None = None
    turns: tuple[tuple[str, ...], ...] = (("discriminator",), ("generator",))
    averaged: tuple[str, ...] = ("generator",)
    fit: Callable[[Nets, Any, PRNGKeyArray], dict[str, PyTree]] | None = None
    scores: Callable[[Nets, Batch, PRNGKeyArray], dict[str, Float[Array, "n"]]] | None = None
    reconstruct: Picture | None = None
    pictures: Mapping[str, Picture] = {}

    @property
    def players(self) -> tuple[str, ...]:
        """Everyone who moves, in the order of the turns."""
        return tuple(dict.fromkeys(name for turn in self.turns for name in turn))


class Algorithm(NamedTuple):
    """The last resort: a train step of one's own, on a state of one's own, run by the same loop.

    Attributes:
        init: (key, batch) -> state: any pytree with the attributes `step` (an int32 scalar) and
            `key`. The batch is an example, of the shapes of the data.
        train_step: (state, batch) -> (state, metrics). It raises `state.step` by 1, draws from
            `fold_in(state.key, state.step)`, and gets images as floats in [-1, 1].
        sample: (state, batch, key) -> samples, one for each row of the batch.
    """

    init: Callable[[PRNGKeyArray, Batch], Any]
    train_step: Callable[[Any, Batch], tuple[Any, Metrics]]
    sample: Callable[[Any, Batch, PRNGKeyArray], Shaped[Array, "n ..."]]
