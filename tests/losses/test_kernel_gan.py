"""What the registry-wide tests do not show of the kernel losses."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import central_differences
from kernel_references import KERNEL_LOSS_REFERENCES, KERNEL_REFERENCES, REPEATED, mmd2, scale
from scipy.spatial.distance import pdist

from jaxgan import registry
from jaxgan.errors import ConfigError
from jaxgan.kernels import KERNELS
from jaxgan.losses import (
    LOSSES,
    cramer,
    energy_distance,
    gmmn,
    kernel_similarity,
    mmd_bounded_repulsive,
    mmd_median,
    mmd_repulsive,
)

DISTINCT = [
    pytest.param(name, marks=[pytest.mark.slow] if name in REPEATED else [])
    for name in KERNEL_LOSS_REFERENCES
]


def samples(n, *shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, *shape)), jnp.float32)


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_lends_its_loss_name_and_hyperparameters(name):
    loss = LOSSES[f"mmd_{name}"]
    assert loss.__name__ == f"mmd_{name}"
    expected = {"estimator": "unbiased", **registry.hyperparameters(KERNELS[name])}
    assert registry.hyperparameters(loss) == expected
    assert inspect.getdoc(KERNELS[name]).splitlines()[0] in inspect.getdoc(loss).splitlines()[0]
    with pytest.raises(TypeError, match="unexpected keyword"):
        loss(samples(3, 2), samples(4, 2), bandwith=1.0)


@pytest.mark.parametrize("name", DISTINCT)
def test_views_are_flattened(name):
    real, fake = samples(5, 2, 3), samples(4, 2, 3, seed=1)
    flat = real.reshape(5, 6), fake.reshape(4, 6)
    losses = jax.jit(LOSSES[name])(real, fake)
    expected = KERNEL_LOSS_REFERENCES[name](*map(np.float64, flat))
    np.testing.assert_allclose(losses, expected, rtol=0, atol=2e-6 * scale(name, *flat))


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.slow
def test_gradients_of_a_collapsed_generator_are_finite(name):
    real = samples(5, 10)
    fake = jnp.broadcast_to(real[:1], (4, 10))
    for gradient in jax.tree.leaves(jax.jit(jax.jacrev(LOSSES[name], (0, 1)))(real, fake)):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", DISTINCT)
def test_fakes_that_follow_the_gradient_come_nearer(name):
    real, fake = samples(8, 2), samples(6, 2, seed=1) + 1
    generator = jax.jit(jax.value_and_grad(lambda fake: LOSSES[name](real, fake).generator))
    value, gradient = generator(fake)
    moved, _ = generator(fake - 1e-3 / jnp.linalg.norm(gradient) * gradient)
    assert moved < value


def test_estimator_of_an_mmd_loss():
    real, fake = samples(5, 2), samples(4, 2, seed=1)
    for estimator in ("biased", "unbiased"):
        expected = mmd2(
            KERNEL_REFERENCES["laplacian"], *map(np.float64, (real, fake)), estimator == "biased"
        )
        losses = LOSSES["mmd_laplacian"](real, fake, estimator=estimator)
        np.testing.assert_allclose(losses, (expected, -expected), rtol=0, atol=1e-6)


def test_repulsion_of_minus_one_attracts():
    losses = jax.jit(mmd_repulsive)(samples(5, 2), samples(4, 2, seed=1), repulsion=-1.0)
    np.testing.assert_allclose(losses.discriminator, -losses.generator, rtol=0, atol=1e-6)


def test_repulsive_discriminator_spreads_reals_and_gathers_fakes():
    real, fake = samples(5, 2), samples(4, 2, seed=1)
    by_real, by_fake = jax.jit(jax.jacrev(mmd_repulsive, (0, 1)))(real, fake).discriminator
    # Along -gradient: away from the centre for reals, towards it for fakes.
    assert -jnp.sum(by_real * (real - real.mean(0)[None])) > 0
    assert -jnp.sum(by_fake * (fake - fake.mean(0)[None])) < 0


def test_bounds_stop_the_discriminator():
    """Reals, which it drives apart, once they are far; fakes, which it gathers, once near."""
    near, far = jnp.array([[0.0], [0.4]]), jnp.array([[0.0], [2.5]])  # .16 < 1/4, 6.25 > 4
    gradient = jax.jit(jax.jacrev(mmd_bounded_repulsive, (0, 1)))
    for by_batch in gradient(far, near).discriminator:
        np.testing.assert_array_equal(by_batch, 0)
    by_real, by_fake = gradient(near, far).discriminator
    assert by_real[0] > 0 > by_real[1]  # descent moves 0 to the left and .4 to the right
    assert by_fake[0] < 0 < by_fake[1]


def test_the_median_heuristic_is_blind_to_the_scale_of_the_samples():
    real, fake = samples(40, 3), samples(30, 3, seed=1) + 0.5
    value = jax.jit(lambda scale: mmd_median(scale * real, scale * fake, scales=(0.5, 2.0)))
    np.testing.assert_allclose(value(100.0), value(1.0), rtol=1e-5)


def test_gradients_take_the_median_distance_as_a_constant():
    real, fake = map(np.float64, (samples(6, 2), samples(5, 2, seed=1)))
    median = np.median(pdist(np.concatenate([real, fake])))
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda y, x: mmd_median(y, x).generator, argnums=1))(
            jnp.asarray(real), jnp.asarray(fake)
        )
    reference = KERNEL_LOSS_REFERENCES["mmd_median"]
    expected = central_differences(lambda x: reference(real, x, median=median)[0], fake)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-8)


def test_gmmn_of_a_perfect_generator():
    real = samples(5, 3)
    losses, gradients = jax.jit(lambda x: (gmmn(real, x), jax.jacrev(gmmn, 1)(real, x)))(real)
    np.testing.assert_allclose(losses, 0, atol=1e-3)  # the root of rounding
    assert np.all(np.isfinite(gradients.generator))


def test_energy_distance_is_twice_the_mmd_of_the_energy_kernel():
    real, fake = samples(5, 2), samples(4, 2, seed=1)
    one, other = jax.jit(energy_distance), jax.jit(LOSSES["mmd_energy"])
    for exponent in (0.5, 1.0, 1.7):
        energy = one(real, fake, exponent=exponent).generator
        mmd = other(real, fake, exponent=exponent).generator
        np.testing.assert_allclose(energy, 2 * mmd, rtol=0, atol=1e-5)


def test_energy_distance_in_one_dimension_matches_scipy():
    stats = pytest.importorskip("scipy.stats")
    real, fake = samples(7), samples(4, seed=1) + 1
    expected = stats.energy_distance(np.float64(real), np.float64(fake)) ** 2
    value = energy_distance(real, fake, estimator="biased").generator
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_paired_similarity():
    real, fake = samples(5, 2), samples(3, 2, seed=1)
    pairs = [(real[i], fake[i % 3]) for i in range(5)]
    expected = np.mean([np.exp(-np.sum((a - b) ** 2) / 8) for a, b in map(np.float64, pairs)])
    losses = kernel_similarity(real, fake, bandwidth=2.0, paired=True)
    np.testing.assert_allclose(losses, (-expected, expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("loss", (mmd_repulsive, mmd_bounded_repulsive, cramer, energy_distance))
def test_two_samples_of_each_are_needed(loss):
    with pytest.raises(ConfigError, match="of 1 and 3; it needs at least 2"):
        loss(samples(1, 2), samples(3, 2))
