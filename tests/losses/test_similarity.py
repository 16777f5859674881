"""Matches, degenerate samples and images; expected values are by scipy or loops in float64."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import central_differences
from scipy.spatial.distance import pdist
from similarity_references import GENERATORS, SHAPES

from jaxgan.data import load
from jaxgan.errors import ConfigError
from jaxgan.losses import LOSSES, l1, l2, mode_seeking, ms_ssim, rmse, ssim

MATCHED = [name for name, loss in LOSSES.items() if "match" in inspect.signature(loss).parameters]
# What has a minimum where real and fake coincide, and a slope that could be 0 / 0 there.
AT_REST = [*MATCHED, "pearson", "spearman", "cca", "barlow_twins", "coral", "correlation_matching"]
AT_REST += ["feature_matching", "diversity_matching"]


def samples(name, n, k=3, seed=0):
    shape = (n, *SHAPES.get(name, ()), k)
    return jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, shape), jnp.float32)


def images(n, *shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, (n, *shape)), jnp.float32)


L2 = jax.jit(l2, static_argnames="match")


@pytest.mark.parametrize("match", ["nearest", "mean"])
@pytest.mark.parametrize("name", MATCHED)
def test_matches(name, match):
    real, fake = samples(name, 6), samples(name, 4, seed=1)
    value = jax.jit(LOSSES[name], static_argnames="match")(real, fake, match=match).generator
    expected = GENERATORS[name](np.float64(real), np.float64(fake), match=match)
    np.testing.assert_allclose(value, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", ["l2", "cosine", "mahalanobis"])
def test_gradient_to_the_nearest_matches_central_differences(name):
    real, fake = np.asarray(samples(name, 5)), np.asarray(samples(name, 3, seed=1))
    loss, reference = LOSSES[name], GENERATORS[name]
    with jax.enable_x64(True):
        gradients = jax.jit(
            jax.grad(lambda *views: loss(*views, match="nearest")[0], argnums=(0, 1))
        )(jnp.float64(real), jnp.float64(fake))
    expected = (
        central_differences(lambda x: reference(x, np.float64(fake), match="nearest"), real),
        central_differences(lambda x: reference(np.float64(real), x, match="nearest"), fake),
    )
    for gradient, e in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, e, rtol=0, atol=1e-8)


def test_nearest_and_mean_matches_do_not_depend_on_order():
    real, fake = samples("l2", 6), samples("l2", 6, seed=1)
    for match in ("nearest", "mean"):
        value = L2(real, fake, match=match).generator
        np.testing.assert_allclose(L2(real[::-1], fake, match=match).generator, value, atol=1e-6)
    assert abs(L2(real[::-1], fake).generator - L2(real, fake).generator) > 0.01


def test_hand_worked_values():
    real, fake = jnp.array([[0.0, 0.0], [3.0, 4.0]]), jnp.array([[3.0, 4.0]])
    assert l1(real, fake).generator == 3.5  # 7 and, the fake starting again, 0
    assert L2(real, fake).generator == 2.5
    assert L2(real, fake, match="nearest").generator == 0
    assert L2(real, fake, match="mean").generator == 2.5
    np.testing.assert_allclose(rmse(real, fake).generator, np.sqrt(25 / 4), rtol=1e-6)


@pytest.mark.parametrize("name", AT_REST)
def test_degenerate_batches_have_finite_gradients(name):
    """Fakes equal to the reals, and all entries of all samples one number."""
    real = samples(name, 5)
    loss = jax.jit(jax.value_and_grad(lambda *views: LOSSES[name](*views)[0], argnums=(0, 1)))
    for degenerate in (real, jnp.full_like(real, 0.3)):
        value, gradients = loss(degenerate, degenerate)
        assert np.isfinite(value)
        for gradient in gradients:
            assert np.all(np.isfinite(gradient))
            assert np.abs(gradient).max() < 10


@pytest.mark.parametrize("name", ["l1", "l2", "rmse", "cosine", "correlation", "ssim", "ms_ssim"])
def test_equal_batches_are_at_distance_zero(name):
    real = samples(name, 5)
    np.testing.assert_allclose(jax.jit(LOSSES[name])(real, real).generator, 0, atol=1e-6)


@pytest.mark.parametrize(("loss", "name"), [(ssim, "ssim"), (ms_ssim, "ms_ssim")])
@pytest.mark.parametrize("shape", [(14, 13, 1), (8, 9, 2), (1, 5, 2), (2, 2, 1)])
def test_images_match_loops_over_windows(loss, name, shape):
    if name == "ms_ssim" and min(shape[:2]) == 1:
        pytest.skip("one scale alone: ms_ssim is ssim")
    real = images(2, *shape)
    fake = 0.7 * jnp.concatenate([real, real[:1]]) + 0.3 * images(3, *shape, seed=1)
    expected = GENERATORS[name](np.float64(real), np.float64(fake))
    np.testing.assert_allclose(jax.jit(loss)(real, fake).generator, expected, rtol=0, atol=2e-6)


def test_multi_scale_similarity_of_one_row_is_similarity_where_that_is_positive():
    real = images(3, 1, 9, 1)
    fake = 0.9 * real
    multi_scale, single = jax.jit(lambda *x: [loss(*x).generator for loss in (ms_ssim, ssim)])(
        real, fake
    )
    np.testing.assert_allclose(multi_scale, single, rtol=0, atol=1e-6)


def test_similarity_of_noise_and_of_inverted_structure():
    """Independent noise has no covariance; that of an inverted checkerboard is the opposite.

    Its halves are grey: at all but the finest scale (exponent .0448) the images are equal.
    """
    x, y = images(2, 32, 32, 1), images(2, 32, 32, 1, seed=1)
    similarity = jax.jit(ssim)
    assert 0.9 < similarity(x, y).generator < 1.05
    board = (-1.0) ** np.add.outer(np.arange(32), np.arange(32))
    board = jnp.asarray(np.stack([board, board])[..., None], jnp.float32)
    assert 1.9 < similarity(board, -board).generator <= 2
    expected = 1 - 1e-4**0.0448
    value = jax.jit(ms_ssim)(board, -board).generator
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-3)


def test_similarity_is_that_of_intensities():
    """Digits against their negatives are far apart, two nearly equal greys are not.

    Black is -1: of signed pixels luminance would turn its sign with the picture's.
    """
    digits = load("digits").read(np.arange(20)).real / np.float32(127.5) - 1
    losses = jax.jit(lambda *views: (ssim(*views).generator, ms_ssim(*views).generator))
    expected = [GENERATORS[name](np.float64(digits), -digits) for name in ("ssim", "ms_ssim")]
    np.testing.assert_allclose(losses(digits, -digits), expected, rtol=0, atol=2e-6)
    assert expected[0] > 1.5
    greys = (jnp.full((1, 12, 12, 1), grey) for grey in (0.05, -0.05))
    luminance = (2 * 1.05 * 0.95 + 4e-4) / (1.05**2 + 0.95**2 + 4e-4)
    np.testing.assert_allclose(losses(*greys)[0], 1 - luminance, rtol=0, atol=1e-6)


def test_mode_seeking_matches_a_loop():
    z, fake = images(5, 2), images(5, 3, 2, seed=1)
    ratios = pdist(np.float64(fake).reshape(5, -1)) / 6**0.5 / (pdist(np.float64(z)) / 2**0.5)
    losses = mode_seeking(fake, fake, z=z)
    np.testing.assert_allclose(losses, (1 / (ratios.mean() + 1e-5), 0), rtol=1e-5)
    assert mode_seeking(fake, 2 * fake, z=z).generator < losses.generator


def test_mode_seeking_of_collapsed_samples_is_finite():
    z, fake = images(4, 2), jnp.ones((4, 3))
    loss = jax.jit(jax.value_and_grad(lambda fake: mode_seeking(fake, fake, z=z).generator))
    value, gradient = loss(fake)
    np.testing.assert_allclose(value, 1e5, rtol=1e-5)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    ("name", "real", "fake", "kwargs", "words"),
    [
        ("l2", (3, 2), (3, 4), {}, r"shapes \(2,\) and \(4,\)"),
        ("l2", (3, 2), (3, 2), {"match": "nearst"}, "'nearst'; did you mean 'nearest'"),
        ("mahalanobis", (1, 2), (3, 2), {}, "real batch of 1; it needs at least 2"),
        ("correlation", (3, 1), (3, 1), {}, "features of 1; it needs at least 2"),
        ("ssim", (3, 4), (3, 4), {}, "set on='images'"),
        ("diversity_matching", (3, 4), (1, 4), {}, "batches of 3 and 1; it needs at least 2"),
    ],
)
def test_what_cannot_be_compared(name, real, fake, kwargs, words):
    with pytest.raises(ConfigError, match=words):
        LOSSES[name](jnp.ones(real), jnp.ones(fake), **kwargs)


def test_mode_seeking_needs_the_latents_of_its_samples():
    with pytest.raises(ConfigError, match="mode seeking of 4 fake, 5 z; they go together"):
        mode_seeking(jnp.ones((3, 2)), jnp.ones((4, 2)), z=jnp.ones((5, 2)))
