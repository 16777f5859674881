"""Optimal transport between the empirical measures of n and of m samples, flattened to vectors."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels import squared_distances
from jaxgan.losses.common import product, unit, vectors
from jaxgan.losses.record import loss
from jaxgan.numerics import norms, safe_sqrt, sort_columns
from jaxgan.registry import AT_LEAST_ONE, NON_NEGATIVE, POSITIVE, Range

# Of costs |x - y|^p, for which there are formulas.
POWERS = Range(low=1, high=2)


def wasserstein_1d(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    p: int = 1,
) -> Float[Array, ""]:
    """W_p = (int_0^1 |F^-1(t) - G^-1(t)|^p dt)^(1/p), F, G the distributions of x and y on a line.

    Exact, for any n and m. Samples with d > 1 entries: (mean_k W_p^p(x_k, y_k))^(1/p).

    Args:
        x: n numbers, or n samples.
        y: m of them.
        p: 1 or 2.

    Raises:
        ConfigError: On another p, or samples of unequal shapes.

    Source: Peyré and Cuturi 2019, Computational Optimal Transport, remark 2.30,
    https://arxiv.org/abs/1803.00567

    >>> x, y = jnp.array([0.0, 1.0]), jnp.array([6.0, 5.0])
    >>> float(wasserstein_1d(x, y)), float(wasserstein_1d(x, y, p=2))
    (5.0, 5.0)
    """
    return _root(_mean_power(*vectors(x, y), p), p)


def _sliced_loss(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    key: PRNGKeyArray,
    num_projections: int = 128,
    p: int = 2,
) -> Float[Array, ""]:
    """SW_p^p: `sliced_wasserstein` without its root, so smooth at 0."""
    x, y = vectors(x, y)
    return _sliced_power(x, y, _directions(key, num_projections, x), p)


@loss(ranges={"num_projections": AT_LEAST_ONE, "p": POWERS}, objective=_sliced_loss)
def sliced_wasserstein(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    key: PRNGKeyArray,
    num_projections: int = 128,
    p: int = 2,
) -> Float[Array, ""]:
    """SW_p = (E_u W_p^p(<u, x>, <u, y>))^(1/p); as a loss without root: G = SW_p^p, D = -G.

    E_u is the mean over random directions u on the unit sphere.

    Args:
        x: n samples; real ones in a loss.
        y: m samples of the same shape.
        key: Draws the directions.
        num_projections: How many directions, at least 1.
        p: 1 or 2.

    Raises:
        ConfigError: On another p, or samples of unequal shapes.

    Source: Bonneel et al. 2015, Sliced and Radon Wasserstein Barycenters of Measures,
    https://doi.org/10.1007/s10851-014-0506-3; as a loss, Deshpande et al. 2018, Generative Modeling
    Using the Sliced Wasserstein Distance, https://arxiv.org/abs/1803.11188

    >>> x, y = jnp.array([[0.0], [1.0]]), jnp.array([[3.0], [2.0]])  # on a line u is 1 or -1
    >>> float(sliced_wasserstein(x, y, key=jax.random.key(0)))
    2.0
    """
    return _root(_sliced_loss(x, y, key=key, num_projections=num_projections, p=p), p)


def _max_sliced_loss(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    key: PRNGKeyArray,
    num_projections: int = 16,
    num_steps: int = 10,
) -> Float[Array, ""]:
    """max_u W_2^2(<u, x>, <u, y>): `max_sliced_wasserstein` without its root."""
    return _max_sliced_power(*vectors(x, y), key, num_projections, num_steps)


@loss(
    ranges={"num_projections": AT_LEAST_ONE, "num_steps": NON_NEGATIVE}, objective=_max_sliced_loss
)
def max_sliced_wasserstein(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    key: PRNGKeyArray,
    num_projections: int = 16,
    num_steps: int = 10,
) -> Float[Array, ""]:
    """W = max_u W_2(<u, x>, <u, y>) over unit vectors u; as a loss without root: G = W^2, D = -G.

    Approximately and from below: the best of some random directions takes steps of the power method
    on the second moments of the displacements of its own optimal coupling, and the best direction
    of all counts. Gradients take it as given, which is exact at a maximum.

    Args:
        x: n samples; real ones in a loss.
        y: m samples of the same shape.
        key: Draws the first directions.
        num_projections: How many of them, at least 1.
        num_steps: Steps that the best of them takes, at least 0.

    Raises:
        ConfigError: On samples of unequal shapes.

    Source: Deshpande et al. 2019, Max-Sliced Wasserstein Distance and Its Use for GANs,
    https://arxiv.org/abs/1904.05877

    >>> x, y = jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])
    >>> round(float(max_sliced_wasserstein(x, y, key=jax.random.key(0))), 4)
    5.0
    """
    power = _max_sliced_loss(x, y, key=key, num_projections=num_projections, num_steps=num_steps)
    return _root(power, 2)


@loss(ranges={"epsilon": POSITIVE, "num_iterations": Range(low=2), "p": POWERS})
def sinkhorn(
    x: Float[Array | np.ndarray, "n ..."],
    y: Float[Array | np.ndarray, "m ..."],
    *,
    epsilon: ScalarLike = 0.1,
    num_iterations: int = 100,
    p: int = 2,
) -> Float[Array, ""]:
    """S = OT_eps(x, y) - (OT_eps(x, x) + OT_eps(y, y)) / 2 >= 0; as a loss, G = S, D = -G.

    OT_eps is the least cost of a coupling plus epsilon times its relative entropy, for the cost
    |x_i - y_j|^p. S goes to W_p^p as epsilon goes to 0, and to an MMD as it grows. Sinkhorn's
    iterations run on log-scale, the first half of them while epsilon falls to its value from the
    largest cost. Gradients are those of the optimum (the envelope theorem), so that none flows
    through iterations; second derivatives do, which take more of them. `sinkhorn_divergence` is
    another name of it.

    Args:
        x: n samples; real ones in a loss.
        y: m samples of the same shape.
        epsilon: Positive, in units of the cost; the smaller, the more iterations it takes. What is
            less than the rounding of the largest cost is raised to that.
        num_iterations: At least 2.
        p: 1 or 2.

    Raises:
        ConfigError: On another p, too few iterations, or samples of unequal shapes.

    Source: Feydy et al. 2019, Interpolating between Optimal Transport and MMD using Sinkhorn
    Divergences, https://arxiv.org/abs/1810.08278; as a loss, Genevay et al. 2018, Learning
    Generative Models with Sinkhorn Divergences, https://arxiv.org/abs/1706.00292

    >>> x, y = jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])
    >>> float(sinkhorn(x, y)), float(sinkhorn(x, y, p=1))  # of single samples: the cost
    (25.0, 5.0)
    """
    check_iterations(num_iterations)
    _check_power(p)
    x, y = vectors(x, y)
    epsilon = jnp.maximum(jnp.asarray(epsilon, x.dtype), least_epsilon(x, y, p))
    return _divergence(num_iterations, p, x, y, epsilon)


sinkhorn_divergence = sinkhorn


def check_iterations(num_iterations: int) -> None:
    """Raises ConfigError unless Sinkhorn's iterations can anneal."""
    if num_iterations < 2:
        raise ConfigError(f"num_iterations is {num_iterations}; it must be at least 2")


