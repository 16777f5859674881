"""Relativistic losses: how much more real a real sample looks than fake ones, and conversely.

Notation as in `losses.adversarial`. The averaging losses compare with the mean of the other batch:
r = D(x) - E D(G(z)) and f = D(G(z)) - E D(x); G's loss is D's with r and f exchanged.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float

from jaxgan.losses.record import VERDICT_VIEWS, loss
from jaxgan.numerics import at_least_float32, pairs
from jaxgan.types import Losses


def _averaging(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    above: Callable[[Array], Array],
    below: Callable[[Array], Array],
) -> Losses:
    """D = E above(r) + E below(f), G = E above(f) + E below(r)."""
    real, fake = at_least_float32(real, fake)
    real_margin, fake_margin = real - jnp.mean(fake), fake - jnp.mean(real)
    return Losses(
        generator=jnp.mean(above(fake_margin)) + jnp.mean(below(real_margin)),
        discriminator=jnp.mean(above(real_margin)) + jnp.mean(below(fake_margin)),
    )


@loss(views=VERDICT_VIEWS)
def relativistic_average(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(r) - E log(1 - S(f)), G = -E log S(f) - E log(1 - S(r)).

    r = D(x) - E D(G(z)) and f = D(G(z)) - E D(x). A sum, as in the paper; some code halves it.

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...].

    Source: Jolicoeur-Martineau 2019, The Relativistic Discriminator (RaSGAN),
    https://arxiv.org/abs/1807.00734
    """
    return _averaging(real, fake, lambda t: softplus(-t), softplus)


@loss(views=VERDICT_VIEWS)
def relativistic_average_least_squares(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."]
) -> Losses:
    """D = E (r - 1)^2 + E (f + 1)^2, G = E (f - 1)^2 + E (r + 1)^2.

    r = D(x) - E D(G(z)) and f = D(G(z)) - E D(x).

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...].

    Source: Jolicoeur-Martineau 2019, The Relativistic Discriminator (RaLSGAN),
    https://arxiv.org/abs/1807.00734

    >>> losses = relativistic_average_least_squares(jnp.array([2.0]), jnp.array([1.0]))
    >>> float(losses.generator), float(losses.discriminator)  # r = 1 and f = -1
    (8.0, 0.0)
    """
    return _averaging(real, fake, lambda t: jnp.square(t - 1), lambda t: jnp.square(t + 1))


@loss(views=VERDICT_VIEWS)
def relativistic_average_hinge(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E max(0, 1 - r) + E max(0, 1 + f), G = E max(0, 1 - f) + E max(0, 1 + r).

    r = D(x) - E D(G(z)) and f = D(G(z)) - E D(x).

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...].

    Source: Jolicoeur-Martineau 2019, The Relativistic Discriminator (RaHingeGAN),
    https://arxiv.org/abs/1807.00734

    >>> losses = relativistic_average_hinge(jnp.array([2.0]), jnp.array([1.5]))
    >>> float(losses.generator), float(losses.discriminator)  # r = 0.5 and f = -0.5
    (3.0, 1.0)
    """
    return _averaging(real, fake, lambda t: jax.nn.relu(1 - t), lambda t: jax.nn.relu(1 + t))


@loss(views=VERDICT_VIEWS, paired=True)
def relativistic_pairing(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(D(x) - D(G(z))), G = -E log S(D(G(z)) - D(x)), over pairs.

    Real i meets fake i, and the shorter batch starts again at its end, so the value depends on the
    order within a batch (not in expectation).

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...], of the same trailing shape.

    Source: Jolicoeur-Martineau 2019, The Relativistic Discriminator (RpGAN),
    https://arxiv.org/abs/1807.00734; Huang et al. 2024, The GAN Is Dead; Long Live the GAN!
    (R3GAN), https://arxiv.org/abs/2501.05441

    >>> losses = relativistic_pairing(jnp.array([5.0, 3.0]), jnp.array([5.0, 3.0]))  # log 2
    >>> round(float(losses.generator), 4), round(float(losses.discriminator), 4)
    (0.6931, 0.6931)
    """
    real, fake = at_least_float32(real, fake)
    margin = jnp.subtract(*pairs(real, fake))
    return Losses(generator=jnp.mean(softplus(margin)), discriminator=jnp.mean(softplus(-margin)))
