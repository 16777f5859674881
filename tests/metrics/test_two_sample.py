import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom, kstest
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from jaxgan.errors import ConfigError
from jaxgan.metrics import two_sample, two_sample_test

N, M = 40, 30


def features(seed, n, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(n, 3)).astype(np.float32)


def reference(gram, n):
    """Unbiased MMD^2 of the first n samples and the others, pair by pair in float64."""
    m = len(gram) - n
    real = sum(gram[i, j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    fake = sum(gram[i, j] for i in range(n, n + m) for j in range(n, n + m) if i != j)
    return real + fake / (m * (m - 1)) - 2 * gram[:n, n:].mean()


def test_value_agrees_with_the_double_loop(key, monkeypatch):
    real, fake = features(0, N), features(1, M, 0.4)
    pooled = np.concatenate([real, fake]).astype(float)
    distances = np.sqrt(np.square(pooled[:, None] - pooled[None]).sum(axis=2))
    bandwidth = np.median(distances[np.triu_indices(N + M, k=1)])
    expected = reference(rbf_kernel(pooled, gamma=0.5 / bandwidth**2), N)
    for tile in (512, 16):
        monkeypatch.setattr(two_sample, "TILE", tile)
        test = two_sample_test(jnp.asarray(real), fake, key=key, num_permutations=20)
        assert_allclose(test.mmd2, expected, atol=1e-6)


def cubic(x, y):
    return (jnp.matmul(x, y.T, precision="highest") / 3 + 1.0) ** 3


def test_p_value_is_the_share_of_permuted_values(key, monkeypatch):
    real, fake = features(2, N), features(3, M, 0.3)
    gram = polynomial_kernel(np.concatenate([real, fake]).astype(float), degree=3, gamma=1 / 3)
    monkeypatch.setattr(two_sample, "TILE", 32)
    test = two_sample_test(real, fake, key=key, num_permutations=50, kernel=cubic)
    observed, values = reference(gram, N), []
    for split in two_sample._splits(jax.random.split(key)[1], N, M, 50).T:
        assert split.sum() == N
        order = np.concatenate([np.flatnonzero(split), np.flatnonzero(~split)])
        values.append(reference(gram[np.ix_(order, order)], N))
    assert_allclose(test.mmd2, observed, atol=1e-6 * gram.mean())
    assert test.p_value == (1 + np.sum(np.array(values) >= observed)) / 51
    assert_allclose(test.null_std, np.sqrt(np.mean(np.square(values))), rtol=1e-4)


@pytest.mark.slow
def test_level_under_the_hypothesis():
    tests = [
        two_sample_test(
            features(seed, N),
            features(1000 + seed, M),
            key=jax.random.key(seed),
            num_permutations=99,
        )
        for seed in range(200)
    ]
    p_values = np.array([test.p_value for test in tests])
    # Under it a p-value is one of 0.01, 0.02, ..., 1, each as likely.
    rejected = np.sum(p_values <= 0.05)
    assert binom.ppf(0.001, 200, 0.05) <= rejected <= binom.ppf(0.999, 200, 0.05)
    assert kstest(p_values - 0.005, "uniform").pvalue > 0.001
    values = np.array([test.mmd2 for test in tests])
    assert abs(values.mean()) < 4.0 * values.std() / np.sqrt(200)
    assert_allclose(np.mean([test.null_std for test in tests]), values.std(), rtol=0.3)
    errors = np.array([test.mmd2.standard_error for test in tests])
    assert_allclose(np.mean(errors), values.std(), rtol=0.4)  # with the noise counted twice: 1.9
    assert np.mean(abs(values) <= 1.96 * errors) > 0.92


def test_the_error_under_the_hypothesis_is_the_null_deviation():
    """What the noise of the witness adds to it, twice its variance on average, is taken away."""
    tests = [
        two_sample_test(
            features(seed, N),
            features(100 + seed, M),
            key=jax.random.key(seed),
            num_permutations=50,
        )
        for seed in range(12)
    ]
    ratios = [test.mmd2.standard_error / test.null_std for test in tests]
    assert min(ratios) >= 1 and np.mean(ratios) < 1.3


@pytest.mark.slow
def test_power_against_a_shift_and_its_standard_error():
    tests = [
        two_sample_test(
            features(seed, N),
            features(1000 + seed, M, 0.8),
            key=jax.random.key(seed),
            num_permutations=99,
        )
        for seed in range(60)
    ]
    assert np.mean([test.p_value <= 0.05 for test in tests]) > 0.95
    assert tests[0].p_value == 0.01
    errors, values = [test.mmd2.standard_error for test in tests], [test.mmd2 for test in tests]
    assert_allclose(np.mean(errors), np.std(values), rtol=0.5)  # known to 9 %; errors are cautious


def test_offset_of_the_features_does_not_show(key):
    real, fake = features(4, N), features(5, M, 0.5)
    test = two_sample_test(real, fake, key=key, num_permutations=20)
    moved = two_sample_test(real + 256.0, fake + 256.0, key=key, num_permutations=20)
    assert_allclose(moved.mmd2, test.mmd2, atol=1e-4)


@pytest.mark.slow
def test_equal_sets_are_not_rejected(key):
    x = features(6, N)
    assert two_sample_test(x, x, key=key, num_permutations=99).p_value == 1.0


def test_a_collapsed_generator_is_rejected(key):
    real, fake = features(6, N), features(7, 1).repeat(M, axis=0)
    assert two_sample_test(real, fake, key=key, num_permutations=99).p_value == 0.01


def test_bad_arguments_raise(key):
    real, fake = features(7, N), features(8, M)
    with pytest.raises(ConfigError, match="num_permutations is 0; it must be at least 1"):
        two_sample_test(real, fake, key=key, num_permutations=0)
    with pytest.raises(ConfigError, match="not finite in float32"):
        two_sample_test(1e15 * real, fake, key=key, num_permutations=20, kernel=cubic)
