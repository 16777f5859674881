"""MMD^2 against double loops, closed forms and simulation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.kernels import gaussian
from jaxgan.losses import mmd2, mmd_gaussian

ESTIMATORS = ("biased", "unbiased")


def linear(x, y):
    return x @ y.T


def same(x, y):
    """1 for a sample and itself: all diagonal where samples differ."""
    return jnp.all(x[:, None] == y[None], axis=-1).astype(jnp.float32)


def samples(n, *shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, *shape)), jnp.float32)


def double_loop(x, y, kernel, estimator):
    """Gretton et al. 2012, equations 3 (unbiased) and 5 (biased), pair by pair in float64."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)

    def within(x):
        pairs = [(a, b) for i, a in enumerate(x) for j, b in enumerate(x)]
        if estimator == "unbiased":
            pairs = [(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
        return np.mean([kernel(a, b) for a, b in pairs])

    return within(x) + within(y) - 2 * np.mean([kernel(a, b) for a in x for b in y])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(("n", "m"), [(9, 4), (2, 3)])
@pytest.mark.parametrize("bandwidth", [0.5, 3.0])
def test_value_matches_a_double_loop(estimator, n, m, bandwidth):
    x, y = samples(n, 3), samples(m, 3, seed=1) + 1
    expected = double_loop(
        x, y, lambda a, b: np.exp(-np.sum((a - b) ** 2) / (2 * bandwidth**2)), estimator
    )
    loss = jax.jit(mmd_gaussian, static_argnames="estimator")
    losses = loss(x, y, bandwidth=bandwidth, estimator=estimator)
    np.testing.assert_allclose(losses, (expected, -expected), rtol=0, atol=1e-6)
    value = mmd2(x, y, kernel=functools.partial(gaussian, bandwidth=bandwidth), estimator=estimator)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_linear_kernel_gives_the_distance_of_means():
    # |mean x - mean y|^2 with means (1, 1) and (0, 3).
    x, y = jnp.array([[0.0, 0.0], [2.0, 2.0]]), jnp.array([[0.0, 2.0], [1.0, 3.0], [-1.0, 4.0]])
    assert mmd2(x, y, kernel=linear, estimator="biased") == 5


def test_only_the_biased_estimator_counts_a_sample_with_itself():
    x, y = samples(4, 2), samples(8, 2, seed=1)
    assert mmd2(x, y, kernel=same, estimator="biased") == 1 / 4 + 1 / 8
    assert mmd2(x, y, kernel=same) == 0


def test_identical_batches():
    x = samples(6, 20)
    np.testing.assert_allclose(mmd2(x, x, kernel=gaussian, estimator="biased"), 0, atol=1e-6)
    assert mmd2(x, x, kernel=gaussian) < 0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_views_are_flattened(estimator):
    x, y = samples(5, 2, 3, 1), samples(4, 2, 3, 1, seed=1)
    flat = mmd2(x.reshape(5, 6), y.reshape(4, 6), kernel=gaussian, estimator=estimator)
    assert mmd2(x, y, kernel=gaussian, estimator=estimator) == flat
    scalars = mmd2(x[:, 0, 0, 0], y[:, 0, 0, 0], kernel=gaussian, estimator=estimator)
    assert scalars == mmd2(x[:, 0, 0], y[:, 0, 0], kernel=gaussian, estimator=estimator)


def test_gradient_descent_of_the_generator_closes_the_distance():
    real, fake = samples(20, 2), samples(12, 2, seed=1) + 2

    @jax.jit
    def descend(fake):
        return fake - 5 * jax.grad(lambda fake: mmd_gaussian(real, fake, bandwidth=2.0)[0])(fake)

    before = mmd_gaussian(real, fake, bandwidth=2.0)
    for _ in range(20):
        fake = descend(fake)
    after = mmd_gaussian(real, fake, bandwidth=2.0)
    assert after.generator < 0.1 * before.generator
    assert after.discriminator > 0.1 * before.discriminator


def test_estimators_against_the_closed_form():
    """E exp(-|u|^2 / 2 h^2) = (h^2 / (h^2 + v))^(d/2) exp(-|a|^2 / 2 (h^2 + v)), u ~ N(a, v I)."""
    n, m, d, draws, bandwidth, shift, scale = 6, 9, 2, 2000, 1.0, 0.5, 1.5

    def expected_kernel(variance, squared_shift):
        total = bandwidth**2 + variance
        return (bandwidth**2 / total) ** (d / 2) * np.exp(-squared_shift / (2 * total))

    truth = expected_kernel(2, 0) + expected_kernel(2 * scale**2, 0)
    truth -= 2 * expected_kernel(1 + scale**2, d * shift**2)

    def draw(key):
        for_x, for_y = jax.random.split(key)
        x = jax.random.normal(for_x, (n, d))
        y = shift + scale * jax.random.normal(for_y, (m, d))
        return [mmd2(x, y, kernel=gaussian, estimator=estimator) for estimator in ESTIMATORS]

    biased, unbiased = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), draws))
    deviations = [
        (np.mean(v) - truth) / (np.std(v, ddof=1) / draws**0.5) for v in (biased, unbiased)
    ]
    assert abs(deviations[1]) < 4
    assert deviations[0] > 4
    assert np.min(unbiased) < 0 <= np.min(biased)


def test_unknown_estimator():
    x = samples(3, 2)
    with pytest.raises(ConfigError, match="'unbaised'; did you mean 'unbiased'"):
        mmd2(x, x, kernel=gaussian, estimator="unbaised")


@pytest.mark.parametrize(("n", "m"), [(1, 3), (3, 1)])
def test_unbiased_estimator_needs_two_samples_of_each(n, m):
    x, y = samples(n, 2), samples(m, 2, seed=1)
    with pytest.raises(ConfigError, match=f"of {n} and {m} samples"):
        mmd_gaussian(x, y)
    assert mmd_gaussian(x, y, estimator="biased").generator > 0
