import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import kid
from jaxgan.metrics.kid import subset_indices


def reference(x, y):
    """Binkowski et al. 2018, equation 4, in float64, term by term."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m = len(x), len(y)

    def k(a, b):
        return (a @ b / len(a) + 1.0) ** 3

    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2.0 * sum(k(a, b) for a in x for b in y) / (n * m)


def features(seed, n, d, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_agrees_with_the_double_loop_on_the_same_subsets(key, mean):
    real, fake = features(0, 50, 7, mean), features(1, 41, 7, mean + 0.5)
    score = kid(real, fake, num_subsets=4, subset_size=20, key=key)
    expected = []
    for subset_key in jax.random.split(key, 4):
        rows, columns = subset_indices(subset_key, 50, 41, 20)
        assert len(set(rows.tolist())) == len(set(columns.tolist())) == 20
        expected.append(reference(real[rows], fake[columns]))
    scale = np.mean((np.sum(real**2, axis=1) / 7 + 1.0) ** 3)  # of the kernel
    assert_allclose(score.mean, np.mean(expected), atol=1e-6 * scale)
    assert_allclose(score.std, np.std(expected), atol=1e-6 * scale)


def test_whole_sets_give_the_one_value_whatever_the_key():
    real, fake = features(2, 30, 5), features(3, 30, 5, 0.3)
    score = kid(jnp.asarray(real), fake, num_subsets=3, subset_size=30, key=jax.random.key(9))
    assert_allclose(score.mean, reference(real, fake), atol=1e-5)
    assert_allclose(score.std, 0.0, atol=1e-5)


def test_is_unbiased_on_equal_distributions():
    # The biased estimator, which keeps the diagonals, is positive on every draw.
    scores = [
        kid(
            features(2 * seed, 32, 4),
            features(2 * seed + 1, 40, 4),
            num_subsets=2,
            subset_size=16,
            key=jax.random.key(seed),
        ).mean
        for seed in range(300)
    ]
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores)) < 4.0 * error
    assert error < 0.1  # the diagonals would add over 2 / 16 * (E k(x, x) - E k(x, x')) > 0.8


def test_is_unbiased_on_different_distributions():
    # d = 1, x ~ N(0, 1), y ~ N(a, 1): E k(s, t) = 1 + 3 E s E t + 3 E s^2 E t^2 + E s^3 E t^3.
    a = 0.5
    moments_x, moments_y = np.array([1, 0, 1, 0]), np.array([1, a, a**2 + 1, a**3 + 3 * a])
    expected = np.sum(np.array([1, 3, 3, 1]) * (moments_x - moments_y) ** 2)
    real, fake = features(10, 6_000, 1), features(11, 5_000, 1, a)
    score = kid(real, fake, num_subsets=50, subset_size=100, key=jax.random.key(1))
    error = score.std / np.sqrt(50)  # the subsets hardly overlap
    assert abs(score.mean - expected) < 4.0 * error
    assert error < 0.2 * expected


def test_depends_on_the_origin(key):
    real, fake = features(4, 40, 6), features(5, 40, 6, 0.5)
    options = {"num_subsets": 1, "subset_size": 40, "key": key}
    centred = kid(real - 1.0, fake - 1.0, **options).mean
    assert abs(kid(real, fake, **options).mean - centred) > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset_size": 31}, r"subset_size is 31; .* min\(n, m\) = 30: lower it"),
        ({"subset_size": 1}, "subset_size is 1"),
        ({"subset_size": 10, "num_subsets": 0}, "num_subsets is 0; it must be at least 1"),
    ],
)
def test_bad_options_raise(key, options, message):
    with pytest.raises(ConfigError, match=message):
        kid(features(6, 30, 3), features(7, 35, 3), key=key, **options)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (features(8, 35, 2), "real has 3 features and fake has 2"),
        (features(8, 1, 3), "fake features have shape"),
        (np.full((35, 3), np.inf), "105 NaN or infinite"),
        (np.full((35, 3), 1e15), r"as large as 1e\+15 overflow"),
    ],
)
def test_bad_features_raise(key, fake, message):
    with pytest.raises(ConfigError, match=message):
        kid(features(6, 30, 3), fake, subset_size=20, key=key)
