"""MMD^2 to a whole training set."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fitted_references import gram
from scipy.spatial.distance import cdist, pdist

from jaxgan.errors import ConfigError
from jaxgan.losses import (
    LOSSES,
    frequencies_fit,
    landmarks_fit,
    mmd_fourier,
    mmd_nystroem,
    mmd_reference,
    samples_fit,
)

NAMES = ("mmd_reference", "mmd_nystroem", "mmd_fourier")
FITS = dict(zip(NAMES, (samples_fit, landmarks_fit, frequencies_fit), strict=True))
KEY = jax.random.key(0)
BANDWIDTHS = np.array([0.1, 0.2, 0.4, 0.8, 1.6])


def double(x):
    return np.asarray(x, np.float64)


def samples(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@functools.lru_cache
def fitted(name, n=300, d=4, **settings):
    return FITS[name](samples(n, d) + 100, key=KEY, **settings)


def mean_gram(x, y, median):
    squared = cdist(double(x), double(y), "sqeuclidean")
    return np.mean([np.exp(-squared / (2 * (h * median) ** 2)).mean() for h in BANDWIDTHS])


def mmd2(x, y):
    """With what the exact form leaves out, in float64."""
    median = np.median(pdist(double(y)))
    return mean_gram(x, x, median) - 2 * mean_gram(x, y, median) + mean_gram(y, y, median)


def test_references_are_of_the_whole_set():
    y = samples(300, 4) + 100
    exact, landmarks, fourier = (fitted(name) for name in NAMES)
    np.testing.assert_array_equal(exact["samples"], y)
    np.testing.assert_allclose(exact["median"], np.median(pdist(double(y))), rtol=1e-4)
    np.testing.assert_allclose(landmarks["bandwidths"], BANDWIDTHS * exact["median"], rtol=1e-6)
    assert fourier["frequencies"].shape == (5 * 512, 4)
    for reference in (exact, landmarks, fourier):
        assert all(array.dtype == np.float32 for array in reference.values())


@pytest.mark.parametrize("n", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_the_exact_form_in_tiles(n):
    """Of a set that is larger than a tile, far from the origin: value and gradient."""
    y, x = samples(n, 4) + 100, 0.8 * samples(70, 4, seed=1) + 100.2
    reference = samples_fit(y, key=KEY)
    median = double(reference["median"])
    loss = jax.jit(jax.value_and_grad(lambda x: mmd_reference(y, x, reference=reference).generator))
    value, slope = loss(x)
    expected = mean_gram(x, x, median) - 2 * mean_gram(x, y, median)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
    x, y, expected = double(x), double(y), np.zeros(4)
    for h in BANDWIDTHS * median:
        for points, weight in ((x, 2 / 70**2), (y, -2 / (70 * n))):
            kernel = np.exp(-np.sum((points - x[0]) ** 2, axis=1) / (2 * h**2))
            expected += weight * kernel @ (points - x[0]) / h**2 / 5
    np.testing.assert_allclose(slope[0], expected, rtol=0, atol=1e-6)


def test_all_samples_as_landmarks_are_exact():
    y, x = samples(300, 4) + 100, 0.8 * samples(64, 4, seed=1) + 100.2
    value = jax.jit(mmd_nystroem)(y, x, reference=fitted("mmd_nystroem")).generator
    np.testing.assert_allclose(value, mmd2(x, y), rtol=0, atol=2e-6)


@pytest.mark.slow
def test_few_landmarks_are_near():
    """k-means of 300 samples, and weights that no single sample has."""
    y, x = samples(300, 4) + 100, 0.8 * samples(64, 4, seed=1) + 100.2
    reference = fitted("mmd_nystroem", landmarks=100)
    assert reference["landmarks"].shape == (100, 4)
    value = mmd_nystroem(y, x, reference=reference, landmarks=100).generator
    assert abs(value - mmd2(x, y)) < 0.1 * mmd2(x, y)
    median = double(reference["bandwidths"])
    centres = double(reference["landmarks"])
    for weights, width in zip(reference["weights"], median, strict=True):
        (own,), (of_set,) = gram(centres, centres, [width]), gram(centres, double(y), [width])
        expected = np.linalg.solve(own + 1e-6 * np.eye(100), of_set.mean(axis=1))
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-5)


def test_more_frequencies_come_nearer():
    y, x = samples(300, 4) + 100, 0.8 * samples(64, 4, seed=1) + 100.2
    errors = []
    for count in (16, 1024):
        reference = fitted("mmd_fourier", num_frequencies=count)
        errors.append(abs(mmd_fourier(y, x, reference=reference).generator - mmd2(x, y)))
    assert errors[1] < 1e-3 < errors[0]


def test_large_sets_are_clustered_in_parts(monkeypatch):
    monkeypatch.setattr("jaxgan.losses.reference_mmd._MOST_DISTANCES", 100)
    reference = landmarks_fit(samples(300, 2), key=KEY, landmarks=20)
    assert reference["landmarks"].shape == (20, 2)
    np.testing.assert_allclose(reference["weights"][-1].sum(), 1, atol=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_the_training_set_is_nearer_than_anything_else(name):
    """MMD^2 of all its samples is 0, and gradients lead there."""
    y, reference = samples(300, 4) + 100, fitted(name)
    loss = jax.jit(lambda x: LOSSES[name].function(y, x, reference=reference))
    y = jnp.asarray(y)
    constant = mean_gram(y, y, np.median(pdist(double(y)))) if name == NAMES[0] else 0
    np.testing.assert_allclose(loss(y).generator + constant, 0, atol=2e-6)
    assert loss(y + 0.3).generator > loss(y).generator + 1e-3
    np.testing.assert_array_equal(loss(y).discriminator, 0)


def test_bandwidths_of_the_exact_form_are_traced():
    traces, x = [], samples(6, 4) + 100

    @jax.jit
    def loss(bandwidths):
        traces.append(bandwidths)
        return mmd_reference(x, x, reference=fitted(NAMES[0]), bandwidths=bandwidths).generator

    assert loss((0.5, 1.0)) != loss((0.6, 2.0))
    assert len(traces) == 1


def test_what_a_fit_takes_is_static():
    assert [LOSSES[name].fit for name in NAMES] == list(FITS.values())
    assert [LOSSES[name].fitted for name in NAMES] == [
        (),
        ("bandwidths", "landmarks"),
        ("bandwidths", "num_frequencies"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_references_are_refused_in_one_line(name):
    x, reference = samples(6, 3), fitted(name)
    loss = functools.partial(LOSSES[name].function, x, x)
    for given, message in (
        (reference, rf"of the reference of {name} has shape .*, and samples have 3 entries"),
        ({"mean": np.zeros(3, np.float32)}, f"the reference of {name} has no '.*'; make it with"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            loss(reference=given)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_sets_without_a_median_distance_are_refused(name):
    with pytest.raises(
        ConfigError, match=r"median distance of the training set is 0.0; .*the same"
    ):
        FITS[name](np.ones((5, 2), np.float32), key=KEY)
    with pytest.raises(ConfigError, match="a training set of 1; it needs at least 2"):
        FITS[name](np.ones((1, 2), np.float32), key=KEY)
