"""Packing: a discriminator that judges several samples at once sees a lack of variety.

Source: Lin et al. 2018, PacGAN: The Power of Two Samples in Generative Adversarial Networks,
https://arxiv.org/abs/1712.04086
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

    Args:
        x: n samples, the last axis of which are channels [n, ..., c].
        degree: Samples in a pack, at least 1.

    Raises:
        ConfigError: where n is not a multiple of `degree`, or `degree` is less than 1.

    Source: Lin et al. 2018, PacGAN: The Power of Two Samples in Generative Adversarial Networks,
    https://arxiv.org/abs/1712.04086

    >>> pack(jnp.array([[1.0, 2.0], [3.0, 4.0]]), 2)
    Array([[1., 2., 3., 4.]], dtype=float32)
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

    Args:
        function: Of one or more batches of samples, and of keyword arguments, which are passed on.
        degree: Samples in a pack, at least 1.

    Source: Lin et al. 2018, PacGAN: The Power of Two Samples in Generative Adversarial Networks,
    https://arxiv.org/abs/1712.04086

    >>> packed(jnp.shape, 2)(jnp.ones((6, 3)))
    (3, 6)
    """
    return lambda *batches, **options: function(*(pack(x, degree) for x in batches), **options)
