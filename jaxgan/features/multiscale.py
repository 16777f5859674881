"""Feature maps as sets of vectors at several scales."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

# Sides of the patches over which maps are averaged.
_PATCHES = (2, 4)

# Keeps the gradient of a standard deviation finite where all positions are equal.
_VARIANCE_FLOOR = 1e-6


def scales(maps: Mapping[str, Float[Array, "n _h _w _c"]]) -> dict[str, Float[Array, "n _l _c"]]:
    """Of each map: its positions, and means and standard deviations over patches and over all.

    Patches have sides of 2 and of 4, where these divide those of the map. A map NAME becomes
    NAME, NAME_mean, NAME_std, NAME_mean_2, NAME_std_2 and so on; one of a single position NAME.

    Args:
        maps: By name.

    Source: Deng et al. 2026, Generative Modeling via Drifting, appendix A.5,
    https://arxiv.org/abs/2602.04770

    >>> {name: x.shape for name, x in scales({"a": jnp.zeros((1, 2, 2, 5))}).items()}
    {'a': (1, 4, 5), 'a_mean': (1, 1, 5), 'a_std': (1, 1, 5)}
    """
    made = {}
    for name, x in maps.items():
        n, h, w, c = x.shape
        made[name] = x.reshape(n, h * w, c)
        if h * w == 1:
            continue
        made[f"{name}_mean"], made[f"{name}_std"] = _moments(made[name][:, None])
        for size in _PATCHES:
            if h % size == 0 and w % size == 0 and (h, w) != (size, size):
                tiles = x.reshape(n, h // size, size, w // size, size, c)
                tiles = jnp.moveaxis(tiles, 2, 3).reshape(n, -1, size * size, c)
                made[f"{name}_mean_{size}"], made[f"{name}_std_{size}"] = _moments(tiles)
    return made


def _moments(x: Float[Array, "n l k c"]) -> tuple[Float[Array, "n l c"], Float[Array, "n l c"]]:
    return x.mean(axis=2), jnp.sqrt(x.var(axis=2) + _VARIANCE_FLOOR)
