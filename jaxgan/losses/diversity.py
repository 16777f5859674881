"""Against mode collapse: how far the samples of a batch lie from each other."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, ScalarLike

from jaxgan.kernels import at_least_float32, squared_distances
from jaxgan.losses.common import at_least, opposed, safe_sqrt, vectors
from jaxgan.types import Losses


def _distances_within(x: Float[Array, "n d"]) -> Float[Array, "pairs"]:
    """|x_i - x_j| / sqrt(d) of all pairs i < j."""
    return safe_sqrt(squared_distances(x, x)[np.triu_indices(len(x), 1)] / x.shape[1])


def mode_seeking(
    z: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "n ..."],
    *,
    epsilon: ScalarLike = 1e-5,
) -> Float[Array, ""]:
    """1 / (E |G(z) - G(z')| / |z - z'| + epsilon), which a diverse generator keeps small.

    The mean is over all pairs of n >= 2 latents and their samples, and distances are root mean
    squares over entries; the paper's code takes mean absolute differences, of one pair a latent.
    Source: Mao et al. 2019, Mode Seeking Generative Adversarial Networks.
    """
    at_least(2, "mode seeking in a batch", "use a larger batch", len(z))
    z, fake = at_least_float32(jnp.asarray(z), jnp.asarray(fake))
    between_latents = _distances_within(z.reshape(len(z), -1))
    between_samples = _distances_within(fake.reshape(len(fake), -1))
    distinct = between_latents > 0
    ratios = jnp.where(distinct, between_samples / jnp.where(distinct, between_latents, 1), 0)
    return 1 / (jnp.mean(ratios) + epsilon)


def diversity_matching(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = (E |x - x'| - E |y - y'|)^2 / d, D = -G: distances within the real and the fake batch.

    Over all pairs of different samples, n, m >= 2. It compares spread, not place: a further term
    for a loss that finds the place. Collapsed fakes, all alike, have no gradient.
    Source: after Mao et al. 2019, Mode Seeking Generative Adversarial Networks, which spreads
    samples without limit.
    """
    real, fake = vectors(real, fake)
    at_least(2, "diversity of batches", "use a larger batch", len(real), len(fake))
    spreads = [jnp.mean(_distances_within(x)) for x in (real, fake)]
    return opposed(jnp.square(spreads[0] - spreads[1]))
