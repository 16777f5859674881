"""Float32 promotion, roots without infinite gradients, norms, order, pairs, and dependence."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, ScalarLike


def at_least_float32(*arrays: Float[Array, "..."]) -> list[Array]:
    """Returns the arrays in float32, or wider where they are: a half cannot hold a batch's sum."""
    return [x.astype(jnp.promote_types(x.dtype, jnp.float32)) for x in arrays]


def where_positive(
    function: Callable[[Array], Array], x: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """function(x) where x > 0, and 0 with gradient 0 elsewhere.

    The function only sees positive numbers: else an infinite slope at 0 would become 0 * inf = NaN
    in the gradient.
    """
    positive = x > 0
    return jnp.where(positive, function(jnp.where(positive, x, 1)), 0)


def safe_sqrt(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The square root of x >= 0, with gradient 0 at 0.

    >>> safe_sqrt(jnp.array([0.0, 9.0]))
    Array([0., 3.], dtype=float32)
    """
    return where_positive(jnp.sqrt, x)


def safe_power(x: Float[Array, "*shape"], exponent: ScalarLike) -> Float[Array, "*shape"]:
    """x^exponent of x >= 0, and 0 with gradient 0 at 0.

    >>> safe_power(jnp.array([0.0, 4.0]), -2.0)
    Array([0.    , 0.0625], dtype=float32)
    """
    return where_positive(lambda x: x**exponent, x)


def norms(x: Float[Array, "n d"]) -> Float[Array, "n"]:
    """The Euclidean norms |x_i| of n vectors, with gradient 0 at 0.

    >>> norms(jnp.array([[3.0, 4.0], [0.0, 0.0]]))
    Array([5., 0.], dtype=float32)
    """
    return safe_sqrt(jnp.sum(jnp.square(x), axis=1))


def nonnegative_median(x: Float[Array, "n"]) -> Float[Array, ""]:
    """The median of n >= 1 numbers, none below 0 and of at least float32, as a constant; exact.

    `jnp.median` sorts, which takes 15 to 35 times as long on CPUs for n of 2,000 to 130,000. The
    bits of such floats are in the order of the floats, so that both middle ones can be found by
    halving the range of all integers and counting. NaN where x has one.

    >>> float(nonnegative_median(jnp.array([3.0, 0.0, 1.0, 7.0])))
    2.0
    """
    x = jax.lax.stop_gradient(x)
    integer = jnp.int32 if x.dtype == jnp.float32 else jnp.int64
    bits = jax.lax.bitcast_convert_type(x, integer)
    rank = (len(x) - 1) // 2

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = low + (high - low) // 2
        is_enough = jnp.sum(bits <= middle) > rank
        return jnp.where(is_enough, low, middle + 1), jnp.where(is_enough, middle, high)

    # Made of the bits, so that under shard_map they vary over the same axes as these.
    zero = bits[0] - bits[0]
    largest = zero + jnp.iinfo(integer).max
    low = jax.lax.fori_loop(0, jnp.iinfo(integer).bits - 1, halve, (zero, largest))[0]
    above = jnp.min(jnp.where(bits > low, bits, largest))
    high = jnp.where(jnp.sum(bits <= low) > len(x) // 2, low, above)
    lower, upper = (jax.lax.bitcast_convert_type(middle, x.dtype) for middle in (low, high))
    return jnp.where(jnp.any(jnp.isnan(x)), jnp.nan, 0.5 * (lower + upper))


@jax.custom_jvp
def sort_columns(x: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Each column of floats of 32 or 64 bits in ascending order.

    As integers: XLA:CPU takes four times as long to compare floats, since it orders NaN and -0 too.

    >>> sort_columns(jnp.array([[2.0], [-3.0], [1.0]])).ravel()
    Array([-3.,  1.,  2.], dtype=float32)
    """
    ordered = jax.lax.sort(_in_order(_bits(x)), dimension=0, is_stable=False)
    return jax.lax.bitcast_convert_type(_in_order(ordered), x.dtype)


@sort_columns.defjvp
def _sort_columns_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    ordered = sort_columns(x)
    order = _order(_in_order(_bits(x)), _in_order(_bits(ordered)))
    return ordered, jnp.take_along_axis(tangent, order, axis=0)


def _order(keys: Int[Array, "n k"], ordered: Int[Array, "n k"]) -> Int[Array, "n k"]:
    """The rows of the entries of each column in ascending order.

    By the place of each key among the ordered ones, and its row below it in the same integer: to
    sort integers takes XLA:CPU a fifth of the time of integers with rows.
    """
    n = len(keys)
    rows = jax.lax.broadcasted_iota(jnp.int32, keys.shape, 0)
    if n**2 > jnp.iinfo(jnp.int32).max:
        return jax.lax.sort((keys, rows), dimension=0, num_keys=1)[1]

    def halve(index: Int[Array, ""], place: Int[Array, "n k"]) -> Int[Array, "n k"]:
        step = 1 << (n.bit_length() - 1 - index)
        last = jnp.take_along_axis(ordered, jnp.minimum(place + step, n) - 1, axis=0)
        return jnp.where((place + step <= n) & (last < keys), place + step, place)

    # How many of the ordered keys are less. Made of the keys, so that under shard_map it varies as
    # they do.
    none = jnp.where(False, keys, 0).astype(rows.dtype)
    place = jax.lax.fori_loop(0, n.bit_length(), halve, none)
    return jax.lax.sort(place * n + rows, dimension=0, is_stable=False) % n


def _bits(x: Float[Array, "*shape"]) -> Int[Array, "*shape"]:
    integer = jnp.int32 if x.dtype == jnp.float32 else jnp.int64
    return jax.lax.bitcast_convert_type(jax.lax.stop_gradient(x), integer)


def _in_order(bits: Int[Array, "*shape"]) -> Int[Array, "*shape"]:
    """The bits of floats to integers of their order, and back: those below 0 run the other way."""
    return jnp.where(bits < 0, bits ^ jnp.iinfo(bits.dtype).max, bits)


def pairs(
    x: Float[Array, "n ..."], y: Float[Array, "m ..."]
) -> tuple[Float[Array, "k ..."], Float[Array, "k ..."]]:
    """Sample i with sample i; the shorter batch starts again at its end: k = max(n, m).

    >>> x, y = pairs(jnp.arange(3.0), jnp.arange(2.0))
    >>> y
    Array([0., 1., 0.], dtype=float32)
    """
    if len(x) == len(y):
        return x, y
    index = np.arange(max(len(x), len(y)))
    return x[index % len(x)], y[index % len(y)]


def depends(function: Callable[[Any], Any], x: Any) -> bool:
    """Whether what a function returns depends on x, by the program that computes it.

    Nothing is computed; what calls another compiled function depends on all that it gives it.

    Args:
        function: Of one array, to a tree of arrays.
        x: The array, or its shape and type.

    >>> depends(lambda x: x + 1, 0.5), depends(lambda x: jnp.zeros(x.shape), jnp.ones(3))
    (True, False)
    """
    program = jax.make_jaxpr(function)(x).jaxpr
    reached = {id(variable) for variable in program.invars}
    for equation in program.eqns:
        if reached & set(map(id, equation.invars)):
            reached |= set(map(id, equation.outvars))
    return bool(reached & set(map(id, program.outvars)))
