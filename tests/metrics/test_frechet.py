import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

from jaxgan.errors import ConfigError
from jaxgan.metrics import (
    device_moments,
    fid,
    fid_infinity,
    frechet_distance,
    intra_fid,
    merge,
    moments,
)


def reference(real, fake):
    """Heusel et al. 2017, equation 6, in float64, with scipy's matrix square root."""
    s_r, s_f = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = scipy.linalg.sqrtm(s_r @ s_f)
    distance = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    return distance + np.trace(s_r) + np.trace(s_f) - 2.0 * np.trace(root).real


def features(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / np.sqrt(d) + rng.normal(size=d)


@pytest.mark.parametrize(
    ("n", "m", "d"), [(70, 90, 12), (300, 200, 33), (40, 21, 20), (200, 150, 1)]
)
def test_agrees_with_scipy_sqrtm(n, m, d):
    real, fake = features(0, n, d), features(1, m, d)
    if d == 1:
        expected = (real.mean() - fake.mean()) ** 2 + (real.std(ddof=1) - fake.std(ddof=1)) ** 2
    else:
        expected = reference(real, fake)
    assert_allclose(fid(real, fake), expected, rtol=1e-6)
    assert_allclose(frechet_distance(moments(real), moments(fake)), expected, rtol=1e-6)


def test_agrees_with_pytorch_fid_on_images_of_digits():
    # Pixels that are always 0 make the covariances singular; pytorch-fid then adds 1e-6 to both
    # diagonals, as here.
    images, labels = load_digits(return_X_y=True)
    real, fake = images[labels < 5], images[labels >= 5][:700]
    s_r, s_f = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    offset = np.eye(64) * 1e-6
    root = scipy.linalg.sqrtm((s_r + offset) @ (s_f + offset))
    distance = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
    expected = distance + np.trace(s_r) + np.trace(s_f) - 2.0 * np.trace(root).real
    assert expected > 50.0
    assert_allclose(fid(real, fake), expected, rtol=1e-4)
    assert_allclose(fid(real.astype(np.float32), jnp.asarray(fake)), fid(real, fake), rtol=1e-12)
    batches = [moments(fake[start : start + 100]) for start in range(0, 700, 100)]
    merged = batches[0]
    for batch in batches[1:]:
        merged = merge(merged, batch)
    # Null directions add the square roots of rounding errors, some 1e-8 of the whole.
    assert_allclose(frechet_distance(moments(real), merged), fid(real, fake), rtol=1e-6)


# Both sets below d; one far below it; one just below it.
@pytest.mark.parametrize(
    ("n", "m"), [(10, 15), (15, 10), (30, 30), (10, 200), (200, 15), (38, 200), (200, 39)]
)
def test_singular_covariances_agree_with_singular_values_of_the_data(n, m):
    # tr (S_r S_f)^(1/2) is the nuclear norm of X Y^T / sqrt((n - 1)(m - 1)), X and Y centred.
    d = 40
    real, fake = features(2, n, d), features(3, m, d)
    x, y = real - real.mean(axis=0), fake - fake.mean(axis=0)
    cross = scipy.linalg.svdvals(x @ y.T).sum() / np.sqrt((n - 1) * (m - 1))
    traces = (x**2).sum() / (n - 1) + (y**2).sum() / (m - 1)
    expected = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2) + traces - 2.0 * cross
    assert_allclose(fid(real, fake), expected, rtol=1e-7)
    assert_allclose(frechet_distance(moments(real), moments(fake)), expected, rtol=1e-6)


@pytest.mark.parametrize(("n", "m"), [(60, 60), (60, 45), (45, 200)])
def test_spectra_of_eighteen_decades_agree_with_singular_values_of_the_data(n, m):
    d, scales = 80, np.logspace(0, -9, 80)
    real, fake = features(2, n, d) * scales, 2.0 * features(3, m, d) * scales
    x, y = real - real.mean(axis=0), fake - fake.mean(axis=0)
    cross = scipy.linalg.svdvals(x @ y.T).sum() / np.sqrt((n - 1) * (m - 1))
    traces = (x**2).sum() / (n - 1) + (y**2).sum() / (m - 1)
    expected = np.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2) + traces - 2.0 * cross
    assert_allclose(fid(real, fake), expected, atol=1e-7 * traces)


def test_few_equal_rows_are_at_distance_zero():
    real = features(4, 30, 50)
    twice = np.concatenate([real[:15], real[:15]])  # singular beyond the mean
    for x in (real, twice):
        value = fid(x, x[::-1])
        assert value <= 1e-12 * np.trace(np.cov(x, rowvar=False))
        assert np.isfinite(value.standard_error)


