"""Fréchet distance between Gaussians fitted to two sets of features, and what is built on it."""

import itertools
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import (
    AnyArray,
    check_features,
    check_labels,
    check_matrix,
    check_widths,
)
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.feature_moments import Moments, merge, moments
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

# Rows of each set that the standard error is estimated from, chosen at random but always the same:
# its own error is then a few per cent.
_ERROR_ROWS = 1000

# Of d: with so few rows of one set products with them take less time than the factors of a
# covariance; beyond, more.
_FEW_ROWS = 0.9


def frechet_distance(real: Moments, fake: Moments) -> float:
    """|mean_r - mean_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)), in float64 on the host.

    With S_r = L L^T, the trace of the square root is the sum of the square roots of the eigenvalues
    of L^T S_f L: no square root of a matrix is taken, and singular covariances need no jitter.

    Args:
        real: Moments of n >= 2 samples, of the host or of a device.
        fake: Moments of m >= 2 samples, from the same feature network.

    Returns:
        The distance, at least 0, in squared units of the features.

    Raises:
        ConfigError: The moments are of different widths, of fewer than two samples, or not finite.

    Source: Heusel et al. 2017, https://arxiv.org/abs/1706.08500, equation 6; unbiased covariances
    as in pytorch-fid.
    """
    real, fake = _checked("real", real), _checked("fake", fake)
    check_widths(len(real.mean), len(fake.mean))
    return _distance(real, fake)


@metric()
def fid(real: Float[AnyArray, "n d"], fake: Float[AnyArray, "m _d"]) -> Estimate:
    """The Fréchet distance between Gaussians fitted to two sets, in float64 on the host.

    The standard error is that of the delta method: each sample's influence on the distance, which
    the optimal transport map between the Gaussians gives, has a variance over the set; it is taken
    over 1,000 samples of each set at most. Where both sets come from one distribution, or n or m
    is below d, the error is too large, by up to a half.

    Args:
        real: Features of n real samples.
        fake: Features of m generated samples, from the same feature network.

    Returns:
        The distance, at least 0, in squared units of the features. It falls with n and m: compare
        figures of equal sample sizes only, or use `fid_infinity`.

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2.

    Source: Heusel et al. 2017, https://arxiv.org/abs/1706.08500; unbiased covariances as in
    pytorch-fid.
    """
    check_features(real, fake)
    # The larger set first, whose covariance more likely has full rank.
    y, x = sorted((real, fake), key=len)
    d = x.shape[1]
    if len(x) <= d:
        value, (variance_x, variance_y) = _of_few_rows(x, y)
    elif len(y) <= _FEW_ROWS * d:
        value, (variance_y, variance_x) = _of_few_and_many_rows(y, x)
    else:
        value, (variance_x, variance_y) = _value_and_variances(x, y, moments(x), moments(y))
    return Estimate(value, np.sqrt(variance_x / len(x) + variance_y / len(y)))


