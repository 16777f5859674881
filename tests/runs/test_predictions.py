"""Intervals against the closed-form predictive distribution of a linear Gaussian model."""

import jax
import numpy as np
import pytest
from scipy import stats

from jaxgan.data import linear_gaussian, linear_model, whole
from jaxgan.errors import ConfigError
from jaxgan.runs.predictions import predicted

KEY = jax.random.key(0)
TRUTH = linear_model()


@jax.jit
def sampler(state, key, batch):
    """Draws from the truth, with `state` times its noise."""
    means = batch.condition @ np.float32(TRUTH.beta) + TRUTH.intercept
    noise = jax.random.normal(key, means.shape)
    return (means + state * TRUTH.noise * noise)[:, None]


@pytest.mark.parametrize(("num_samples", "level"), [(19, 0.9), (40, 0.5), (99, 0.9)])
def test_intervals_hold_the_share_that_they_say(num_samples, level):
    """Also for few draws: of values of the data, not of further draws."""
    data = whole(linear_gaussian(split="test", size=3000))
    options = {"key": KEY, "num_samples": num_samples, "level": level}
    found = predicted(sampler, 1.0, data.condition, **options)
    held = (found.lower <= data.real) & (data.real <= found.upper)
    error = np.sqrt(level * (1 - level) / len(held))
    assert found.mean.shape == (3000, 1) and abs(held.mean() - level) < 4 * error


def test_ends_are_those_of_the_closed_form():
    x = whole(linear_gaussian(split="test", size=4)).condition
    found = predicted(sampler, 1.0, x, key=KEY, num_samples=20_000, level=0.8)
    centre = np.float64(x) @ TRUTH.beta + TRUTH.intercept
    for ours, share in ((found.lower, 0.1), (found.mean, 0.5), (found.upper, 0.9)):
        expected = stats.norm.ppf(share, centre, TRUTH.noise)
        np.testing.assert_allclose(ours[:, 0], expected, atol=0.03)
    again = predicted(sampler, 1.0, x, key=KEY, num_samples=20_000, level=0.8)
    np.testing.assert_array_equal(found.mean, again.mean)


def test_without_noise_intervals_are_points():
    x = whole(linear_gaussian(size=3)).condition
    found = predicted(sampler, 0.0, x, key=KEY, num_samples=19, level=0.9)
    np.testing.assert_array_equal(found.lower, found.upper)
    np.testing.assert_allclose(found.mean[:, 0], x @ TRUTH.beta + TRUTH.intercept, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0, "level": 0.9}, "num_samples is 0; it must be at least 1"),
        ({"num_samples": 18, "level": 0.9}, r"num_samples is 18, and .* level 0\.9 needs 19 draws"),
        ({"num_samples": 19, "level": 1.0}, r"level is 1\.0; it must be in \(0, 1\)"),
    ],
)
def test_too_few_draws_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        predicted(sampler, 1.0, np.zeros((2, 5), np.float32), key=KEY, **options)
