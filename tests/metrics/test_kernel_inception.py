import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import kid, kid_blocks
from jaxgan.metrics.kernel_inception import subset_indices


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


def matrix_reference(x, y):
    """The same in matrices."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1.0) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return within - 2.0 * xy.mean()


def test_references_agree():
    real, fake = features(0, 12, 3), features(1, 9, 3)
    assert_allclose(matrix_reference(real, fake), reference(real, fake), rtol=1e-12)


# The first by subset; the second in tiles, two to a set.
@pytest.mark.parametrize(
    ("n", "m", "num_subsets", "subset_size"), [(50, 41, 2, 20), (600, 530, 5, 300)]
)
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_agrees_with_the_loop_on_the_same_subsets(key, mean, n, m, num_subsets, subset_size):
    real, fake = features(0, n, 64, mean), features(1, m, 64, mean + 0.05)
    score = kid(real, fake, num_subsets=num_subsets, subset_size=subset_size, key=key)
    subsets = subset_indices(key, n, m, num_subsets, subset_size)
    assert all(len(set(row.tolist())) == subset_size for rows in subsets for row in rows)
    expected = [
        matrix_reference(real[rows], fake[columns]) for rows, columns in zip(*subsets, strict=True)
    ]
    scale = np.mean((np.sum(real**2, axis=1) / 64 + 1.0) ** 3)  # of the kernel
    assert_allclose(score.mean, np.mean(expected), atol=1e-6 * scale)
    assert_allclose(score.std, np.std(expected), atol=1e-6 * scale)
    assert float(score) == score.mean


def test_blocks_are_disjoint_and_their_spread_is_the_error(key):
    # Blocks of 10 real and of 13 fake samples.
    real, fake = features(2, 43, 6), features(3, 53, 6, 0.5)
    score = kid_blocks(real, fake, num_blocks=4, key=key)
    rows, columns = (
        np.asarray(jax.random.permutation(one, size))[: size - size % 4].reshape(4, -1)
        for one, size in zip(jax.random.split(key), (43, 53), strict=True)
    )
    expected = [reference(real[i], fake[j]) for i, j in zip(rows, columns, strict=True)]
    assert_allclose(score.mean, np.mean(expected), rtol=1e-5)
    assert_allclose(score.standard_error, np.std(expected) / np.sqrt(3), rtol=1e-4)


@pytest.mark.parametrize("shift", [0.0, 0.4])
@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.slow
def test_standard_error_is_the_spread_over_draws(blocks, shift):
    rng = np.random.default_rng(4)
    scores = []
    for key in jax.random.split(jax.random.key(5), 150):
        real = rng.normal(0.5, 1.0, size=(120, 5)).astype(np.float32)
        fake = rng.normal(0.5 + shift, 1.0, size=(150, 5)).astype(np.float32)
        if blocks:
            scores.append(kid_blocks(real, fake, num_blocks=6, key=key))
        else:
            scores.append(kid(real, fake, num_subsets=20, subset_size=60, key=key))
    spread = np.std([score.mean for score in scores])
    error = np.sqrt(np.mean([score.standard_error**2 for score in scores]))
    # On equal distributions the asymptotic error is a little too large, never far too small.
    assert 0.8 * spread < error < (1.25 if shift or blocks else 1.5) * spread


def test_whole_sets_give_the_one_value_whatever_the_key():
    real, fake = features(2, 30, 5), features(3, 30, 5, 0.3)
    score = kid(jnp.asarray(real), fake, num_subsets=3, subset_size=30, key=jax.random.key(9))
    assert_allclose(score.mean, reference(real, fake), atol=1e-5)
    assert_allclose(score.std, 0.0, atol=1e-5)


@pytest.mark.slow
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


@pytest.mark.slow
def test_is_unbiased_on_different_distributions():
    # d = 1, x ~ N(0, 1), y ~ N(a, 1): E k(s, t) = 1 + 3 E s E t + 3 E s^2 E t^2 + E s^3 E t^3.
    a = 0.5
    moments_x, moments_y = np.array([1, 0, 1, 0]), np.array([1, a, a**2 + 1, a**3 + 3 * a])
    expected = np.sum(np.array([1, 3, 3, 1]) * (moments_x - moments_y) ** 2)
    real, fake = features(10, 6_000, 1), features(11, 5_000, 1, a)
    score = kid(real, fake, num_subsets=50, subset_size=100, key=jax.random.key(1))
    assert abs(score.mean - expected) < 4.0 * score.standard_error
    assert score.standard_error < 0.2 * expected


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


@pytest.mark.parametrize("num_blocks", [1, 16])
def test_bad_numbers_of_blocks_raise(key, num_blocks):
    with pytest.raises(ConfigError, match=rf"num_blocks is {num_blocks}; .* min\(n, m\) / 2 = 15"):
        kid_blocks(features(6, 30, 3), features(7, 35, 3), num_blocks=num_blocks, key=key)


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
