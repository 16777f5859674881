"""Float32 promotion, roots and powers without infinite gradients, norms, medians, and pairs."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, ScalarLike


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
