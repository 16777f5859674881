"""A number with its error: it calculates as its value does, and prints with the error."""

import copy
import math
import pickle

import numpy as np
import pytest

from jaxgan.metrics import Estimate

ESTIMATE = Estimate(np.float64(2.2712), np.float64(0.1))


def test_it_has_a_value_and_an_error_as_floats_and_keeps_them():
    assert (ESTIMATE.value, ESTIMATE.standard_error) == (2.2712, 0.1)
    assert type(ESTIMATE.value) is float is type(ESTIMATE.standard_error)
    with pytest.raises(AttributeError):
        ESTIMATE.standard_error = 1.0  # pyright: ignore[reportAttributeAccessIssue]


def test_it_compares_and_calculates_as_its_value_does():
    other = Estimate(1.0, 0.5)
    assert ESTIMATE == 2.2712 < 3 < 3 + ESTIMATE
    assert np.float64(2) < ESTIMATE and other < ESTIMATE and other != ESTIMATE
    assert ESTIMATE and not Estimate(0.0, 1.0) and int(ESTIMATE) == 2
    assert max(ESTIMATE, other) is ESTIMATE
    assert pytest.approx(2.2712) == ESTIMATE == pytest.approx(2.2712)
    assert abs(other - 3) == 2.0 == np.float64(3) - other
    assert -other + other * 2 == other**2 == other / other == sum([other]) == 1.0
    assert float(ESTIMATE) == math.fsum([ESTIMATE]) == 2.2712
    assert round(ESTIMATE, 1) == 2.3 and round(ESTIMATE) == 2 and f"{ESTIMATE:.1f}" == "2.3"
    assert hash(ESTIMATE) == hash(2.2712)


def test_numpy_takes_it_for_its_value():
    np.testing.assert_allclose(ESTIMATE, 2.2712, rtol=1e-12)
    np.testing.assert_array_equal(np.asarray([ESTIMATE, Estimate(1.0, 0.5)]), [2.2712, 1.0])
    assert np.isfinite(ESTIMATE) and np.isnan(Estimate(math.nan, 0.0))
    assert np.mean((ESTIMATE, ESTIMATE)) == 2.2712 and np.asarray(ESTIMATE, np.float32).ndim == 0


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_survives_pickle_and_copy(protocol):
    estimate = Estimate(1.5, 0.25)
    for other in (
        pickle.loads(pickle.dumps(estimate, protocol)),
        copy.copy(estimate),
        copy.deepcopy(estimate),
    ):
        assert (other.value, other.standard_error) == (1.5, 0.25)
        assert type(other) is Estimate


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.2712, 0.1, "2.27 +- 0.10"),
        (227.31, 12.4, "227 +- 12"),
        (-0.00123, 0.00045, "-0.00123 +- 0.00045"),
        (2.0, 0.0, "2 +- 0"),
        (10.0, 1.2e-36, "10 +- 0"),
        (0.998877, 4e-8, "0.998877 +- 0"),
        (123456.78, 0.6, "123456.78 +- 0.60"),
        (1234.5, 567.8, "1230 +- 570"),
        (2.0, 0.0999, "2.00 +- 0.10"),
        (-0.001, 0.1, "0.00 +- 0.10"),
        (0.0000123, 0.0000021, "0.0000123 +- 0.0000021"),
        (2.34e-9, 5.6e-10, "(23.4 +- 5.6)e-10"),
        (2.0, float("nan"), "2 +- nan"),
    ],
)
def test_it_prints_two_digits_of_its_error(value, error, text):
    assert str(Estimate(value, error)) == f"{Estimate(value, error)}" == text
