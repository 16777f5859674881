import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import mannwhitneyu, norm
from sklearn.neighbors import NearestNeighbors

from jaxgan.errors import ConfigError
from jaxgan.metrics import memorisation


def draws(seed, *sizes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 4)).astype(np.float32) for n in sizes]


def test_agrees_with_scikit_learn_and_scipy():
    train, held_out, fake = draws(0, 300, 120, 90)
    fake *= 0.7
    scores = memorisation(train, held_out, jnp.asarray(fake), k=3, num_closest=5)
    search = NearestNeighbors(n_neighbors=3, algorithm="kd_tree").fit(train.astype(float))
    distances, rows = search.kneighbors(fake.astype(float))
    to_held_out = search.kneighbors(held_out.astype(float))[0][:, 0]
    to_fake = distances[:, 0]

    test = mannwhitneyu(to_held_out, to_fake, method="asymptotic", use_continuity=False)
    assert_allclose(scores.auc, test.statistic / (120 * 90), rtol=1e-12)
    wanted = mannwhitneyu(
        to_fake, to_held_out, alternative="less", method="asymptotic", use_continuity=False
    )
    assert_allclose(norm.cdf(scores.z), wanted.pvalue, rtol=1e-9)
    assert_allclose(scores.median_ratio, np.median(to_fake) / np.median(to_held_out), rtol=1e-12)
    assert scores.near_share == np.mean(to_fake < np.percentile(to_held_out, 1))
    closest = np.argsort(to_fake)[:5]
    assert_array_equal(scores.closest, closest)
    assert_array_equal(scores.neighbours, rows[closest])
    assert_allclose(scores.distances, distances[closest], rtol=1e-10)


def test_ties_are_corrected_as_in_scipy():
    train = np.zeros((2, 1))
    held_out, fake = np.array([[1.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0]])
    scores = memorisation(train, held_out, fake, k=1)
    test = mannwhitneyu([1, 1, 2, 3], [1, 2, 2], method="asymptotic", use_continuity=False)
    assert_allclose(scores.auc, test.statistic / 12)
    assert_allclose(2 * norm.sf(abs(scores.z)), test.pvalue)


def test_copies_are_flagged_and_found():
    train, held_out, fake = draws(1, 400, 200, 150)
    fake[::3] = train[:50]
    scores = memorisation(train, held_out, fake, num_closest=50)
    assert scores.copied_share == pytest.approx(1 / 3)
    assert scores.near_share > 0.3
    assert scores.auc > 0.6
    assert scores.z < -3.0
    assert_array_equal(scores.closest, np.arange(0, 150, 3))
    assert_array_equal(scores.neighbours[:, 0], np.arange(50))
    assert not scores.distances[:, 0].any()


def test_near_copies_are_flagged():
    train, held_out, fake = draws(2, 400, 200, 150)
    scores = memorisation(train, held_out, train[:150] + 0.01 * fake)
    assert scores.copied_share == 0.0
    assert scores.near_share == 1.0
    assert scores.median_ratio < 0.1
    assert scores.z < -10.0


def test_fresh_samples_are_not_flagged():
    scores = [memorisation(*draws(seed, 300, 150, 120)) for seed in range(100)]
    for name, expected, rtol in (
        ("median_ratio", 1.0, 0.3),
        ("near_share", 0.013, 0.3),  # of 150 distances the 1 % quantile lies low in the tail
        ("auc", 0.5, 0.3),
        ("z", 0.0, 0.3),
    ):
        values = np.array([getattr(score, name) for score in scores])
        errors = np.array([getattr(score, name).standard_error for score in scores])
        assert abs(values.mean() - expected) < 4.0 * values.std() / 10.0
        assert_allclose(errors.mean(), values.std(), rtol=rtol)  # known to 7 %
    assert not any(score.copied_share for score in scores)
    assert np.sum([score.z < -3.0 for score in scores]) <= 1


def test_held_out_copies_raise():
    train, _, fake = draws(3, 50, 10, 20)
    with pytest.raises(ConfigError, match="half of the held-out samples equal training samples"):
        memorisation(train, train[:20], fake)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"k": 51}, "k is 51; .* 50 training samples"), ({"num_closest": 0}, "num_closest is 0")],
)
def test_bad_options_raise(options, message):
    with pytest.raises(ConfigError, match=message):
        memorisation(*draws(4, 50, 10, 20), **options)
