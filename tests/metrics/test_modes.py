import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import class_coverage, mixture_modes

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
    assert class_coverage(np.array([3, 3, 3]), num_classes=10) == (1, pytest.approx(np.log(10)))
    assert class_coverage(jnp.arange(6) % 3, num_classes=3) == (3, pytest.approx(0.0, abs=1e-12))
    # p = (3/4, 1/4) of 4 classes: 3/4 log 3 + 1/4 log 1
    coverage = class_coverage(np.array([0, 2, 0, 0]), num_classes=4)
    assert coverage == (2, pytest.approx(0.75 * np.log(3.0)))


def test_class_coverage_of_uniform_stacked_mnist_has_the_published_floor():
    # An exactly uniform sampler of 1,000 modes gets KL 0.0194 at 26,000 samples: (k - 1) / (2 n).
    labels = np.random.default_rng(3).integers(1000, size=26_000)
    coverage = class_coverage(labels, num_classes=1000)
    assert coverage.classes == 1000
    assert_allclose(coverage.kl, 0.0194, atol=4 * np.sqrt(2 * 999) / (2 * 26_000))


@pytest.mark.parametrize("labels", [[-1, 2], [0, 5]])
def test_labels_out_of_range_raise(labels):
    with pytest.raises(ConfigError, match=r"labels run from .* num_classes - 1 = 4"):
        class_coverage(np.array(labels), num_classes=5)


def test_no_labels_raise():
    with pytest.raises(ConfigError, match="n >= 1"):
        class_coverage(np.zeros(0, int), num_classes=5)
