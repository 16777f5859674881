"""Neighbours by Euclidean distance: exact as float64, at the cost of float32 matrix products.

A tile of squared distances comes from a matrix product about the mean, as bounds that hold its
rounding error. The few pairs that the bounds leave open are decided by differences in float64,
which are the same for (x, y) as for (y, x), so that ties and copies compare as they should.
Where points lie too close for float32, the tile's product is taken in float64. Memory holds some
tiles, never n x m distances.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from jaxgan.metrics.checks import AnyArray

TILE = 2048
# The largest share of a tile's pairs that is decided one by one after a product in float32.
OPEN_SHARE = 1.0 / 64.0
# Entries of the differences taken at a time: 16 MiB in float64.
BLOCK_ENTRIES = 1 << 21


class Frame(NamedTuple):
    """Where the points are centred, and the power of 2 by which they are divided, exactly."""

    center: Float[np.ndarray, "d"]
    scale: float


def nearest(
    x: Float[AnyArray, "n d"], y: Float[AnyArray, "m d"] | None = None, *, k: int
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Squared distances of each x_i to its k nearest y_j, ascending, and their rows j.

    Of points at one distance the lower row comes first. Without y, the neighbours are the other
    points of x: a point is not its own neighbour, a copy of it is.

    Args:
        x: n finite points.
        y: m >= k finite points; None for x itself, where n > k.
        k: How many neighbours.
    """
    within = y is None
    x = np.asarray(x)
    y = x if y is None else np.asarray(y)
    frame = _frame(x, y)
    limits = np.full((len(x), k), np.inf, np.float32)  # k points of y are at most this far
    found = []
    for rows in _slices(len(x)):
        for columns in _slices(len(y)):
            if within and columns.start < rows.start:
                continue  # done, across the diagonal
            mirrored = within and columns != rows
            for dtype in (np.float32, np.float64):
                lower, upper = _bounds(x[rows], y[columns], frame, dtype)
                if within and columns == rows:
                    np.fill_diagonal(lower, np.inf)
                    np.fill_diagonal(upper, np.inf)
                sides = [(rows, columns, *_candidates(lower, upper, limits[rows]))]
                if mirrored:
                    sides.append((columns, rows, *_candidates(lower.T, upper.T, limits[columns])))
                count = sum(len(i) for _, _, _, i, _, _ in sides)
                if count <= OPEN_SHARE * lower.size * len(sides):
                    break
            for of_x, of_y, limit, i, j, least in sides:
                limits[of_x] = limit
                found.append((i + of_x.start, j + of_y.start, least))
    i, j, least = (np.concatenate(parts) for parts in zip(*found, strict=True))
    near = least <= limits[i, -1]
    i, j = i[near], j[near]
    squared = squared_distances_of_pairs(x, i, y, j)
    order = np.lexsort((j, squared, i))
    first = np.searchsorted(i[order], np.arange(len(x)))
    chosen = order[first[:, None] + np.arange(k)[None, :]]
    return squared[chosen], j[chosen]


def tiles_below(
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, "m d"],
    limits_x: Float[np.ndarray, "n"],
    limits_y: Float[np.ndarray, "m"],
) -> Iterator[tuple[slice, slice, Bool[np.ndarray, "r c"], Bool[np.ndarray, "r c"]]]:
    """Compares |x_i - y_j|^2 with the limit of x_i and with that of y_j, tile by tile.

    Args:
        x: n finite points.
        y: m finite points.
        limits_x: Squared distances, as from `nearest`.
        limits_y: Likewise.

    Yields:
        The rows and the columns of a tile, and whether its squared distances lie strictly below
        the limits of x, and below those of y.
    """
    x, y = np.asarray(x), np.asarray(y)
    frame = _frame(x, y)
    least_x, most_x = (limits[:, None] for limits in _outward(limits_x / frame.scale**2))
    least_y, most_y = (limits[None, :] for limits in _outward(limits_y / frame.scale**2))
    for rows in _slices(len(x)):
        for columns in _slices(len(y)):
            for dtype in (np.float32, np.float64):
                lower, upper = _bounds(x[rows], y[columns], frame, dtype)
                below_x, below_y = upper < least_x[rows], upper < least_y[:, columns]
                # A pair that is surely below is possibly below too: they differ where it is open.
                undecided = below_x != (lower < most_x[rows])
                undecided |= below_y != (lower < most_y[:, columns])
                if np.count_nonzero(undecided) <= OPEN_SHARE * lower.size:
                    break
            i, j = np.nonzero(undecided)
            squared = squared_distances_of_pairs(x[rows], i, y[columns], j)
            below_x[i, j] = squared < limits_x[rows][i]
            below_y[i, j] = squared < limits_y[columns][j]
            yield rows, columns, below_x, below_y


