"""Roots, powers and norms against NumPy in float64, and their gradients at 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.numerics import (
    at_least_float32,
    depends,
    nonnegative_median,
    norms,
    pairs,
    safe_power,
    safe_sqrt,
    sort_columns,
    where_positive,
)

X = np.array([[0.3, 2.0, 7.5], [1e-3, 40.0, 1.0]])


@pytest.mark.parametrize(
    ("function", "reference", "slope"),
    [
        (safe_sqrt, np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        (lambda x: safe_power(x, 0.3), lambda x: x**0.3, lambda x: 0.3 * x**-0.7),
        (lambda x: safe_power(x, -1.5), lambda x: x**-1.5, lambda x: -1.5 * x**-2.5),
    ],
)
def test_values_and_gradients(function, reference, slope):
    np.testing.assert_allclose(function(jnp.float32(X)), reference(X), rtol=2e-6)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(function(x))))(jnp.float32(X))
    np.testing.assert_allclose(gradient, slope(X), rtol=2e-6)


@pytest.mark.parametrize("exponent", [None, 0.5, 0.1, -2.0])
def test_value_and_gradient_are_zero_at_and_below_zero(exponent):
    """Rounding makes squared distances a little negative; there a root would be NaN."""

    def function(x):
        return safe_sqrt(x) if exponent is None else safe_power(x, exponent)

    for x in (jnp.zeros(3), jnp.full(3, -1e-7)):
        value, gradient = jax.jit(jax.value_and_grad(lambda x: jnp.sum(function(x))))(x)
        assert value == 0
        np.testing.assert_array_equal(gradient, 0)


def test_an_exponent_is_traced():
    exponents = jnp.array([0.5, 2.0, -1.0])
    swept = jax.jit(jax.vmap(lambda e: safe_power(jnp.float32(X), e)))(exponents)
    np.testing.assert_allclose(swept, X[None] ** np.array([0.5, 2, -1])[:, None, None], rtol=2e-6)


def test_functions_see_positive_numbers_alone():
    gradient = jax.grad(lambda x: jnp.sum(where_positive(jnp.log, x)))(jnp.array([0.0, -1.0, 2.0]))
    np.testing.assert_array_equal(gradient, [0, 0, 0.5])


def test_norms_of_rows():
    np.testing.assert_allclose(norms(jnp.float32(X)), np.linalg.norm(X, axis=1), rtol=1e-6)
    gradient = jax.grad(lambda x: jnp.sum(norms(x)))(jnp.array([[0.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_allclose(gradient, [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_halves_become_float32_and_doubles_stay():
    with jax.enable_x64(True):
        arrays = [jnp.ones(2, dtype) for dtype in ("float16", "bfloat16", "float32", "float64")]
        kinds = [x.dtype.name for x in at_least_float32(*arrays)]
    assert kinds == ["float32", "float32", "float32", "float64"]


@pytest.mark.parametrize("n", [1, 2, 7, 2016, 8127])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_median_is_numpys(n, dtype):
    rng = np.random.default_rng(n)
    columns = [
        rng.gamma(0.3, size=n),
        np.floor(3 * rng.random(n)),
        np.zeros(n),
        1e30 * rng.random(n),
    ]
    x = np.stack(columns).astype(dtype)
    x[1, 0] = np.inf
    with jax.enable_x64(dtype is np.float64):
        found = jax.jit(jax.vmap(nonnegative_median))(jnp.asarray(x))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.median(x, axis=1), rtol=1e-7)


def test_the_median_is_a_constant_and_not_a_number_where_one_is_none():
    x = jnp.array([3.0, 1.0, 2.0])
    assert not jax.grad(nonnegative_median)(x).any()
    assert jnp.isnan(nonnegative_median(x.at[0].set(jnp.nan)))


def test_pairs_start_again_at_the_end_of_the_shorter_batch():
    x, y = pairs(jnp.arange(5.0), jnp.arange(2.0))
    np.testing.assert_array_equal(x, [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(y, [0, 1, 0, 1, 0])
    x, y = pairs(jnp.arange(2.0)[:, None], jnp.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(x, [[0], [1], [0]])
    np.testing.assert_array_equal(y, [[0, 1], [2, 3], [4, 5]])


@pytest.mark.parametrize("dtype", (np.float32, np.float64))
@pytest.mark.parametrize("n", (1, 7, 64))
def test_columns_are_sorted_as_by_numpy_and_so_are_their_tangents(n, dtype):
    """With ties, infinities and both zeros; equal entries keep their order, as in a stable sort."""
    rng = np.random.default_rng(0)
    x = np.round(2 * rng.normal(size=(n, 3))).astype(dtype)
    x[0] = 0.0, -np.inf, np.inf
    tangent = rng.normal(size=x.shape).astype(dtype)
    x[-1, 0] = -1.5
    with jax.enable_x64(dtype == np.float64):
        arguments = jnp.asarray(x), jnp.asarray(tangent)
        values, moved = jax.jit(lambda x, t: jax.jvp(sort_columns, (x,), (t,)))(*arguments)
        back = jax.jit(lambda x, t: jax.vjp(sort_columns, x)[1](t)[0])(*arguments)
        assert values.dtype == back.dtype == dtype
        values, moved, back = map(np.asarray, (values, moved, back))
    np.testing.assert_array_equal(values, np.sort(x, axis=0))
    x[x == 0] = np.where(np.signbit(x[x == 0]), -1e-30, 0)  # -0 comes first
    order = np.argsort(x, axis=0, kind="stable")
    np.testing.assert_array_equal(moved, np.take_along_axis(tangent, order, axis=0))
    expected = np.empty_like(tangent)
    np.put_along_axis(expected, order, tangent, axis=0)
    np.testing.assert_array_equal(back, expected)


def test_dependence_is_that_of_what_is_returned():
    cases = {
        True: (lambda x: [jnp.ones(2), 2 * x], lambda x: jax.jit(jnp.sin)(x), lambda x: x),
        False: (lambda x: jnp.ones(x.shape), lambda x: (x.astype(jnp.bfloat16), 0.0)[1]),
    }
    for expected, functions in cases.items():
        assert [depends(f, jax.ShapeDtypeStruct((3,), jnp.float32)) for f in functions] == (
            [expected] * len(functions)
        )
