"""MMD^2 and what is made of it against double loops, closed forms and simulation."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.kernels import GMMN_BANDWIDTHS, KERNELS, gaussian
from jaxgan.losses import (
    conditional_mmd2,
    mean_embedding,
    mmd2,
    mmd2_blocks,
    mmd2_ratio,
    mmd2_variance,
    mmd_gaussian,
    witness,
)

ESTIMATORS = ("biased", "unbiased")
SLOW = pytest.param("biased", marks=pytest.mark.slow)  # where one estimator shows it
MMD2 = jax.jit(mmd2, static_argnames=("kernel", "estimator", "tile"))
MMD_GAUSSIAN = jax.jit(mmd_gaussian, static_argnames="estimator")


def gaussian_pair(a, b):
    return np.exp(-np.sum((a - b) ** 2) / 2)


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
    losses = MMD_GAUSSIAN(x, y, bandwidth=bandwidth, estimator=estimator)
    np.testing.assert_allclose(losses, (expected, -expected), rtol=0, atol=1e-6)
    value = MMD2(x, y, kernel=functools.partial(gaussian, bandwidth=bandwidth), estimator=estimator)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_linear_kernel_gives_the_distance_of_means():
    # |mean x - mean y|^2 with means (1, 1) and (0, 3).
    x, y = jnp.array([[0.0, 0.0], [2.0, 2.0]]), jnp.array([[0.0, 2.0], [1.0, 3.0], [-1.0, 4.0]])
    assert mmd2(x, y, kernel=linear, estimator="biased") == 5


def test_only_the_biased_estimator_counts_a_sample_with_itself():
    x, y = samples(4, 2), samples(8, 2, seed=1)
    assert MMD2(x, y, kernel=same, estimator="biased") == 1 / 4 + 1 / 8
    assert MMD2(x, y, kernel=same) == 0


def test_identical_batches():
    x = samples(6, 20)
    np.testing.assert_allclose(MMD2(x, x, kernel=gaussian, estimator="biased"), 0, atol=1e-6)
    assert MMD2(x, x, kernel=gaussian) < 0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_views_are_flattened(estimator):
    x, y = samples(5, 2, 3, 1), samples(4, 2, 3, 1, seed=1)
    for a, b in ((x, y), (x[:, 0, 0, 0], y[:, 0, 0, 0])):
        expected = double_loop(a.reshape(5, -1), b.reshape(4, -1), gaussian_pair, estimator)
        value = MMD2(a, b, kernel=gaussian, estimator=estimator)
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
    with pytest.raises(ConfigError, match=r"shapes \(2, 3, 1\) and \(6,\); they must be equal"):
        mmd2(x, y.reshape(4, 6), kernel=gaussian, estimator=estimator)


@pytest.mark.slow
def test_gradient_descent_of_the_generator_closes_the_distance():
    real, fake = samples(20, 2), samples(12, 2, seed=1) + 2

    @jax.jit
    def descend(fake):
        return fake - 5 * jax.grad(lambda fake: mmd_gaussian(real, fake, bandwidth=2.0)[0])(fake)

    before = MMD_GAUSSIAN(real, fake, bandwidth=2.0)
    for _ in range(20):
        fake = descend(fake)
    after = MMD_GAUSSIAN(real, fake, bandwidth=2.0)
    assert after.generator < 0.1 * before.generator
    assert after.discriminator > 0.1 * before.discriminator


@pytest.mark.slow
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
    with pytest.raises(ConfigError, match=f"of {n} and {m}; it needs at least 2"):
        mmd_gaussian(x, y)
    assert MMD_GAUSSIAN(x, y, estimator="biased").generator > 0


def test_an_empty_batch_is_refused():
    with pytest.raises(ConfigError, match="of 0 and 3; it needs at least 1"):
        mmd_gaussian(samples(0, 2), samples(3, 2), estimator="biased")


@pytest.mark.parametrize("estimator", [SLOW, "unbiased"])
def test_tiles_give_the_same(estimator):
    x, y = samples(11, 2, 2), samples(7, 2, 2, seed=1)
    whole, tiled = (
        jax.jit(
            jax.value_and_grad(
                functools.partial(mmd2, kernel=gaussian, estimator=estimator, tile=tile), (0, 1)
            )
        )(x, y)
        for tile in (0, 4)
    )
    for a, b in zip(jax.tree.leaves(tiled), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("estimator", [SLOW, "unbiased"])
def test_large_batches_are_tiled(estimator):
    x, y = samples(300, 3), samples(280, 3, seed=1) + 0.5
    gram = [
        np.exp(-np.sum(np.square(a[:, None] - b[None]), -1) / 2)
        for a, b in itertools.combinations_with_replacement(
            (np.asarray(x, np.float64), np.asarray(y, np.float64)), 2
        )
    ]
    xx, xy, yy = gram
    if estimator == "biased":
        expected = xx.mean() + yy.mean() - 2 * xy.mean()
    else:
        expected = (xx.sum() - 300) / (300 * 299) + (yy.sum() - 280) / (280 * 279) - 2 * xy.mean()
    compiled = jax.jit(functools.partial(mmd2, kernel=gaussian, estimator=estimator))
    np.testing.assert_allclose(compiled(x, y), expected, rtol=0, atol=1e-6)
    assert "f32[300,280]" not in compiled.lower(x, y).compile().as_text()


@pytest.mark.parametrize(("estimator", "size"), [("linear", 2), ("block", 3)])
def test_blocks_match_a_loop_over_blocks(estimator, size):
    x, y = samples(14, 2), samples(11, 2, seed=1)  # isqrt(11) = 3
    blocks = [slice(i, i + size) for i in range(0, 11 - size + 1, size)]
    expected = np.mean([double_loop(x[b], y[b], gaussian_pair, "unbiased") for b in blocks])
    value = jax.jit(functools.partial(mmd2, kernel=gaussian, estimator=estimator))(x, y)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
    blocked = jax.jit(functools.partial(mmd2_blocks, kernel=gaussian, size=size))
    np.testing.assert_allclose(blocked(x, y), expected, rtol=0, atol=1e-6)


def test_blocks_need_as_many_samples():
    with pytest.raises(ConfigError, match="size of the blocks is 1"):
        mmd2_blocks(samples(4, 2), samples(4, 2), kernel=gaussian, size=1)
    with pytest.raises(ConfigError, match="of 6 and 4; it needs at least 5"):
        mmd2_blocks(samples(6, 2), samples(4, 2), kernel=gaussian, size=5)


def distinct_variance(x, y):
    """Var of unbiased MMD^2: each product of means over all tuples of different samples."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m = len(x), len(y)

    def within(x):
        n = len(x)
        k = np.array([[gaussian_pair(a, b) for b in x] for a in x])
        quadruples = itertools.permutations(range(n), 4)
        squared_mean = np.mean([k[a, b] * k[c, d] for a, b, c, d in quadruples])
        triples = itertools.permutations(range(n), 3)
        rows = np.mean([k[a, b] * k[a, c] for a, b, c in triples]) - squared_mean
        pairs = np.mean([k[a, b] ** 2 for a, b in itertools.permutations(range(n), 2)])
        return (4 * (n - 2) * rows + 2 * (pairs - squared_mean)) / (n * (n - 1))

    def shared(x, y):
        k, g = (np.array([[gaussian_pair(a, b) for b in z] for a in x]) for z in (x, y))
        pairs = itertools.permutations(range(len(x)), 2)
        product = np.mean([k[a, b] * g[a, c] for a, b in pairs for c in range(len(y))])
        triples = itertools.permutations(range(len(x)), 3)
        means = np.mean([k[a, b] * g[c, d] for a, b, c in triples for d in range(len(y))])
        return 2 * (product - means) / len(x)

    k = np.array([[gaussian_pair(a, b) for b in y] for a in x])
    of_x = list(itertools.permutations(range(n), 2))
    of_y = list(itertools.permutations(range(m), 2))
    squared_mean = np.mean([k[a, c] * k[b, d] for a, b in of_x for c, d in of_y])
    rows = np.mean([k[a, c] * k[a, d] for a in range(n) for c, d in of_y]) - squared_mean
    columns = np.mean([k[a, c] * k[b, c] for a, b in of_x for c in range(m)]) - squared_mean
    pairs = np.mean(k**2) - squared_mean
    between = ((m - 1) * rows + (n - 1) * columns + pairs) / (n * m)
    return within(x) + within(y) + 4 * between - 4 * (shared(x, y) + shared(y, x))