@metric()
def fid_infinity(
    real: Float[AnyArray, "n d"],
    fake: Float[AnyArray, "m _d"],
    *,
    num_points: int = 15,
    min_size: int | None = None,
    vary_real: bool = False,
    key: PRNGKeyArray,
) -> Estimate:
    """The Fréchet distance that infinitely many samples would give.

    The bias of the distance is linear in 1 / m: a line through the distances of subsets of several
    sizes, at 1 / m = 0, is free of it. Each subset holds the smaller ones, so that every sample is
    read once. The standard error is the delta method's, as in `fid`, of that weighted sum.

    Args:
        real: Features of n real samples.
        fake: Features of m generated samples, from the same feature network.
        num_points: How many sizes, evenly spaced.
        min_size: The smallest size, over d, below which the bias is not linear; the larger of
            m / 10 and 2 d where it is None.
        vary_real: Whether the real set shrinks in the same proportion, so that its bias goes too.
            Without, the real samples stand for the whole population, as in the paper.
        key: Orders the samples.

    Returns:
        The distance; around 0, and below it at times, where the distributions have equal moments.

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2, or the
            smallest subset of either holds no more than d samples, or num_points is below 2.

    Source: Chong and Forsyth 2020, https://arxiv.org/abs/1911.07023, section 3.
    """
    check_features(real, fake)
    (n, d), m = real.shape, len(fake)
    smallest = max(m // 10, 2 * d) if min_size is None else min_size
    if not d < smallest < m:
        raise ConfigError(
            f"min_size is {smallest} for {m} fake samples of {d} features; the rule is "
            "d < min_size < m: pass more samples or fewer features"
        )
    if vary_real and n * smallest <= m * d:
        raise ConfigError(
            f"the smallest subset holds {n * smallest // m} of {n} real samples; it must hold more "
            f"than d = {d}: raise min_size or pass more samples"
        )
    if num_points < 2:
        raise ConfigError(f"num_points is {num_points}; a line needs at least 2: try 15")
    key_real, key_fake = jax.random.split(key)
    sizes = np.linspace(smallest, m, num_points).astype(int)
    real_sizes = np.linspace(n * smallest / m, n, num_points).astype(int)

    fakes = _growing_moments(fake, sizes, key_fake)
    reals = (
        _growing_moments(real, real_sizes, key_real) if vary_real else num_points * [moments(real)]
    )
    values = [_distance(a, b) for a, b in zip(reals, fakes, strict=True)]

    # What each distance weighs in the line's value at 1 / m = 0, by least squares.
    weights = np.linalg.pinv(np.stack([np.ones(num_points), m / sizes], axis=1))[0]
    _, (real_variance, fake_variance) = _value_and_variances(real, fake, reals[-1], fakes[-1])
    real_share = _sum_of_squares(weights, real_sizes) if vary_real else 1 / n
    variance = real_variance * real_share + fake_variance * _sum_of_squares(weights, sizes)
    return Estimate(float(weights @ values), np.sqrt(variance))


class IntraFID(NamedTuple):
    """The Fréchet distance within each class.

    Attributes:
        mean: Over the classes, each of equal weight.
        per_class: In the order of the labels.
    """

    mean: Estimate
    per_class: tuple[Estimate, ...]


def _intra_fid_of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    real, fake = sides.real, sides.fake
    if real.labels is None or sides.num_classes is None:
        raise ConfigError("it needs a labelled data set")
    # An unconditional generator is asked for no class: the classifier's stand for them.
    classes = sides.predicted_classes()[0] if fake.labels is None else fake.labels
    value = intra_fid(
        real.features, real.labels, fake.features, classes, num_classes=sides.num_classes
    )
    return {"intra_fid": value.mean}


@metric(needs=("labels",), compute=_intra_fid_of_sides)
def intra_fid(
    real: Float[AnyArray, "n d"],
    real_labels: Shaped[Array | np.ndarray, "_n"],
    fake: Float[AnyArray, "m _d"],
    fake_labels: Shaped[Array | np.ndarray, "_m"],
    *,
    num_classes: int,
) -> IntraFID:
    """`fid` of each class's real against its generated samples, and the mean over the classes.

    Args:
        real: Features of n real samples.
        real_labels: Their classes, integers.
        fake: Features of m generated samples, from the same feature network.
        fake_labels: The classes that the generator was asked for.
        num_classes: How many classes there are; each needs two samples in both sets.

    Raises:
        ConfigError: The features are not two finite matrices of one width, or the labels are not
            one of 0 .. num_classes - 1 for each row, or a class has fewer than two samples.

    Source: Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637, section 4.
    """
    check_features(real, fake)
    sets = []
    for name, x, labels in (("real", real, real_labels), ("fake", fake, fake_labels)):
        labels = check_labels(name, labels, rows=len(x), num_classes=num_classes)
        counts = np.bincount(labels, minlength=num_classes)
        if counts.min() < 2:
            raise ConfigError(
                f"class {counts.argmin()} has {counts.min()} {name} samples; each class needs at "
                "least 2: pass more samples"
            )
        sets.append((np.asarray(x), labels))
    (x, x_labels), (y, y_labels) = sets
    per_class = tuple(fid(x[x_labels == c], y[y_labels == c]) for c in range(num_classes))
    error = np.sqrt(np.sum(np.square([value.standard_error for value in per_class])))
    return IntraFID(Estimate(float(np.mean(per_class)), error / num_classes), per_class)


def _checked(name: str, given: Moments) -> Moments:
    """The moments in float64 on the host."""
    count = float(given.count)
    if not count >= 2:
        raise ConfigError(f"{name} moments are of {count:g} samples; a covariance needs at least 2")
    mean, scatter = (np.asarray(x, np.float64) for x in (given.mean, given.scatter))
    check_matrix(f"{name} moments", np.concatenate([mean[None], scatter]))
    return Moments(count, mean, scatter)


def _distance(a: Moments, b: Moments) -> float:
    _, gram = _root_and_gram(a.covariance, b.covariance)
    return _assemble(a, b, np.linalg.eigvalsh(gram)[-_rank(a, b) :])


def _assemble(a: Moments, b: Moments, eigenvalues: Float[np.ndarray, "r"]) -> float:
    """The distance, from the eigenvalues of S_a S_b."""
    traces = sum(np.trace(of_set.scatter) / (of_set.count - 1) for of_set in (a, b))
    cross = np.sum(np.sqrt(np.maximum(eigenvalues, 0.0)))
    return max(0.0, float(np.sum((a.mean - b.mean) ** 2) + traces - 2.0 * cross))


def _rank(a: Moments, b: Moments) -> int:
    """At most so many eigenvalues of S_a S_b are not 0, or rounding."""
    return int(min(len(a.mean), a.count - 1, b.count - 1))


def _root_and_gram(
    s_a: Float[AnyArray, "d d"], s_b: Float[AnyArray, "d d"]
) -> tuple[Float[np.ndarray, "d r"], Float[np.ndarray, "r r"]]:
    """L with L L^T = S_a, and L^T S_b L, of which the lower triangle counts."""
    from scipy.linalg import get_lapack_funcs  # here: a run begins before it is scored

    potrf, sygst = get_lapack_funcs(("potrf", "sygst"), dtype=float)
    smallest = len(s_a) * np.finfo(np.float64).eps
    # Transposed they are the same, but in the order that LAPACK takes as it is.
    root, failed = potrf(s_a.T, lower=1)
    if not failed and np.diag(root).min() ** 2 > smallest * np.diag(s_a).max():
        return root, sygst(s_b.T, root, itype=2, lower=1)[0]
    eigenvalues, eigenvectors = np.linalg.eigh(s_a)
    # Rounding leaves null directions some 1e-16 of the largest, whose square root would count.
    kept = eigenvalues > smallest * eigenvalues[-1]
    root = eigenvectors[:, kept] * np.sqrt(eigenvalues[kept])
    return root, root.T @ s_b @ root


def _value_and_variances(
    x: Float[AnyArray, "n d"], y: Float[AnyArray, "m d"], a: Moments, b: Moments
) -> tuple[float, tuple[float, float]]:
    """The distance of x, of moments a, from y, of moments b; the variances of the influences."""
    s_b = b.covariance
    return _from_root(x, y, a, b, s_b, *_root_and_gram(a.covariance, s_b))


def _of_few_and_many_rows(
    x: Float[AnyArray, "n d"], y: Float[AnyArray, "m d"]
) -> tuple[float, tuple[float, float]]:
    """The same for n < d < m: the centred rows of x are a root of their covariance."""
    a, b = moments(x), moments(y)
    root = _centred_rows(np.asarray(x, np.float64)).T
    s_b = b.covariance
    return _from_root(x, y, a, b, s_b, root, root.T @ (s_b @ root))


def _from_root(
    x: Float[AnyArray, "n d"],
    y: Float[AnyArray, "m d"],
    a: Moments,
    b: Moments,
    s_b: Float[AnyArray, "d d"],
    root: Float[np.ndarray, "d r"],
    gram: Float[np.ndarray, "r r"],
) -> tuple[float, tuple[float, float]]:
    """The same from L and L^T S_b L.

    With L L^T = S_a and L^T S_b L = U diag(s^2) U^T, the transport map from b to a is C C^T and
    that from a to b is B B^T, where C = L U s^(-1/2) and B = S_b C s^-1. A sample x weighs on the
    distance by 2 <mean_a - mean_b, x'> + |x'|^2 - |B^T x'|^2, where x' = x - mean_a, and y alike.
    """
    from scipy.linalg import eigh

    eigenvalues, eigenvectors = eigh(gram, driver="evr", check_finite=False)
    rank = _rank(a, b)
    eigenvalues, eigenvectors = eigenvalues[-rank:], eigenvectors[:, -rank:]
    value = _assemble(a, b, eigenvalues)

    kept = eigenvalues > len(gram) * np.finfo(np.float64).eps * eigenvalues.max(initial=0.0)
    s = np.sqrt(eigenvalues[kept])
    to_a = root @ eigenvectors[:, kept] / np.sqrt(s)[None]
    to_b = s_b @ to_a / s[None]
    difference = a.mean - b.mean
    return value, (_variance(x, a, difference, to_b), _variance(y, b, -difference, to_a))


def _of_few_rows(
    x: Float[AnyArray, "n d"], y: Float[AnyArray, "m d"]
) -> tuple[float, tuple[float, float]]:
    """The same without any d x d matrix, for m <= n <= d.

    The centred rows X and Y, over sqrt(n - 1) and sqrt(m - 1), are roots of the covariances. With
    X Y^T = U diag(s) V^T the trace of the square root is sum s, and |B^T x_i'|^2 is
    (n - 1) sum_k U_ik^2 s_k. V are the eigenvectors of Y X^T X Y^T, which take less than half of
    the time of all singular vectors. s are not the roots of its eigenvalues, which lose half of the
    digits, but the lengths of the columns of X Y^T V = U diag(s).
    """
    from scipy.linalg import eigh

    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    difference = x.mean(axis=0) - y.mean(axis=0)
    rows_x, rows_y = _centred_rows(x), _centred_rows(y)
    cross = rows_x @ rows_y.T
    v = eigh(cross.T @ cross, driver="evr", check_finite=False)[1]
    scaled_u = cross @ v
    s = np.linalg.norm(scaled_u, axis=0)
    value = np.sum(difference**2) + np.sum(rows_x**2) + np.sum(rows_y**2) - 2.0 * np.sum(s)

    def variance(
        rows: Float[np.ndarray, "k d"],
        difference: Float[np.ndarray, "d"],
        quadratic: Float[np.ndarray, "k"],
    ) -> float:
        scale = len(rows) - 1
        weights = np.sum(rows**2, axis=1) - quadratic
        influences = 2.0 * np.sqrt(scale) * rows @ difference + scale * weights
        return float(np.var(influences, ddof=1))

    kept = s > 0.0
    of_x, of_y = scaled_u[:, kept] ** 2 @ (1.0 / s[kept]), v**2 @ s
    variances = variance(rows_x, difference, of_x), variance(rows_y, -difference, of_y)
    return max(0.0, float(value)), variances


def _centred_rows(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """X with X^T X the covariance."""
    return (x - x.mean(axis=0)[None]) / np.sqrt(len(x) - 1)


def _variance(
    x: Float[AnyArray, "n d"],
    a: Moments,
    difference: Float[AnyArray, "d"],
    root: Float[np.ndarray, "d r"],
) -> float:
    """The variance over the samples of how each weighs on the distance."""
    rows = np.random.default_rng(0).permutation(len(x))[:_ERROR_ROWS]
    centred = np.asarray(x[rows], np.float64) - a.mean[None]
    influences = 2.0 * centred @ difference + np.sum(centred**2, axis=1)
    influences -= np.sum((centred @ root) ** 2, axis=1)
    return float(np.var(influences, ddof=1))


def _growing_moments(
    x: Float[AnyArray, "n d"], sizes: Int[np.ndarray, "k"], key: PRNGKeyArray
) -> list[Moments]:
    """The moments of the first so many samples in a random order."""
    order = np.asarray(jax.random.permutation(key, len(x)))
    parts, start = [], 0
    for size in sizes:
        parts.append(moments(x[order[start:size]]))
        start = size
    return list(itertools.accumulate(parts, merge))


def _sum_of_squares(weights: Float[np.ndarray, "k"], sizes: Int[np.ndarray, "k"]) -> float:
    """The sum over samples of squared weights, where a mean over the first sizes[k] has weights[k].

    A sample weighs as the sum of weights / sizes over the subsets that hold it.
    """
    added = np.diff(sizes, prepend=0)
    of_sample = np.cumsum((weights / sizes)[::-1])[::-1]
    return float(np.sum(added * of_sample**2))
