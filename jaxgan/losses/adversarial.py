"""Adversarial losses on logits of any shape: each logit is one verdict, and E is the mean over all.

D(x) is a real logit, D(G(z)) a fake one, S the logistic sigmoid. Logarithms of S are computed as
log S(t) = -softplus(-t) and log(1 - S(t)) = -softplus(t), which never underflow.
"""

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, ScalarLike

from jaxgan.losses.record import VERDICT_VIEWS, loss
from jaxgan.numerics import at_least_float32
from jaxgan.registry import POSITIVE
from jaxgan.types import Losses


@loss(views=VERDICT_VIEWS)
def minimax(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(D(x)) - E log(1 - S(D(G(z)))), G = E log(1 - S(D(G(z)))).

    G's gradient vanishes where D rejects the fakes with confidence; see `non_saturating`.

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...].

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, equation 1,
    https://arxiv.org/abs/1406.2661
    """
    real, fake = at_least_float32(real, fake)
    rejection = jnp.mean(softplus(fake))
    return Losses(generator=-rejection, discriminator=jnp.mean(softplus(-real)) + rejection)


@loss(views=VERDICT_VIEWS)
def non_saturating(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = -E log S(D(x)) - E log(1 - S(D(G(z)))), G = -E log S(D(G(z))).

    Also known as the logistic or softplus loss (StyleGAN): D = E softplus(-D(x)) +
    E softplus(D(G(z))), G = E softplus(-D(G(z))).

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...].

    Source: Goodfellow et al. 2014, Generative Adversarial Nets, section 3,
    https://arxiv.org/abs/1406.2661

    >>> losses = non_saturating(jnp.array([0.0]), jnp.array([0.0]))  # log 2 and 2 log 2
    >>> round(float(losses.generator), 4), round(float(losses.discriminator), 4)
    (0.6931, 1.3863)
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=jnp.mean(softplus(-fake)),
        discriminator=jnp.mean(softplus(-real)) + jnp.mean(softplus(fake)),
    )


@loss(views=VERDICT_VIEWS)
def least_squares(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    real_target: ScalarLike = 1.0,
    fake_target: ScalarLike = 0.0,
    generator_target: ScalarLike = 1.0,
) -> Losses:
    """D = E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2, G = E (D(G(z)) - c)^2 / 2, on raw logits.

    Args:
        real: Logits of n real samples [n, ...].
        fake: Logits of m fake samples [m, ...].
        real_target: b, any number.
        fake_target: a, any number.
        generator_target: c, any number.

    Source: Mao et al. 2017, Least Squares Generative Adversarial Networks, equation 2; the
    defaults are those of its equation 9, https://arxiv.org/abs/1611.04076

    >>> losses = least_squares(jnp.array([3.0]), jnp.array([2.0, 0.0]))
    >>> float(losses.generator), float(losses.discriminator)  # 1 / 2, and 4 / 2 + (4 + 0) / 4
    (0.5, 3.0)
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=jnp.mean(jnp.square(fake - generator_target)) / 2,
        discriminator=jnp.mean(jnp.square(real - real_target)) / 2
        + jnp.mean(jnp.square(fake - fake_target)) / 2,
    )


@loss(views=VERDICT_VIEWS)
def hinge(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), G = -E D(G(z)).

    Args:
        real: Logits of n real samples [n, ...], high where D takes them for real.
        fake: Logits of m fake samples [m, ...].

    Source: Lim and Ye 2017, Geometric GAN, https://arxiv.org/abs/1705.02894

    >>> losses = hinge(jnp.array([2.0, 0.0]), jnp.array([-0.5]))
    >>> float(losses.generator), float(losses.discriminator)  # D = (0 + 1) / 2 + 0.5
    (0.5, 1.0)
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=-jnp.mean(fake),
        discriminator=jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake)),
    )


