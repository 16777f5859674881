"""Correlations against scipy, NumPy and hand-worked numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from similarity_references import GENERATORS

from jaxgan.errors import ConfigError
from jaxgan.losses import (
    LOSSES,
    barlow_twins,
    cca,
    coral,
    correlation_matching,
    pearson,
    soft_spearman,
)


def samples(n, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape))


def test_pearson_of_vectors_matches_scipy():
    x = samples(50)
    y = x + samples(50, seed=1)
    for offset in (0, 100):
        r = pearson(x + offset, y)
        assert r.shape == ()
        np.testing.assert_allclose(r, pearsonr(x, y)[0], rtol=0, atol=1e-5 if offset else 1e-6)


@pytest.mark.parametrize("axis", ["batch", "features"])
def test_axes_match_scipy(axis):
    x, y = samples(6, 4), samples(6, 4, seed=1)
    rows = (x, y) if axis == "features" else (x.T, y.T)
    for function, reference, kwargs in (
        (pearson, pearsonr, {}),
        (soft_spearman, spearmanr, {"temperature": 1e-5}),
    ):
        expected = np.mean([reference(a, b)[0] for a, b in zip(*rows, strict=True)])
        np.testing.assert_allclose(function(x, y, axis=axis, **kwargs), expected, atol=2e-6)


@pytest.fixture
def as_users_compile():
    """With all optimisations: fused multiplications once made ties differ by their rounding."""
    found = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", found)


@pytest.mark.parametrize("n", [30, 1000])
@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
def test_soft_spearman_becomes_exact_with_ties(scale, n, as_users_compile):
    """Average ranks of ties, as scipy.stats.spearmanr has them, on any scale, also compiled."""
    x, y = scale * np.round(samples(n)), samples(n, seed=1)
    y = np.round(np.round(samples(n)) + y, 1)
    exact = spearmanr(x, y)[0]
    for function in (soft_spearman, jax.jit(soft_spearman)):
        errors = [abs(function(x, y, temperature=t) - exact) for t in (1.0, 0.1, 1e-3, 0.0)]
        assert errors[0] > errors[1] > errors[2]
        np.testing.assert_allclose(errors[2:], 0, atol=1e-5)


def test_constant_and_nearly_constant_vectors_have_gradients(as_users_compile):
    y = jnp.asarray(samples(50, seed=1), jnp.float32)
    gradient = jax.jit(jax.grad(lambda x: soft_spearman(x, y)))
    for x in (jnp.full(50, 0.1), jnp.full(50, 1e6), jnp.full(50, 0.1).at[3].add(1e-3)):
        assert np.isfinite(gradient(x)).all()
    assert not gradient(jnp.full(50, 0.1)).any()


def test_soft_spearman_sees_monotone_relations_whole():
    x = samples(40)
    np.testing.assert_allclose(soft_spearman(x, np.exp(3 * x), temperature=1e-6), 1, atol=1e-6)
    np.testing.assert_allclose(soft_spearman(x, -(x**3), temperature=1e-6), -1, atol=1e-6)
    assert pearson(x, np.exp(3 * x)) < 0.8


def test_soft_ranks_have_useful_gradients():
    x, y = jnp.asarray(samples(20), jnp.float32), jnp.asarray(samples(20, seed=1), jnp.float32)
    ascend = jax.jit(jax.grad(lambda x: soft_spearman(x, y, temperature=0.3)))
    before = soft_spearman(x, y, temperature=1e-5)
    for _ in range(100):
        x = x + ascend(x)
    assert soft_spearman(x, y, temperature=1e-5) > max(0.9, before)


@pytest.mark.slow
def test_soft_ranks_in_chunks(monkeypatch):
    x, y = samples(6, 5), samples(6, 5, seed=1)

    def gradient():
        loss = jax.jit(jax.value_and_grad(lambda x: soft_spearman(x, y)))
        return loss(jnp.asarray(x, jnp.float32))

    whole = gradient()
    monkeypatch.setattr("jaxgan.losses.common._CHUNK", 72)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), gradient(), whole)


@pytest.mark.parametrize("function", [pearson, soft_spearman])
def test_constant_vectors_have_no_correlation(function):
    correlate, y = jax.jit(jax.value_and_grad(function, argnums=(0, 1))), jnp.float32(samples(7))
    for value in (0.1, 3.0, 1e4):
        r, gradients = correlate(jnp.full(7, value), y)
        assert r == 0
        np.testing.assert_array_equal(gradients, np.zeros((2, 7)))


@pytest.mark.parametrize("axis", ["batch", "features"])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_losses_of_unequal_batches(name, axis, squared):
    real, fake = samples(5, 3), samples(3, 3, seed=1)
    kwargs = {"axis": axis, "squared": squared}
    loss = jax.jit(functools.partial(LOSSES[name], **kwargs))
    losses = loss(jnp.float32(real), jnp.float32(fake))
    expected = GENERATORS[name](real, fake, **kwargs)
    np.testing.assert_allclose(losses, (expected, -expected), rtol=0, atol=2e-6)


def test_opposite_batches():
    x = jnp.asarray(samples(8, 3), jnp.float32)
    for loss in (LOSSES["pearson"], LOSSES["spearman"]):
        np.testing.assert_allclose(loss(x, -x).generator, 2, atol=1e-5)
        np.testing.assert_allclose(loss(x, -x, squared=True).generator, 0, atol=1e-5)


def test_hand_worked_moments():
    """Variances 2 and 8, covariances 0 and 4; so correlations 0 and, of (0, 1) and (0, 1), 1."""
    real, fake = jnp.array([[1.0], [3.0]]), jnp.array([[0.0], [4.0]])
    assert coral(real, fake).generator == (2 - 8) ** 2 / 4
    square = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    line = jnp.array([[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(correlation_matching(square, line).generator, 1, rtol=1e-6)


@pytest.mark.slow
def test_rank_correlations_are_matched():
    """Against soft ranks in NumPy and, without softness, scipy's Spearman matrices."""
    real, fake = (np.float32(samples(n, 4, seed=n)) for n in (20, 15))
    fake = np.exp(fake) + fake[:, ::-1]
    loss = jax.jit(correlation_matching)
    expected = GENERATORS["correlation_matching"](real, fake, rank_temperature=0.3)
    value = loss(real, fake, rank_temperature=0.3).generator
    np.testing.assert_allclose(value, expected, atol=2e-6)
    one, other = (spearmanr(x).statistic for x in (real, fake))
    expected = np.mean((one - other)[np.triu_indices(4, 1)] ** 2)
    value = correlation_matching(
        jnp.asarray(real), jnp.asarray(fake), rank_temperature=0.0
    ).generator
    np.testing.assert_allclose(value, expected, atol=2e-6)


