"""What is trained: games, and the networks that play them."""

from jaxgan.games.classifying import semi_supervised
from jaxgan.games.common import from_prior, head, ranged, stream
from jaxgan.games.distributional import Seen, distribution_matching
from jaxgan.games.energies import Balance, began, mmd_gan
from jaxgan.games.game import Algorithm, Game
from jaxgan.games.inference import bigan, infogan
from jaxgan.games.nets import Latents, Nets, Slices
from jaxgan.games.regressing import Predicted, regression
from jaxgan.games.terms import Fakes, Measure, Penalty, adversarial, condition, measured
from jaxgan.games.translation import cycle_gan, paired_translation
from jaxgan.games.variational import Matched, vae, vae_gan, wae
from jaxgan.games.views import Frozen, LabelCode, Term, in_chunks

__all__ = [
    "GAMES",
    "Algorithm",
    "Balance",
    "Fakes",
    "Frozen",
    "Game",
    "LabelCode",
    "Latents",
    "Matched",
    "Measure",
    "Nets",
    "Penalty",
    "Predicted",
    "Seen",
    "Slices",
    "Term",
    "adversarial",
    "began",
    "bigan",
    "condition",
    "cycle_gan",
    "distribution_matching",
    "from_prior",
    "head",
    "in_chunks",
    "infogan",
    "measured",
    "mmd_gan",
    "paired_translation",
    "ranged",
    "regression",
    "semi_supervised",
    "stream",
    "vae",
    "vae_gan",
    "wae",
]

GAMES = {
    "adversarial": adversarial,
    "began": began,
    "bigan": bigan,
    "cycle_gan": cycle_gan,
    "distribution_matching": distribution_matching,
    "infogan": infogan,
    "mmd_gan": mmd_gan,
    "paired_translation": paired_translation,
    "regression": regression,
    "semi_supervised": semi_supervised,
    "vae": vae,
    "vae_gan": vae_gan,
    "wae": wae,
}