def _check_power(p: int) -> None:
    if p not in (1, 2):
        raise ConfigError(f"p is {p}; transport costs are |x - y|^p with p = 1 or 2")


def _root(power: Float[Array, ""], p: int) -> Float[Array, ""]:
    return power if p == 1 else safe_sqrt(power)


def _displacements(
    x: Float[Array, "n k"], y: Float[Array, "m k"]
) -> tuple[Float[Array, "pieces k"], Float[Array, "pieces"]]:
    """F^-1(t) - G^-1(t) of every column where both are constant, and the lengths in t."""
    n, m = len(x), len(y)
    # The steps of both quantile functions, in units of 1 / (n m): exact in integers.
    steps = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    left, lengths = steps[:-1], np.diff(steps) / (n * m)
    difference = sort_columns(x)[left // m] - sort_columns(y)[left // n]
    return difference, jnp.asarray(lengths, x.dtype)


def _mean_power(x: Float[Array, "n k"], y: Float[Array, "m k"], p: int) -> Float[Array, ""]:
    _check_power(p)
    difference, lengths = _displacements(x, y)
    powers = jnp.abs(difference) if p == 1 else jnp.square(difference)
    return jnp.sum(lengths * jnp.mean(powers, axis=1))


def _directions(key: PRNGKeyArray, count: int, x: Float[Array, "n d"]) -> Float[Array, "count d"]:
    # Drawn in float32 whatever the type of x: the same key gives the same directions.
    normal = jax.random.normal(key, (count, x.shape[1]), jnp.float32)
    return unit(normal.astype(x.dtype), 1)


def _sliced_power(
    x: Float[Array, "n d"], y: Float[Array, "m d"], directions: Float[Array, "count d"], p: int
) -> Float[Array, ""]:
    return _mean_power(product(x, directions.T), product(y, directions.T), p)


def _max_sliced_power(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    key: PRNGKeyArray,
    num_projections: int,
    num_steps: int,
) -> Float[Array, ""]:
    first = _directions(key, num_projections, x)
    fixed_x, fixed_y = jax.lax.stop_gradient((x, y))

    def powers(directions: Float[Array, "count d"]) -> Float[Array, "count"]:
        projected = product(fixed_x, directions.T), product(fixed_y, directions.T)
        difference, lengths = _displacements(*projected)
        return jnp.sum(lengths[:, None] * jnp.square(difference), axis=0)

    def step(direction: Float[Array, "d"], _: None) -> tuple[Array, Array]:
        # W_2^2 is <u, A u> with A the moments of the displacements, and its gradient 2 A u.
        moved = unit(jax.grad(lambda u: powers(u[None])[0])(direction)[None], 1)[0]
        return moved, moved

    # A step changes the coupling, and so A: it may lose ground.
    _, path = jax.lax.scan(step, first[jnp.argmax(powers(first))], length=num_steps)
    directions = jnp.concatenate([first, path])
    return _sliced_power(x, y, directions[jnp.argmax(powers(directions))][None], 2)


def transport_cost(x: Float[Array, "n d"], y: Float[Array, "m d"], p: int) -> Float[Array, "n m"]:
    """|x_i - y_j|^p."""
    squared = squared_distances(x, y)
    return safe_sqrt(squared) if p == 1 else squared


def _transform(
    potential: Float[Array, "m"], cost: Float[Array, "n m"], epsilon: Float[Array, ""]
) -> Float[Array, "n"]:
    """The soft c-transform: -eps log mean_j exp((g_j - C_ij) / eps)."""
    return -epsilon * (
        logsumexp((potential[None] - cost) / epsilon, axis=1) - np.log(len(potential))
    )


class _Optimum(NamedTuple):
    """The points and the epsilon of a divergence, and the potentials that solve its problems."""

    x: Float[Array, "n d"]
    y: Float[Array, "m d"]
    epsilon: Float[Array, ""]
    of_x: Float[Array, "n"]
    of_y: Float[Array, "m"]
    within_x: Float[Array, "n"]
    within_y: Float[Array, "m"]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _divergence(
    num_iterations: int,
    p: int,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    epsilon: Float[Array, ""],
) -> Float[Array, ""]:
    return _near(_optimum(num_iterations, p, x, y, epsilon), p, x, y, epsilon)


@_divergence.defjvp
def _divergence_jvp(
    num_iterations: int, p: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """By the envelope theorem the optimum is constant; in this derivative's own it is not."""
    optimum = _optimum(num_iterations, p, *primals)
    return jax.jvp(functools.partial(_near, optimum, p), primals, tangents)


def _near(
    optimum: _Optimum,
    p: int,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    epsilon: Float[Array, ""],
) -> Float[Array, ""]:
    """The divergence and its slopes, as a function whose x, y and epsilon are at the optimum."""
    # Both potentials' transforms hold the derivative by epsilon, OT_eps only once.
    epsilon = (epsilon + optimum.epsilon) / 2

    def mean(z: Float[Array, "k d"], potential: Array, points: Array) -> Float[Array, ""]:
        return jnp.mean(_transform(potential, transport_cost(z, points, p), epsilon))

    of_x = mean(x, optimum.of_y, optimum.y) - mean(x, optimum.within_x, optimum.x)
    return of_x + mean(y, optimum.of_x, optimum.x) - mean(y, optimum.within_y, optimum.y)


def _optimum(
    num_iterations: int,
    p: int,
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    epsilon: Float[Array, ""],
) -> _Optimum:
    of_x, of_y = potentials(x, y, epsilon, num_iterations, p)
    within = (_self_potential(z, epsilon, num_iterations, p) for z in (x, y))
    return _Optimum(x, y, epsilon, of_x, of_y, *within)


def _schedule(
    cost: Float[Array, "n m"], epsilon: Float[Array, ""], num_iterations: int
) -> Float[Array, "iterations"]:
    """From the largest cost down to epsilon in equal ratios, then epsilon."""
    left = np.maximum(0, 1 - np.arange(num_iterations) / (num_iterations // 2))
    ratio = jax.lax.stop_gradient(jnp.maximum(jnp.max(cost) / epsilon, 1))
    return epsilon * ratio ** jnp.asarray(left, cost.dtype)


def potentials(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    epsilon: Float[Array, ""],
    num_iterations: int,
    p: int,
) -> tuple[Float[Array, "n"], Float[Array, "m"]]:
    """The optimal potentials of OT_eps(x, y)."""
    cost = transport_cost(x, y, p)

    # Where it is differentiated, matrices are computed again, not kept for every iteration.
    @jax.checkpoint
    def iterate(g: Float[Array, "m"], epsilon: Float[Array, ""]) -> tuple[Float[Array, "m"], None]:
        return _transform(_transform(g, cost, epsilon), cost.T, epsilon), None

    # The c-transform of 0: made of the cost, it varies over the devices that the cost varies over.
    first = jax.lax.stop_gradient(jnp.min(cost, axis=0))
    g, _ = jax.lax.scan(iterate, first, _schedule(cost, epsilon, num_iterations))
    return _transform(g, cost, epsilon), g


def _self_potential(
    x: Float[Array, "n d"], epsilon: Float[Array, ""], num_iterations: int, p: int
) -> Float[Array, "n"]:
    """The one potential of OT_eps(x, x); averaging makes it one."""
    cost = transport_cost(x, x, p)

    @jax.checkpoint
    def iterate(f: Float[Array, "n"], epsilon: Float[Array, ""]) -> tuple[Float[Array, "n"], None]:
        return (f + _transform(f, cost, epsilon)) / 2, None

    first = jax.lax.stop_gradient(jnp.min(cost, axis=1))
    return jax.lax.scan(iterate, first, _schedule(cost, epsilon, num_iterations))[0]


def least_epsilon(x: Float[Array, "n d"], y: Float[Array, "m d"], p: int) -> Float[Array, ""]:
    """Some roundings of the largest cost: divided by less, costs overflow the exponentials."""
    x, y = jax.lax.stop_gradient((x, y))
    center = jnp.mean(y, axis=0, keepdims=True)
    radius = jnp.maximum(jnp.max(norms(x - center)), jnp.max(norms(y - center)))
    return 8 * jnp.finfo(x.dtype).eps * (2 * radius) ** p
