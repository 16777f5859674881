"""Sliced Wasserstein distance between two sets of features."""

import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_features
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import metric

# Directions projected on at a time, and rows converted to float64 at a time.
DIRECTIONS = 64
ROWS = 4096
GROUPS = 10


@metric()
def sliced_wasserstein_distance(
    real: Float[AnyArray, "n d"],
    fake: Float[AnyArray, "m _d"],
    *,
    key: PRNGKeyArray,
    num_projections: int = 128,
    p: int = 2,
) -> Estimate:
    """SW_p = (mean_u W_p^p(<u, real>, <u, fake>))^(1/p) over random unit vectors u.

    In float64 on the host, exact for any n and m. Above 0 even where both sets come from one
    distribution, and the more so the fewer they are: compare figures of equal n and m only. The
    standard error covers the draw of the directions and, by a jackknife that leaves out a tenth of
    both sets at a time, that of the samples; not the surplus.

    Args:
        real: Features of n real samples.
        fake: Features of m generated samples, from the same feature network.
        key: Draws the directions and the tenths.
        num_projections: How many directions, at least 2.
        p: 1 or 2.

    Returns:
        The distance, at least 0, in the units of the features. In d dimensions two sets apart by a
        shift s have SW_2 = |s| / sqrt(d).

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2, or
            `num_projections` or p is out of range.

    Source: Bonneel et al. 2015, Sliced and Radon Wasserstein Barycenters of Measures,
    https://doi.org/10.1007/s10851-014-0506-3; Shao and Tu 1995, The Jackknife and Bootstrap,
    https://doi.org/10.1007/978-1-4612-0795-5, section 2.3.
    """
    check_features(real, fake)
    if num_projections < 2:
        raise ConfigError(f"num_projections is {num_projections}; it must be at least 2: try 128")
    if p not in (1, 2):
        raise ConfigError(f"p is {p}; transport costs are |x - y|^p with p = 1 or 2")
    x, y = np.asarray(real), np.asarray(fake)
    key_directions, key_x, key_y = jax.random.split(key, 3)
    groups = min(GROUPS, len(x), len(y))
    group_x, group_y = (
        np.asarray(jax.random.permutation(k, np.arange(len(z)) % groups))
        for k, z in ((key_x, x), (key_y, y))
    )
    normal = np.asarray(jax.random.normal(key_directions, (num_projections, x.shape[1])), float)
    directions = normal / np.linalg.norm(normal, axis=1, keepdims=True)

    powers = np.concatenate(
        [
            _powers(_project(x, block), _project(y, block), group_x, group_y, groups, p)
            for block in np.split(directions, range(DIRECTIONS, num_projections, DIRECTIONS))
        ],
        axis=1,
    )
    distance, *without = powers.mean(axis=1) ** (1 / p)
    by_samples = np.sqrt((groups - 1) * np.var(without))
    by_directions = powers[0].std(ddof=1) / np.sqrt(num_projections)
    if p == 2:
        by_directions = by_directions / (2 * distance) if distance > 0 else 0.0
    return Estimate(distance, np.hypot(by_samples, by_directions))


def _project(
    x: Float[np.ndarray, "n d"], directions: Float[np.ndarray, "l d"]
) -> Float[np.ndarray, "l n"]:
    rows = range(0, len(x), ROWS)
    return np.concatenate([directions @ x[i : i + ROWS].T.astype(float) for i in rows], axis=1)


def _powers(
    x: Float[np.ndarray, "l n"],
    y: Float[np.ndarray, "l m"],
    group_x: Int[np.ndarray, "n"],
    group_y: Int[np.ndarray, "m"],
    groups: int,
    p: int,
) -> Float[np.ndarray, "g l"]:
    """W_p^p of every projection: of the whole sets first, then without one group after another."""
    (x, group_x), (y, group_y) = _sorted(x, group_x), _sorted(y, group_y)
    powers = [_power(x, y, p)]
    for group in range(groups):
        rest_x, rest_y = (
            z[of != group].reshape(len(z), -1) for z, of in ((x, group_x), (y, group_y))
        )
        powers.append(_power(rest_x, rest_y, p))
    return np.stack(powers)


def _sorted(
    x: Float[np.ndarray, "l n"], groups: Int[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "l n"], Int[np.ndarray, "l n"]]:
    order = np.argsort(x, axis=1)
    return np.take_along_axis(x, order, axis=1), groups[order]


def _power(
    x: Float[np.ndarray, "l n"], y: Float[np.ndarray, "l m"], p: int
) -> Float[np.ndarray, "l"]:
    """int_0^1 |F^-1(t) - G^-1(t)|^p dt of sorted rows, both constant on each piece of [0, 1]."""
    n, m = x.shape[1], y.shape[1]
    # The ends of the pieces in units of 1 / (n m): exact in integers.
    ends = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    left, lengths = ends[:-1], np.diff(ends) / (n * m)
    return np.abs(x[:, left // m] - y[:, left // n]) ** p @ lengths
