"""Kernel distance between two sets of features: unbiased MMD^2 with a cubic polynomial kernel."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_features
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.kernel_error import mmd2_variance
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

# Side of the tiles of the kernel matrix, at most; the time hardly depends on it.
_TILE = 512
# Rows of a subset in Binkowski et al.'s experiments.
_SUBSET = 1000


class KID(NamedTuple):
    """MMD^2 over subsets; as a float it is the mean.

    Attributes:
        mean: Over the subsets; around 0, and below it at times, where both sets come from one
            distribution.
        std: Of a single subset. Random subsets overlap: it is then no error bar of `mean`.
        standard_error: Of `mean`, over fresh sets of samples of the same sizes.
    """

    mean: float
    std: float
    standard_error: float

    def __float__(self) -> float:
        return self.mean


def _kid_of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    real, fake = sides.real.features, sides.fake.features
    value = kid(real, fake, subset_size=min(_SUBSET, len(real), len(fake)), key=key)
    return {"kid": Estimate(value.mean, value.standard_error)}


@metric(compute=_kid_of_sides)
def kid(
    real: Float[AnyArray, "n d"],
    fake: Float[AnyArray, "m _d"],
    *,
    num_subsets: int = 100,
    subset_size: int = _SUBSET,
    key: PRNGKeyArray,
) -> KID:
    """Unbiased MMD^2 with k(x, y) = (<x, y> / d + 1)^3, averaged over random subsets.

    The kernel matrix of all samples is computed once, in tiles, and summed over all subsets by
    products with their 0/1 indicators; or that of each subset, where that is less work. The
    standard error is the asymptotic one of MMD^2 (`jaxgan.metrics.kernel_error`), plus what the
    choice of the subsets adds.

    Args:
        real: Features of n real samples, not centred: the kernel depends on the origin.
        fake: Features of m generated samples, from the same feature network.
        num_subsets: How many subsets to average over.
        subset_size: Rows of each set in a subset, drawn without replacement.
        key: Draws the subsets.

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2, or
            `num_subsets` or `subset_size` is out of range, or the kernel overflows float32.

    Source: Binkowski et al. 2018, https://arxiv.org/abs/1801.01401, section 4.
    """
    check_features(real, fake)
    n, m = len(real), len(fake)
    if not 2 <= subset_size <= min(n, m):
        raise ConfigError(
            f"subset_size is {subset_size}; it must lie between 2 and min(n, m) = {min(n, m)}: "
            "lower it or pass more samples"
        )
    if num_subsets < 1:
        raise ConfigError(f"num_subsets is {num_subsets}; it must be at least 1: try 100")
    rows, columns = subset_indices(key, n, m, num_subsets, subset_size)
    values = _subset_mmd2s(real, fake, rows, columns)
    variance = mmd2_variance(_kernel, real, fake)
    if num_subsets > 1:
        variance += values.var(ddof=1) / num_subsets
    return KID(float(values.mean()), float(values.std()), float(np.sqrt(variance)))


def _blocks_of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    value = kid_blocks(sides.real.features, sides.fake.features, key=key)
    return {"kid_blocks": Estimate(value.mean, value.standard_error)}


@metric(compute=_blocks_of_sides)
def kid_blocks(
    real: Float[AnyArray, "n d"],
    fake: Float[AnyArray, "m _d"],
    *,
    num_blocks: int = 10,
    key: PRNGKeyArray,
) -> KID:
    """`kid` over disjoint blocks: both sets are shuffled and cut into equal parts.

    No two blocks share a sample, so that their values are independent, and the standard error is
    their standard deviation over the root of their number.

    Args:
        real: Features of n real samples, not centred: the kernel depends on the origin.
        fake: Features of m generated samples, from the same feature network.
        num_blocks: How many blocks; up to num_blocks - 1 samples of a set are left over.
        key: Shuffles.

    Raises:
        ConfigError: The features are not two finite matrices of one width, or the blocks are fewer
            than 2 or hold fewer than 2 samples, or the kernel overflows float32.

    Source: Zaremba et al. 2013, B-tests, https://arxiv.org/abs/1307.1954; the kernel of Binkowski
    et al. 2018.
    """
    check_features(real, fake)
    n, m = len(real), len(fake)
    if not 2 <= num_blocks <= min(n, m) // 2:
        raise ConfigError(
            f"num_blocks is {num_blocks}; it must lie between 2 and min(n, m) / 2 = "
            f"{min(n, m) // 2}: a block needs 2 samples of each set"
        )
    key_real, key_fake = jax.random.split(key)
    rows, columns = (
        np.asarray(jax.random.permutation(one, size))[: size - size % num_blocks]
        for one, size in ((key_real, n), (key_fake, m))
    )
    values = _subset_mmd2s(
        real, fake, rows.reshape(num_blocks, -1), columns.reshape(num_blocks, -1)
    )
    error = values.std(ddof=1) / np.sqrt(num_blocks)
    return KID(float(values.mean()), float(values.std()), float(error))


def subset_indices(
    key: PRNGKeyArray, n: int, m: int, num_subsets: int, subset_size: int
) -> tuple[Int[np.ndarray, "k s"], Int[np.ndarray, "k s"]]:
    """The rows of each subset of n real and of m fake samples, drawn without replacement.

    They are those of the least of random numbers, which is faster than to shuffle.
    """
    real, fake = (
        np.argpartition(jax.random.bits(one, (num_subsets, size)), subset_size - 1, axis=1)
        for one, size in zip(jax.random.split(key), (n, m), strict=True)
    )
    return real[:, :subset_size], fake[:, :subset_size]


def _subset_mmd2s(
    real: Float[AnyArray, "n d"],
    fake: Float[AnyArray, "m d"],
    rows: Int[np.ndarray, "k s"],
    columns: Int[np.ndarray, "k t"],
) -> Float[np.ndarray, "k"]:
    """Unbiased MMD^2 of each pair of subsets, in float64 from tile to tile."""
    x, y = jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32)
    (k, s), t = rows.shape, columns.shape[1]
    (n, d), m = x.shape, len(y)
    # Multiplications: tiles take half of the matrix of a set with itself, which is symmetric.
    if (d + k) * (n**2 + m**2 + 2 * n * m) / 2 <= d * k * (s**2 + t**2 + s * t):
        in_x, in_y = _indicators(rows, n), _indicators(columns, m)
        sums = [
            _sums_in_tiles(x, None, in_x, in_x),
            _sums_in_tiles(y, None, in_y, in_y),
            _sums_in_tiles(x, y, in_x, in_y),
        ]
    else:
        of_rows = (_row_sums(x[i], y[j]) for i, j in zip(rows, columns, strict=True))
        sums = np.array([[np.asarray(z, np.float64).sum() for z in three] for three in of_rows]).T
    xx, yy, xy = sums
    values = xx / (s * (s - 1)) + yy / (t * (t - 1)) - 2 * xy / (s * t)
    if not np.isfinite(values).all():
        largest = max(jnp.abs(x).max(), jnp.abs(y).max())
        raise ConfigError(
            f"features as large as {largest:.3g} overflow the cubic kernel in float32: "
            "divide both sets by one number"
        )
    return values


def _kernel(x: Float[Array, "s d"], y: Float[Array, "t d"]) -> Float[Array, "s t"]:
    """(u + 1)^3 - 1 with u = <x, y> / d.

    A constant taken from the kernel leaves MMD^2 as it is and saves float32 the digits it costs.
    """
    u = jnp.matmul(x, y.T, precision="highest") / x.shape[1]
    return u * (u * (u + 3.0) + 3.0)


@jax.jit
def _row_sums(x: Float[Array, "s d"], y: Float[Array, "t d"]) -> tuple[Array, Array, Array]:
    """The sums of the rows of k(x, x) and k(y, y) without the diagonals, and of k(x, y)."""
    within = (jnp.where(jnp.eye(len(z), dtype=bool), 0.0, _kernel(z, z)) for z in (x, y))
    xx, yy = (jnp.sum(gram, axis=1) for gram in within)
    return xx, yy, jnp.sum(_kernel(x, y), axis=1)


def _indicators(rows: Int[np.ndarray, "k s"], n: int) -> Float[np.ndarray, "k n"]:
    """1 where a subset holds a sample."""
    marks = np.zeros((len(rows), n), np.float32)
    np.put_along_axis(marks, rows, 1.0, axis=1)
    return marks


def _sums_in_tiles(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None,
    in_x: Float[np.ndarray, "k n"],
    in_y: Float[np.ndarray, "k m"],
) -> Float[np.ndarray, "k"]:
    """The sums of k(x_i, y_j) over the pairs in each subset; over i != j of x where y is None."""
    within = y is None
    x_blocks, marks_x = _blocks(x), _blocks(jnp.asarray(in_x.T))
    y_blocks, marks_y = (
        (x_blocks, marks_x) if y is None else (_blocks(y), _blocks(jnp.asarray(in_y.T)))
    )
    # Each tile is a call: the same products take a third longer inside a loop of XLA:CPU.
    sums, times = [], []
    for i, j in np.ndindex(len(x_blocks), len(y_blocks)):
        if within and i > j:
            continue
        diagonal = within and i == j
        sums.append(_tile_sums(x_blocks[i], y_blocks[j], marks_x[i], marks_y[j], diagonal))
        times.append(2.0 if within and not diagonal else 1.0)  # for its mirror image too
    return np.array(times) @ np.asarray(jax.device_get(sums), np.float64)


def _blocks(x: Float[Array, "n d"]) -> list[Float[Array, "t d"]]:
    """The rows in equal blocks, the last filled up with zeros, which no subset marks."""
    tile = -(-len(x) // -(-len(x) // _TILE))
    padded = jnp.pad(x, ((0, -len(x) % tile), (0, 0)))
    return jnp.split(padded, len(padded) // tile)


@partial(jax.jit, static_argnums=4)
def _tile_sums(
    x: Float[Array, "s d"],
    y: Float[Array, "t d"],
    marks_x: Float[Array, "s k"],
    marks_y: Float[Array, "t k"],
    diagonal: bool,
) -> Float[Array, "k"]:
    """The sums over a tile's pairs in each subset; without a diagonal tile's diagonal."""
    gram = _kernel(x, y)
    if diagonal:
        gram = jnp.where(jnp.eye(len(gram), dtype=bool), 0.0, gram)
    # Indicators are exact in any precision, the kernel is not.
    of_rows = jnp.matmul(gram, marks_y, precision="highest")
    return jnp.sum(marks_x * of_rows, axis=0)