def squared_distances_of_pairs(
    x: Float[np.ndarray, "n d"],
    rows: Int[np.ndarray, "pairs"],
    y: Float[np.ndarray, "m d"],
    columns: Int[np.ndarray, "pairs"],
) -> Float[np.ndarray, "pairs"]:
    """|x_i - y_j|^2 of each pair of a row and a column, by differences in float64."""
    squared = np.empty(len(rows))
    block = max(1, BLOCK_ENTRIES // x.shape[1])
    for start in range(0, len(rows), block):
        pairs = slice(start, start + block)
        differences = x[rows[pairs]].astype(np.float64) - y[columns[pairs]].astype(np.float64)
        squared[pairs] = np.sum(np.square(differences, out=differences), axis=1)
    return squared


def distinct_rows(
    x: Float[np.ndarray, "n d"],
) -> tuple[Int[np.ndarray, "u"], Int[np.ndarray, "n"]]:
    """The first row of each distinct point, and which of them each row equals, bit by bit."""
    numbers: dict[bytes, int] = {}
    which = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in x])
    return np.unique(which, return_index=True)[1], which


def _slices(n: int) -> list[slice]:
    return [slice(start, min(start + TILE, n)) for start in range(0, n, TILE)]


def _frame(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Frame:
    center = (x.mean(axis=0, dtype=np.float64) + y.mean(axis=0, dtype=np.float64)) / 2
    extent = max(np.abs(end(z, axis=0) - center).max() for z in (x, y) for end in (np.min, np.max))
    return Frame(center, float(2.0 ** np.ceil(np.log2(extent))) if extent > 0 else 1.0)


def _outward(
    values: Float[np.ndarray, "*shape"],
) -> tuple[Float32[np.ndarray, "*shape"], Float32[np.ndarray, "*shape"]]:
    """A float32 below each value and one above it."""
    rounded = values.astype(np.float32)
    return np.nextafter(rounded, np.float32(-np.inf)), np.nextafter(rounded, np.float32(np.inf))


def _bounds(
    x: Float[np.ndarray, "r d"],
    y: Float[np.ndarray, "c d"],
    frame: Frame,
    dtype: type[np.float32] | type[np.float64],
) -> tuple[Float32[np.ndarray, "r c"], Float32[np.ndarray, "r c"]]:
    """Bounds of |x_i - y_j|^2 / scale^2 from a matrix product in the type given.

    The product is off by d u |x_i| |y_j| at most, u the unit roundoff, in any order of summation
    (Higham 2002, https://doi.org/10.1137/1.9780898718027, section 3.1); rounding points, norms and
    sums adds less than 16 u (|x_i|^2 + |y_j|^2).
    """
    d = x.shape[1]
    error = (d + 32) * np.finfo(dtype).eps / 2
    underflow = (d + 32) * float(np.finfo(dtype).tiny)
    x, y = (((z - frame.center) / frame.scale).astype(dtype) for z in (x, y))
    norms_x, norms_y = (np.einsum("nd,nd->n", z, z, dtype=np.float64) for z in (x, y))
    product = x @ y.T
    product *= -2
    bounds = []
    for sign in (-1.0, 1.0):
        bound = product + ((1 + sign * error) * norms_x + sign * underflow).astype(dtype)[:, None]
        bound += ((1 + sign * error) * norms_y + sign * underflow).astype(dtype)[None, :]
        bounds.append(bound if dtype is np.float32 else _outward(bound)[int(sign > 0)])
    return bounds[0], bounds[1]


def _candidates(
    lower: Float32[np.ndarray, "r c"],
    upper: Float32[np.ndarray, "r c"],
    limits: Float32[np.ndarray, "r k"],
) -> tuple[
    Float32[np.ndarray, "r k"],
    Int[np.ndarray, "pairs"],
    Int[np.ndarray, "pairs"],
    Float32[np.ndarray, "pairs"],
]:
    """The k least upper bounds of each row, now with this tile, and the pairs that may be so near.

    Pairs come as their rows, columns and lower bounds; the largest limit of a row stands last.
    """
    k = limits.shape[1]
    limits = np.partition(np.concatenate([limits, upper], axis=1), k - 1, axis=1)[:, :k]
    i, j = np.nonzero(lower <= limits[:, -1:])
    return limits, i, j, lower[i, j]
