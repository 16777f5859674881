"""Tables against their definitions, scikit-learn's array and its documented coefficients."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_diabetes

from jaxgan.data import (
    columns_model,
    diabetes,
    gaussian_columns,
    linear_gaussian,
    linear_model,
    load,
    whole,
)
from jaxgan.errors import ConfigError

ROWS = 100_000


def test_the_truth_by_hand():
    truth = linear_model(dimensions=2, noise=0.5)
    np.testing.assert_allclose(truth.beta, [0.5, -1])
    np.testing.assert_allclose(truth.covariance, [[1, 0.6], [0.6, 1]])
    # Cov(x, y) = (.5 - .6, .3 - 1), Var y = -.05 + .7 + .25.
    expected = [[1, 0.6, -0.1], [0.6, 1, -0.7], [-0.1, -0.7, 0.9]]
    np.testing.assert_allclose(truth.joint, expected, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(columns_model().covariance), 4 * 0.5 ** np.arange(5.0, -1, -1)
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_linear_gaussian_is_a_linear_regression(split):
    source, truth = linear_gaussian(split=split, size=ROWS), linear_model()
    batch = whole(source)
    assert (source.shape, source.condition_shape, source.num_classes) == ((1,), (5,), None)
    x, y = np.float64(batch.condition), np.float64(batch.real[:, 0])
    covariance = np.cov(np.c_[x, y].T)
    np.testing.assert_allclose(covariance, truth.joint, atol=6 * 2 / ROWS**0.5)
    noise = (y - x @ truth.beta - truth.intercept) / truth.noise
    assert stats.kstest(noise, "norm").pvalue > 1e-3


@pytest.mark.parametrize("split", ["train", "test"])
def test_columns_have_their_mean_and_covariance(split):
    table, truth = np.float64(whole(gaussian_columns(split=split, size=ROWS)).real), columns_model()
    np.testing.assert_allclose(table.mean(axis=0), truth.mean, atol=5 * 2 / ROWS**0.5)
    np.testing.assert_allclose(np.cov(table.T), truth.covariance, atol=6 * 4 / ROWS**0.5)
    whitened = np.linalg.solve(np.linalg.cholesky(truth.covariance), (table - truth.mean).T)
    assert stats.kstest(whitened.ravel(), "norm").pvalue > 1e-3


def test_diabetes_is_scikit_learns():
    x, y = load_diabetes(return_X_y=True)
    batch = whole(diabetes(split="all"))
    np.testing.assert_allclose(batch.condition / 442**0.5, x, atol=1e-6)
    np.testing.assert_allclose(batch.real[:, 0] * y.std() + y.mean(), y, rtol=1e-5)
    train, test = (whole(diabetes(split=split)) for split in ("train", "test"))
    assert (len(train.real), len(test.real)) == (422, 20)
    np.testing.assert_array_equal(np.concatenate([train.real, test.real]), batch.real)


def least_squares(split):
    """Coefficients and intercept in scikit-learn's units, by NumPy."""
    batch, sd = whole(diabetes(split=split)), load_diabetes().target.std()
    design = np.c_[np.float64(batch.condition), np.ones(len(batch.real))]
    solution = np.linalg.lstsq(design, np.float64(batch.real[:, 0]), rcond=None)[0]
    return design, solution, 442**0.5 * sd * solution[:-1]


def test_diabetes_has_the_documented_least_squares_fits():
    """scikit-learn's tutorial on supervised learning (422 rows, scored on the last 20), and the
    least-squares coefficients of all rows, R^2 .5177 (Efron et al. 2004, the R package lars)."""
    _, solution, coefficients = least_squares("train")
    tutorial = (0.3035, -237.6393, 510.5306, 327.7370, -814.1317)
    tutorial += (492.8146, 102.8485, 184.6065, 743.5196, 76.0952)
    np.testing.assert_allclose(coefficients, tutorial, atol=2e-2)
    test = whole(diabetes(split="test"))
    errors = test.real[:, 0] - test.condition @ solution[:-1] - solution[-1]
    variance = load_diabetes().target.var()
    assert np.mean(errors**2) * variance == pytest.approx(2004.57, abs=0.1)
    assert 1 - np.mean(errors**2) / test.real.var() == pytest.approx(0.58508, abs=3e-5)

    design, solution, coefficients = least_squares("all")
    lars = (-10.0, -239.8, 519.8, 324.4, -792.2, 476.7, 101.0, 177.1, 751.3, 67.6)
    np.testing.assert_allclose(coefficients, lars, atol=0.06)
    residuals = whole(diabetes(split="all")).real[:, 0] - design @ solution
    assert 1 - np.mean(residuals**2) == pytest.approx(0.5177, abs=5e-5)


@pytest.mark.parametrize("name", ["linear_gaussian", "gaussian_columns", "diabetes"])
def test_mistakes_are_named(name):
    with pytest.raises(ConfigError, match="no split 'valid'; use one of: train, test"):
        load(name, split="valid")
    if name != "diabetes":
        with pytest.raises(ConfigError, match="dimensions is 0"):
            load(name, kwargs={"dimensions": 0})
