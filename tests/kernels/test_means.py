"""Means over pairs: tiles against the whole matrix, and both against double loops in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device
from kernel_references import KERNEL_REFERENCES
from kernel_references import mean_between as loop_between
from kernel_references import mean_within as loop_within

from jaxgan import collectives
from jaxgan.kernels import KERNELS, gaussian, gaussian_mixture, mean_between, mean_within
from jaxgan.kernels.means import SMALLEST_TILED, _compiled_sum

TILE = 4
SIZES = ((11, 7), (8, 3), (5, 12))  # tiles filled up and not, of x, of y


def points(n, d=3, seed=0, dtype=jnp.float32, **normal):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, d), **normal), dtype)


def means(x, y, kernel=gaussian, tile=TILE, **hyperparameters):
    """Three different weights, so that no term can stand for another."""
    kernel = functools.partial(kernel, **hyperparameters)
    within = mean_within(kernel, x, diagonal=False, tile=tile)
    within += 2 * mean_within(kernel, y, diagonal=True, tile=tile)
    return within - 3 * mean_between(kernel, x, y, tile=tile)


def loop_means(kernel, x, y):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    within = loop_within(kernel, x) + 2 * loop_within(kernel, y, diagonal=True)
    return within - 3 * loop_between(kernel, x, y)


VALUE_AND_GRADIENT = jax.jit(
    jax.value_and_grad(means, (0, 1)), static_argnames=("kernel", "tile", "diagonal")
)


@pytest.mark.parametrize("tile", (0, TILE))
@pytest.mark.parametrize(("n", "m"), [pytest.param(*SIZES[0], marks=pytest.mark.slow), *SIZES[1:]])
def test_value_and_gradient_match_a_double_loop(n, m, tile):
    x, y = points(n), points(m, seed=1)
    kernel = KERNEL_REFERENCES["gaussian"]
    with jax.enable_x64(True):
        arrays = (jnp.asarray(z, jnp.float64) for z in (x, y))
        value, (by_x, by_y) = VALUE_AND_GRADIENT(*arrays, tile=tile)
        assert value.dtype == by_x.dtype == jnp.float64
    np.testing.assert_allclose(value, loop_means(kernel, x, y), rtol=0, atol=1e-13)
    expected = central_differences(lambda x: loop_means(kernel, x, y), x)
    np.testing.assert_allclose(by_x, expected, rtol=0, atol=1e-9)
    expected = central_differences(lambda y: loop_means(kernel, x, y), y)
    np.testing.assert_allclose(by_y, expected, rtol=0, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
def test_tiles_agree_with_the_whole_for_every_kernel(name):
    x, y = points(9, 10), points(6, 10, seed=1)
    with jax.enable_x64(True):
        x, y = (jnp.asarray(z, jnp.float64) for z in (x, y))
        whole = VALUE_AND_GRADIENT(x, y, kernel=KERNELS[name], tile=0)
        tiled = VALUE_AND_GRADIENT(x, y, kernel=KERNELS[name], tile=TILE)
    for a, b in zip(jax.tree.leaves(tiled), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("outer", (pytest.param(jax.jacfwd, marks=pytest.mark.slow), jax.jacrev))
def test_second_derivatives_match_those_of_the_whole(outer):
    """By both samples and by what the kernel closes over; the whole matrix is plain jax.numpy."""
    arguments = points(6), points(5, seed=1), jnp.float32(1.5)

    def loss(arguments, tile):
        x, y, bandwidth = arguments
        return means(x, y, tile=tile, bandwidth=bandwidth)

    def hessian(tile):
        return jax.jit(outer(jax.grad(functools.partial(loss, tile=tile))))(arguments)

    for a, b in zip(*(jax.tree.leaves(hessian(tile)) for tile in (TILE, 0)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_without_gradient_the_value_is_the_same():
    x, y = points(9), points(6, seed=1)
    value, _ = VALUE_AND_GRADIENT(x, y)
    np.testing.assert_allclose(jax.jit(means)(x, y), value, rtol=0, atol=1e-6)


def test_calls_outside_jit_compile_once_for_all_floats():
    """Of one kernel and shape; another integer, which is static, compiles again."""
    x, compiled = points(13, 2), _compiled_sum._cache_size()
    for kernel, settings, count in (
        ("gaussian", {"bandwidth": 1.0}, 1),
        ("gaussian", {"bandwidth": 0.3}, 1),
        ("polynomial", {"degree": 2, "scale": 1.0}, 2),
        ("polynomial", {"degree": 2, "scale": 0.5}, 2),
        ("polynomial", {"degree": 3, "scale": 0.5}, 3),
    ):
        bound = functools.partial(KERNELS[kernel], **settings)
        value = mean_within(bound, x, diagonal=False, tile=TILE)
        reference = functools.partial(KERNEL_REFERENCES[kernel], **settings)
        expected = loop_within(reference, np.asarray(x, np.float64))
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        assert _compiled_sum._cache_size() == compiled + count


@pytest.mark.parametrize("tile", (0, TILE))
def test_an_offset_is_a_constant(tile):
    x, y = points(9), points(6, seed=1)

    def total(offset):
        within = mean_within(gaussian, x, diagonal=False, offset=offset, tile=tile)
        return within + 2 * mean_between(gaussian, x, y, offset=offset, tile=tile)

    (zero, _), (value, slope) = map(jax.jit(jax.value_and_grad(total)), (0.0, 0.7))
    np.testing.assert_allclose(value, zero - 3 * 0.7, rtol=0, atol=1e-6)
    assert slope == 0


@pytest.mark.slow
def test_hyperparameters_have_gradients_and_may_be_swept():
    """Of an array, a scalar and something that is no float, all closed over by the kernel."""
    x, y = points(9), points(6, seed=1)

    def loss(hyperparameters, tile):
        signs = jnp.arange(2)

        def kernel(a, b):
            mixture = gaussian_mixture(a, b, bandwidths=hyperparameters["bandwidths"])
            return mixture * hyperparameters["factor"] * jnp.where(signs[0] == 0, 1, 2)

        return means(x, y, kernel=kernel, tile=tile)

    population = {"bandwidths": jnp.array([[1.0, 2.0], [0.5, 3.0]]), "factor": jnp.array([1.0, 2])}
    values = [
        jax.jit(jax.vmap(jax.value_and_grad(functools.partial(loss, tile=tile))))(population)
        for tile in (0, TILE)
    ]
    for a, b in zip(*map(jax.tree.leaves, values), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


def test_integers_closed_over_have_no_gradient():
    x, y = points(9), points(6, seed=1)

    @jax.jit
    def gradient(power):
        return jax.grad(lambda x: means(x, y, kernel=lambda a, b: gaussian(a, b) ** power))(x)

    np.testing.assert_allclose(gradient(1), VALUE_AND_GRADIENT(x, y)[1][0], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_batches_of_sets_and_steps_of_a_scan():
    x, y = points(27).reshape(3, 9, 3), points(18, seed=1).reshape(3, 6, 3)
    expected = [VALUE_AND_GRADIENT(a, b, tile=0) for a, b in zip(x, y, strict=True)]
    mapped = jax.jit(jax.vmap(jax.value_and_grad(means, (0, 1))))(x, y)
    _, scanned = jax.lax.scan(
        lambda _, z: (None, jax.value_and_grad(means, (0, 1))(*z)), None, (x, y)
    )
    for actual in (mapped, scanned):
        for i, one in enumerate(expected):
            for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(one), strict=True):
                np.testing.assert_allclose(a[i], b, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_coincident_points_have_finite_gradients():
    x = jnp.broadcast_to(points(1), (9, 3))
    for name in ("gaussian", "energy", "matern32", "laplacian"):
        value, gradients = VALUE_AND_GRADIENT(x, x[:6], kernel=KERNELS[name])
        assert np.isfinite(value)
        assert all(np.all(np.isfinite(g)) for g in gradients)


@pytest.mark.parametrize("d", (2, 16))
def test_gradient_survives_an_offset_of_1e4_standard_deviations(d):
    n = SMALLEST_TILED + 10
    x, y = points(n, d, loc=1e4), points(n - 20, d, seed=1, loc=1e4) + 0.5
    bandwidth = float(d) ** 0.5

    def direct(x, y):
        """The gradient by x of the tiled mean, written out in float64."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        difference = x[:, None] - y[None]
        gram = np.exp(-np.sum(difference**2, -1) / (2 * bandwidth**2))
        return -np.sum(gram[..., None] * difference, 1) / bandwidth**2 / (len(x) * len(y))

    kernel = functools.partial(gaussian, bandwidth=bandwidth)
    gradient = jax.jit(jax.grad(functools.partial(mean_between, kernel)))(x, y)
    expected = direct(x, y)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_pairs():
    def temporaries(n):
        x, y = (jax.ShapeDtypeStruct((k, 16), jnp.float32) for k in (n, n - 100))
        gradient = jax.jit(jax.value_and_grad(functools.partial(means, tile=None), (0, 1)))
        return gradient.lower(x, y).compile().memory_analysis().temp_size_in_bytes

    assert temporaries(65536) < 32 * 2**20
    # Four copies of the points at most beside the tiles, where the matrix alone takes 1 GiB.
    assert temporaries(16384) - temporaries(2048) < 4 * 2 * 14336 * 16 * 4
    assert temporaries(16384) < 8 * 2**20


def sharded_step(params, x, y, *, axis_name):
    views = (collectives.gather(z @ params, axis_name) for z in (x, y))
    return means(*views)


def gradient_step(params, x, y, *, axis_name):
    value = jax.value_and_grad(functools.partial(sharded_step, axis_name=axis_name))(params, x, y)
    return collectives.mean(value, axis_name)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_eight_devices_agree_with_one(mode):
    inputs = points(3, 2, seed=3), points(24), points(16, seed=1)
    expected = on_one_device(gradient_step, *inputs)
    actual = on_eight_devices(mode, gradient_step, *inputs)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6)


def test_half_precision_is_widened():
    x, y = points(9, dtype=jnp.bfloat16), points(6, seed=1, dtype=jnp.bfloat16)
    for tile in (0, TILE):
        value, _ = VALUE_AND_GRADIENT(x, y, tile=tile)
        assert value.dtype == jnp.float32
        expected = loop_means(KERNEL_REFERENCES["gaussian"], x, y)
        np.testing.assert_allclose(value, expected, rtol=0, atol=2e-6)
