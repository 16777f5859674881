"""Packing: a discriminator that judges several samples at once sees a lack of variety.

Source: Lin et al. 2018, PacGAN: The Power of Two Samples in Generative Adversarial Networks.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from jaxgan.errors import ConfigError


def pack(x: Shaped[Array, "n ... c"], degree: int) -> Shaped[Array, "packs ... packed_channels"]:
    """Joins every `degree` consecutive samples along their channels: [n / degree, ..., c * degree].

    Channel j c + i of a pack is channel i of its sample j; points are packed as [n / degree,
    d * degree]. Batches are independent draws, so which samples meet does not matter.

    Raises:
        ConfigError: where n is not a multiple of `degree`, or `degree` is less than 1.
    """
    n = len(x)
    if degree < 1 or n % degree:
        raise ConfigError(
            f"packing of {n} samples in groups of {degree}; "
            "the degree must be at least 1 and divide the batch: change either"
        )
    grouped = jnp.moveaxis(x.reshape(n // degree, degree, *x.shape[1:]), 1, -2)
    return grouped.reshape(*grouped.shape[:-2], -1)


def packed(function: Callable[..., Any], degree: int) -> Callable[..., Any]:
    """The function of packs: its positional arguments, batches of samples, are packed first.

    `packed(discriminator, degree)` judges packs: n samples give n / degree logits, which any loss
    takes. `packed(loss, degree)` compares the distributions of packs, for losses on samples.
    """
    return lambda *batches, **options: function(*(pack(x, degree) for x in batches), **options)