@pytest.mark.parametrize(("n", "m"), [(5, 7), (6, 4)])
def test_variance_matches_loops_over_distinct_samples(n, m):
    x, y = samples(n, 2), samples(m, 2, seed=1) + 0.5
    value = jax.jit(functools.partial(mmd2_variance, kernel=gaussian))(x, y)
    np.testing.assert_allclose(value, distinct_variance(x, y), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_variance_is_that_of_the_estimator():
    n, m, draws = 12, 8, 4000

    def draw(key):
        for_x, for_y = jax.random.split(key)
        x, y = jax.random.normal(for_x, (n, 2)), 1 + jax.random.normal(for_y, (m, 2))
        return mmd2(x, y, kernel=gaussian), mmd2_variance(x, y, kernel=gaussian)

    values, variances = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), draws))
    # The error of a sample variance of nearly normal values is sqrt(2 / draws) = 2.2 %.
    error = np.hypot(np.var(values) * (2 / draws) ** 0.5, np.std(variances) / draws**0.5)
    assert abs(np.mean(variances) - np.var(values, ddof=1)) < 4 * error
    assert error < 0.05 * np.var(values)


def test_variance_of_many_samples():
    # 400^4 tuples are more than an int32 holds. The variance falls as 1 / n: about 4 times.
    x, y = samples(400, 2), samples(380, 2, seed=1) + 1
    variance = jax.jit(functools.partial(mmd2_variance, kernel=gaussian))
    assert 2 < variance(x[:100], y[:95]) / variance(x, y) < 8


