"""Distributions of z, and paths through them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.games import Latents


def normal_latents(dim: int) -> Latents:
    """Draws z ~ N(0, I) of `dim` dimensions."""
    return lambda key, n: jax.random.normal(key, (n, dim))


def uniform_latents(dim: int) -> Latents:
    """Draws z ~ U[-1, 1] of `dim` dimensions."""
    return lambda key, n: jax.random.uniform(key, (n, dim), minval=-1.0)


def truncated_normal_latents(dim: int, limit: Float[Array, ""] | float) -> Latents:
    """Draws z ~ N(0, I) given that |z_i| <= limit, > 0: the truncation trick.

    Source: Brock et al. 2019, BigGAN, section 3.1, https://arxiv.org/abs/1809.11096
    """
    return lambda key, n: jax.random.truncated_normal(key, -limit, limit, (n, dim))


def truncated_uniform_latents(dim: int, limit: Float[Array, ""] | float) -> Latents:
    """Draws z ~ U[-limit, limit], 0 < limit <= 1."""
    return lambda key, n: jax.random.uniform(key, (n, dim), minval=-limit, maxval=limit)


def linear_path(
    start: Float[Array, "n latent"], end: Float[Array, "n latent"], share: Float[Array, ""] | float
) -> Float[Array, "n latent"]:
    """(1 - share) start + share end."""
    return (1 - share) * start + share * end


def spherical_path(
    start: Float[Array, "n latent"], end: Float[Array, "n latent"], share: Float[Array, ""] | float
) -> Float[Array, "n latent"]:
    """The point at this share, in [0, 1], of the way along the great circle.

    A straight path between two draws of N(0, I) passes through norms that are hardly ever drawn.

    Source: White 2016, Sampling Generative Networks, section 2.1, https://arxiv.org/abs/1609.04468
    """
    unit = [z / jnp.linalg.norm(z, axis=1, keepdims=True) for z in (start, end)]
    cosine = jnp.clip(jnp.sum(unit[0] * unit[1], axis=1, keepdims=True), -1, 1)
    angle = jnp.arccos(cosine)
    sine = jnp.sin(angle)
    towards = jnp.sin((1 - share) * angle) * start + jnp.sin(share * angle) * end
    # Of (nearly) equal or opposite directions, such as of one dimension.
    straight = sine < 1e-4
    return jnp.where(
        straight, linear_path(start, end, share), towards / jnp.where(straight, 1, sine)
    )
