"""Lazy regularisation."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxgan.errors import ConfigError


def lazy(
    penalty: Callable[[], Float[Array, ""]],
    step: Int[Array, ""],
    *,
    every: int,
    axis_name: str | None = None,
) -> Float[Array, ""]:
    """`every` * penalty() at steps 0, every, 2 every, ..., else 0: its mean over steps is penalty.

    The other steps do not compute it, unless they are vmapped together with steps that do.

    Args:
        penalty: Of this device's samples, as PENALTIES compute it.
        step: The discriminator's step, from 0.
        every: At least 1.
        axis_name: The device axis.

    Raises:
        ConfigError: On `every` less than 1.

    Source: Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, section 3.1.
    https://arxiv.org/abs/1912.04958

    >>> [float(lazy(lambda: jnp.ones(()), jnp.int32(step), every=3)) for step in range(4)]
    [3.0, 0.0, 0.0, 3.0]
    """
    if every < 1:
        raise ConfigError(f"every is {every}; it must be at least 1 step")
    if every == 1:
        return penalty()
    skipped = jnp.zeros((), jax.eval_shape(penalty).dtype)
    if axis_name is not None:
        # Under shard_map both branches must vary over the devices.
        skipped = jax.lax.pcast(skipped, axis_name, to="varying")
    return jax.lax.cond(step % every == 0, lambda: every * penalty(), lambda: skipped)
