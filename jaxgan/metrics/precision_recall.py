"""Precision, recall, density and coverage: do samples lie where the data lie, and everywhere?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_features
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.neighbours import distinct_rows, nearest, tiles_below
from jaxgan.metrics.record import metric

# Random partitions of both sets, for the standard errors, and the parts of each.
_PARTITIONS, _PARTS = 6, (2, 4)


class PRDC(NamedTuple):
    """How a generated set overlaps a real one.

    A ball of a sample reaches to its k-th nearest neighbour in its own set, and is open.

    Attributes:
        precision: Share of generated samples in the ball of some real one, in [0, 1].
        recall: Share of real samples in the ball of some generated one, in [0, 1].
        density: How many real balls hold a generated sample, on average, over k. At least 0; 1 on
            average where both sets come from one distribution.
        coverage: Share of real samples whose ball holds a generated one, in [0, 1].
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


@metric(figures=PRDC._fields, higher_is_better=PRDC._fields)
def prdc(real: Float[AnyArray, "n d"], fake: Float[AnyArray, "m _d"], *, k: int = 5) -> PRDC:
    """Improved precision and recall, density and coverage, exact as float64 on the host.

    Every comparison of distances is that of float64 differences, and a tie is not inside.

    The standard errors cover the draws of both sets, and of the balls with them: random partitions
    divide both sets into halves and into quarters, which are independent and have no copies, and
    the variance of the figures among b parts, over b, estimates theirs; the larger one is taken.
    Of Gaussians, 500 and 2,000 samples in 8 and 32 dimensions, 90 to 99 % of the intervals of 1.96
    standard errors hold the mean, 95 % on average (with balls held fixed 78 to 95 %, 86 %).
    They are NaN of fewer than 2 (k + 1) samples, and take about four times as long as the figures.

    Args:
        real: Features of n > k real samples.
        fake: Features of m > k generated samples, from the same feature network.
        k: Which neighbour a ball reaches to; a copy of a sample counts as a neighbour.

    Raises:
        ConfigError: The features are not two finite matrices of one width, or k is not between 1
            and min(n, m) - 1.

    Source: Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991, equations 1 and 2; Naeem et
    al. 2020, https://arxiv.org/abs/2002.09797, equations 4 and 6.
    """
    check_features(real, fake)
    n, m = real.shape[0], fake.shape[0]
    if not 1 <= k < min(n, m):
        raise ConfigError(
            f"k is {k}; it must lie between 1 and min(n, m) - 1 = {min(n, m) - 1}: lower it or "
            "pass more samples"
        )
    real, fake = np.asarray(real), np.asarray(fake)
    return PRDC(*map(Estimate, _figures(real, fake, k), _standard_errors(real, fake, k)))


def _figures(
    real: Float[np.ndarray, "n d"], fake: Float[np.ndarray, "m d"], k: int
) -> Float[np.ndarray, "4"]:
    x, of_real = _distinct(real)
    y, of_fake = _distinct(fake)
    copies_x, copies_y = np.bincount(of_real), np.bincount(of_fake)

    balls_of_fake = np.zeros(len(y))
    in_fake_ball, holds_fake = np.zeros(len(x), bool), np.zeros(len(x), bool)
    radii = _squared_radii(x, copies_x, k), _squared_radii(y, copies_y, k)
    for rows, columns, in_ball_of_x, in_ball_of_y in tiles_below(x, y, *radii):
        # BLAS multiplies no bool; float32 holds counts of up to 2^24 samples exactly.
        weights = copies_x[rows].astype(np.float32)
        balls_of_fake[columns] += weights @ in_ball_of_x.astype(np.float32)
        holds_fake[rows] |= in_ball_of_x.any(axis=1)
        in_fake_ball[rows] |= in_ball_of_y.any(axis=1)
    per_sample = (
        (balls_of_fake > 0)[of_fake],
        in_fake_ball[of_real],
        balls_of_fake[of_fake] / k,
        holds_fake[of_real],
    )
    return np.array([values.mean() for values in per_sample])


def _standard_errors(
    real: Float[np.ndarray, "n d"], fake: Float[np.ndarray, "m d"], k: int
) -> Float[np.ndarray, "4"]:
    """Of disjoint parts, as variances of means over n samples are one over n of theirs."""
    rng = np.random.default_rng(0)
    variances = [np.full(4, np.nan)]
    for parts in _PARTS:
        if min(len(real), len(fake)) // parts <= k:
            continue
        of_partitions = []
        for _ in range(_PARTITIONS):
            x, y = (np.array_split(rng.permutation(z), parts) for z in (real, fake))
            figures = [_figures(*pair, k) for pair in zip(x, y, strict=True)]
            of_partitions.append(np.var(figures, axis=0, ddof=1) / parts)
        variances.append(np.mean(of_partitions, axis=0))
    return np.sqrt(np.fmax.reduce(variances))


def _distinct(
    x: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "u d"], Int[np.ndarray, "n"]]:
    """The distinct points, and which each row is: a collapsed generator repeats few points."""
    first, which = distinct_rows(x)
    return x if len(first) == len(x) else x[first], which


def _squared_radii(
    x: Float[np.ndarray, "u d"], copies: Int[np.ndarray, "u"], k: int
) -> Float[np.ndarray, "u"]:
    """Squared distance of each distinct point to its k-th neighbour, its other copies included."""
    # Of k + 1 copies of a point k are neighbours of any other: more change no k-th distance.
    rows = np.repeat(np.arange(len(x)), np.minimum(copies, k + 1))
    squared, _ = nearest(x if len(rows) == len(x) else x[rows], k=k)
    return squared[np.searchsorted(rows, np.arange(len(x))), -1]
