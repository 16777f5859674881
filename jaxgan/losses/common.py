"""What losses on samples or features share: shapes, matches, directions and moments."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, ScalarLike, Shaped

from jaxgan.errors import ConfigError
from jaxgan.numerics import pairs
from jaxgan.registry import Range, unknown
from jaxgan.types import Losses, PyTree

# The dissimilarity of x_i and y_i for every i.
Measure = Callable[[Float[Array, "n ..."], Float[Array, "n ..."]], Float[Array, "n"]]

MATCHES = ("paired", "nearest", "mean")

# Elements that one step of a loop over samples may hold: bounds the memory of all-pairs tensors.
_CHUNK = 2**22


def zero_sum(distance: Float[Array, ""]) -> Losses:
    """The generator minimises the distance, and the discriminator, as a critic, maximises it."""
    return Losses(generator=distance, discriminator=-distance)


def of_generator(value: Float[Array, ""]) -> Losses:
    """The generator minimises the value, in which the discriminator plays no part."""
    return Losses(generator=value, discriminator=jnp.zeros_like(value))


def comparable(
    x: Float[Array | np.ndarray, "n ..."], y: Float[Array | np.ndarray, "m ..."]
) -> tuple[Float[Array, "n ..."], Float[Array, "m ..."]]:
    """Both in at least float32; ConfigError on an empty batch, or on samples of two shapes."""
    at_least(1, "a loss of batches", "give samples of both", len(x), len(y))
    if x.shape[1:] != y.shape[1:]:
        raise ConfigError(
            f"samples of shapes {x.shape[1:]} and {y.shape[1:]}; they must be equal: "
            "compare the same view of both batches"
        )
    dtype = jnp.result_type(x, y, jnp.float32)
    return jnp.asarray(x, dtype), jnp.asarray(y, dtype)


def vectors(
    x: Float[Array | np.ndarray, "n ..."], y: Float[Array | np.ndarray, "m ..."]
) -> tuple[Float[Array, "n d"], Float[Array, "m d"]]:
    """`comparable` samples, flattened."""
    x, y = comparable(x, y)
    return x.reshape(len(x), -1), y.reshape(len(y), -1)


def at_least(needed: int, what: str, remedy: str, *counts: int) -> None:
    """Raises ConfigError where a statistic has too few samples, of either batch, or features."""
    if min(counts) < needed:
        found = " and ".join(map(str, counts))
        raise ConfigError(f"{what} of {found}; it needs at least {needed}: {remedy}")


def same_length(what: str, **batches: Shaped[Array | np.ndarray, "_n ..."]) -> None:
    """Raises ConfigError unless there are as many of each: sample i goes with sample i."""
    counts = {name: len(batch) for name, batch in batches.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ConfigError(f"{what} of {found}; they go together one by one: give as many of each")


def fitted_to(
    reference: Mapping[str, Float[Array | np.ndarray, "..."]],
    name: str,
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    **axes: int,
) -> Float[Array, "m d"]:
    """The fakes as vectors; ConfigError unless the reference is that of the loss, and of such ones.

    Args:
        reference: What was fitted.
        name: Of the loss.
        real: Real samples, of which only the shape counts.
        fake: What it is to be compared with.
        **axes: The arrays that it must hold, each with the axis that has d entries.
    """
    _, x = vectors(real, fake)
    if missing := sorted(axes.keys() - reference.keys()):
        raise ConfigError(
            f"the reference of {name} has no {missing[0]!r}; make it with LOSSES[{name!r}].fit"
        )
    for array, axis in axes.items():
        shape = reference[array].shape
        if len(shape) <= axis or shape[axis] != x.shape[1]:
            raise ConfigError(
                f"{array} of the reference of {name} has shape {shape}, and samples have "
                f"{x.shape[1]} entries; fit it to the view that is compared"
            )
    return x


def matched(
    measure: Measure, x: Float[Array, "n ..."], y: Float[Array, "m ..."], match: str
) -> Float[Array, ""]:
    """The mean dissimilarity of the samples of x and y that `match` brings together.

    Args:
        measure: Dissimilarity of x_i and y_i, for every i.
        x: Real samples.
        y: Fake samples.
        match: "paired": as `pairs` does; "nearest": each y_j with its nearest x_i by `measure`;
            "mean": the mean of x with the mean of y.

    Raises:
        ConfigError: On another match.
    """
    if match not in MATCHES:
        raise unknown("match", match, MATCHES)
    if match == "mean":
        x, y = jnp.mean(x, axis=0, keepdims=True), jnp.mean(y, axis=0, keepdims=True)
    elif match == "nearest":
        x = x[_nearest(measure, jax.lax.stop_gradient(x), jax.lax.stop_gradient(y))]
    else:
        x, y = pairs(x, y)
    return jnp.mean(measure(x, y))


def _nearest(
    measure: Measure, x: Float[Array, "n ..."], y: Float[Array, "m ..."]
) -> Int[Array, "m"]:
    def index(sample: Float[Array, "..."]) -> Int[Array, ""]:
        return jnp.argmin(measure(x, jnp.broadcast_to(sample[None], x.shape)))

    return map_chunks(index, y, x.size)


def map_chunks(function: Callable[[Any], Array], x: PyTree, size: int) -> Array:
    """`jax.vmap(function)(x)`, in chunks where all at once, at `size` numbers each, is too much."""
    return jax.lax.map(function, x, batch_size=max(1, _CHUNK // max(1, size)))


def unit(
    x: Float[Array, "n d"], axis: int, threshold: Float[Array, "..."] | float = 0.0
) -> Float[Array, "n d"]:
    """Vectors x / |x| along the axis; 0, with gradient 0, where no entry exceeds `threshold`."""
    # Divided by the largest entry first, squares neither overflow nor vanish.
    peak = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=axis, keepdims=True))
    nonzero = peak > threshold
    x = x / jnp.where(nonzero, peak, 1)
    squared = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return jnp.where(nonzero, x / jnp.sqrt(jnp.where(nonzero, squared, 1)), 0)


def unit_deviations(x: Float[Array, "n d"], axis: int) -> Float[Array, "n d"]:
    """(x - mean) / |x - mean| along the axis; 0, with gradient 0, where x is constant.

    Inner products of two are Pearson's correlations.
    """
    rounding = jnp.finfo(x.dtype).eps * jnp.max(jnp.abs(x), axis=axis, keepdims=True)
    x = x - jnp.mean(x, axis=axis, keepdims=True)
    # The second pass removes the rounding of the first mean, which a constant x would consist of.
    x = x - jnp.mean(x, axis=axis, keepdims=True)
    return unit(x, axis, jax.lax.stop_gradient(rounding))


def covariance(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, "d d"]:
    """Covariances of the features of x with those of y, over n - 1."""
    x = x - jnp.mean(x, axis=0, keepdims=True)
    y = y - jnp.mean(y, axis=0, keepdims=True)
    return product(x.T, y) / (len(x) - 1)


def product(x: Float[Array, "n k"], y: Float[Array, "k m"]) -> Float[Array, "n m"]:
    """The matrix product in full float32, on accelerators too."""
    return jnp.matmul(x, y, precision=jax.lax.Precision.HIGHEST)


# Of a covariance matrix; at 0 it may be singular.
SHRINKAGE = Range(low=0, high=1, above=True)

# Variance in the place of 0, so that constant features have a Cholesky factor.
_LEAST_VARIANCE = 1e-12


def shrunk_cholesky(x: Float[Array, "n d"], shrinkage: ScalarLike) -> Float[Array, "d d"]:
    """The lower Cholesky factor of (1 - s) C + s (trace C / d) I, C the covariance of x.

    s in (0, 1] makes it definite for n <= d too.
    Source: Ledoit and Wolf 2004, A Well-Conditioned Estimator for Large-Dimensional Covariance
    Matrices, https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    matrix = covariance(x, x)
    variance = jnp.maximum(jnp.trace(matrix) / len(matrix), _LEAST_VARIANCE)
    identity = jnp.eye(len(matrix), dtype=matrix.dtype)
    return jnp.linalg.cholesky((1 - shrinkage) * matrix + shrinkage * variance * identity)


def solve_lower(factor: Float[Array, "d d"], x: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """L^-1 x_i for every i: whitens x if L is the Cholesky factor of its covariance."""
    return jax.scipy.linalg.solve_triangular(factor, x.T, lower=True).T
