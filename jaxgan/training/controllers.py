"""Controllers: they adjust a hyperparameter so that a measured similarity stays at a target.

The measured similarity is a statistic of MEASURES, what the generator minimises in any loss (a
distance between real and fake, or a similarity's negative), or any metric of a game. The adjusted
float is an entry of `GANState.hparams`, and so a traced part of the state, that is saved and
resumed with it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.training.schedules import Path, value_at, with_value
from jaxgan.types import Hparams

Measured = Callable[..., Float[Array, ""]]


class Controller(NamedTuple):
    """A controller of the run.

    Attributes:
        label: Its name; `hparams["controllers"][label]` has its target, rate, lower and upper.
        metric: The metric of the step that it keeps at the target.
        adjusts: Where in hparams the float is that it adjusts.
    """

    label: str
    metric: str
    adjusts: Path

    def value(self, hparams: Hparams) -> Float[Array, ""]:
        """The float that it adjusts."""
        return value_at(hparams, self.adjusts)


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


MEASURES: dict[str, Measured] = {"auc": auc, "logit_sign": logit_sign}


def adjusted(hparams: Hparams, measured: Mapping[Controller, Float[Array, ""]]) -> dict[str, Any]:
    """The hyperparameters for the next step: h <- clip(h exp(rate (measured - target))).

    An integral controller of log h, so that one rate suits floats of any size, and the noise of
    single batches averages out. With a positive rate h grows while the measure is above its target.

    Differs from Karras et al. 2020, section 3.1, which adds a constant of the error's sign.

    Args:
        hparams: Nested as the config is.
        measured: What each controller measured in this step.
    """
    new = dict(hparams)
    for controller, value in measured.items():
        own = hparams["controllers"][controller.label]
        grown = controller.value(new) * jnp.exp(own["rate"] * (value - own["target"]))
        limited = jnp.clip(grown, own["lower"], own["upper"])
        new = with_value(new, controller.adjusts, limited)
    return new
