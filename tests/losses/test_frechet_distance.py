"""The Frechet distance as a loss, and the moments that it averages over steps."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fitted_references import distance, doubled
from scipy.linalg import sqrtm

from jaxgan.errors import ConfigError
from jaxgan.losses import (
    LOSSES,
    FrechetAverages,
    averaged_frechet,
    frechet,
    frechet_averages,
    frechet_fit,
)
from jaxgan.losses.frechet_distance import FrechetNetwork
from jaxgan.metrics import fid


def double(x):
    return np.asarray(x, np.float64)


def samples(n, d, seed=0, mean=0.0):
    """Correlated ones, whose standard deviations span a factor of e^2."""
    rng = np.random.default_rng(d)
    mixed = rng.normal(size=(d, d)) * np.exp(-2 * np.arange(d) / d)[:, None]
    normal = np.random.default_rng(seed).normal(size=(n, d))
    return (normal @ mixed + mean).astype(np.float32)


@functools.lru_cache
def fitted(d):
    return frechet_fit(samples(400, d, mean=10.0), key=jax.random.key(0))


def apply(variables, fake, train=True, decay=0.5, d=3):
    fake = jnp.asarray(fake)
    options = {"reference": fitted(d), "decay": decay, "train": train}
    return FrechetNetwork().apply(variables, fake, fake, mutable="batch_stats", **options)


def test_the_fit_has_the_moments_of_the_whole_set():
    """The root by scipy."""
    features, reference = samples(400, 5, mean=10.0).astype(np.float64), fitted(5)
    covariance = np.cov(features, rowvar=False, bias=True)
    for name, expected in (
        ("mean", features.mean(axis=0)),
        ("covariance", covariance),
        ("root", np.real(np.asarray(sqrtm(covariance)))),
    ):
        assert reference[name].dtype == np.float32
        np.testing.assert_allclose(reference[name], expected, rtol=0, atol=1e-5)


def test_of_large_batches_it_is_the_metric():
    """Whose covariances are over n - 1."""
    real, fake = samples(2000, 8, mean=10.0), 1.3 * samples(1500, 8, seed=1, mean=8.0)
    reference = frechet_fit(real, key=jax.random.key(0))
    found = jax.jit(frechet)(real, fake, reference=reference, decay=0.0).generator
    np.testing.assert_allclose(found, fid(real, fake).value, rtol=1e-3)


@pytest.mark.parametrize(("n", "d"), [(256, 16), (12, 16)])
def test_compiled_float32_at_the_size_of_a_batch(n, d):
    """Also of fewer samples than features, where the root of the covariance has no derivative."""
    fake = samples(n, d, seed=1, mean=10.5)
    reference = fitted(d)

    def loss(x):
        return frechet(x, x, reference=reference).generator

    value, slope = jax.jit(jax.value_and_grad(loss))(fake)
    x = double(fake)
    expected = distance(x.mean(axis=0), np.cov(x, rowvar=False, bias=True), doubled(reference))
    np.testing.assert_allclose(value, expected, rtol=0, atol=2e-4)
    direction = np.random.default_rng(3).normal(size=x.shape)
    with jax.enable_x64(True):
        exact = jax.jit(jax.grad(loss))(jnp.asarray(x))
        step = 1e-5
        moved = [jax.jit(loss)(jnp.asarray(x + sign * step * direction)) for sign in (1, -1)]
    exact, (after, before) = np.asarray(exact), map(float, moved)
    np.testing.assert_allclose(np.sum(exact * direction), (after - before) / (2 * step), rtol=1e-5)
    np.testing.assert_allclose(slope, exact, rtol=0, atol=1e-3 * np.abs(exact).max())


def test_collapsed_fakes_have_finite_gradients():
    collapsed = jnp.full((6, 3), 9.0)
    slope = jax.jit(jax.grad(lambda x: frechet(x, x, reference=fitted(3)).generator))(collapsed)
    assert np.all(np.isfinite(slope))
    np.testing.assert_array_equal(
        np.sign(slope), np.sign(9.0 - fitted(3)["mean"])[None].repeat(6, 0)
    )


def test_moments_are_averaged_over_steps():
    """By hand: of the first two batches half each, since their count limits b; then b = .5."""
    batches = [samples(n, 3, seed=n, mean=9.0) for n in (40, 30, 20)]
    reference = doubled(fitted(3))
    centred = [double(batch) - reference["mean"] for batch in batches]
    means = [x.mean(axis=0) for x in centred]
    seconds = [x.T @ x / len(x) for x in centred]
    step = jax.jit(functools.partial(averaged_frechet, reference=fitted(3)))
    averages, shift, second = frechet_averages(3), np.zeros(3), np.zeros((3, 3))
    for batch, mean, own, kept in zip(batches, means, seconds, (0, 0.5, 0.5), strict=True):
        value, averages = step(batch, averages, decay=0.5)
        shift, second = kept * shift + (1 - kept) * mean, kept * second + (1 - kept) * own
        np.testing.assert_allclose(averages.mean, shift, rtol=0, atol=1e-5)
        np.testing.assert_allclose(averages.second, second, rtol=0, atol=2e-5)
        covariance = second - np.outer(shift, shift)
        expected = distance(shift + reference["mean"], covariance, reference)
        np.testing.assert_allclose(value, expected, rtol=0, atol=2e-5)
    assert averages.count == 3


def test_gradients_are_of_the_last_batch():
    """Central differences in float64 of the value at averages that stay."""
    old = samples(20, 3, seed=5, mean=9.0)
    with jax.enable_x64(True):
        loss = jax.jit(
            lambda x, averages: averaged_frechet(x, averages, reference=fitted(3), decay=0.9)
        )
        _, averages = loss(jnp.float64(old), frechet_averages(3, np.float64))
        averages = averages._replace(count=averages.count + 50)
        x, step = double(samples(5, 3, seed=6, mean=9.0)), 1e-5
        slope = jax.jit(jax.grad(lambda x, a: loss(x, a)[0]))(x, averages)
        for index in ((0, 0), (4, 2)):
            shift = np.zeros_like(x)
            shift[index] = step
            values = [loss(x + sign * shift, averages)[0] for sign in (1, -1)]
            expected = (values[0] - values[1]) / (2 * step)
            np.testing.assert_allclose(slope[index], expected, rtol=1e-6)


def test_the_network_keeps_the_averages_and_moves_them_in_training_alone():
    batches = [jnp.asarray(samples(n, 3, seed=n, mean=9.0)) for n in (40, 30)]
    network, options = FrechetNetwork(), {"reference": fitted(3), "decay": 0.5}
    assert LOSSES["frechet"].network is FrechetNetwork and network.whole_batch
    losses, first = jax.jit(functools.partial(network.init_with_output, train=True))(
        jax.random.key(0), batches[0], batches[0], **options
    )
    alone = frechet(batches[0], batches[0], reference=fitted(3))
    np.testing.assert_allclose(losses, alone, rtol=1e-5)
    assert set(first) == {"batch_stats"}
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(first))
    variables, averages = first, frechet_averages(3)
    for batch in batches:
        expected, averages = averaged_frechet(batch, averages, reference=fitted(3), decay=0.5)
        seen, unmoved = apply(variables, batch, train=False)
        jax.tree.map(np.testing.assert_array_equal, unmoved, variables)
        losses, variables = apply(variables, batch)
        np.testing.assert_allclose(losses, np.array((expected, 0)), rtol=1e-5)
        np.testing.assert_allclose(seen, losses, rtol=1e-5)
        kept: Any = variables["batch_stats"]
        kept = FrechetAverages(**kept)
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-5), kept, averages
        )


def test_a_reference_of_other_features_is_refused_in_one_line():
    fake = samples(6, 3)
    for reference, message in (
        (fitted(5), r"mean of the reference of frechet has shape \(5,\), and samples have 3"),
        ({"samples": fake}, "the reference of frechet has no 'mean'; make it with"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            frechet(fake, fake, reference=reference)
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=r"decay of frechet is 1.0; it must be in \[0, 1\)"):
        frechet(fake, fake, reference=fitted(3), decay=1.0)
