"""HSIC against sums over distinct tuples (Song et al. 2012) and simulation."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.kernels import gaussian, linear
from jaxgan.losses import hsic


def samples(n, *shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, *shape)), jnp.float32)


def gram(x):
    x = np.asarray(x, np.float64).reshape(len(x), -1)
    return np.exp(-np.sum((x[:, None] - x[None]) ** 2, -1) / 2)


def test_biased_is_the_trace():
    x, y = samples(7, 3), samples(7, 2, 2, seed=1)
    centring = np.eye(7) - 1 / 7
    expected = np.trace(gram(x) @ centring @ gram(y) @ centring) / 36
    value = jax.jit(
        functools.partial(hsic, kernel_x=gaussian, kernel_y=gaussian, estimator="biased")
    )(x, y)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_unbiased_is_a_mean_over_distinct_samples():
    x, y = samples(6, 3), samples(6, seed=1)
    of_x, of_y = gram(x), gram(y)
    expected = np.mean(
        [
            of_x[a, b] * (of_y[a, b] + of_y[c, d] - 2 * of_y[a, c])
            for a, b, c, d in itertools.permutations(range(6), 4)
        ]
    )
    value = jax.jit(functools.partial(hsic, kernel_x=gaussian, kernel_y=gaussian))(x, y)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_of_independent_samples_the_unbiased_one_is_zero_on_average():
    def draw(key):
        x, y = jax.random.normal(key, (2, 8, 2))
        return [
            hsic(x, z, kernel_x=gaussian, kernel_y=linear, estimator=estimator)
            for z, estimator in ((y, "unbiased"), (y, "biased"), (x, "unbiased"))
        ]

    values = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), 1000))
    unbiased, biased, dependent = (np.mean(v) / (np.std(v) / 1000**0.5) for v in values)
    assert abs(unbiased) < 4
    assert biased > 4
    assert dependent > 4


def test_gradient_is_finite_where_samples_coincide():
    x = jnp.broadcast_to(samples(1, 3), (5, 3))
    gradient = jax.grad(lambda x: hsic(x, samples(5, 2), kernel_x=gaussian, kernel_y=linear))(x)
    assert np.all(np.isfinite(gradient))


def test_needs_enough_pairs():
    with pytest.raises(ConfigError, match="HSIC of 5 and 4 samples"):
        hsic(samples(5, 2), samples(4, 2), kernel_x=gaussian, kernel_y=gaussian)
    with pytest.raises(ConfigError, match="at least 4 for the unbiased"):
        hsic(samples(3, 2), samples(3, 2), kernel_x=gaussian, kernel_y=gaussian)
    with pytest.raises(ConfigError, match="unknown estimator 'U'"):
        hsic(samples(4, 2), samples(4, 2), kernel_x=gaussian, kernel_y=gaussian, estimator="U")
