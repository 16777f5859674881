"""Random numbers for each sample of the global batch, and what augmentations share."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, ScalarLike, Shaped

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.registry import unknown


def per_sample(
    draw: Callable[..., Array],
    key: PRNGKeyArray,
    x: Shaped[Array, "n ..."],
    axis_name: str | None,
    shape: tuple[int, ...] = (),
) -> Shaped[Array, "n ..."]:
    """`draw(key, (n_global, *shape))` for the global batch, of which this device's part."""
    total = len(x) * collectives.size(axis_name)
    return collectives.local_slice(draw(key, (total, *shape)), axis_name)


def chosen(
    key: PRNGKeyArray,
    x: Shaped[Array, "n ..."],
    axis_name: str | None,
    probability: ScalarLike,
) -> Bool[Array, "n"]:
    """Whether each sample is augmented: never with probability 0, always with 1."""
    return per_sample(jax.random.uniform, key, x, axis_name) < probability


def where(
    condition: Bool[Array, "n"], x: Float[Array, "n ..."], y: Float[Array, "n ..."]
) -> Float[Array, "n ..."]:
    """Sample i of x where condition i holds, else of y, in the type of y."""
    return jnp.where(over(condition, y), x.astype(y.dtype), y)


def over(numbers: Shaped[Array, "n"], x: Shaped[Array, "n ..."]) -> Shaped[Array, "n ..."]:
    """One number a sample, in a shape that broadcasts on x."""
    return numbers.reshape(-1, *(1,) * (x.ndim - 1))


def check_images(x: Shaped[Array, "..."], name: str) -> None:
    """Raises ConfigError unless x is [n, h, w, c]."""
    if x.ndim != 4:
        raise ConfigError(
            f"augmentation {name!r} is for images [n, h, w, c] and the samples have shape "
            f"{x.shape}; use 'flip_shift', which adds noise to samples that are not images"
        )


def check_policy(policy: tuple[str, ...], names: tuple[str, ...], path: str) -> None:
    """Raises ConfigError on an unknown part of the policy, or one that is repeated."""
    for part in policy:
        if part not in names:
            raise unknown(f"part of {path}", part, names)
        if policy.count(part) > 1:
            raise ConfigError(f"{path} has {part!r} {policy.count(part)} times; name it once")
