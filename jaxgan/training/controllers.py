"""Controllers: they adjust a hyperparameter so that a measured similarity stays at a target.

The measured similarity is a statistic of MEASURES, or what the generator minimises in any loss: a
distance between real and fake, or a similarity's negative. The adjusted float is an entry of
`GANState.hparams`, and so a traced part of the state, that is saved and resumed with it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Measure = Callable[..., Float[Array, ""]]


class Controller(NamedTuple):
    """A controller of the run.

    Attributes:
        path: Its dotted name in the config, "controllers.LABEL": its prefix in hparams.
        measure: The measure with its static hyperparameters bound.
        traced: Names of its traced hyperparameters.
        on: The view that it measures: "images", "features" or "logits".
        needs_key: Whether it asks for a random key.
        adjusts: The entry of hparams that it adjusts.
    """

    path: str
    measure: Measure
    traced: tuple[str, ...] = ()
    on: str = "logits"
    needs_key: bool = False
    adjusts: str = "discriminator_share"


def logit_sign(real: Float[Array, "n k"], fake: Float[Array, "m k"]) -> Float[Array, ""]:
    """E sign D(x), in [-1, 1], over real samples: near 1 where the discriminator overfits.

    Source: Karras et al. 2020, Training Generative Adversarial Networks with Limited Data,
    equation 1 (r_t); its target is 0.6.
    """
    del fake
    return jnp.mean(jnp.sign(real))


def auc(real: Float[Array, "n k"], fake: Float[Array, "m k"]) -> Float[Array, ""]:
    """P(D(x) > D(G(z))) + P(D(x) = D(G(z))) / 2, in [0, 1]: 1/2 where it cannot tell them apart.

    Over all pairs of real and fake, the mean over k logits; for losses of any scale or sign.
    Source: Hanley and McNeil 1982, The Meaning and Use of the Area under a ROC Curve.
    """
    ranked = jnp.sort(real, axis=0)
    below, not_above = (
        jax.vmap(partial(jnp.searchsorted, side=side), in_axes=1)(ranked, fake)
        for side in ("left", "right")
    )
    return 1 - jnp.mean(below + not_above) / (2 * len(real))


MEASURES: dict[str, Measure] = {"auc": auc, "logit_sign": logit_sign}


def adjusted(
    controllers: tuple[Controller, ...],
    hparams: Mapping[str, Float[Array, "..."]],
    measured: Mapping[str, Float[Array, ""]],
) -> dict[str, Float[Array, "..."]]:
    """The hyperparameters for the next step: h <- clip(h exp(rate (measured - target))).

    An integral controller of log h, so that one rate suits floats of any size, and the noise of
    single batches averages out. With a positive rate h grows while the measure is above its target.

    Differs from Karras et al. 2020, section 3.1, which adds a constant of the error's sign.

    Args:
        controllers: Each adjusts one entry.
        hparams: Holds, under each controller's path, its `target`, `rate`, `lower` and `upper`.
        measured: What each controller measured in this step, by its path.
    """
    new = dict(hparams)
    for controller in controllers:
        path = controller.path
        error = measured[path] - hparams[f"{path}.target"]
        grown = new[controller.adjusts] * jnp.exp(hparams[f"{path}.rate"] * error)
        limits = hparams[f"{path}.lower"], hparams[f"{path}.upper"]
        new[controller.adjusts] = jnp.clip(grown, *limits)
    return new