def test_closed_form_of_diagonal_gaussians():
    # Columns of a Hadamard matrix: uncorrelated, of mean 0 and, so scaled, of unbiased variance 1.
    def white(n):
        return scipy.linalg.hadamard(n)[:, 1:5] * np.sqrt((n - 1) / n)

    real = white(16) * np.array([1.0, 2.0, 0.5, 0.0]) + np.array([0.0, 1.0, 0.0, -2.0])
    fake = white(32) * np.array([2.0, 2.0, 1.5, 3.0]) + np.array([1.0, 1.0, 0.0, 0.0])
    # |mean difference|^2 = 1 + 4, sum of (std difference)^2 = 1 + 0 + 1 + 9
    assert_allclose(fid(real, fake), 16.0, rtol=1e-12)


def test_of_float32_moments_from_the_device():
    real, fake = (features(seed, 90, 5).astype(np.float32) for seed in (0, 1))
    distance = frechet_distance(*(jax.jit(device_moments)(x) for x in (real, fake)))
    assert_allclose(distance, reference(real.astype(float), fake.astype(float)), rtol=1e-4)


def test_is_zero_on_equal_sets_symmetric_and_blind_to_order_and_rotation():
    real, fake = features(4, 60, 10), features(5, 45, 10)
    dead = np.hstack([real, np.zeros((60, 3))])  # units that never fire: a singular covariance
    assert fid(dead, dead[::-1]) <= 1e-12 * np.trace(np.cov(real, rowvar=False))
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(10, 10)))[0]
    expected = fid(real, fake)
    assert expected > 0.1
    for other in (
        fid(fake, real),
        fid(real[::-1], fake),
        fid(real @ rotation, fake @ rotation),
        fid(real + 7.0, fake + 7.0),
    ):
        assert_allclose(other, expected, rtol=1e-9)


def test_constant_features_leave_the_distance_of_the_means():
    real, fake = np.full((30, 3), 2.0), np.full((2, 3), 3.0)
    assert_allclose(fid(real, fake), 3.0, rtol=1e-12)


def test_is_exact_for_float32_features_far_from_the_origin():
    real = (features(7, 80, 6) + 1e3).astype(np.float32)
    fake = (features(8, 70, 6) + 1e3).astype(np.float32)
    assert_allclose(fid(real, fake), reference(real.astype(float), fake.astype(float)), rtol=1e-6)


D = 10
ROOTS = [np.random.default_rng(seed).normal(size=(D, D)) / np.arange(1, D + 1) for seed in (9, 10)]
SHIFT = np.full(D, 0.3)


def draws(rng, which, n):
    return rng.normal(size=(n, D)) @ ROOTS[which].T + which * SHIFT


def true_distance():
    s_r, s_f = (root @ root.T for root in ROOTS)
    return SHIFT @ SHIFT + np.trace(s_r + s_f - 2.0 * scipy.linalg.sqrtm(s_r @ s_f).real)


@pytest.mark.parametrize(("n", "m"), [(200, 300), (8, 60), (70, 9)])
def test_standard_error_is_the_spread_over_draws(n, m):
    rng = np.random.default_rng(11)
    values = [fid(draws(rng, 0, n), draws(rng, 1, m)) for _ in range(250)]
    error = np.mean([value.standard_error for value in values])
    assert_allclose(error, np.std(values), rtol=0.25)


def test_standard_error_does_not_depend_on_which_set_is_real():
    rng = np.random.default_rng(12)
    real, fake = draws(rng, 0, 60), draws(rng, 1, 50)
    assert_allclose(fid(real, fake).standard_error, fid(fake, real).standard_error, rtol=1e-9)


def test_dead_units_change_neither_value_nor_error():
    # With 64 features for 60 and 50 samples no covariance is computed.
    rng = np.random.default_rng(12)
    real, fake = draws(rng, 0, 60), draws(rng, 1, 50)
    expected = fid(real, fake)
    wide = fid(*(np.pad(x, ((0, 0), (0, 54))) for x in (real, fake)))
    assert_allclose(wide, expected, rtol=1e-9)
    assert_allclose(wide.standard_error, expected.standard_error, rtol=1e-9)


