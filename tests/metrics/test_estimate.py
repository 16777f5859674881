import copy
import json
import pickle

import numpy as np
import pytest

from jaxgan.metrics import Estimate


def test_an_estimate_is_a_float_with_an_error():
    estimate = Estimate(np.float64(2.2712), np.float64(0.1))
    assert isinstance(estimate, float)
    assert estimate == 2.2712 < 3
    assert estimate.standard_error == 0.1
    assert json.dumps({"fid": estimate}) == '{"fid": 2.2712}'
    assert f"{estimate:.1f}" == "2.3"
    assert type(estimate + 1) is float
    with pytest.raises(AttributeError, match="immutable"):
        estimate.standard_error = 1.0


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_estimate_survives_pickle_and_copy(protocol):
    estimate = Estimate(1.5, 0.25)
    for other in (
        pickle.loads(pickle.dumps(estimate, protocol)),
        copy.copy(estimate),
        copy.deepcopy(estimate),
    ):
        assert (other, other.standard_error) == (1.5, 0.25)
        assert type(other) is Estimate


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.2712, 0.1, "2.27 +- 0.10"),
        (227.31, 12.4, "227 +- 12"),
        (-0.00123, 0.00045, "-0.00123 +- 0.00045"),
        (2.0, 0.0, "2 +- 0"),
        (2.0, float("nan"), "2 +- nan"),
    ],
)
def test_an_estimate_prints_two_digits_of_its_error(value, error, text):
    assert str(Estimate(value, error)) == repr(Estimate(value, error)) == text
