import functools
import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import central_differences
from kernel_references import KERNEL_REFERENCES as REFERENCES
from kernel_references import squared_distance
from range_checks import refused

from jaxgan import registry
from jaxgan.errors import ConfigError
from jaxgan.kernels import (
    KERNELS,
    RANGES,
    arc_cosine,
    cosine,
    distance_powers,
    gaussian,
    gaussian_mixture,
    kernel,
    squared_distances,
)

distances = jax.jit(squared_distances)

DIMENSIONS = (1, 2, 8, 9, 64)  # direct differences up to 8, a centred product from 9


def points(n, d, seed=0, mean=0.0, spread=1.0):
    return jnp.asarray(np.random.default_rng(seed).normal(mean, spread, (n, d)), jnp.float32)


def pair_weights(n, m):
    return np.random.default_rng(2).normal(size=(n, m))


def loop(kernel, x, y):
    """All pairs, one at a time, in float64."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return np.array([[kernel(a, b) for b in y] for a in x])


FLOATS = [
    (name, hyperparameter)
    for name, kernel in KERNELS.items()
    for hyperparameter, default in registry.hyperparameters(kernel).items()
    if isinstance(default, float)
]
TUPLES = [
    (name, hyperparameter)
    for name, kernel in KERNELS.items()
    for hyperparameter, default in registry.hyperparameters(kernel).items()
    if isinstance(default, tuple)
]


def test_every_kernel_has_a_reference():
    assert REFERENCES.keys() == KERNELS.keys()


@pytest.mark.parametrize("d", DIMENSIONS)
def test_squared_distances_match_a_double_loop(d):
    x, y = points(7, d), points(4, d, seed=1)
    expected = loop(squared_distance, x, y)
    np.testing.assert_allclose(distances(x, y), expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize("d", (8, 2048))
def test_squared_distances_survive_an_offset(d):
    # |x|^2 + |y|^2 - 2 <x, y> without centring is off by .2 here, half of every distance.
    x, y = points(20, d, mean=10, spread=0.01), points(13, d, seed=1, mean=10, spread=0.01)
    expected = loop(squared_distance, x, y)
    np.testing.assert_allclose(
        squared_distances(x, y), expected, rtol=0, atol=2e-6 * expected.max()
    )


@pytest.mark.parametrize("far", (1, 25))
def test_squared_distances_survive_outliers(far):
    """At 1e5 deviations: about the mean, which they draw away, all others are off by 1 and more."""
    x, y = points(128, 16), points(100, 16, seed=1)
    spoiled = x.at[3 : 3 + far].set(1e5)
    expected = loop(squared_distance, x, y)
    kept = np.r_[:3, 3 + far : 128]
    actual = np.asarray(distances(spoiled, y))[kept]
    np.testing.assert_allclose(actual, expected[kept], rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize(
    "d",
    (2, pytest.param(9, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow), 2048),
)
@pytest.mark.parametrize(("offset", "function"), [(0, squared_distances), (10, distances)])
def test_coincident_points_are_at_distance_zero(d, offset, function):
    x = points(30, d, mean=offset)
    y = jnp.concatenate([points(5, d, seed=1, mean=offset), x[:11]])
    itself, other = np.asarray(function(x, x)), np.asarray(function(x, y))
    np.testing.assert_array_equal(np.diag(itself), 0)
    np.testing.assert_array_equal(np.diag(other[:, 5:]), 0)
    np.testing.assert_array_equal(itself, itself.T)
    assert np.all(itself[~np.eye(30, dtype=bool)] > 0)
    assert np.all(other >= 0)


@pytest.mark.parametrize("d", (9, *(pytest.param(d, marks=pytest.mark.slow) for d in (2, 100))))
def test_gradients_at_coincident_points_are_finite(d):
    x = points(6, d)

    def total(x):
        return jnp.sum(squared_distances(x, x))

    # sum_ij |x_i - x_j|^2 = 2 n sum_i |x_i - mean|^2 has gradient 4 n (x_i - mean).
    expected = 4 * 6 * (x - x.mean(0)[None])
    np.testing.assert_allclose(jax.jit(jax.grad(total))(x), expected, rtol=0, atol=1e-4)
    coincident = jnp.broadcast_to(x[:1], x.shape)
    np.testing.assert_allclose(jax.jit(jax.grad(total))(coincident), 0, atol=1e-4)


def test_near_points_keep_their_gradient():
    # At d = 9 a squared distance of 1e-8 is lost among norms of 9, the difference of 1e-4 is not.
    x = jnp.array([[1.0] * 9, [-1.0] * 9])
    y = x[:1].at[0, 0].add(1e-4)
    gradient = jax.jit(jax.grad(lambda x: squared_distances(x, y)[0, 0]))(x)
    np.testing.assert_allclose(gradient[0, 0], -2e-4, atol=2e-6)


@pytest.mark.parametrize("d", (2, 9))
def test_squared_distances_gradient_matches_central_differences(d):
    x, y, weights = points(4, d), points(3, d, seed=1), pair_weights(4, 3)

    def numpy_total(x):
        return np.sum(weights * loop(squared_distance, x, y))

    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda x, y: jnp.sum(weights * squared_distances(x, y))))(
            jnp.asarray(x, jnp.float64), jnp.asarray(y, jnp.float64)
        )
        assert gradient.dtype == jnp.float64
    np.testing.assert_allclose(gradient, central_differences(numpy_total, x), atol=1e-7)


@pytest.mark.parametrize("exponent", (0.7, 1.0))
def test_distance_powers_and_two_derivatives_match_those_of_a_power(exponent):
    """By the points and by the exponent, in closed form of the distances r: 1 is a root of r^2."""
    x, y = np.array([[0.0, 1.0]]), np.array([[0.5, 3.0], [-1.0, 0.2], [0.0, 1.0]])
    r = np.linalg.norm(x - y, axis=1)[:2]

    @jax.jit
    def along(shift, exponent):
        """Of points at r (1 + shift)."""
        return distance_powers(jnp.asarray(x), y + shift * (y - x), exponent=exponent)

    with jax.enable_x64(True):
        arguments = jnp.float64(0.0), jnp.float64(exponent)
        powers = along(*arguments)[0]
        of_shift, of_exponent = (jax.jacfwd(along, k)(*arguments)[0] for k in (0, 1))
        mixed = jax.jacrev(jax.jacrev(along, 0), 1)(*arguments)[0]
    np.testing.assert_allclose(np.asarray(powers)[:2], r**exponent, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(of_shift)[:2], exponent * r**exponent, rtol=1e-12)
    np.testing.assert_allclose(
        np.asarray(of_exponent)[:2], np.log(r) * r**exponent, rtol=1e-12, atol=1e-12
    )
    expected = (1 + exponent * np.log(r)) * r**exponent
    np.testing.assert_allclose(np.asarray(mixed)[:2], expected, rtol=1e-12, atol=1e-12)
    assert all(np.asarray(z)[2] == 0 for z in (powers, of_shift, of_exponent, mixed))


def test_half_precision_is_widened():
    x, y = points(5, 20).astype(jnp.bfloat16), points(3, 20, seed=1).astype(jnp.bfloat16)
    matrix = distances(x, y)
    assert matrix.dtype == jnp.float32
    np.testing.assert_allclose(matrix, loop(squared_distance, x, y), rtol=0, atol=1e-4)


def test_gaussian_at_hand_worked_points():
    x, y = jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0], [0.0, 0.0], [1e5, 0.0]])
    np.testing.assert_allclose(
        gaussian(x, y, bandwidth=5.0), [[np.exp(-0.5), 1, 0]], rtol=0, atol=1e-7
    )


def assert_matches(matrix, expected):
    """To float32 rounding on the scale of the matrix."""
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("d", (1, pytest.param(8, marks=pytest.mark.slow), 64))
def test_kernel_matches_a_double_loop(name, d):
    x, y = points(7, d), points(4, d, seed=1)
    matrix = jax.jit(KERNELS[name])(x, y)
    assert matrix.shape == (7, 4)
    assert matrix.dtype == jnp.float32
    assert_matches(matrix, loop(REFERENCES[name], x, y))


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_gradient_matches_central_differences(name):
    x, y, weights = points(4, 3), points(3, 3, seed=1), pair_weights(4, 3)
    expected = central_differences(lambda x: np.sum(weights * loop(REFERENCES[name], x, y)), x)
    with jax.enable_x64(True):
        gradient = jax.jit(jax.grad(lambda x, y: jnp.sum(weights * KERNELS[name](x, y))))(
            jnp.asarray(x, jnp.float64), jnp.asarray(y, jnp.float64)
        )
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", KERNELS)
def test_gradient_at_coincident_points_and_the_origin_is_finite(name):
    x = points(6, 9).at[3].set(0).at[4].set(0)
    y = jnp.concatenate([x[:5], -x[:1], x[:1]])
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(KERNELS[name](x, y))))(x)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient != 0)


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_is_symmetric_and_positive_semidefinite(name):
    x = points(12, 3)
    matrix = np.asarray(jax.jit(KERNELS[name])(x, x), np.float64)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-5


# Those that do not depend on the origin, from which the points lie at <x, y> = 2e5.
@pytest.mark.parametrize(
    "name",
    (
        "gaussian",
        "gaussian_mixture",
        "laplacian",
        "rational_quadratic",
        "inverse_multiquadric",
        "matern32",
        "matern52",
    ),
)
def test_kernels_of_distances_survive_an_offset(name):
    # d = 2048, mean 10, spread .01: distances of .6 among norms of 450.
    x, y = points(20, 2048, mean=10, spread=0.01), points(13, 2048, seed=1, mean=10, spread=0.01)
    np.testing.assert_allclose(
        jax.jit(KERNELS[name])(x, y), loop(REFERENCES[name], x, y), rtol=0, atol=2e-6
    )


@pytest.mark.parametrize(("name", "hyperparameter"), FLOATS)
def test_floats_are_traced(name, hyperparameter):
    x, y = points(6, 3), points(4, 3, seed=1)
    values = jnp.array([0.5, 1.0, 2.0])
    swept = jax.jit(jax.vmap(lambda v: KERNELS[name](x, y, **{hyperparameter: v})))(values)
    for value, matrix in zip(values, swept, strict=True):
        reference = functools.partial(REFERENCES[name], **{hyperparameter: float(value)})
        assert_matches(matrix, loop(reference, x, y))


@pytest.mark.parametrize(("name", "hyperparameter"), TUPLES)
def test_tuples_are_traced(name, hyperparameter):
    x, y = points(6, 3), points(4, 3, seed=1)
    others = {"bandwidths": (0.7, 1.0, 4.0)} if hyperparameter == "weights" else {}
    values = jnp.array([[0.5, 1.0, 3.0], [2.0, 0.2, 1.0]])
    function = jax.jit(lambda v: KERNELS[name](x, y, **{hyperparameter: v}, **others))
    for value, matrix in zip(values, jax.jit(jax.vmap(function))(values), strict=True):
        value = tuple(value.tolist())
        reference = functools.partial(REFERENCES[name], **{hyperparameter: value}, **others)
        assert_matches(matrix, loop(reference, x, y))
        assert_matches(function(value), matrix)


def test_mixture_may_be_weighted_and_averaged():
    x, y = points(6, 3), points(4, 3, seed=1)
    settings = {"bandwidths": (1.0, 3.0), "weights": (2.0, 0.5), "average": True}
    reference = functools.partial(REFERENCES["gaussian_mixture"], **settings)
    assert_matches(gaussian_mixture(x, y, **settings), loop(reference, x, y))
    np.testing.assert_allclose(np.diag(gaussian_mixture(x, x, **settings)), 1, atol=1e-6)
    with pytest.raises(ConfigError, match="2 weights for 3 bandwidths"):
        gaussian_mixture(x, y, bandwidths=(1.0, 2.0, 3.0), weights=(1.0, 2.0))


@pytest.mark.parametrize("order", (0, 1, 2))
@pytest.mark.slow
def test_arc_cosine_of_every_order(order):
    x, y = points(4, 3), points(3, 3, seed=1)
    reference = functools.partial(REFERENCES["arc_cosine"], order=order)
    expected = central_differences(lambda x: np.sum(loop(reference, x, y)), x)
    with jax.enable_x64(True):
        x, y = jnp.asarray(x, jnp.float64), jnp.asarray(y, jnp.float64)
        kernel = functools.partial(arc_cosine, order=order)
        slopes = jax.jit(jax.grad(lambda x, y: jnp.sum(kernel(x, y))))
        matrix, gradient = jax.jit(kernel)(x, y), slopes(x, y)
        coincident = jax.jit(jax.grad(lambda x: jnp.sum(kernel(x, x))))(x)
        assert np.all(np.isfinite(coincident))
    np.testing.assert_allclose(matrix, loop(reference, x, y), rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-7)


def test_arc_cosine_has_three_orders():
    with pytest.raises(ConfigError, match="order of arc_cosine is 3; it must be"):
        arc_cosine(points(2, 2), points(2, 2), order=3)


def test_cosine_of_a_zero_vector_is_zero():
    np.testing.assert_array_equal(cosine(jnp.zeros((2, 3)), points(4, 3)), np.zeros((2, 4)))


def test_kernels_agree_with_scikit_learn():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    processes = pytest.importorskip("sklearn.gaussian_process.kernels")
    x, y = points(7, 5), points(4, 5, seed=1)
    theirs = {
        "gaussian": pairwise.rbf_kernel(x, y, gamma=0.5),
        "laplacian": pairwise.laplacian_kernel(x, y, gamma=1),
        "polynomial": pairwise.polynomial_kernel(x, y),
        "linear": pairwise.linear_kernel(x, y),
        "cosine": pairwise.cosine_similarity(x, y),
        "matern32": processes.Matern(nu=1.5)(x, y),
        "matern52": processes.Matern(nu=2.5)(x, y),
        "rational_quadratic": sum(
            processes.RationalQuadratic(alpha=alpha)(x, y) for alpha in (0.2, 0.5, 1, 2, 5)
        ),
    }
    for name, expected in theirs.items():
        assert_matches(jax.jit(KERNELS[name])(x, y), expected)


@pytest.mark.parametrize("name", KERNELS)
def test_every_number_has_a_range_that_is_kept(name):
    defaults = registry.hyperparameters(KERNELS[name])
    numbers = {k for k, default in defaults.items() if not isinstance(default, bool)}
    assert numbers == RANGES[name].keys()
    registry.bind(KERNELS[name], {}, "kernel", RANGES[name])
    for setting, allowed in RANGES[name].items():
        for bad, rule in refused(allowed, defaults[setting]):
            message = re.escape(f"kernel.kwargs.{setting} is {bad}; it must be {rule}")
            with pytest.raises(ConfigError, match=message):
                registry.bind(KERNELS[name], {setting: bad}, "kernel", RANGES[name])
            with pytest.raises(ConfigError, match=f"{setting} of {name} is"):
                KERNELS[name](jnp.ones((2, 2)), jnp.ones((3, 2)), **{setting: bad})


def test_the_decorator_registers_what_refuses_values_out_of_range(monkeypatch):
    monkeypatch.setattr("jaxgan.kernels.record.KERNELS", registered := {})
    monkeypatch.setattr("jaxgan.kernels.record.RANGES", ranges := {})

    def constant(x, y, *, scale=1.0):
        return scale * jnp.ones((len(x), len(y)))

    checked = kernel(ranges={"scale": registry.POSITIVE})(constant)
    assert registered == {"constant": checked}
    assert registry.hyperparameters(checked) == {"scale": 1.0}
    assert checked(jnp.ones((1, 1)), jnp.ones((2, 1)), scale=2.0).tolist() == [[2.0, 2.0]]
    assert jax.jit(checked)(jnp.ones((1, 1)), jnp.ones((1, 1)), scale=jnp.zeros(())) == 0
    with pytest.raises(ConfigError, match=r"scale of constant is 0\.0; it must be"):
        checked(jnp.ones((1, 1)), jnp.ones((2, 1)), scale=0.0)
    assert ranges == {"constant": {"scale": registry.POSITIVE}}
    assert kernel()(constant) is constant


@pytest.mark.parametrize("name", KERNELS)
def test_docstring_has_a_formula_and_a_source(name):
    doc = inspect.getdoc(KERNELS[name]) or ""
    assert "k(x, y) = " in doc
    assert re.search(r"Source: .+ (19|20)\d\d", doc)