def test_ratio():
    x, y = samples(9, 2), samples(8, 2, seed=1) + 0.5
    variance = distinct_variance(x, y)
    assert variance > 1e-4
    expected = double_loop(x, y, gaussian_pair, "unbiased") / variance**0.5
    ratio = jax.jit(functools.partial(mmd2_ratio, kernel=gaussian))
    np.testing.assert_allclose(ratio(x, y), expected, rtol=1e-4)
    floored = ratio(x, y, smallest_variance=4.0)
    np.testing.assert_allclose(floored, expected * variance**0.5 / 2, rtol=0, atol=1e-6)
    with pytest.raises(ConfigError, match="of 9 and 3; it needs at least 4"):
        mmd2_ratio(x, y[:3], kernel=gaussian)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_conditional_mmd_is_the_mean_over_classes(estimator):
    x, y = samples(11, 2), samples(9, 2, seed=1)
    of_x, of_y = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3]), np.array([0, 0, 1, 1, 1, 1, 1, 2, 4])
    # Class 3 has no y, 4 no x, and 2 one y only, too few without bias.
    classes = (0, 1, 2) if estimator == "biased" else (0, 1)
    expected = np.mean(
        [double_loop(x[of_x == c], y[of_y == c], gaussian_pair, estimator) for c in classes]
    )
    conditional = functools.partial(
        conditional_mmd2, kernel=gaussian, num_classes=6, estimator=estimator
    )
    value = jax.jit(conditional)(x, jnp.asarray(of_x), y, jnp.asarray(of_y))
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_conditional_mmd_without_common_classes_is_zero():
    x, y = samples(4, 2), samples(3, 2, seed=1)
    labels = jnp.zeros(4, int), jnp.ones(3, int)

    def loss(x, estimator="unbiased"):
        return conditional_mmd2(
            x, labels[0], y, labels[1], kernel=gaussian, num_classes=2, estimator=estimator
        )

    value, gradient = jax.jit(jax.value_and_grad(loss))(x)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)
    with pytest.raises(ConfigError, match="unknown estimator 'linear'"):
        loss(x, "linear")


def test_witness_and_embedding():
    x, y, points = samples(6, 2, 1), samples(4, 2, 1, seed=1), samples(3, 2, 1, seed=2)
    embedding, difference = (
        jax.jit(f) for f in (mean_embedding(x, kernel=gaussian), witness(x, y, kernel=gaussian))
    )
    expected = [np.mean([gaussian_pair(p.ravel(), a.ravel()) for a in x]) for p in points]
    np.testing.assert_allclose(embedding(points), expected, rtol=0, atol=1e-6)
    expected -= np.mean([[gaussian_pair(p.ravel(), b.ravel()) for b in y] for p in points], 1)
    np.testing.assert_allclose(difference(points), expected, rtol=0, atol=1e-6)
    # E w(x) - E w(y) is the biased MMD^2.
    gap = jnp.mean(difference(x)) - jnp.mean(difference(y))
    expected = double_loop(x[..., 0], y[..., 0], gaussian_pair, "biased")
    np.testing.assert_allclose(gap, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tile", (0, 16))
@pytest.mark.parametrize("estimator", [SLOW, "unbiased"])
def test_kernels_near_one_keep_their_digits(estimator, tile):
    """Six Gaussians that are all near 1: MMD^2 is 1e-4 of the means that it is made of."""
    x, y = 0.1 * samples(60, 2), 0.1 * samples(50, 2, seed=1) + 0.05
    kernel = KERNELS["gaussian_mixture"]

    def pair(a, b):
        return sum(np.exp(-np.sum((a - b) ** 2) / 2 / s**2) for s in GMMN_BANDWIDTHS)

    value = MMD2(
        x,
        y,
        kernel=functools.partial(kernel, bandwidths=GMMN_BANDWIDTHS),
        estimator=estimator,
        tile=tile,
    )
    expected = double_loop(x, y, pair, estimator)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-7)
