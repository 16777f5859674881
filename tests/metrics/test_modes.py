import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import rel_entr

from jaxgan.errors import ConfigError
from jaxgan.metrics import class_coverage, kl_baseline, mixture_kl_baseline, mixture_modes
from jaxgan.metrics.modes import seen_error

GRID = np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], np.float32)
ANGLES = 2.0 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


def reference(samples, centers, sigma):
    """The protocol of VEEGAN and PacGAN, sample by sample in float64."""
    members = [[] for _ in centers]
    for sample in samples:
        distances = [np.hypot(*(sample - center)) for center in centers]
        if min(distances) <= 3.0 * sigma:
            members[int(np.argmin(distances))].append(sample)
    counts = np.array([len(group) for group in members])
    p = counts[counts > 0] / counts.sum()
    stds = [np.std(group, axis=0, ddof=1).mean() for group in members if len(group) > 1]
    return (
        np.sum(counts > 0),
        counts.sum() / len(samples),
        np.sum(p * np.log(p * len(centers))),
        np.mean(stds) / sigma,
    )


@pytest.mark.parametrize(("centers", "sigma"), [(GRID, 0.05), (RING, 0.01)])
def test_agrees_with_the_protocol_sample_by_sample(centers, sigma):
    rng = np.random.default_rng(0)
    modes = rng.choice(
        len(centers) - 2, size=700, p=np.diff(np.linspace(0, 1, len(centers) - 1) ** 2)
    )
    noise = rng.normal(size=(700, 2)) * sigma * rng.uniform(0.5, 2.0, size=(700, 1))
    samples = (centers[modes] + noise).astype(np.float32)
    scores = mixture_modes(samples, centers, sigma)
    expected = reference(samples.astype(float), centers.astype(float), sigma)
    assert_allclose(np.array(scores), expected, rtol=1e-4)


def test_hand_worked_case():
    # Three of four samples are high quality: two on mode 0, one on mode 1; one is 4 sigma away.
    samples = jnp.array([[0.0, 0.1], [0.0, -0.1], [10.0, 0.0], [0.4, 0.0]])
    centers = jnp.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    modes, high_quality, reverse_kl, std_ratio = mixture_modes(samples, centers, 0.1)
    assert modes == 2
    assert_allclose(high_quality, 0.75)
    assert_allclose(reverse_kl, 2 / 3 * np.log(2) + 1 / 3 * np.log(1), rtol=1e-6)
    assert_allclose(std_ratio, (0.0 + np.sqrt(0.02)) / 2 / 0.1, rtol=1e-5)


@pytest.mark.parametrize(("centers", "sigma"), [(GRID, 0.05), (RING, 0.01)])
def test_perfect_sampler_reaches_the_ceiling(centers, sigma):
    rng = np.random.default_rng(1)
    n, k = 50_000, len(centers)
    samples = centers[rng.integers(k, size=n)] + sigma * rng.normal(size=(n, 2))
    scores = mixture_modes(samples.astype(np.float32), centers, sigma)
    ceiling = 1.0 - np.exp(-4.5)  # a chi-square variable of 2 degrees of freedom is below 9
    assert abs(scores.high_quality - ceiling) < 4.0 * np.sqrt(ceiling * (1.0 - ceiling) / n)
    assert scores.modes == k
    # 2 n KL is chi-square with k - 1 degrees of freedom (Wilks).
    assert abs(2 * n * scores.reverse_kl - (k - 1)) < 4.0 * np.sqrt(2 * (k - 1))
    # r^2 / 2 is exponential, cut at 4.5: its mean is 1 - 4.5 e^-4.5 / (1 - e^-4.5) = 0.974^2.
    assert abs(scores.std_ratio - 0.9744) < 4.0 / np.sqrt(4 * n) + k / (4 * n)


def test_lost_variance_shows():
    noise = 0.5 * 0.05 * np.random.default_rng(2).normal(size=(5_000, 2))
    scores = mixture_modes((np.tile(GRID, (200, 1)) + noise).astype(np.float32), GRID, 0.05)
    assert scores.high_quality == 1.0
    assert_allclose(scores.std_ratio, 0.5, atol=0.01)


