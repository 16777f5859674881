"""Float32 promotion, roots and powers without infinite gradients, norms, and pairs of samples."""

from collections.abc import Callable

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
