"""Means of a kernel over all pairs, whole or in tiles.

In tiles memory is O(b^2 + (n + m) d) for tiles of b x b. One pass yields the value and, where it is
differentiated, the gradient: a tile's forward values are not kept for a backward pass, its gradient
is taken while they are at hand and kept instead. The gradient may be differentiated in its turn.
The kernel must be symmetric, k(x, y) = k(y, x).

Tiles are compiled once for a kernel and the shapes: a kernel is told by its identity, so it must be
pure, and what `functools.partial` binds to one by its value, floats and arrays aside: those are
traced.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, ScalarLike, Shaped

from jaxgan.errors import ConfigError
from jaxgan.kernels.combine import Kernel
from jaxgan.numerics import at_least_float32
from jaxgan.types import PyTree

# Below this many samples the whole matrix is as fast as tiles. The matrices of a tile of 128 stay
# in a core's cache; from this dimension on matrix products take the time, and gain from 256.
SMALLEST_TILED = 256
TILE, LARGE_TILE = 128, 256
LARGE_DIMENSION = 512


def mean_within(
    kernel: Kernel,
    x: Float[Array, "n d"],
    *,
    diagonal: bool,
    offset: ScalarLike = 0.0,
    tile: int | None = None,
) -> Float[Array, ""]:
    """The mean of k(x_i, x_j) - offset over all pairs, or over those of different samples.

    Args:
        kernel: A pure, symmetric function of two sets of points that returns the matrix of all
            pairs.
        x: n samples; at least 2 without the diagonal.
        diagonal: Whether the pairs of a sample with itself count.
        offset: A constant, without gradient; sums of what is left of a k near it round less.
        tile: Side of the tiles; 0 for the whole matrix; None chooses by n.

    Raises:
        ConfigError: Too few samples.
    """
    (x,), n = at_least_float32(x), len(x)
    _enough(n, 1 if diagonal else 2)
    count = float(n * n if diagonal else n * (n - 1))  # an int32 holds no more than 46,340^2
    offset = jax.lax.stop_gradient(offset)
    if tile := _tile(tile, n, x.shape[1]):
        return _tiled_sum(kernel, x, None, offset, diagonal, tile) / count
    gram = kernel(x, x) - offset
    return (jnp.sum(gram) if diagonal else jnp.sum(gram, where=~jnp.eye(n, dtype=bool))) / count


def mean_between(
    kernel: Kernel,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    offset: ScalarLike = 0.0,
    tile: int | None = None,
) -> Float[Array, ""]:
    """The mean of k(x_i, y_j) - offset over all pairs; arguments as those of `mean_within`."""
    x, y = at_least_float32(x, y)
    _enough(min(len(x), len(y)), 1)
    offset = jax.lax.stop_gradient(offset)
    if tile := _tile(tile, max(len(x), len(y)), x.shape[1]):
        return _tiled_sum(kernel, x, y, offset, True, tile) / float(len(x) * len(y))
    return jnp.mean(kernel(x, y) - offset)


def _enough(found: int, needed: int) -> None:
    if found < needed:
        raise ConfigError(f"the mean of a kernel over {found} samples; it needs at least {needed}")


def _tile(tile: int | None, n: int, d: int) -> int:
    if tile is not None:
        return tile
    if n < SMALLEST_TILED:
        return 0
    return TILE if d < LARGE_DIMENSION else LARGE_TILE


class _Plan(NamedTuple):
    """What is static about a pass: how a tile is computed and which pairs count."""

    jaxpr: Jaxpr
    dtype: Any
    diagonal: bool
    tile: int


def _tiled_sum(
    kernel: Kernel,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None,
    offset: ScalarLike,
    diagonal: bool,
    tile: int,
) -> Float[Array, ""]:
    """The sum of k - offset over all pairs of x and y, or of x and itself where y is None."""
    bound = kernel if isinstance(kernel, functools.partial) else functools.partial(kernel)
    leaves, structure = jax.tree.flatten(Partial(bound.func, *bound.args, **bound.keywords))
    static = tuple(None if _is_traced(leaf) else leaf for leaf in leaves)
    traced = [leaf if _is_traced(leaf) else None for leaf in leaves]
    return _compiled_sum(structure, static, diagonal, tile, traced, offset, x, y)


def _is_traced(argument: Any) -> bool:
    return isinstance(argument, float | jax.Array | np.ndarray)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _compiled_sum(
    structure: PyTree,
    static: tuple[Any, ...],
    diagonal: bool,
    tile: int,
    traced: list[Any],
    offset: ScalarLike,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None,
) -> Float[Array, ""]:
    """`_tiled_sum` of a kernel taken apart: its structure, and its static and traced arguments."""
    traced, offset, x, y = _varying_alike((traced, offset, x, y))
    leaves = [s if t is None else t for s, t in zip(static, traced, strict=True)]
    kernel = jax.tree.unflatten(structure, leaves)
    # What the kernel closes over (a traced bandwidth) becomes an argument: `custom_vjp` and the
    # transformations around it must see it.
    blocks = _blocks(x, tile)[0], _blocks(x if y is None else y, tile)[0]
    jaxpr = jax.make_jaxpr(lambda a, b: kernel(a, b) - offset)(*blocks)
    (out,) = jaxpr.out_avals
    return _pair_sum(_Plan(jaxpr.jaxpr, out.dtype, diagonal, tile), x, y, jaxpr.consts)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _pair_sum(
    plan: _Plan, x: Float[Array, "n d"], y: Float[Array, "m d"] | None, consts: list[Any]
) -> Float[Array, ""]:
    return _pass(plan, x, y, consts, differentiate=False)[0]


def _pair_sum_fwd(
    plan: _Plan, x: Float[Array, "n d"], y: Float[Array, "m d"] | None, consts: list[Any]
) -> tuple[Float[Array, ""], PyTree]:
    return _pass(plan, x, y, consts, differentiate=True)


def _pair_sum_bwd(_: _Plan, gradients: PyTree, cotangent: Float[Array, ""]) -> PyTree:
    return jax.tree.map(lambda gradient: cotangent * gradient, gradients)


_pair_sum.defvjp(_pair_sum_fwd, _pair_sum_bwd)


def _pass(
    plan: _Plan,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"] | None,
    consts: list[Any],
    differentiate: bool,
) -> tuple[Float[Array, ""], PyTree]:
    """The sum over tiles and, if asked for, its gradient by x, y and consts.

    Of x with itself only the tiles on and above the diagonal are computed; the others mirror them.
    """
    n, m, tile = len(x), len(x if y is None else y), plan.tile
    rows = _blocks(x, tile)
    columns = rows if y is None else _blocks(y, tile)

    def pair_weights(i: Int[Array, ""], j: Int[Array, ""]) -> Float[Array, "b b"]:
        """0 for padding and for pairs that do not count, 1 for the others."""
        row, column = (k * tile + jnp.arange(tile) for k in (i, j))
        counts = (row < n)[:, None] & (column < m)[None]
        if not plan.diagonal:
            counts &= row[:, None] != column[None]
        return counts.astype(plan.dtype)

    floats = [jnp.issubdtype(jnp.result_type(c), jnp.inexact) for c in consts]

    def of_tile(
        a: Float[Array, "b d"],
        b: Float[Array, "b d"],
        consts: list[Any],
        i: Int[Array, ""],
        j: Int[Array, ""],
    ) -> tuple[Float[Array, "b"], PyTree]:
        """Sums of a tile's rows, and their gradient by a, b and those consts that are floats."""
        weights = pair_weights(i, j)

        def row_sums(
            a: Float[Array, "b d"], b: Float[Array, "b d"], consts: list[Any]
        ) -> Float[Array, "b"]:
            (gram,) = jaxpr_as_fun(ClosedJaxpr(plan.jaxpr, consts))(a, b)
            return jnp.sum(gram * weights, axis=1)

        if not differentiate:
            return row_sums(a, b, consts), None
        sums, vjp = jax.vjp(row_sums, a, b, consts)
        by_a, by_b, by_consts = vjp(jnp.ones_like(sums))
        return sums, (by_a, by_b, _kept(by_consts, floats))

    def of_no_tile(
        a: Float[Array, "b d"], b: Float[Array, "b d"], consts: list[Any], *_: Int[Array, ""]
    ) -> tuple[Float[Array, "b"], PyTree]:
        sums = _zeros_like(a[:, 0]).astype(plan.dtype)
        nothing = jax.tree.map(_zeros_like, (a, b, _kept(consts, floats)))
        return sums, nothing if differentiate else None

    def add_tile(carry: PyTree, which: tuple[Array, ...]) -> tuple[PyTree, None]:
        (totals, gradients), (i, j, times) = carry, which
        operands = rows[i], columns[j], consts, i, j
        if apart:
            sums, gradient = jax.lax.cond(times > 0, of_tile, of_no_tile, *operands)
        else:
            sums, gradient = of_tile(*operands)
        sums, gradient = jax.tree.map(lambda g: times.astype(g.dtype) * g, (sums, gradient))
        totals = totals.at[i].add(sums)
        if not differentiate:
            return (totals, gradients), None
        (a, b, c), (by_x, by_y, by_consts) = gradient, gradients
        by_x = by_x.at[i].add(a)
        if y is None:
            by_x = by_x.at[j].add(b)
        else:
            by_y = by_y.at[j].add(b)
        return (totals, (by_x, by_y, jax.tree.map(jnp.add, by_consts, c))), None

    # A total for each row of tiles, and within it for each row of a tile, rounds less.
    totals = _zeros_like(rows[:, :, 0]).astype(plan.dtype)
    gradients = None
    if differentiate:
        like = rows, None if y is None else columns, _kept(consts, floats)
        gradients = jax.tree.map(_zeros_like, like)
    i, j = np.indices((len(rows), len(columns))).reshape(2, -1)
    if y is None:
        i, j = i[i <= j], j[i <= j]
    times = np.where((y is None) & (i != j), 2.0, 1.0)  # what stands for its mirror image too
    # XLA:CPU fuses the choice of the blocks into every loop over a tile's pairs, which then takes
    # one pair at a time: five times as long for an exponential. A branch is compiled by itself; a
    # tile that does not count, before the others, keeps XLA from seeing that one branch would do.
    apart = jax.default_backend() == "cpu"
    if apart:
        i, j, times = (np.pad(which, (1, 0)) for which in (i, j, times))
    # Where the gradient is differentiated in its turn, tiles are computed again, not kept.
    add_tile = jax.checkpoint(add_tile)
    (totals, gradients), _ = jax.lax.scan(
        add_tile, (totals, gradients), jax.tree.map(jnp.asarray, (i, j, times))
    )
    if gradients is not None:
        by_x, by_y, by_consts = gradients
        by_x = by_x.reshape(-1, x.shape[1])[:n]
        by_y = None if by_y is None else by_y.reshape(-1, x.shape[1])[:m]
        gradients = by_x, by_y, by_consts
    return jnp.sum(jnp.sum(totals, axis=0)), gradients


def _blocks(x: Float[Array, "n d"], tile: int) -> Float[Array, "blocks tile d"]:
    """The points in blocks, the last filled up with its last point: a kernel is finite there."""
    return jnp.pad(x, ((0, -len(x) % tile), (0, 0)), mode="edge").reshape(-1, tile, x.shape[1])


def _kept(items: list[Any], kept: list[bool]) -> list[Any]:
    """The items that are kept, None for the others."""
    return [item if keep else None for item, keep in zip(items, kept, strict=True)]


def _zeros_like(x: Shaped[Array, "*shape"]) -> Shaped[Array, "*shape"]:
    """Zeros that vary over the devices of a shard_map as x does, as a loop's carry must."""
    return jnp.where(False, x, 0)


def _varying_alike(tree: PyTree) -> PyTree:
    """The tree, each leaf varying over every device axis of a shard_map over which any one does.

    Else the gradient of a leaf that does not is summed over the devices in every tile.
    """
    zeros = [_zeros_like(x).ravel()[0] for x in jax.tree.leaves(tree)]
    anchor = functools.reduce(jnp.add, zeros)
    return jax.tree.map(lambda x: jnp.where(False, anchor.astype(x.dtype), x), tree)
