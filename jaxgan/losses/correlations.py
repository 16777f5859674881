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
    at_least,
    covariance,
    map_chunks,
    opposed,
    pairs,
    product,
    shrunk_cholesky,
    solve_lower,
    unit_deviations,
    vectors,
)
from jaxgan.registry import unknown
from jaxgan.types import Losses

AXES = ("batch", "features")


def pearson(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    axis: str = "batch",
) -> Float[Array, ""]:
    """Pearson's r of x and y in [-1, 1]: the mean over features, or over samples.

    Args:
        x: n numbers, or n samples, flattened to vectors.
        y: As many, of the same shape.
        axis: "batch": r over the n samples, for each feature; "features": over the features of a
            sample, for each sample.

    A constant vector has r = 0 with gradient 0.

    Raises:
        ConfigError: On unequal shapes, another axis, or fewer than 2 numbers to correlate.

    Source: Rodgers and Nicewander 1988, Thirteen Ways to Look at the Correlation Coefficient.
    """
    x, y = _rows(x, y, axis)
    return _mean_correlation(x, y)


def soft_spearman(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    temperature: ScalarLike = 0.1,
    axis: str = "batch",
) -> Float[Array, ""]:
    """Spearman's rho of x and y with soft ranks 1/2 + sum_j S((x_i - x_j) / (temperature sd(x))).

    S is the sigmoid, so ties get their average rank, and as temperature goes to 0 rho becomes
    exact. In units of the standard deviation it does not depend on the scale of x. Time is
    quadratic in the length of the vectors. Errors are those of `pearson`.

    Args:
        x: n numbers, or n samples, flattened to vectors.
        y: As many, of the same shape.
        temperature: Softness of the ranks, >= 0, in standard deviations; at 0 gradients vanish.
        axis: As in `pearson`.

    Source: Spearman 1904, The Proof and Measurement of Association between Two Things; Qin et al.
    2010, A General Approximation Framework for Direct Optimization of Information Retrieval
    Measures, for the ranks.
    """
    x, y = _rows(x, y, axis)
    return _mean_correlation(_soft_ranks(x, temperature), _soft_ranks(y, temperature))


def pearson_loss(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    axis: str = "batch",
    squared: bool = False,
) -> Losses:
    """G = 1 - r(real, fake), D = -G, of `pearson`; squared: 1 - r^2.

    Between paired batches. Squared, a perfect negative correlation is a match too.
    Source: Rodgers and Nicewander 1988, Thirteen Ways to Look at the Correlation Coefficient.
    """
    return _decorrelation(pearson(*pairs(*vectors(real, fake)), axis=axis), squared)


def spearman_loss(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    temperature: ScalarLike = 0.1,
    axis: str = "batch",
    squared: bool = False,
) -> Losses:
    """G = 1 - rho(real, fake), D = -G, of `soft_spearman`; squared: 1 - rho^2.

    Between paired batches. Squared, a perfect negative correlation is a match too.
    Source: Spearman 1904, The Proof and Measurement of Association between Two Things.
    """
    real, fake = pairs(*vectors(real, fake))
    return _decorrelation(soft_spearman(real, fake, temperature=temperature, axis=axis), squared)


def correlation_matching(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = |R_real - R_fake|_F^2 / (d (d - 1)), D = -G, R the correlation matrix of the d features.

    The mean squared difference of the correlations of two different features, d >= 2; n, m >= 2.
    Source: after Sun and Saenko 2016, Deep CORAL, which compares covariances.
    """
    real, fake = _features(real, fake)
    d = real.shape[1]
    at_least(2, "correlations of features", "use wider features or coral", d)
    deviations = (unit_deviations(real, 0), unit_deviations(fake, 0))
    one, other = (product(u.T, u) for u in deviations)
    difference = jnp.where(jnp.eye(d, dtype=bool), 0, one - other)
    return opposed(jnp.sum(jnp.square(difference)) / (d * (d - 1)))


def coral(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = |C_real - C_fake|_F^2 / (4 d^2), D = -G, C the covariance of the d features over n - 1.

    n, m >= 2.
    Source: Sun and Saenko 2016, Deep CORAL: Correlation Alignment for Deep Domain Adaptation,
    equation 1.
    """
    real, fake = _features(real, fake)
    difference = covariance(real, real) - covariance(fake, fake)
    return opposed(jnp.sum(jnp.square(difference)) / (4 * real.shape[1] ** 2))


def cca(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, shrinkage: ScalarLike = 0.1
) -> Losses:
    """G = 1 - sum_k rho_k^2 / d, D = -G, rho_k the canonical correlations of paired batches.

    In [0, 1]. Both covariances are shrunk as in `mahalanobis`, with shrinkage in (0, 1]: without it
    batches of n <= d samples would correlate as far as their rank allows. n, m >= 2.
    Source: Hotelling 1936, Relations between Two Sets of Variates; the mean of squares is R^2_CCA
    of Kornblith et al. 2019, Similarity of Neural Network Representations Revisited.
    """
    real, fake = pairs(*_features(real, fake))
    one, other = shrunk_cholesky(real, shrinkage), shrunk_cholesky(fake, shrinkage)
    # L^-1 C M^-T, whose singular values are the canonical correlations.
    half = solve_lower(one, covariance(real, fake).T)
    whitened = solve_lower(other, half.T)
    return opposed(1 - jnp.sum(jnp.square(whitened)) / real.shape[1])


def barlow_twins(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, redundancy: ScalarLike = 5e-3
) -> Losses:
    """G = sum_k (1 - R_kk)^2 + redundancy sum_{k != l} R_kl^2, D = -G.

    R_kl is the correlation of feature k of the real with l of the fake samples, over paired
    batches: the same feature should agree, and different ones say different things. n, m >= 2.
    Source: Zbontar et al. 2021, Barlow Twins, equations 1 and 2.
    """
    real, fake = pairs(*_features(real, fake))
    correlations = product(unit_deviations(real, 0).T, unit_deviations(fake, 0))
    diagonal = jnp.diagonal(correlations)
    others = jnp.where(jnp.eye(len(diagonal), dtype=bool), 0, correlations)
    invariance = jnp.sum(jnp.square(1 - diagonal))
    return opposed(invariance + redundancy * jnp.sum(jnp.square(others)))


def _decorrelation(correlation: Float[Array, ""], squared: bool) -> Losses:
    return opposed(1 - (jnp.square(correlation) if squared else correlation))


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
    x = unit_deviations(x, 1) * k**0.5
    # Never 0 / 0, which ties would be.
    temperature = jnp.maximum(jnp.asarray(temperature, x.dtype), jnp.finfo(x.dtype).tiny)

    def ranks(row: Float[Array, "k"]) -> Float[Array, "k"]:
        differences = row[:, None] - row[None]
        return 0.5 + jnp.sum(jax.nn.sigmoid(differences / temperature), axis=1)

    # Recomputed in the backward pass, or all k^2 differences of all rows would be kept.
    return map_chunks(jax.checkpoint(ranks), x, k * k)
