"""Maximum mean discrepancy: the distance of two distributions' mean embeddings."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels import Kernel, mean_between, mean_within
from jaxgan.losses.common import at_least, vectors
from jaxgan.numerics import at_least_float32
from jaxgan.registry import unknown

ESTIMATORS = ("biased", "unbiased", "linear", "block")

# Samples of each batch, of whose pairs the mean stands for what a kernel's values have in common.
_FEW = 8


def as_vectors(x: Float[Array, "n ..."]) -> Float[Array, "n d"]:
    """Samples flattened to vectors, in at least float32."""
    return at_least_float32(x.reshape(len(x), -1))[0]


def mmd2(
    x: Float[Array, "n ..."],
    y: Float[Array, "m ..."],
    *,
    kernel: Kernel,
    estimator: str = "unbiased",
    tile: int | None = None,
) -> Float[Array, ""]:
    """MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), of n and m samples flattened to vectors.

    Args:
        x: n samples of one distribution [n, ...].
        y: m samples of the other, of the same shape [m, ...].
        kernel: A pure, symmetric function of (x, y) that returns the matrix of all pairs [n, m],
            whose entries depend on their own pair alone.
        estimator: "unbiased" leaves out the pairs of a sample with itself, may be negative, and
            needs n, m >= 2; "biased" averages over all pairs and is never negative; "block" and
            "linear" are `mmd2_blocks` of about sqrt(min(n, m)) and of 2 samples: unbiased,
            cheaper, noisier, and dependent on the order of the samples.
        tile: Side of the tiles in which the pairs are computed; 0 computes all pairs at once, None
            does so below 256 samples. Tiles take memory O(tile^2 + (n + m) d) and give the same
            value and reverse-mode gradient, but no forward-mode one.

    Raises:
        ConfigError: On another estimator, too few samples for one without bias, or samples of
            unequal shapes.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test, equations 3 (unbiased) and 5 (biased);
    preprint https://arxiv.org/abs/0805.2368

    >>> x, y = jnp.array([[0.0], [2.0]]), jnp.array([[4.0], [6.0]])
    >>> float(mmd2(x, y, kernel=lambda a, b: a @ b.T, estimator="biased"))  # (5 - 1)^2
    16.0
    """
    n, m = len(x), len(y)
    if estimator not in ESTIMATORS:
        raise unknown("estimator", estimator, ESTIMATORS)
    if estimator in ("linear", "block"):
        size = 2 if estimator == "linear" else max(2, math.isqrt(min(n, m)))
        return mmd2_blocks(x, y, kernel=kernel, size=size)
    biased = estimator == "biased"
    if not biased:
        remedy = "use a larger batch or estimator='biased'"
        at_least(2, "unbiased MMD^2 of batches", remedy, n, m)
    of_x, of_y, between = pair_means(kernel, *vectors(x, y), diagonal=biased, tile=tile)
    return of_x + of_y - 2 * between


def pair_means(
    kernel: Kernel,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    diagonal: bool = False,
    tile: int | None = None,
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """E k(x, x'), E k(y, y') and E k(x, y), each less the same constant; arguments as of `mmd2`.

    For sums of them whose weights sum to 0, in which the constant cancels. It is near what the
    kernel's values have in common, so that the small difference of large means keeps its digits.
    """
    offset = jnp.mean(kernel(x[:_FEW], y[:_FEW]))
    of_x, of_y = (
        mean_within(kernel, z, diagonal=diagonal, offset=offset, tile=tile) for z in (x, y)
    )
    return of_x, of_y, mean_between(kernel, x, y, offset=offset, tile=tile)


def mmd2_blocks(
    x: Float[Array, "n ..."], y: Float[Array, "m ..."], *, kernel: Kernel, size: int
) -> Float[Array, ""]:
    """The mean of unbiased MMD^2 over consecutive blocks of `size` samples of each: O(size n).

    What does not fill a block in the shorter batch is not used. Size 2 is a linear-time estimator.

    Args:
        x: n samples of one distribution [n, ...].
        y: m samples of the other, of the same shape [m, ...].
        kernel: As in `mmd2`.
        size: Samples of each in a block, at least 2.

    Raises:
        ConfigError: A size below 2, fewer samples than one block holds, or samples of unequal
            shapes.

    Source: Zaremba et al. 2013, B-tests: Low Variance Kernel Two-Sample Tests,
    https://arxiv.org/abs/1307.1954
    """
    if size < 2:
        raise ConfigError(f"size of the blocks is {size}; it must be at least 2")
    remedy = "use a larger batch or smaller blocks"
    at_least(size, "MMD^2 by blocks of batches", remedy, len(x), len(y))
    blocks = min(len(x), len(y)) // size
    x, y = (z[: blocks * size].reshape(blocks, size, -1) for z in vectors(x, y))

    def of_block(x: Float[Array, "s d"], y: Float[Array, "s d"]) -> Float[Array, ""]:
        return mmd2(x, y, kernel=kernel, tile=0)

    return jnp.mean(jax.vmap(of_block)(x, y))


def mmd2_variance(
    x: Float[Array, "n ..."], y: Float[Array, "m ..."], *, kernel: Kernel
) -> Float[Array, ""]:
    """An unbiased estimate of the variance of unbiased MMD^2 of n and m samples; may be negative.

    Each product of expectations in the variance is estimated from terms of distinct samples alone.
    The matrices of all pairs are held whole.

    Args:
        x: n >= 4 samples of one distribution [n, ...].
        y: m >= 4 samples of the other, of the same shape [m, ...].
        kernel: As in `mmd2`.

    Raises:
        ConfigError: Fewer samples of either, or samples of unequal shapes.

    Source: Sutherland and Deka 2019, Unbiased Estimators for the Variance of MMD Estimators; it
    mends that of Sutherland et al. 2017, here also for n != m, https://arxiv.org/abs/1906.02104
    """
    n, m = len(x), len(y)
    at_least(4, "the variance of MMD^2 of batches", "use a larger batch", n, m)
    x, y = vectors(x, y)
    between = kernel(x, y)
    of_x, within_x = _variance_within(kernel(x, x), between)
    of_y, within_y = _variance_within(kernel(y, y), between.T)
    squares = jnp.sum(jnp.square(between))
    by_row, by_column = (jnp.sum(jnp.square(jnp.sum(between, axis=axis))) for axis in (1, 0))
    squared_mean = jnp.square(jnp.sum(between)) - by_row - by_column + squares
    squared_mean /= float(math.perm(n, 2) * math.perm(m, 2))
    rows = (by_row - squares) / float(n * math.perm(m, 2)) - squared_mean
    columns = (by_column - squares) / float(m * math.perm(n, 2)) - squared_mean
    pairs = squares / (n * m) - squared_mean
    of_between = ((m - 1) * rows + (n - 1) * columns + pairs) / (n * m)
    return of_x + of_y + 4 * of_between - 4 * (within_x + within_y)


def _variance_within(
    gram: Float[Array, "n n"], between: Float[Array, "n m"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Unbiased estimates of Var A and Cov(A, C), A the mean of k(x, x') and C that of k(x, y)."""
    n, m = between.shape
    gram = jnp.where(jnp.eye(n, dtype=bool), 0, gram)
    pairs_of, triples_of, quadruples_of = (float(math.perm(n, k)) for k in (2, 3, 4))
    by_row, between_by_row = jnp.sum(gram, axis=1), jnp.sum(between, axis=1)
    total, squares, of_rows = jnp.sum(by_row), jnp.sum(gram**2), jnp.sum(by_row**2)
    squared_mean = (total**2 - 4 * of_rows + 2 * squares) / quadruples_of
    rows = (of_rows - squares) / triples_of - squared_mean
    pairs = squares / pairs_of - squared_mean
    products = jnp.sum(by_row * between_by_row)
    product_of_means = (total * jnp.sum(between_by_row) - 2 * products) / (triples_of * m)
    covariance = products / (pairs_of * m) - product_of_means
    return (4 * (n - 2) * rows + 2 * pairs) / pairs_of, 2 * covariance / n


