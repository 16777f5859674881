"""Samples of a generator, on the host."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxgan.training.state import GANState, sample
from jaxgan.training.steps import Latents

_BATCH = 500

_sample = jax.jit(sample, static_argnames="ema")


def draw(
    state: GANState, key: PRNGKeyArray, num: int, latents: Latents, *, ema: bool = True
) -> np.ndarray:
    """`num` samples of the generator [num, ...], on the host, made in batches of one size."""
    batch = min(num, _BATCH)
    starts = range(0, num, batch)
    z = latents(key, len(starts) * batch)
    parts = [_sample(state, z[start : start + batch], ema=ema) for start in starts]
    return np.concatenate([np.asarray(part) for part in parts])[:num]
