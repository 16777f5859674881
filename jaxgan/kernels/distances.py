"""Distances and inner products of all pairs, safe in float32."""

import functools
import operator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.numerics import at_least_float32, safe_sqrt, where_positive

# Up to this dimension differences cost no more than a matrix product, and they never cancel.
MAX_DIRECT_DIMENSION = 8


def squared_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """|x_i - y_j|^2 in at least float32: never negative, 0 where points coincide.

    Past 8 dimensions it is |x|^2 + |y|^2 - 2 <x, y> about a point near most of them, since far from
    it, as about a mean that an outlier draws away, the terms cancel. What is below their rounding
    error, which grows as sqrt(d), is set to 0. The gradient 2 (x_i - y_j) passes through that
    rounding, so that near points still attract or repel.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms,
    https://doi.org/10.1137/1.9780898718027

    >>> squared_distances(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0], [1.0, 1.0]]))
    Array([[25.,  2.]], dtype=float32)
    """
    x, y = at_least_float32(x, y)
    d = x.shape[1]
    if d <= MAX_DIRECT_DIMENSION:
        # One coordinate after the other, over whole matrices: XLA:CPU takes three times as long to
        # sum over a short last axis.
        squares = [jnp.square(x[:, None, k] - y[None, :, k]) for k in range(d)]
        return functools.reduce(operator.add, squares)
    # No gradient flows to the centre, because distances do not depend on it.
    center = jax.lax.stop_gradient(_center_of_most(x, y))
    x, y = x - center[None], y - center[None]
    norms = jnp.sum(jnp.square(x), axis=1)[:, None] + jnp.sum(jnp.square(y), axis=1)[None]
    squared = norms - 2 * inner_products(x, y)
    noise = 2 * d**0.5 * jnp.finfo(squared.dtype).eps * norms
    return squared - jax.lax.stop_gradient(jnp.where(squared > noise, 0, squared))


# Rows of each set that are looked at for a centre: cheaper than the mean of a tile.
_FEW = 16


def _center_of_most(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "d"]:
    """A point near most of x and y, however far the others: the mean of some, reweighted twice.

    With the weights 1 / |x_i - center|^2, which those far from the mean hardly have.
    """
    few = jnp.concatenate([z[:: max(1, -(-len(z) // _FEW))] for z in (x, y)])
    center = jnp.mean(few, axis=0)
    for _ in range(2):
        squared = jnp.sum(jnp.square(few - center[None]), axis=1)
        largest = jnp.max(squared, initial=0)
        weights = 1 / (squared / jnp.where(largest > 0, largest, 1) + 1e-12)
        center = jnp.sum(weights[:, None] * few, axis=0) / jnp.sum(weights)
    return center


def euclidean_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """|x_i - y_j|, with gradient 0 where points coincide."""
    return safe_sqrt(squared_distances(x, y))


def distance_powers(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, exponent: ScalarLike
) -> Float[Array, "n m"]:
    """|x_i - y_j|^exponent, and 0 with gradient 0 where points coincide.

    >>> distance_powers(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]]), exponent=1.0)
    Array([[5.]], dtype=float32)
    """
    squared = squared_distances(x, y)
    exponent = jnp.asarray(exponent, squared.dtype)
    return where_positive(lambda squared: _half_power(squared, exponent), squared)


@jax.custom_jvp
def _half_power(x: Float[Array, "n m"], exponent: Float[Array, ""]) -> Float[Array, "n m"]:
    """x^(exponent / 2) of x > 0: for 1 and -1, which may be traced, by a root.

    XLA:CPU takes seven times as long for a power: it calls one for each number.
    """
    which = jnp.where(exponent == 1, 0, jnp.where(exponent == -1, 1, 2))
    branches = (
        lambda x, _: jnp.sqrt(x),
        lambda x, _: 1 / jnp.sqrt(x),
        lambda x, exponent: jnp.exp(exponent / 2 * jnp.log(x)),
    )
    return jax.lax.switch(which, branches, x, exponent)


@_half_power.defjvp
def _half_power_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    (x, exponent), (of_x, of_exponent) = primals, tangents
    power = _half_power(x, exponent)
    by_exponent = jnp.log(x) / 2 * power
    return power, exponent / 2 * _half_power(x, exponent - 2) * of_x + by_exponent * of_exponent


def manhattan_distances(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """sum_k |x_ik - y_jk| in at least float32, with gradient 0 where coordinates coincide."""
    x, y = at_least_float32(x, y)
    return jnp.sum(jnp.abs(x[:, None] - y[None]), axis=-1)


def inner_products(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """<x_i, y_j> in at least float32, not in the TF32 or bfloat16 that accelerators default to."""
    x, y = at_least_float32(x, y)
    return jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
