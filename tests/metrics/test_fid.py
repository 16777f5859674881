import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import fid


def reference(real, fake):
    """Heusel et al. 2017, equation 6, in float64, with scipy's matrix square root."""
    s_r, s_f = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = scipy.linalg.sqrtm(s_r @ s_f)
    distance = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    return distance + np.trace(s_r) + np.trace(s_f) - 2.0 * np.trace(root).real


def features(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d) + rng.normal(size=d)


@pytest.mark.parametrize(
    ("n", "m", "d"), [(70, 90, 12), (300, 200, 33), (40, 21, 20), (200, 150, 1)]
)
def test_agrees_with_scipy_sqrtm(n, m, d):
    real, fake = features(0, n, d), features(1, m, d)
    if d == 1:
        expected = (real.mean() - fake.mean()) ** 2 + (real.std(ddof=1) - fake.std(ddof=1)) ** 2
    else:
        expected = reference(real, fake)
    assert_allclose(fid(real, fake), expected, rtol=1e-6)


@pytest.mark.parametrize(("n", "m"), [(10, 15), (10, 200), (200, 15)])
def test_singular_covariances_agree_with_singular_values_of_the_data(n, m):
    # tr (S_r S_f)^(1/2) is the nuclear norm of X Y^T / sqrt((n - 1)(m - 1)), X and Y centred.
    d = 40
    real, fake = features(2, n, d), features(3, m, d)
    x, y = real - real.mean(axis=0), fake - fake.mean(axis=0)
    cross = scipy.linalg.svdvals(x @ y.T).sum() / np.sqrt((n - 1) * (m - 1))
    traces = (x**2).sum() / (n - 1) + (y**2).sum() / (m - 1)
    expected = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2) + traces - 2.0 * cross
    assert_allclose(fid(real, fake), expected, rtol=1e-7)


def test_closed_form_of_diagonal_gaussians():
    # Columns of a Hadamard matrix: uncorrelated, of mean 0 and, so scaled, of unbiased variance 1.
    def white(n):
        return scipy.linalg.hadamard(n)[:, 1:5] * np.sqrt((n - 1) / n)

    real = white(16) * np.array([1.0, 2.0, 0.5, 0.0]) + np.array([0.0, 1.0, 0.0, -2.0])
    fake = white(32) * np.array([2.0, 2.0, 1.5, 3.0]) + np.array([1.0, 1.0, 0.0, 0.0])
    # |mean difference|^2 = 1 + 4, sum of (std difference)^2 = 1 + 0 + 1 + 9
    assert_allclose(fid(real, fake), 16.0, rtol=1e-12)


def test_is_zero_on_equal_sets_symmetric_and_blind_to_order_and_rotation():
    real, fake = features(4, 60, 10), features(5, 45, 10)
    dead = np.hstack([real, np.zeros((60, 3))])  # units that never fire: a singular covariance
    assert fid(dead, dead[::-1]) <= 1e-12 * np.trace(np.cov(real, rowvar=False))
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(10, 10)))[0]
    expected = fid(real, fake)
    assert expected > 0.1
    for other in (
        fid(fake, real),
        fid(real[::-1], fake),
        fid(real @ rotation, fake @ rotation),
        fid(real + 7.0, fake + 7.0),
    ):
        assert_allclose(other, expected, rtol=1e-9)


def test_constant_features_leave_the_distance_of_the_means():
    real, fake = np.full((30, 3), 2.0), np.full((2, 3), 3.0)
    assert_allclose(fid(real, fake), 3.0, rtol=1e-12)


def test_is_exact_for_float32_features_far_from_the_origin():
    real = (features(7, 80, 6) + 1e3).astype(np.float32)
    fake = (features(8, 70, 6) + 1e3).astype(np.float32)
    assert_allclose(fid(real, fake), reference(real.astype(float), fake.astype(float)), rtol=1e-6)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((1, 3)), np.zeros((4, 3)), r"real features have shape \(1, 3\)"),
        (np.zeros((4, 3)), np.zeros((0, 3)), r"fake features have shape \(0, 3\)"),
        (np.zeros((4, 3)), np.zeros((5, 2)), "real has 3 features and fake has 2"),
        (np.zeros((4, 3)), np.full((5, 3), np.nan), "fake features hold 15 NaN or infinite"),
    ],
)
def test_bad_features_raise(real, fake, message):
    with pytest.raises(ConfigError, match=message) as error:
        fid(real, fake)
    assert "\n" not in str(error.value)
