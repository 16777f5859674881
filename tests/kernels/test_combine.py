"""Kernels made of kernels, and bandwidths made of data."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from jaxgan.errors import ConfigError
from jaxgan.kernels import (
    ema_bandwidth,
    gaussian,
    linear,
    median_bandwidth,
    polynomial,
    product,
    weighted_sum,
)


def points(n, d=3, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, d)), jnp.float32)


def test_sums_and_products():
    x, y = points(5), points(4, seed=1)
    expected = 2 * gaussian(x, y) + 0.5 * linear(x, y)
    kernel = weighted_sum(gaussian, linear, weights=(2.0, 0.5))
    np.testing.assert_allclose(kernel(x, y), expected, rtol=0, atol=1e-6)
    expected = gaussian(x, y) * linear(x, y) * polynomial(x, y)
    np.testing.assert_allclose(
        product(gaussian, linear, polynomial)(x, y), expected, rtol=0, atol=1e-6
    )
    np.testing.assert_array_equal(
        weighted_sum(gaussian, linear)(x, y), gaussian(x, y) + linear(x, y)
    )


def test_weights_are_traced():
    x, y = points(5), points(4, seed=1)
    by_weight = jax.jit(jax.jacrev(lambda w: weighted_sum(gaussian, linear, weights=w)(x, y)))
    np.testing.assert_allclose(by_weight((1.0, 2.0))[1], linear(x, y), rtol=0, atol=1e-6)


def test_combinations_need_kernels():
    with pytest.raises(ConfigError, match="1 weights for 2 kernels"):
        weighted_sum(gaussian, linear, weights=(1.0,))
    with pytest.raises(ConfigError, match="0 kernels"):
        product()


@pytest.mark.parametrize("d", (2, 20))
def test_median_bandwidth_matches_scipy(d):
    x, y = points(9, d), points(6, d, seed=1) + 1
    expected = np.median(pdist(np.concatenate([x, y]).astype(np.float64)))
    np.testing.assert_allclose(jax.jit(median_bandwidth)(x, y), expected, rtol=1e-6)


def test_median_bandwidth_of_many_uses_evenly_spaced_rows():
    x, y = points(100), points(41, seed=1)
    expected = np.median(pdist(np.concatenate([x[::5], y[::3]]).astype(np.float64)))
    median = jax.jit(functools.partial(median_bandwidth, max_samples=20))
    np.testing.assert_allclose(median(x, y), expected, rtol=1e-6)


def test_median_bandwidth_is_a_constant_and_never_zero():
    x = points(5)
    gradient = jax.jit(jax.grad(lambda x: median_bandwidth(x, 2 * x)))(x)
    np.testing.assert_array_equal(gradient, 0)
    assert median_bandwidth(jnp.zeros((3, 2)), jnp.zeros((2, 2))) == 1


def test_ema_bandwidth():
    np.testing.assert_allclose(ema_bandwidth(2.0, 4.0, decay=0.75), 2.5)
    assert ema_bandwidth(0.0, 4.0) == 4
    assert jax.jit(jax.grad(lambda b: ema_bandwidth(2.0, b)))(4.0) == 0
