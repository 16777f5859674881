"""Transport against scipy: exact distances on a line, assignments, and linear programs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from similarity_references import displacements

from jaxgan.errors import ConfigError
from jaxgan.losses import (
    LOSSES,
    max_sliced_wasserstein,
    sinkhorn_divergence,
    sliced_wasserstein,
    wasserstein_1d,
)


def samples(n, *shape, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, *shape)) + shift


def transport_cost(x, y, p):
    """The linear program over couplings with marginals 1/n and 1/m."""
    n, m = len(x), len(y)
    cost = cdist(x.reshape(n, -1), y.reshape(m, -1)) ** p
    marginals = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    shares = np.repeat([1 / n, 1 / m], [n, m])
    return linprog(cost.ravel(), A_eq=marginals, b_eq=shares).fun


@pytest.mark.parametrize(("n", "m"), [(9, 9), (7, 4), (6, 9), (1, 5)])
def test_distance_on_a_line(n, m):
    x, y = samples(n), samples(m, seed=1, shift=0.5)
    value, squared = jax.jit(lambda x, y: [wasserstein_1d(x, y, p=p) ** p for p in (1, 2)])(x, y)
    assert value.shape == ()
    np.testing.assert_allclose(value, wasserstein_distance(x, y), rtol=0, atol=1e-6)
    np.testing.assert_allclose(squared, transport_cost(x, y, 2), atol=2e-6)


def test_distance_of_a_shift():
    x = samples(8)
    for p in (1, 2):
        np.testing.assert_allclose(wasserstein_1d(x, x + 3, p=p), 3, rtol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_sliced_distance_on_a_line_is_that_distance(key, p):
    x, y = samples(7), samples(5, seed=1)
    sliced = jax.jit(functools.partial(sliced_wasserstein, num_projections=3, p=p))
    distance = jax.jit(functools.partial(wasserstein_1d, p=p))
    np.testing.assert_allclose(sliced(x, y, key=key), distance(x, y), rtol=1e-5)


def test_sliced_distance_of_a_shift(key):
    """E <u, s>^2 = |s|^2 / d over the unit sphere, to about sqrt(2 / count) / d."""
    d, count = 10, 20_000
    shift = np.linspace(-1, 1, d)
    x = samples(6, d)
    distance = jax.jit(functools.partial(sliced_wasserstein, num_projections=count))
    value = distance(x, x + shift, key=key)
    np.testing.assert_allclose(value**2 / (shift @ shift), 1 / d, atol=5 * (2 / count) ** 0.5 / d)


def test_sliced_loss_is_a_power_of_the_distance(key):
    x, y = jnp.float32(samples(6, 3)), jnp.float32(samples(4, 3, seed=1))
    sliced = jax.jit(functools.partial(sliced_wasserstein, num_projections=8))
    distance, other = sliced(x, y, key=key), sliced(x, y, key=jax.random.key(1))
    loss = jax.jit(functools.partial(LOSSES["sliced_wasserstein"], num_projections=8))
    np.testing.assert_allclose(loss(x, y, key=key), (distance**2, -(distance**2)), rtol=1e-5)
    assert other != distance


def test_max_sliced_distance_finds_the_best_of_all_directions(key):
    x, y = samples(30, 2), samples(20, 2, seed=1) * [2.0, 0.5]
    angles = np.linspace(0, np.pi, 2000, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    best = max(np.mean((displacements(x, y, u) @ u) ** 2) for u in directions) ** 0.5
    value = jax.jit(max_sliced_wasserstein)(x, y, key=key)
    np.testing.assert_allclose(value, best, rtol=2e-3)
    assert value > jax.jit(sliced_wasserstein)(x, y, key=key)


@pytest.mark.slow
def test_steps_of_the_max_sliced_distance_lose_no_ground():
    """A step changes the coupling that it is of, and of these samples many a step loses."""
    x, y = np.random.default_rng(349).normal(size=(2, 12, 2))
    keys = jax.random.split(jax.random.key(0), 32)

    def distances(steps):
        options = {"num_projections": 1, "num_steps": steps}
        return jax.vmap(lambda key: max_sliced_wasserstein(x, y, key=key, **options))(keys)

    first, second, last = jax.jit(lambda: [distances(steps) for steps in (0, 1, 4)])()
    assert np.all(first - 1e-6 <= second)
    assert np.all(second - 1e-6 <= last)


def test_max_sliced_gradient_is_that_at_its_direction(key):
    """Of W_2^2 = mean (<u, x_i - y_i>)^2, x_i and y_i in order along the best direction u."""
    x, y = samples(6, 3, shift=[50.0, 0, 0]), samples(6, 3, seed=1)
    with jax.enable_x64(True):
        loss = functools.partial(LOSSES["max_sliced_wasserstein"], key=key, num_steps=300)
        gradient = jax.jit(jax.value_and_grad(lambda x, y: loss(x, y)[0]))
        value, gradient = gradient(jnp.asarray(x), jnp.asarray(y))
    u = np.array([1.0, 0, 0])
    for _ in range(100):
        moved = displacements(x, y, u)
        u = moved.T @ (moved @ u)
        u /= np.linalg.norm(u)
    np.testing.assert_allclose(value, np.mean((displacements(x, y, u) @ u) ** 2), rtol=1e-9)
    order, other = np.argsort(x @ u), np.argsort(y @ u)
    expected = np.empty_like(x)
    expected[order] = 2 / 6 * ((x[order] - y[other]) @ u)[:, None] * u[None]
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("n", "m"), [pytest.param(12, 12, marks=pytest.mark.slow), (9, 6)])
def test_sinkhorn_goes_to_the_exact_cost(n, m, p):
    x, y = samples(n, 2), samples(m, 2, seed=1, shift=1.0)
    exact = transport_cost(x, y, p)
    divergence = jax.jit(functools.partial(sinkhorn_divergence, num_iterations=1000, p=p))
    values = [divergence(x, y, epsilon=epsilon) for epsilon in (1.0, 1e-3)]
    np.testing.assert_allclose(values[1], exact, rtol=1e-3)
    assert abs(values[0] - exact) > 5 * abs(values[1] - exact)


@pytest.mark.slow
def test_sinkhorn_against_an_assignment():
    x, y = samples(30, 5), samples(30, 5, seed=1, shift=1.0)
    cost = cdist(x, y) ** 2
    exact = cost[linear_sum_assignment(cost)].mean()
    divergence = jax.jit(functools.partial(sinkhorn_divergence, num_iterations=1000))
    value = divergence(x, y, epsilon=0.01)
    np.testing.assert_allclose(value, exact, rtol=2e-3)


def test_sinkhorn_of_a_shift_is_exact_at_any_epsilon():
    """S of x and x + s is |s|^2 for the squared cost (Feydy et al. 2019): entropies cancel."""
    x, shift = samples(10, 3), np.array([1.0, -2.0, 0.5])
    divergence = jax.jit(functools.partial(sinkhorn_divergence, num_iterations=500))
    for epsilon in (0.5, 5.0):
        value = divergence(x, x + shift, epsilon=epsilon)
        np.testing.assert_allclose(value, shift @ shift, rtol=1e-4)


def test_second_derivatives_of_sinkhorn_match_central_differences():
    """By samples and by epsilon; of the gradients, which other tests compare with the optimum."""
    x, y = samples(4, 2), samples(3, 2, seed=1, shift=0.5)
    at = np.append(y.ravel(), 2.0)
    with jax.enable_x64(True):

        def loss(at):
            return sinkhorn_divergence(x, at[:-1].reshape(3, 2), epsilon=at[-1], num_iterations=200)

        gradient = jax.jit(jax.grad(loss))
        hessian = jax.jit(jax.jacrev(jax.grad(loss)))(at)
        shifts = 1e-5 * np.eye(len(at))
        expected = [(gradient(at + e) - gradient(at - e)) / 2e-5 for e in shifts]
    np.testing.assert_allclose(hessian, expected, rtol=0, atol=1e-8)


def test_sinkhorn_of_equal_batches_is_zero_with_no_gradient():
    x = jnp.float32(samples(8, 3))
    value, gradient = jax.jit(jax.value_and_grad(sinkhorn_divergence))(x, x)
    np.testing.assert_allclose(value, 0, atol=1e-5)
    np.testing.assert_allclose(gradient, 0, atol=1e-4)


@pytest.mark.parametrize("p", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_degenerate_batches_have_finite_gradients(p, key):
    points = jnp.full((5, 3), 0.3)
    for loss in (
        functools.partial(sinkhorn_divergence, p=p, num_iterations=4),
        functools.partial(sliced_wasserstein, p=p, key=key, num_projections=4),
        functools.partial(wasserstein_1d, p=p),
        functools.partial(max_sliced_wasserstein, key=key, num_projections=4),
    ):
        value, gradient = jax.jit(jax.value_and_grad(loss))(points, points[:3])
        np.testing.assert_allclose(value, 0, atol=1e-6)
        assert np.all(np.isfinite(gradient))


def test_single_samples():
    x, y = jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])
    squared, distance, sliced = jax.jit(
        lambda x, y, key: (
            sinkhorn_divergence(x, y),
            sinkhorn_divergence(x, y, p=1),
            max_sliced_wasserstein(x, y, key=key),
        )
    )(x, y, jax.random.key(0))
    np.testing.assert_allclose(squared, 25, rtol=1e-6)
    np.testing.assert_allclose(distance, 5, rtol=1e-6)
    np.testing.assert_allclose(sliced, 5, rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.slow
def test_descent_carries_the_fakes_to_the_reals(p):
    """Each of as many fakes as reals goes to its own: the distance vanishes."""
    real, fake = jnp.float32(samples(12, 2)), jnp.float32(samples(12, 2, seed=1, shift=3.0))
    rate = {1: 0.5, 2: 3.0}[p]

    def loss(fake):
        return sinkhorn_divergence(real, fake, epsilon=0.05, p=p)

    def step(fake, _):
        return fake - rate * jax.grad(loss)(fake), None

    after, _ = jax.jit(lambda fake: jax.lax.scan(step, fake, length=200))(fake)
    distance = jax.jit(loss)
    assert distance(after) < 0.02 * distance(fake)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: wasserstein_1d(x, x, p=3), "p is 3"),
        (lambda x: sinkhorn_divergence(x, x, p=0), "p of sinkhorn is 0"),
        (lambda x: sinkhorn_divergence(x, x, num_iterations=1), "num_iterations of sinkhorn is 1"),
        (lambda x: sliced_wasserstein(x, x[:, :1], key=jax.random.key(0)), "must be equal"),
    ],
)
def test_what_cannot_be_transported(call, words):
    with pytest.raises(ConfigError, match=words):
        call(np.ones((4, 2)))


def test_sinkhorn_divergence_of_samples_far_apart_is_that_of_the_assignment():
    """SciPy's exact assignment; costs of 1e12 in float32 against an epsilon of 0.1."""
    rng = np.random.default_rng(0)
    x, y = (1e5 * rng.normal(size=(128, 4)) for _ in range(2))
    costs = cdist(x, y) ** 2
    expected = costs[linear_sum_assignment(costs)].mean()
    divergence = jax.jit(jax.value_and_grad(sinkhorn_divergence, argnums=(0, 1)))
    value, gradients = divergence(jnp.float32(x), jnp.float32(y))
    np.testing.assert_allclose(value, expected, rtol=0.02)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