@pytest.mark.parametrize("value", [100.0, np.nan])
def test_is_defined_without_high_quality_samples(value):
    scores = mixture_modes(jnp.full((7, 2), value), GRID, 0.05)
    assert (scores.modes, scores.high_quality, scores.std_ratio) == (0, 0, 0)
    assert_allclose(scores.reverse_kl, np.log(25), rtol=1e-6)


def test_total_collapse_has_the_largest_reverse_kl():
    scores = mixture_modes(jnp.zeros((9, 2)), GRID, 0.05)
    assert (scores.modes, scores.high_quality, scores.std_ratio) == (1, 1, 0)
    assert_allclose(scores.reverse_kl, np.log(25), rtol=1e-6)


def test_runs_under_jit_and_vmap(key):
    samples = jnp.tile(GRID, (8, 1))[None, :, :] + 0.1 * jax.random.normal(key, (3, 200, 2))
    sigmas = jnp.array([0.05, 0.1, 0.2])
    together = jax.jit(jax.vmap(mixture_modes, in_axes=(0, None, 0)))(samples, GRID, sigmas)
    for i in range(3):
        alone = mixture_modes(samples[i], GRID, sigmas[i])
        assert_allclose([x[i] for x in together], alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("shape", [(5, 3), (0, 2)])
def test_bad_samples_raise(shape):
    with pytest.raises(ConfigError, match=r"samples have shape .* must be \[rows, 2\]"):
        mixture_modes(np.zeros(shape, np.float32), GRID, 0.05)


def test_class_coverage_by_hand():
    coverage = class_coverage(np.array([3, 3, 3]), num_classes=10)
    assert (coverage.classes, coverage.kl) == (1, pytest.approx(np.log(10)))
    assert coverage.kl.standard_error == pytest.approx(0.0)
    coverage = class_coverage(jnp.arange(6) % 3, num_classes=3)
    assert (coverage.classes, coverage.kl) == (3, pytest.approx(0.0, abs=1e-12))
    # p = (3/4, 1/4) of 4 classes: 3/4 log 3 + 1/4 log 1; the variance of log(4 p) is 3/16 log(3)^2.
    classes, kl, baseline, excess = class_coverage(np.array([0, 2, 0, 0]), num_classes=4)
    assert (classes, kl) == (2, pytest.approx(0.75 * np.log(3.0)))
    assert kl.standard_error == pytest.approx(np.sqrt(3 / 16 / 4) * np.log(3.0))
    assert excess == pytest.approx(kl - baseline)


def drawn_kl(rng, n, p, draws):
    counts = rng.multinomial(n, p, size=draws)
    return np.sum(rel_entr(counts / n, 1 / len(p)), axis=1)


# Counts of the digits in MNIST's 60,000 training images.
DIGITS = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) / 60_000
TRIPLES = np.einsum("i,j,k->ijk", DIGITS, DIGITS, DIGITS).ravel()
SKEWED = np.array([0.4, 0.2, 0.15, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01, 0.0])


@pytest.mark.parametrize(
    ("n", "p"),
    [(26_000, np.full(1000, 1e-3)), (300, np.full(1000, 1e-3)), (2_000, TRIPLES), (40, SKEWED)],
)
def test_baseline_is_what_perfect_samplers_get(n, p):
    draws = drawn_kl(np.random.default_rng(3), n, p, 1000)
    baseline = kl_baseline(n, p)
    assert abs(baseline - draws.mean()) < 4.0 * draws.std() / np.sqrt(1000)
    assert_allclose(baseline.standard_error, draws.std(), rtol=0.1)  # known to 2 %


def test_baseline_of_two_classes_is_a_sum_over_all_outcomes():
    # n = 3, p = (1/3, 2/3): 0 to 3 of the first class with probabilities 8, 12, 6 and 1 of 27.
    outcomes = np.array([np.log(2), np.log(2 / 3) / 3 + np.log(4 / 3) * 2 / 3])
    baseline = kl_baseline(3, np.array([1.0, 2.0]) / 3)
    assert_allclose(baseline, (9 * outcomes[0] + 18 * outcomes[1]) / 27, rtol=1e-12)