def test_scale_and_shift_matter_to_covariances_alone():
    x, y = jnp.asarray(samples(20, 3), jnp.float32), jnp.asarray(samples(9, 3, seed=1), jnp.float32)
    moved = y * jnp.array([[1.0, 2.0, 5.0]]) + 7
    correlations, covariances = jax.jit(correlation_matching), jax.jit(coral)
    np.testing.assert_allclose(
        correlations(x, moved).generator, correlations(x, y).generator, atol=1e-5
    )
    assert covariances(x, moved).generator > 2 * covariances(x, y).generator


def test_cca_sees_through_linear_maps_and_no_noise():
    x = jnp.asarray(samples(200, 3), jnp.float32)
    mixed = x @ jnp.asarray(samples(3, 3, seed=1), jnp.float32) + 1
    np.testing.assert_allclose(cca(x, mixed, shrinkage=1e-5).generator, 0, atol=1e-3)
    noise = jnp.asarray(samples(200, 3, seed=2), jnp.float32)
    assert cca(x, noise).generator > 0.95


def test_barlow_twins_of_independent_features():
    """Columns of a Hadamard matrix do not correlate: nothing of (1 - 1)^2 or 0 remains."""
    x = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    np.testing.assert_allclose(barlow_twins(x, 3 * x + 1).generator, 0, atol=1e-6)
    np.testing.assert_allclose(barlow_twins(x, x[:, ::-1]).generator, 2 + 2 * 5e-3, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pearson(np.ones(3), np.ones(4)), "3 with 4 samples"),
        (lambda: pearson(np.ones(1), np.ones(1)), "over batch of 1; it needs at least 2"),
        (lambda: soft_spearman(np.ones((3, 1)), np.ones((3, 1)), axis="features"), "features of 1"),
        (lambda: pearson(np.ones(3), np.ones(3), axis="feature"), "did you mean 'features'"),
        (lambda: coral(jnp.ones((1, 2)), jnp.ones((3, 2))), "batches of 1 and 3; it needs"),
        (lambda: cca(jnp.ones((3, 2)), jnp.ones((1, 2))), "batches of 3 and 1; it needs"),
        (lambda: correlation_matching(jnp.ones((3, 1)), jnp.ones((3, 1))), "features of 1"),
    ],
)
def test_what_cannot_be_correlated(call, words):
    with pytest.raises(ConfigError, match=words):
        call()
