"""Correlations between paired batches, and between the features of each.

Losses of paired batches take real i with fake i, and start again at the end of the shorter batch:
they depend on the order within a batch and are meant for views that correspond. `axis` says what a
correlation runs over: "batch", one for each feature; or "features", one for each sample.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.losses.common import (
    SHRINKAGE,
    at_least,
    covariance,
    map_chunks,
    product,
    shrunk_cholesky,
    solve_lower,
    unit_deviations,
    vectors,
    zero_sum,
)
from jaxgan.losses.record import loss
from jaxgan.numerics import pairs
from jaxgan.registry import NON_NEGATIVE, unknown
from jaxgan.types import Losses

AXES = ("batch", "features")


@loss(paired=True, similarity=True)
def pearson(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    axis: str = "batch",
    squared: bool = False,
) -> Float[Array, ""]:
    """Pearson's r of x and y in [-1, 1]; as a loss, G = 1 - r, D = -G.

    The mean of r over features, or over samples. A constant vector has r = 0 with gradient 0.

    Args:
        x: n numbers, or n samples, flattened to vectors; real ones in a loss.
        y: As many, of the same shape.
        axis: "batch": r over the n samples, for each feature; "features": over the features of a
            sample, for each sample.
        squared: Whether to return the square of that mean in [0, 1]; then a perfect negative
            correlation is a match too.

    Raises:
        ConfigError: On unequal shapes, another axis, or fewer than 2 numbers to correlate.

    Source: Rodgers and Nicewander 1988, Thirteen Ways to Look at the Correlation Coefficient,
    https://doi.org/10.1080/00031305.1988.10475524

    >>> x = jnp.array([1.0, 2.0, 3.0])
    >>> round(float(pearson(x, 10 - 2 * x)), 4)
    -1.0
    """
    x, y = _rows(x, y, axis)
    return _power(_mean_correlation(x, y), squared)


@loss(paired=True, similarity=True, ranges={"temperature": NON_NEGATIVE})
def spearman(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    temperature: ScalarLike = 0.1,
    axis: str = "batch",
    squared: bool = False,
) -> Float[Array, ""]:
    """Spearman's rho of x and y in [-1, 1], with soft ranks; as a loss, G = 1 - rho, D = -G.

    The rank of x_i is 1/2 + sum_j S((x_i - x_j) / (temperature sd(x))). S is the sigmoid, so ties
    get their average rank, and as temperature goes to 0 rho becomes exact. In units of the standard
    deviation it does not depend on the scale of x. Time is quadratic in the length of the vectors.
    `soft_spearman` is another name of it.

    Args:
        x: n numbers, or n samples, flattened to vectors; real ones in a loss.
        y: As many, of the same shape.
        temperature: Softness of the ranks, at least 0, in standard deviations; at 0 gradients
            vanish.
        axis: As in `pearson`.
        squared: As in `pearson`.

    Raises:
        ConfigError: As `pearson` does.

    Source: Spearman 1904, The Proof and Measurement of Association between Two Things,
    https://doi.org/10.2307/1412159; Qin et al. 2010, A General Approximation Framework for Direct
    Optimization of Information Retrieval Measures, for the ranks,
    https://doi.org/10.1007/s10791-009-9124-x

    >>> x = jnp.array([1.0, 2.0, 3.0])
    >>> round(float(spearman(x, x**3, temperature=0.0)), 4)
    1.0
    """
    x, y = _rows(x, y, axis)
    rho = _mean_correlation(_soft_ranks(x, temperature), _soft_ranks(y, temperature))
    return _power(rho, squared)


soft_spearman = spearman


@loss(ranges={"rank_temperature": NON_NEGATIVE})
def correlation_matching(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    rank_temperature: ScalarLike | None = None,
) -> Losses:
    """G = |R_real - R_fake|_F^2 / (d (d - 1)), D = -G, R the correlation matrix of the d features.

    The mean squared difference of the correlations of two different features. No sample of one
    batch is compared with one of the other: batches need not correspond, as those of `pearson` and
    `spearman` must.

    Args:
        real: n >= 2 samples [n, ...] of d >= 2 entries.
        fake: m >= 2 samples of the same shape [m, ...].
        rank_temperature: None for Pearson's correlations; else for Spearman's, with soft ranks
            within a batch of this temperature, as in `spearman`.

    Raises:
        ConfigError: Fewer samples or features.

    Source: after Sun and Saenko 2016, Deep CORAL, which compares covariances,
    https://arxiv.org/abs/1607.01719
    """
    real, fake = _features(real, fake)
    d = real.shape[1]
    at_least(2, "correlations of features", "use wider features or coral", d)
    if rank_temperature is not None:
        real, fake = (_soft_ranks(x.T, rank_temperature).T for x in (real, fake))
    deviations = (unit_deviations(real, 0), unit_deviations(fake, 0))
    one, other = (product(u.T, u) for u in deviations)
    difference = jnp.where(jnp.eye(d, dtype=bool), 0, one - other)
    return zero_sum(jnp.sum(jnp.square(difference)) / (d * (d - 1)))


@loss()
def coral(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = |C_real - C_fake|_F^2 / (4 d^2), D = -G, C the covariance of the d features over n - 1.

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].

    Raises:
        ConfigError: Fewer samples.

    Source: Sun and Saenko 2016, Deep CORAL: Correlation Alignment for Deep Domain Adaptation,
    equation 1, https://arxiv.org/abs/1607.01719

    >>> real, fake = jnp.array([[1.0], [3.0]]), jnp.array([[0.0], [4.0]])
    >>> float(coral(real, fake).generator)  # variances 2 and 8: 6^2 / 4
    9.0
    """
    real, fake = _features(real, fake)
    difference = covariance(real, real) - covariance(fake, fake)
    return zero_sum(jnp.sum(jnp.square(difference)) / (4 * real.shape[1] ** 2))