def test_baselines_of_stacked_mnist_are_the_published_ones():
    # At 26,000 samples: 0.0194 where the classes are uniform, 0.0236 +- 0.0010 of MNIST's digits.
    labels = np.random.default_rng(3).choice(1000, size=26_000, p=TRIPLES)
    uniform = class_coverage(labels, num_classes=1000)
    assert_allclose(uniform.real_baseline, 0.0194, atol=1e-4)
    mnist = class_coverage(labels, num_classes=1000, class_probabilities=TRIPLES)
    assert_allclose(mnist.real_baseline, 0.0236, atol=5e-5)
    assert_allclose(mnist.real_baseline.standard_error, 0.0010, atol=5e-5)
    assert abs(mnist.excess) < 4.0 * mnist.excess.standard_error
    assert uniform.excess > 3.0 * uniform.real_baseline.standard_error


def test_baseline_of_a_mixture_is_what_a_perfect_sampler_gets():
    rng = np.random.default_rng(4)
    scores = []
    for _ in range(60):
        noise = 0.05 * rng.normal(size=(2_500, 2))
        samples = GRID[rng.integers(25, size=2_500)] + noise
        scores.append(float(mixture_modes(samples.astype(np.float32), GRID, 0.05).reverse_kl))
    baseline = mixture_kl_baseline(2_500, num_modes=25)
    assert abs(np.mean(scores) - baseline) < 4.0 * baseline.standard_error / np.sqrt(60)
    assert_allclose(np.std(scores), baseline.standard_error, rtol=0.4)  # known to 9 %


@pytest.mark.parametrize(
    ("rare", "times"), [(1, 0.3), (1, 1), (1, 2), (5, 1), (12, 1), (12, 3), (0, 0)]
)
def test_the_error_of_how_many_are_seen_holds_with_rare_ones(rare, times):
    """Of the intervals of 1.96 errors 90 to 99 % hold the mean; by resampling 22 to 97 % did."""
    expected = np.full(25, (1000 - rare * times) / (25 - rare))
    expected[:rare] = times
    counts = np.random.default_rng(5).multinomial(1000, expected / 1000, size=1000)
    seen = np.sum(counts > 0, axis=1)
    errors = np.array([seen_error(row) for row in counts])
    assert np.mean(abs(seen - seen.mean()) <= 1.96 * errors + 1e-9) > 0.87
    assert np.mean(errors) < 1.5 * seen.std() + 1e-3


def test_the_error_of_dropped_modes_does_not_grow_with_their_number():
    errors = [seen_error(np.array([500, 500] + [0] * dropped)) for dropped in (1, 20)]
    assert errors == [0.45**0.5, 0.45**0.5]


def test_total_collapse_exceeds_the_baseline():
    coverage = class_coverage(np.zeros(500, int), num_classes=20)
    assert coverage.excess > 0.99 * np.log(20)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (np.full(4, 0.25), "4 class probabilities for 5 classes"),
        (np.full(5, 0.25), "add up to 1.25; .* divide by their sum"),
        (np.array([0.5, 0.6, -0.1, 0.0, 0.0]), "of at least 0"),
    ],
)
def test_bad_class_probabilities_raise(probabilities, message):
    with pytest.raises(ConfigError, match=message):
        class_coverage(np.array([0, 1]), num_classes=5, class_probabilities=probabilities)


def test_baseline_of_no_samples_raises():
    with pytest.raises(ConfigError, match="num_samples is 0; it must be at least 1"):
        kl_baseline(0, np.full(5, 0.2))


@pytest.mark.parametrize("labels", [[-1, 2], [0, 5]])
def test_labels_out_of_range_raise(labels):
    with pytest.raises(ConfigError, match=r"labels run from .* num_classes - 1 = 4"):
        class_coverage(np.array(labels), num_classes=5)


def test_no_labels_raise():
    with pytest.raises(ConfigError, match="n >= 1"):
        class_coverage(np.zeros(0, int), num_classes=5)
