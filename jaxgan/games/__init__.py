"""What is trained: games, and the networks that play them."""

from jaxgan.games.game import Algorithm, Game
from jaxgan.games.nets import Latents, Nets, Slices
from jaxgan.games.terms import Fakes, Measure, Penalty, Term, adversarial, condition, measured

__all__ = [
    "GAMES",
    "Algorithm",
    "Fakes",
    "Game",
    "Latents",
    "Measure",
    "Nets",
    "Penalty",
    "Slices",
    "Term",
    "adversarial",
    "condition",
    "measured",
]

GAMES = {"adversarial": adversarial}
