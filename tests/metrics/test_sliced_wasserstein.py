import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance

from jaxgan.errors import ConfigError
from jaxgan.metrics import sliced_wasserstein, sliced_wasserstein_distance


def features(seed, n, d, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(n, d)).astype(np.float32)


def test_on_a_line_is_scipys_distance(key):
    # In one dimension every direction is +1 or -1.
    real, fake = features(0, 70, 1), features(1, 45, 1, 0.5)
    distance = sliced_wasserstein_distance(real, fake, key=key, num_projections=3, p=1)
    assert_allclose(distance, wasserstein_distance(real[:, 0], fake[:, 0]), rtol=1e-6)


def test_squares_on_a_line_are_the_best_assignment(key):
    real, fake = features(2, 12, 1), features(3, 18, 1, 0.5)
    # Of 36 points of equal mass: each of 12 three times, each of 18 twice.
    x, y = np.repeat(real[:, 0].astype(float), 3), np.repeat(fake[:, 0].astype(float), 2)
    cost = (x[:, None] - y[None]) ** 2
    expected = np.sqrt(cost[linear_sum_assignment(cost)].mean())
    distance = sliced_wasserstein_distance(real, fake, key=key, num_projections=3)
    assert_allclose(distance, expected, rtol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_a_shift_is_known_in_closed_form(key, p):
    real = 1e3 + features(4, 400, 8)
    shift = np.full(8, 2.0, np.float32)
    distance = sliced_wasserstein_distance(real, real + shift, key=key, num_projections=500, p=p)
    # W_p = |<u, shift>|, with E <u, e>^2 = 1 / d and E |<u, e>| = Gamma(4) / (sqrt(pi) Gamma(4.5)).
    expected = np.linalg.norm(shift) * {1: 6 / (np.sqrt(np.pi) * 11.63173), 2: 1 / np.sqrt(8)}[p]
    assert abs(distance - expected) < 4.0 * distance.standard_error
    assert distance.standard_error < 0.06 * expected


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.slow
def test_standard_error_covers_directions_and_samples(p):
    scores = [
        sliced_wasserstein_distance(
            features(2 * seed, 80, 4),
            features(2 * seed + 1, 60, 4, 0.7),
            key=jax.random.key(seed),
            num_projections=30,
            p=p,
        )
        for seed in range(100)
    ]
    # A standard deviation of 100 draws is known to 7 %.
    assert_allclose(np.mean([s.standard_error for s in scores]), np.std(scores), rtol=0.3)


def test_equal_sets_are_at_no_distance(key):
    x = features(5, 30, 3)
    distance = sliced_wasserstein_distance(x, x[::-1], key=key, num_projections=70)
    assert distance == 0.0
    assert np.isfinite(distance.standard_error)


def test_blocks_of_directions_do_not_show(key, monkeypatch):
    real, fake = features(6, 50, 3), features(7, 41, 3)
    whole = sliced_wasserstein_distance(real, fake, key=key, num_projections=20)
    monkeypatch.setattr(sliced_wasserstein, "DIRECTIONS", 7)
    monkeypatch.setattr(sliced_wasserstein, "ROWS", 16)
    parts = sliced_wasserstein_distance(real, fake, key=key, num_projections=20)
    assert_allclose(parts, whole, rtol=1e-12)
    assert_allclose(parts.standard_error, whole.standard_error, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"num_projections": 1}, "num_projections is 1"), ({"p": 3}, "p is 3; .* p = 1 or 2")],
)
def test_bad_options_raise(key, options, message):
    with pytest.raises(ConfigError, match=message):
        sliced_wasserstein_distance(features(8, 9, 2), features(9, 7, 2), key=key, **options)
