"""Distributions of z."""

import jax

from jaxgan.games import Latents


def normal_latents(dim: int) -> Latents:
    """Draws z ~ N(0, I) of `dim` dimensions."""
    return lambda key, n: jax.random.normal(key, (n, dim))


def uniform_latents(dim: int) -> Latents:
    """Draws z ~ U[-1, 1] of `dim` dimensions."""
    return lambda key, n: jax.random.uniform(key, (n, dim), minval=-1.0)