def mmd2_ratio(
    x: Float[Array, "n ..."],
    y: Float[Array, "m ..."],
    *,
    kernel: Kernel,
    smallest_variance: ScalarLike = 1e-8,
) -> Float[Array, ""]:
    """MMD^2 / sqrt(max(variance, smallest_variance)): a test's power grows with it.

    Args:
        x: n >= 4 samples of one distribution [n, ...].
        y: m >= 4 samples of the other, of the same shape [m, ...].
        kernel: As in `mmd2`.
        smallest_variance: Positive.

    Raises:
        ConfigError: Fewer samples of either, or samples of unequal shapes.

    Source: Sutherland et al. 2017, Generative Models and Model Criticism via Optimized Maximum
    Mean Discrepancy; the smallest variance is its code's, https://arxiv.org/abs/1611.04488
    """
    variance = mmd2_variance(x, y, kernel=kernel)
    return mmd2(x, y, kernel=kernel) / jnp.sqrt(jnp.maximum(variance, smallest_variance))


def conditional_mmd2(
    x: Float[Array, "n ..."],
    x_labels: Int[Array, "n"],
    y: Float[Array, "m ..."],
    y_labels: Int[Array, "m"],
    *,
    kernel: Kernel,
    num_classes: int,
    estimator: str = "unbiased",
) -> Float[Array, ""]:
    """The mean over classes c of MMD^2(x | c, y | c).

    Classes of which either batch holds too few samples (fewer than 2 for the unbiased estimator,
    none for the biased one) are left out; 0 if all are. The matrices of all pairs are held whole.

    Args:
        x: n samples of one distribution [n, ...].
        x_labels: Their classes [n], in [0, num_classes).
        y: m samples of the other, of the same shape [m, ...].
        y_labels: Their classes [m], in [0, num_classes).
        kernel: As in `mmd2`.
        num_classes: At least 1.
        estimator: "unbiased" or "biased".

    Raises:
        ConfigError: On another estimator, or samples of unequal shapes.

    Source: the estimators of Gretton et al. 2012, A Kernel Two-Sample Test, within each class;
    preprint https://arxiv.org/abs/0805.2368
    """
    smallest = {"biased": 1, "unbiased": 2}
    if estimator not in smallest:
        raise unknown("estimator", estimator, smallest)
    x, y = vectors(x, y)
    of_x, of_y = (jax.nn.one_hot(z, num_classes, dtype=x.dtype) for z in (x_labels, y_labels))
    counts_x, counts_y = jnp.sum(of_x, axis=0), jnp.sum(of_y, axis=0)
    counted = jnp.minimum(counts_x, counts_y) >= smallest[estimator]

    def within(z: Float[Array, "k d"], of_z: Float[Array, "k c"]) -> Float[Array, "c"]:
        gram, count = kernel(z, z), jnp.sum(of_z, axis=0)
        if estimator == "biased":
            pairs = count**2
        else:
            gram, pairs = jnp.where(jnp.eye(len(z), dtype=bool), 0, gram), count * (count - 1)
        return jnp.sum(of_z * (gram @ of_z), axis=0) / jnp.where(counted, pairs, 1)

    between = jnp.sum(of_x * (kernel(x, y) @ of_y), axis=0)
    between /= jnp.where(counted, counts_x * counts_y, 1)
    by_class = within(x, of_x) + within(y, of_y) - 2 * between
    return jnp.sum(jnp.where(counted, by_class, 0)) / jnp.maximum(jnp.sum(counted), 1)