@pytest.mark.parametrize("vary_real", [False, True])
def test_fid_infinity_is_unbiased_and_knows_its_error(vary_real):
    # The real set is large where it stands for the population.
    rng, n = np.random.default_rng(13), 150 if vary_real else 2000
    real = draws(rng, 0, n)
    values, plain = [], []
    for seed in range(100):
        if vary_real:
            real = draws(rng, 0, n)
        fake = draws(rng, 1, 120)
        plain.append(fid(real, fake))
        values.append(
            fid_infinity(
                real,
                fake,
                key=jax.random.key(seed),
                min_size=40,
                num_points=5,
                vary_real=vary_real,
            )
        )
    error = np.mean([value.standard_error for value in values])
    assert_allclose(error, np.std(values), rtol=0.25)
    bias = np.mean(plain) - true_distance()
    assert abs(np.mean(values) - true_distance()) < 0.25 * bias + 3 * np.std(values) / 10


def test_fid_infinity_of_the_same_distances_is_their_line_at_0(key):
    # With two points the line is theirs: FID_inf = (m FID_m - k FID_k) / (m - k).
    rng = np.random.default_rng(14)
    real, fake = draws(rng, 0, 300), draws(rng, 1, 80)
    order = np.asarray(jax.random.permutation(jax.random.split(key)[1], 80))
    small, large = reference(real, fake[order[:30]]), reference(real, fake)
    value = fid_infinity(real, fake, num_points=2, min_size=30, key=key)
    assert_allclose(value, (80 * large - 30 * small) / 50, rtol=1e-8)


def test_intra_fid_is_that_of_each_class_and_their_mean():
    rng = np.random.default_rng(15)
    real, fake = draws(rng, 0, 90), draws(rng, 1, 100)
    real_labels, fake_labels = rng.permutation(90) % 3, rng.permutation(100) % 3
    score = intra_fid(real, real_labels, fake, jnp.asarray(fake_labels), num_classes=3)
    expected = [reference(real[real_labels == c], fake[fake_labels == c]) for c in range(3)]
    assert_allclose(score.per_class, expected, rtol=1e-8)
    assert_allclose(score.mean, np.mean(expected), rtol=1e-8)
    errors = np.array([value.standard_error for value in score.per_class])
    assert_allclose(score.mean.standard_error, np.sqrt(np.sum(errors**2)) / 3, rtol=1e-12)


@pytest.mark.parametrize(
    ("labels", "num_classes", "message"),
    [
        (np.arange(20) % 3, 2, "fake labels run from 0 to 2; they must lie between 0 and .* = 1"),
        (np.arange(20) % 3, 4, "class 3 has 0 fake samples; each class needs at least 2"),
        (
            np.arange(19) % 3,
            3,
            r"fake labels are int64 of shape \(19,\); pass one integer",
        ),
        (np.ones(20), 3, "fake labels are float64"),
    ],
)
def test_bad_labels_raise(labels, num_classes, message):
    x = features(16, 20, 2)
    real_labels = np.arange(20) % num_classes
    with pytest.raises(ConfigError, match=message):
        intra_fid(x, real_labels, x, labels, num_classes=num_classes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_size": 50}, "min_size is 50 for 50 fake samples of 4 features; the rule is d <"),
        ({"min_size": 4}, "min_size is 4"),
        ({"min_size": 5, "vary_real": True}, "the smallest subset holds 3 of 30 real samples"),
        ({"num_points": 1}, "num_points is 1"),
    ],
)
def test_bad_options_raise(key, options, message):
    with pytest.raises(ConfigError, match=message):
        fid_infinity(features(17, 30, 4), features(18, 50, 4), key=key, **options)


def test_bad_moments_raise():
    good = moments(features(19, 5, 3))
    with pytest.raises(ConfigError, match="real moments are of 1 samples"):
        frechet_distance(moments(np.ones((1, 3))), good)
    with pytest.raises(ConfigError, match="real has 3 features and fake has 2"):
        frechet_distance(good, moments(np.ones((5, 2))))
    with pytest.raises(ConfigError, match="fake moments hold 1 NaN"):
        frechet_distance(good, good._replace(mean=np.array([0.0, np.nan, 0.0])))


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((1, 3)), np.zeros((4, 3)), r"real features have shape \(1, 3\)"),
        (np.zeros((4, 3)), np.zeros((0, 3)), r"fake features have shape \(0, 3\)"),
        (np.zeros((4, 3)), np.zeros((5, 2)), "real has 3 features and fake has 2"),
        (np.zeros((4, 3)), np.full((5, 3), np.nan), "fake features hold 15 NaN or infinite"),
    ],
)
def test_bad_features_raise(real, fake, message):
    with pytest.raises(ConfigError, match=message) as error:
        fid(real, fake)
    assert "\n" not in str(error.value)
