"""f-GAN: the variational lower bounds of f-divergences, each maximised by D.

With v = D(.), the output activation g of a divergence, and f* the convex conjugate of f:
D = -(E g(D(x)) - E f*(g(D(G(z))))) and G = -E f*(g(D(G(z)))), the bound that G minimises. With
`non_saturating` G = -E g(D(G(z))) instead, which rewards fakes that pass for real (section 3.2); it
is the default where f* is an exponential or a square of v (KL, Pearson), for there the bound drives
fakes without limit. Both are written as functions of v where g and f* composed would overflow or
cancel. At the optimal D, -D is the divergence of the distributions; f_jensen_shannon's f is shifted
so that it is 0 where they are equal.

Source: Nowozin et al. 2016, f-GAN, equation 4, with table 6 (g and f*),
https://arxiv.org/abs/1606.00709
"""

import math
from collections.abc import Callable

import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float

from jaxgan.losses.record import VERDICT_VIEWS, loss
from jaxgan.numerics import at_least_float32
from jaxgan.types import Losses


def _variational_bound(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    activation: Callable[[Array], Array],
    conjugate: Callable[[Array], Array],
    non_saturating: bool,
) -> Losses:
    """`activation` is g(v), `conjugate` is f*(g(v))."""
    real, fake = at_least_float32(real, fake)
    of_fake = jnp.mean(conjugate(fake))
    return Losses(
        generator=-(jnp.mean(activation(fake)) if non_saturating else of_fake),
        discriminator=of_fake - jnp.mean(activation(real)),
    )


@loss(views=VERDICT_VIEWS)
def f_kl(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, non_saturating: bool = True
) -> Losses:
    """D = E exp(v_G - 1) - E v_x, G = -E v_G; v_x = D(x), v_G = D(G(z)): KL(real | fake).

    Overflows in float32 past v_G = 89.

    Args:
        real: v_x, outputs of D for n real samples [n, ...].
        fake: v_G, outputs for m fake samples [m, ...].
        non_saturating: Whether G = -E v_G; if not, G = -E exp(v_G - 1).

    Source: Nowozin et al. 2016, f-GAN, table 6, https://arxiv.org/abs/1606.00709

    >>> losses = f_kl(jnp.array([3.0]), jnp.array([1.0]))
    >>> float(losses.generator), float(losses.discriminator)  # D = exp(0) - 3
    (-1.0, -2.0)
    """
    return _variational_bound(real, fake, lambda v: v, lambda v: jnp.exp(v - 1), non_saturating)


@loss(views=VERDICT_VIEWS)
def f_reverse_kl(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, non_saturating: bool = False
) -> Losses:
    """D = E v_G - 1 + E exp(-v_x), G = 1 - E v_G; v_x = D(x), v_G = D(G(z)): KL(fake | real).

    Overflows in float32 below v_x = -88.

    Args:
        real: v_x, outputs of D for n real samples [n, ...].
        fake: v_G, outputs for m fake samples [m, ...].
        non_saturating: Whether G = E exp(-v_G); if not, G = 1 - E v_G.

    Source: Nowozin et al. 2016, f-GAN, table 6, https://arxiv.org/abs/1606.00709

    >>> losses = f_reverse_kl(jnp.array([0.0]), jnp.array([3.0]))
    >>> float(losses.generator), float(losses.discriminator)  # D = 3 - 1 + exp(0)
    (-2.0, 3.0)
    """
    return _variational_bound(real, fake, lambda v: -jnp.exp(-v), lambda v: v - 1, non_saturating)


@loss(views=VERDICT_VIEWS)
def f_jensen_shannon(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, non_saturating: bool = False
) -> Losses:
    """D = -E log 2 S(v_x) - E log 2 S(-v_G), G = E log 2 S(-v_G); v_x = D(x), v_G = D(G(z)).

    Minimax with D lowered by log 4 and G raised by log 2: the bound of 2 JS(real, fake).

    Args:
        real: v_x, outputs of D for n real samples [n, ...].
        fake: v_G, outputs for m fake samples [m, ...].
        non_saturating: Whether G = -E log 2 S(v_G); if not, G = E log 2 S(-v_G).

    Source: Nowozin et al. 2016, f-GAN, table 6, https://arxiv.org/abs/1606.00709
    """
    return _variational_bound(
        real,
        fake,
        lambda v: math.log(2) - softplus(-v),
        lambda v: softplus(v) - math.log(2),
        non_saturating,
    )


@loss(views=VERDICT_VIEWS)
def f_pearson(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, non_saturating: bool = True
) -> Losses:
    """D = E (v_G^2 / 4 + v_G) - E v_x, G = -E v_G; v_x = D(x), v_G = D(G(z)): Pearson chi^2.

    Args:
        real: v_x, outputs of D for n real samples [n, ...].
        fake: v_G, outputs for m fake samples [m, ...].
        non_saturating: Whether G = -E v_G; if not, G = -E (v_G^2 / 4 + v_G).

    Source: Nowozin et al. 2016, f-GAN, table 6, https://arxiv.org/abs/1606.00709

    >>> losses = f_pearson(jnp.array([1.0]), jnp.array([2.0]))
    >>> float(losses.generator), float(losses.discriminator)  # D = 4 / 4 + 2 - 1
    (-2.0, 2.0)
    """
    return _variational_bound(
        real, fake, lambda v: v, lambda v: jnp.square(v) / 4 + v, non_saturating
    )


@loss(views=VERDICT_VIEWS)
def f_squared_hellinger(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, non_saturating: bool = False
) -> Losses:
    """D = E (exp(v_G) - 1) + E (exp(-v_x) - 1), G = -E (exp(v_G) - 1): squared Hellinger.

    v_x = D(x), v_G = D(G(z)). Overflows in float32 past v_G = 88 and below v_x = -88.

    Args:
        real: v_x, outputs of D for n real samples [n, ...].
        fake: v_G, outputs for m fake samples [m, ...].
        non_saturating: Whether G = E (exp(-v_G) - 1); if not, G = -E (exp(v_G) - 1).

    Source: Nowozin et al. 2016, f-GAN, table 6, https://arxiv.org/abs/1606.00709
    """
    return _variational_bound(real, fake, lambda v: -jnp.expm1(-v), jnp.expm1, non_saturating)


@loss(views=VERDICT_VIEWS)
def f_total_variation(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, non_saturating: bool = False
) -> Losses:
    """D = E tanh(v_G) / 2 - E tanh(v_x) / 2, G = -E tanh(v_G) / 2: total variation.

    v_x = D(x), v_G = D(G(z)).

    Args:
        real: v_x, outputs of D for n real samples [n, ...].
        fake: v_G, outputs for m fake samples [m, ...].
        non_saturating: Whether to take the non-saturating G, which is the same one here.

    Source: Nowozin et al. 2016, f-GAN, table 6, https://arxiv.org/abs/1606.00709
    """

    def activation(v: Array) -> Array:
        return jnp.tanh(v) / 2

    return _variational_bound(real, fake, activation, activation, non_saturating)
