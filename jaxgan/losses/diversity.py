"""Against mode collapse: how far the samples of a batch lie from each other."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, ScalarLike

from jaxgan.kernels import squared_distances
from jaxgan.losses.common import at_least, same_length, vectors, zero_sum
from jaxgan.losses.record import loss
from jaxgan.numerics import at_least_float32, safe_sqrt
from jaxgan.registry import POSITIVE
from jaxgan.types import Losses


def _distances_within(x: Float[Array, "n d"]) -> Float[Array, "pairs"]:
    """|x_i - x_j| / sqrt(d) of all pairs i < j."""
    return safe_sqrt(squared_distances(x, x)[np.triu_indices(len(x), 1)] / x.shape[1])


@loss(ranges={"epsilon": POSITIVE})
def mode_seeking(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    z: Float[Array, "_m ..."],
    epsilon: ScalarLike = 1e-5,
) -> Losses:
    """G = 1 / (E |y - y'| / |z - z'| + epsilon), D = 0: small where other latents look different.

    y = G(z). The mean is over all pairs of different latents and their samples, and distances are
    root mean squares over entries; the paper's code takes mean absolute differences, of one pair a
    latent. A regulariser of the generator: use it as a further term.

    Args:
        real: Not used.
        fake: m >= 2 samples [m, ...].
        z: The latents that they were made of [m, ...].
        epsilon: Positive; 1 / epsilon is the loss of a collapsed generator.

    Raises:
        ConfigError: Fewer samples, or another number of latents.

    Source: Mao et al. 2019, Mode Seeking Generative Adversarial Networks,
    https://arxiv.org/abs/1903.05628

    >>> z, fake = jnp.array([[0.0], [1.0]]), jnp.array([[0.0], [4.0]])
    >>> float(mode_seeking(fake, fake, z=z, epsilon=4.0).generator)  # 1 / (4 / 1 + 4)
    0.125
    """
    del real
    same_length("mode seeking", fake=fake, z=z)
    at_least(2, "mode seeking in a batch", "use a larger batch", len(z))
    z, fake = at_least_float32(z, fake)
    between_latents = _distances_within(z.reshape(len(z), -1))
    between_samples = _distances_within(fake.reshape(len(fake), -1))
    distinct = between_latents > 0
    ratios = jnp.where(distinct, between_samples / jnp.where(distinct, between_latents, 1), 0)
    value = 1 / (jnp.mean(ratios) + epsilon)
    return Losses(generator=value, discriminator=jnp.zeros_like(value))


@loss()
def diversity_matching(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = (E |x - x'| - E |y - y'|)^2 / d, D = -G: distances within the real and the fake batch.

    Over all pairs of different samples. It compares how far samples lie apart, not where: a further
    term for a loss that finds the place. Collapsed fakes, all alike, have no gradient.

    Args:
        real: x, n >= 2 samples [n, ...] of d entries.
        fake: y, m >= 2 samples of the same shape [m, ...].

    Raises:
        ConfigError: Fewer samples.

    Source: after Mao et al. 2019, Mode Seeking Generative Adversarial Networks, which drives
    samples apart without limit, https://arxiv.org/abs/1903.05628

    >>> real, fake = jnp.array([[0.0], [5.0]]), jnp.array([[9.0], [7.0]])
    >>> float(diversity_matching(real, fake).generator)  # (5 - 2)^2
    9.0
    """
    real, fake = vectors(real, fake)
    at_least(2, "diversity of batches", "use a larger batch", len(real), len(fake))
    of_real, of_fake = (jnp.mean(_distances_within(x)) for x in (real, fake))
    return zero_sum(jnp.square(of_real - of_fake))
