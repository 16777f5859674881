"""How a generator follows a curve in a plane, such as the spiral."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

_CHECKPOINTS = 60  # of the curve, along its length parameter
_RADIUS = 0.15
_BOOTSTRAP_SAMPLES = 100


class CurveCoverage(NamedTuple):
    """How samples follow a curve.

    Attributes:
        curve_recall: Share of 60 points of the curve, evenly along its parameter, that have a
            sample within .15.
        curve_distance: The median over samples of the distance to the curve, in the plane. Less
            than that of real data means that variance was lost.
    """

    curve_recall: float
    curve_distance: float


def _of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    del key
    assert sides.curve is not None
    plane, points = sides.curve
    hits, distances = _measured(np.asarray(sides.fake.features), plane, points)
    rng = np.random.default_rng(0)
    resampled = [
        np.median(rng.choice(distances, len(distances))) for _ in range(_BOOTSTRAP_SAMPLES)
    ]
    share = float(np.mean(hits))
    return {
        "curve_recall": Estimate(share, float(np.sqrt(share * (1 - share) / len(hits)))),
        "curve_distance": Estimate(float(np.median(distances)), float(np.std(resampled, ddof=1))),
    }


@metric(
    figures=("curve_recall", "curve_distance"),
    higher_is_better=("curve_recall",),
    needs=("curve",),
    on_features=False,
    compute=_of_sides,
)
def curve_coverage(
    samples: Float[AnyArray, "..."],
    plane: Float[AnyArray, "d 2"],
    points: Float[AnyArray, "k 2"],
) -> CurveCoverage:
    """Recall of a curve in a plane, and the median distance to it.

    Args:
        samples: n >= 1 generated points.
        plane: Orthonormal axes of the plane, onto which samples are projected.
        points: k >= 60 points of the curve, evenly along its parameter.

    Raises:
        ConfigError: Samples of another width than the plane's, or too few points.

    Source: the spiral diagnostic of representation distribution matching,
    https://arxiv.org/abs/2607.02375

    >>> line = np.stack([np.linspace(0, 1, 60), np.zeros(60)], axis=1)
    >>> curve_coverage(line + [0.0, 0.1], np.eye(2), line)
    CurveCoverage(curve_recall=1.0, curve_distance=0.1)
    """
    hits, distances = _measured(np.asarray(samples), np.asarray(plane), np.asarray(points))
    return CurveCoverage(float(np.mean(hits)), float(np.median(distances)))


def _measured(
    samples: Float[np.ndarray, "..."],
    plane: Float[np.ndarray, "d 2"],
    points: Float[np.ndarray, "k 2"],
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each of 60 points of the curve is met, and each sample's distance to the curve."""
    from scipy.spatial import KDTree

    if samples.ndim != 2 or len(samples) < 1 or samples.shape[1] != len(plane):
        raise ConfigError(
            f"samples have shape {samples.shape}; it must be [n, {len(plane)}] with n >= 1"
        )
    if len(points) < _CHECKPOINTS:
        raise ConfigError(f"the curve has {len(points)} points; it must have {_CHECKPOINTS}")
    finite = np.asarray(np.isfinite(samples).all(axis=1))
    projected = np.where(finite[:, None], samples, 0).astype(np.float64) @ plane
    distances = np.where(finite, KDTree(points).query(projected)[0], np.inf)
    chosen = np.linspace(0, len(points) - 1, _CHECKPOINTS).round().astype(int)
    met = np.full(_CHECKPOINTS, np.inf)
    if finite.any():
        met = KDTree(projected[finite]).query(points[chosen])[0]
    return met <= _RADIUS, distances
