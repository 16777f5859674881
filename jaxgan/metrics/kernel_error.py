"""The standard error of unbiased MMD^2, from the kernel's matrices over a part of the samples."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgan.metrics.checks import AnyArray

ParametricKernel = Callable[..., Float[Array, "p q"]]

# Rows of each set that the error is estimated from, chosen at random but always the same: its own
# error is then a few per cent.
_ROWS = 1000


class _Variances(NamedTuple):
    """Hoeffding's decomposition of a kernel k(x_i, y_j): row + column + remainder."""

    rows: Float[np.ndarray, "p"]  # means of the rows
    columns: Float[np.ndarray, "q"]
    remainder: float  # variance of what the means of rows and columns leave unexplained


def mmd2_variance(
    kernel: ParametricKernel,
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, "m d"],
    *parameters: Array,
) -> float:
    """The variance of unbiased MMD^2 over fresh sets of n and of m samples.

        4 var(a) / n + 4 var(b) / m + 2 r_xx / n(n-1) + 2 r_yy / m(m-1) + 4 r_xy / nm

    with a(x) = E k(x, x') - E k(x, y'), b(y) alike, and r the variances of the parts of k that are
    no sum of a function of each argument: these count where the distributions are nearly equal.
    All are estimated from 1,000 samples of each set at most.

    Args:
        kernel: A function of two sets of points, and of `parameters`; a constant in it cancels.
        x: n >= 2 samples.
        y: m >= 2 samples.
        *parameters: What else the kernel is a function of.

    Source: Serfling 1980, Approximation Theorems of Mathematical Statistics,
    https://doi.org/10.1002/9780470316481, section 5.2; Sutherland et al. 2017,
    https://arxiv.org/abs/1611.04488, section 3.
    """
    n, m = len(x), len(y)
    a, b = _part(x), _part(y)
    xx, yy, xy = (_grams(kernel, u, v, *parameters) for u, v in ((a, a), (b, b), (a, b)))
    x_means, x_rest = _within(xx)
    y_means, y_rest = _within(yy)
    between = _between(xy)
    p, q = len(a), len(b)
    # The means are over p and q samples only, which adds to their variance.
    of_x = np.var(x_means - between.rows, ddof=1) - x_rest / p - between.remainder / q
    of_y = np.var(y_means - between.columns, ddof=1) - y_rest / q - between.remainder / p
    first_order = 4 * max(0.0, float(of_x)) / n + 4 * max(0.0, float(of_y)) / m
    within = 2 * x_rest / (n * (n - 1)) + 2 * y_rest / (m * (m - 1))
    return first_order + within + 4 * between.remainder / (n * m)


def _part(x: Float[AnyArray, "n d"]) -> Float[Array, "p d"]:
    rows = np.random.default_rng(0).permutation(len(x))[:_ROWS]
    return jnp.asarray(x[rows], jnp.float32)


@partial(jax.jit, static_argnums=0)
def _gram(
    kernel: ParametricKernel, x: Float[Array, "p d"], y: Float[Array, "q d"], *parameters: Array
) -> Float[Array, "p q"]:
    return kernel(x, y, *parameters)


def _grams(
    kernel: ParametricKernel, x: Array, y: Array, *parameters: Array
) -> Float[np.ndarray, "p q"]:
    return np.asarray(_gram(kernel, x, y, *parameters), np.float64)


def _within(gram: Float[np.ndarray, "p p"]) -> tuple[Float[np.ndarray, "p"], float]:
    """The means of the rows without the diagonal, and the variance of the remainder."""
    p = len(gram)
    np.fill_diagonal(gram, 0.0)
    sums = gram.sum(axis=1)
    if p < 4:  # the row effects explain everything
        return sums / (p - 1), 0.0
    mean = sums.sum() / (p * (p - 1))
    effects = (sums - (p - 1) * mean) / (p - 2)
    rest = gram - mean - effects[:, None] - effects[None]
    np.fill_diagonal(rest, 0.0)
    return mean + effects, float(np.sum(rest**2) / (p * (p - 3)))


def _between(gram: Float[np.ndarray, "p q"]) -> _Variances:
    p, q = gram.shape
    rows, columns = gram.mean(axis=1), gram.mean(axis=0)
    rest = gram - rows[:, None] - columns[None] + gram.mean()
    return _Variances(rows, columns, float(np.sum(rest**2) / ((p - 1) * (q - 1))))
