"""How samples follow a curve, by hand and against the spiral's published floor."""

import numpy as np
import pytest

from jaxgan.data import load, whole
from jaxgan.errors import ConfigError
from jaxgan.metrics import curve_coverage

LINE = np.stack([np.linspace(0, 6, 600), np.zeros(600)], axis=1)


def test_by_hand():
    """Half of the line is met; samples lie .3 off it, but those that are on it."""
    on = np.stack([np.linspace(0, 3, 100), np.zeros(100)], axis=1)
    off = np.stack([np.linspace(0, 6, 150), np.full(150, 0.3)], axis=1)
    recall, distance = curve_coverage(np.concatenate([on, off]), np.eye(2), LINE)
    checkpoints = np.linspace(0, 6, 60)
    np.testing.assert_allclose(recall, np.mean(checkpoints <= 3.15))
    np.testing.assert_allclose(distance, 0.3, atol=1e-5)


def test_only_the_plane_counts():
    """Axes of five dimensions; what is across them is not seen."""
    plane = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 2)))[0]
    across = np.linalg.svd(plane)[0][:, 2]
    samples = LINE @ plane.T + 7 * across
    assert curve_coverage(samples, plane, LINE) == pytest.approx((1.0, 0.0), abs=1e-9)


def test_samples_that_are_not_finite_are_far_from_it():
    samples = np.where(np.arange(600)[:, None] < 400, np.nan, LINE)
    recall, distance = curve_coverage(samples, np.eye(2), LINE)
    assert 0.3 < recall < 0.4
    assert distance == np.inf
    assert curve_coverage(np.full((3, 2), np.nan), np.eye(2), LINE).curve_recall == 0


@pytest.mark.parametrize("shape", [(0, 2), (4, 3), (4,)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(ConfigError, match=r"it must be \[n, 2\] with n >= 1"):
        curve_coverage(np.zeros(shape), np.eye(2), LINE)


def test_too_few_points_of_the_curve():
    with pytest.raises(ConfigError, match="has 9 points; it must have 60"):
        curve_coverage(LINE, np.eye(2), LINE[:9])


def test_the_spiral_of_the_literature():
    """Real data scores recall 1.00 and .033 to .034, in 64 dimensions (arXiv 2607.02375)."""
    source, held_out = load("spiral"), load("spiral", split="test", kwargs={"size": 4000})
    assert source.curve is not None and held_out.curve is not None
    assert source.shape == (64,)
    assert source.size == 2000
    np.testing.assert_allclose(source.curve.plane.T @ source.curve.plane, np.eye(2), atol=1e-6)
    recall, distance = curve_coverage(whole(held_out).real, *source.curve)
    assert recall == 1
    assert distance == pytest.approx(0.0335, abs=0.0015)
    np.testing.assert_array_equal(held_out.curve.plane, source.curve.plane)
    assert not np.array_equal(whole(source).real[:9], whole(held_out).real[:9])
