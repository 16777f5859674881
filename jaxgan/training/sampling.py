"""A game in evaluation mode: samples, pictures and figures, as pure functions of a state."""

from collections.abc import Callable
from typing import Any

from jaxtyping import PRNGKeyArray

from jaxgan.games import Game, Nets, Slices
from jaxgan.training.schedules import scheduled
from jaxgan.training.state import GANState, Setup, modules_of
from jaxgan.types import Batch

# Takes one of a game's functions of (nets, batch, key).
Choose = Callable[[Game], Callable[[Nets, Batch, PRNGKeyArray], Any]]


def sampling(game: Game) -> Callable[[Nets, Batch, PRNGKeyArray], Any]:
    """How a game is sampled."""
    return game.generate if game.sample is None else game.sample


def played(
    setup: Setup,
    choose: Choose,
    state: GANState,
    batch: Batch,
    key: PRNGKeyArray,
    *,
    averaged: bool = True,
    axis_name: str | None = None,
) -> Any:
    """What one of the game's functions makes of a whole batch, in evaluation mode.

    Args:
        setup: The game and its players.
        choose: Takes the function from the game, such as `sampling`.
        state: Any state of theirs.
        batch: Images as floats in [-1, 1].
        key: For everything that is drawn.
        averaged: Whether to take averaged weights where there are any.
        axis_name: The device axis, inside pmap or shard_map.
    """
    hparams = scheduled(state.hparams, setup.ramps, state.step)
    nets = Nets(
        modules_of(setup, hparams),
        state.variables(averaged=averaged),
        key=key,
        latents=setup.latents,
        reference=state.reference,
        train=False,
        slices=Slices(axis_name),
    )
    return choose(setup.game(hparams))(nets, batch, key)