def mean_embedding(
    x: Float[Array, "n ..."], *, kernel: Kernel
) -> Callable[[Float[Array, "k ..."]], Float[Array, "k"]]:
    """The function t -> mean_i k(t, x_i): the samples' image in the kernel's Hilbert space.

    Args:
        x: n samples [n, ...].
        kernel: As in `mmd2`.

    Source: Smola et al. 2007, A Hilbert Space Embedding for Distributions,
    https://doi.org/10.1007/978-3-540-75225-7_5

    >>> embedding = mean_embedding(jnp.array([[1.0], [3.0]]), kernel=lambda a, b: a @ b.T)
    >>> embedding(jnp.array([[5.0]]))  # 5 * 2
    Array([10.], dtype=float32)
    """
    x = as_vectors(x)

    def embedding(points: Float[Array, "k ..."]) -> Float[Array, "k"]:
        return jnp.mean(kernel(as_vectors(points), x), axis=1)

    return embedding


def witness(
    x: Float[Array, "n ..."], y: Float[Array, "m ..."], *, kernel: Kernel
) -> Callable[[Float[Array, "k ..."]], Float[Array, "k"]]:
    """The function w(t) = mean_i k(t, x_i) - mean_j k(t, y_j), where x and y differ most.

    Args:
        x: n samples of one distribution [n, ...].
        y: m samples of the other, of the same shape [m, ...].
        kernel: As in `mmd2`.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test, section 2.3; preprint
    https://arxiv.org/abs/0805.2368
    """
    of_x, of_y = mean_embedding(x, kernel=kernel), mean_embedding(y, kernel=kernel)
    return lambda points: of_x(points) - of_y(points)