@loss(views=VERDICT_VIEWS)
def wasserstein(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E D(G(z)) - E D(x), G = -E D(G(z)), for a critic kept Lipschitz by other means.

    Args:
        real: The critic's values of n real samples [n, ...].
        fake: Its values of m fake samples [m, ...].

    Source: Arjovsky et al. 2017, Wasserstein GAN, equations 2 and 3,
    https://arxiv.org/abs/1701.07875

    >>> losses = wasserstein(jnp.array([3.0, 1.0]), jnp.array([0.5]))
    >>> float(losses.generator), float(losses.discriminator)
    (-0.5, -1.5)
    """
    real, fake = at_least_float32(real, fake)
    return Losses(generator=-jnp.mean(fake), discriminator=jnp.mean(fake) - jnp.mean(real))


@loss(views=VERDICT_VIEWS, ranges={"margin": POSITIVE})
def ebgan(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, margin: ScalarLike = 1.0
) -> Losses:
    """D = E D(x) + E max(0, margin - D(G(z))), G = E D(G(z)), on energies that are low where real.

    Args:
        real: Energies of n real samples [n, ...], at least 0, such as an autoencoder's errors.
        fake: Energies of m fake samples [m, ...].
        margin: Positive, in the units of the energies.

    Source: Zhao et al. 2017, Energy-based Generative Adversarial Networks, equations 1 and 2,
    https://arxiv.org/abs/1609.03126

    >>> losses = ebgan(jnp.array([0.25]), jnp.array([0.5]), margin=2.0)
    >>> float(losses.generator), float(losses.discriminator)  # D = 0.25 + (2 - 0.5)
    (0.5, 1.75)
    """
    real, fake = at_least_float32(real, fake)
    return Losses(
        generator=jnp.mean(fake),
        discriminator=jnp.mean(real) + jnp.mean(jax.nn.relu(margin - fake)),
    )


def began(real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, k: ScalarLike) -> Losses:
    """D = E D(x) - k E D(G(z)), G = E D(G(z)), on energies: an autoencoder's errors.

    Args:
        real: Energies of n real samples [n, ...], at least 0.
        fake: Energies of m fake samples [m, ...].
        k: In [0, 1]. It is state, not a hyperparameter: it starts at 0, and `began_balance` moves
            it after every step. So this is no entry of LOSSES.

    Source: Berthelot et al. 2017, BEGAN, section 3.4, https://arxiv.org/abs/1703.10717

    >>> losses = began(jnp.array([2.0]), jnp.array([4.0]), k=0.25)
    >>> float(losses.generator), float(losses.discriminator)
    (4.0, 1.0)
    """
    real, fake = at_least_float32(real, fake)
    real_energy, fake_energy = jnp.mean(real), jnp.mean(fake)
    return Losses(generator=fake_energy, discriminator=real_energy - k * fake_energy)


def began_balance(
    k: ScalarLike,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    diversity: ScalarLike = 0.5,
    rate: ScalarLike = 0.001,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """K' = k + rate b, within [0, 1], and M = E D(x) + |b|, b = diversity E D(x) - E D(G(z)).

    Args:
        k: The k that the step used, in [0, 1].
        real: Its real energies [n, ...], at least 0.
        fake: Its fake energies [m, ...].
        diversity: gamma in [0, 1], the ratio E D(G(z)) / E D(x) that k steers to; lower means
            better images of less variety.
        rate: Step size of k, positive.

    Returns:
        The next k, and the measure of convergence M, which falls as training converges.

    Source: Berthelot et al. 2017, BEGAN, sections 3.4 and 3.4.1, https://arxiv.org/abs/1703.10717

    >>> k, measure = began_balance(0.0, jnp.array([4.0]), jnp.array([1.0]), rate=0.25)
    >>> float(k), float(measure)  # b = 0.5 * 4 - 1
    (0.25, 5.0)
    """
    real, fake = at_least_float32(real, fake)
    real_energy = jnp.mean(real)
    balance = diversity * real_energy - jnp.mean(fake)
    return jnp.clip(k + rate * balance, 0, 1), real_energy + jnp.abs(balance)