@loss(paired=True, ranges={"shrinkage": SHRINKAGE})
def cca(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, shrinkage: ScalarLike = 0.1
) -> Losses:
    """G = 1 - sum_k rho_k^2 / d, D = -G, rho_k the canonical correlations of paired batches.

    In [0, 1].

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].
        shrinkage: In (0, 1], of both covariances, as in `mahalanobis`: without it batches of
            n <= d samples would correlate as far as their rank allows.

    Raises:
        ConfigError: Fewer samples.

    Source: Hotelling 1936, Relations between Two Sets of Variates,
    https://doi.org/10.1093/biomet/28.3-4.321; the mean of squares is R^2_CCA of Kornblith et al.
    2019, Similarity of Neural Network Representations Revisited, https://arxiv.org/abs/1905.00414
    """
    real, fake = pairs(*_features(real, fake))
    one, other = shrunk_cholesky(real, shrinkage), shrunk_cholesky(fake, shrinkage)
    # L^-1 C M^-T, whose singular values are the canonical correlations.
    half = solve_lower(one, covariance(real, fake).T)
    whitened = solve_lower(other, half.T)
    return zero_sum(1 - jnp.sum(jnp.square(whitened)) / real.shape[1])


@loss(paired=True, ranges={"redundancy": NON_NEGATIVE})
def barlow_twins(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, redundancy: ScalarLike = 5e-3
) -> Losses:
    """G = sum_k (1 - R_kk)^2 + redundancy sum_{k != l} R_kl^2, D = -G.

    R_kl is the correlation of feature k of the real with l of the fake samples, over paired
    batches: the same feature should agree, and different ones say different things.

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].
        redundancy: At least 0.

    Raises:
        ConfigError: Fewer samples.

    Source: Zbontar et al. 2021, Barlow Twins, equations 1 and 2, https://arxiv.org/abs/2103.03230

    >>> x = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> float(barlow_twins(x, x[:, ::-1], redundancy=0.5).generator)  # R = [[0, 1], [1, 0]]
    3.0
    """
    real, fake = pairs(*_features(real, fake))
    correlations = product(unit_deviations(real, 0).T, unit_deviations(fake, 0))
    diagonal = jnp.diagonal(correlations)
    others = jnp.where(jnp.eye(len(diagonal), dtype=bool), 0, correlations)
    invariance = jnp.sum(jnp.square(1 - diagonal))
    return zero_sum(invariance + redundancy * jnp.sum(jnp.square(others)))


def _power(correlation: Float[Array, ""], squared: bool) -> Float[Array, ""]:
    return jnp.square(correlation) if squared else correlation


def _features(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."]
) -> tuple[Float[Array, "n d"], Float[Array, "m d"]]:
    real, fake = vectors(real, fake)
    at_least(2, "covariances of batches", "use a larger batch", len(real), len(fake))
    return real, fake


def _rows(
    x: Float[Array | np.ndarray, "n ..."], y: Float[Array | np.ndarray, "m ..."], axis: str
) -> tuple[Float[Array, "rows k"], Float[Array, "rows k"]]:
    """The vectors to correlate, of each feature or of each sample."""
    if axis not in AXES:
        raise unknown("axis", axis, AXES)
    if len(x) != len(y):
        raise ConfigError(
            f"correlation of {len(x)} with {len(y)} samples; they are compared one by one: "
            "give as many of each"
        )
    x, y = vectors(x, y)
    if axis == "batch":
        x, y = x.T, y.T
    at_least(2, f"correlation over {axis}", "correlate over the other axis", x.shape[1])
    return x, y


def _mean_correlation(x: Float[Array, "rows k"], y: Float[Array, "rows k"]) -> Float[Array, ""]:
    return jnp.mean(jnp.sum(unit_deviations(x, 1) * unit_deviations(y, 1), axis=1))


def _soft_ranks(x: Float[Array, "rows k"], temperature: ScalarLike) -> Float[Array, "rows k"]:
    """Soft ranks of the entries of each row, from 1 to k."""
    k = x.shape[1]
    length = jnp.sum(unit_deviations(x, 1) * (x - jnp.mean(x, axis=1, keepdims=True)), axis=1)
    constant = length == 0
    per_deviation = jnp.where(constant, 0, k**0.5 / jnp.where(constant, 1, length))
    # Never 0 / 0, which ties would be.
    temperature = jnp.maximum(jnp.asarray(temperature, x.dtype), jnp.finfo(x.dtype).tiny)

    def ranks(inputs: tuple[Float[Array, "k"], Float[Array, ""]]) -> Float[Array, "k"]:
        row, scale = inputs
        # Of the numbers themselves: scaled ones that tie would differ by what a compiler rounds.
        differences = (row[:, None] - row[None]) * scale
        return 0.5 + jnp.sum(jax.nn.sigmoid(differences / temperature), axis=1)

    # Recomputed in the backward pass, or all k^2 differences of all rows would be kept.
    return map_chunks(jax.checkpoint(ranks), (x, per_deviation), k * k)
