"""Shares of samples that are read as the class asked for, counted by hand."""

import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.metrics import class_agreement

ASKED = np.array([0, 0, 0, 0, 1, 1, 3])
PREDICTED = np.array([0, 0, 0, 2, 1, 0, 3])


def test_shares_are_counts_with_binomial_errors():
    share, per_class = class_agreement(ASKED, PREDICTED, num_classes=4)
    assert share.value == pytest.approx(5 / 7)
    assert share.standard_error == pytest.approx(np.sqrt(5 / 7 * 2 / 7 / 6))  # unbiased variance
    assert [x.value for x in per_class[:2]] == [0.75, 0.5]
    assert per_class[0].standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 3))
    assert np.isnan(per_class[2].value)  # was not asked for
    assert per_class[3].value == 1.0 and np.isnan(per_class[3].standard_error)  # one sample


def test_the_error_is_the_deviation_over_draws():
    rng = np.random.default_rng(0)
    asked = rng.integers(0, 3, 50)
    wrong = rng.random((1000, 50)) < 0.3
    found = [class_agreement(asked, (asked + row) % 3, num_classes=3).share for row in wrong]
    assert np.mean(found) == pytest.approx(0.7, abs=0.01)
    assert np.mean([x.standard_error for x in found]) == pytest.approx(np.std(found), rel=0.1)


def test_labels_that_are_none_of_the_classes_raise():
    with pytest.raises(ConfigError, match="predicted labels run from 0 to 3"):
        class_agreement(np.array([0, 1]), np.array([0, 3]), num_classes=3)
    with pytest.raises(ConfigError, match="asked labels are float"):
        class_agreement(np.array([0.0, 1.0]), np.array([0, 1]), num_classes=3)
