"""Adversarial losses on logits of any shape: each logit is one verdict, and E is the mean over all.

D(x) is a real logit, D(G(z)) a fake one, S the logistic sigmoid. Logarithms of S are computed as
log S(t) = -softplus(-t) and log(1 - S(t)) = -softplus(t), which never underflow.
"""

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, ScalarLike

from jaxgan.kernels import at_least_float32
from jaxgan.types import Losses


def minimax(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(D(x)) - E log(1 - S(D(G(z)))), G = E log(1 - S(D(G(z)))).

    G's gradient vanishes where D rejects the fakes with confidence; see `non_saturating`.
    Source: Goodfellow et al. 2014, Generative Adversarial Nets, equation 1.
    """
    real, fake = at_least_float32(real, fake)
    rejection = jnp.mean(softplus(fake))
    return Losses(generator=-rejection, discriminator=jnp.mean(softplus(-real)) + rejection)


def non_saturating(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(D(x)) - E log(1 - S(D(G(z)))), G = -E log S(D(G(z))).

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, section 3.
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=jnp.mean(softplus(-fake)),
        discriminator=jnp.mean(softplus(-real)) + jnp.mean(softplus(fake)),
    )


def least_squares(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    real_target: ScalarLike = 1.0,
    fake_target: ScalarLike = 0.0,
    generator_target: ScalarLike = 1.0,
) -> Losses:
    """D = E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2, G = E (D(G(z)) - c)^2 / 2, on raw logits.

    b, a, c are `real_target`, `fake_target`, `generator_target`.
    Source: Mao et al. 2017, Least Squares Generative Adversarial Networks, equation 2; the
    defaults are its equation 9.
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=jnp.mean(jnp.square(fake - generator_target)) / 2,
        discriminator=jnp.mean(jnp.square(real - real_target)) / 2
        + jnp.mean(jnp.square(fake - fake_target)) / 2,
    )


def hinge(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), G = -E D(G(z)).

    Source: Lim and Ye 2017, Geometric GAN.
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=-jnp.mean(fake),
        discriminator=jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake)),
    )


def wasserstein(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E D(G(z)) - E D(x), G = -E D(G(z)), for a critic kept Lipschitz by other means.

    Source: Arjovsky et al. 2017, Wasserstein GAN, equations 2 and 3.
    """
    real, fake = at_least_float32(real, fake)
    return Losses(generator=-jnp.mean(fake), discriminator=jnp.mean(fake) - jnp.mean(real))


def relativistic_average(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(r) - E log(1 - S(f)), G = -E log S(f) - E log(1 - S(r)).

    r = D(x) - E D(G(z)) and f = D(G(z)) - E D(x). A sum, as in the paper; some code halves it.
    Source: Jolicoeur-Martineau 2019, The Relativistic Discriminator (RaSGAN).
    """
    real, fake = at_least_float32(real, fake)
    real_margin, fake_margin = real - jnp.mean(fake), fake - jnp.mean(real)
    return Losses(
        generator=jnp.mean(softplus(-fake_margin)) + jnp.mean(softplus(real_margin)),
        discriminator=jnp.mean(softplus(-real_margin)) + jnp.mean(softplus(fake_margin)),
    )


def relativistic_pairing(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(D(x) - D(G(z))), G = -E log S(D(G(z)) - D(x)), over pairs.

    Real i meets fake i, and the shorter batch starts again at its end, so the value depends on the
    order within a batch (not in expectation). The logits' trailing shapes must be equal.
    Source: Jolicoeur-Martineau 2019, The Relativistic Discriminator (RpGAN); Huang et al. 2024,
    The GAN Is Dead; Long Live the GAN! (R3GAN).
    """
    real, fake = at_least_float32(real, fake)
    pairs = jnp.arange(max(len(real), len(fake)))
    margin = real[pairs % len(real)] - fake[pairs % len(fake)]
    return Losses(generator=jnp.mean(softplus(margin)), discriminator=jnp.mean(softplus(-margin)))
