"""Against scikit-learn's area under the ROC curve, and the spread of draws."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxgan.errors import ConfigError
from jaxgan.metrics import probability_below


@pytest.mark.parametrize("ties", [False, True])
def test_it_is_the_area_under_the_curve(ties):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=60), rng.normal(0.7, size=45)
    x, y = (np.round(x), np.round(y)) if ties else (x, y)
    expected = roc_auc_score(np.repeat([0, 1], [60, 45]), np.concatenate([x, y]))
    np.testing.assert_allclose(probability_below(x, y), expected, rtol=1e-12)


def test_the_standard_error_is_the_spread_of_draws():
    """Of 400 draws the deviation is known to 4 %."""
    rng = np.random.default_rng(1)
    found = [probability_below(rng.normal(size=50), rng.normal(1, size=30)) for _ in range(400)]
    error = np.mean([x.standard_error for x in found])
    assert np.std([x.value for x in found]) == pytest.approx(error, rel=0.12)


def test_numbers_are_two_or_more():
    with pytest.raises(ConfigError, match="y has 1 numbers"):
        probability_below(np.zeros(3), np.zeros(1))
    with pytest.raises(ConfigError, match="x has 3 numbers, 1 of them NaN"):
        probability_below(np.array([0, np.nan, 1]), np.zeros(2))
