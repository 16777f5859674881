"""Fakes that follow the gradient flow of a divergence: score differences, transport maps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels import Scalars, median_bandwidth, squared_distances
from jaxgan.losses.common import at_least, of_generator, product, vectors
from jaxgan.losses.record import loss
from jaxgan.losses.transport import (
    check_iterations,
    least_epsilon,
    potentials,
    transport_cost,
)
from jaxgan.numerics import safe_sqrt
from jaxgan.registry import POSITIVE, Range, unknown
from jaxgan.types import Losses

# In units of the median distance: those of reference MMD.
BANDWIDTHS = (0.1, 0.2, 0.4, 0.8, 1.6)

# Of a rational quadratic kernel; its tail has an integral for those above 1.
_ALPHA = 2.0

# Reals of which the median distance is taken, at most: half of them.
_MEDIAN_OF = 512

# log K up to a constant, by squared distance and bandwidth, as a logarithm and a factor.
_Profile = Callable[[Array, ScalarLike], tuple[Array, Array]]


def _gaussian(squared: Float[Array, "n m"], bandwidth: ScalarLike) -> tuple[Array, Array]:
    """K = sigma^2 k of k = exp(-r^2 / (2 sigma^2))."""
    return -squared / (2 * bandwidth**2), jnp.ones_like(squared)


def _laplacian(squared: Float[Array, "n m"], bandwidth: ScalarLike) -> tuple[Array, Array]:
    """K = tau (r + tau) exp(-r / tau) of k = exp(-r / tau), r Euclidean."""
    ratio = safe_sqrt(squared) / bandwidth
    return -ratio, 1 + ratio


def _rational_quadratic(squared: Float[Array, "n m"], bandwidth: ScalarLike) -> tuple[Array, Array]:
    """K = a sigma^2 / (a - 1) (1 + u)^(1 - a) of k = (1 + u)^-a, u = r^2 / (2 a sigma^2)."""
    base = 1 + squared / (2 * _ALPHA * bandwidth**2)
    return jnp.zeros_like(squared), base ** (1 - _ALPHA)


_PROFILES: dict[str, _Profile] = {
    "gaussian": _gaussian,
    "laplacian": _laplacian,
    "rational_quadratic": _rational_quadratic,
}


@loss(ranges={"bandwidths": POSITIVE})
def score_drift(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    bandwidths: Scalars = BANDWIDTHS,
    kernel: str = "gaussian",
) -> Losses:
    """G = E_i [log E_{j != i} K(x_i, sg x_j) - log E_j K(x_i, y_j)], D = 0, x fake and y real.

    K is half the integral of the kernel k from |x - y|^2 on, so that the gradient of log E K(x, y)
    is a mean shift with k: sum_j k(x, y_j) (y_j - x) / sum_j K(x, y_j). For a Gaussian k, K is
    sigma^2 k, and fakes follow the difference of the scores of both densities, smoothed by k: the
    gradient flow of their Kullback-Leibler divergence, which G estimates. The mean over bandwidths.

    Other than that of drifting, the field has no size of its own: it vanishes where the smoothed
    densities are one. sg(.) is taken as constant. The means, in the place of published sums, change
    the value by a constant.

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].
        bandwidths: Positive, in units of the median distance of the reals (of 1,024 of them, evenly
            spaced in the batch, if there are more).
        kernel: k, of the distance r over the bandwidth h: "gaussian", exp(-r^2 / (2 h^2));
            "laplacian", exp(-r / h); "rational_quadratic", (1 + r^2 / (4 h^2))^-2.

    Raises:
        ConfigError: Another kernel, fewer samples, or samples of unequal shapes.

    Source: Turan and Ovsjanikov 2026, Generative Drifting is Secretly Score Matching,
    https://arxiv.org/abs/2603.09936; with K for other kernels, https://arxiv.org/abs/2604.06333.
    K is the shadow of k of Cheng 1995, Mean Shift, Mode Seeking, and Clustering,
    https://doi.org/10.1109/34.400568
    """
    if kernel not in _PROFILES:
        raise unknown("kernel", kernel, _PROFILES)
    at_least(2, "score drift of batches", "use a larger batch", len(real), len(fake))
    y, x = vectors(real, fake)
    median = median_bandwidth(y[::2], y[1::2], max_samples=_MEDIAN_OF)
    within = squared_distances(x, jax.lax.stop_gradient(x))
    between = squared_distances(x, jax.lax.stop_gradient(y))
    others = ~jnp.eye(len(x), dtype=bool)

    def log_mean(squared: Array, bandwidth: ScalarLike, where: Array | None = None) -> Array:
        logarithms, factors = _PROFILES[kernel](squared, bandwidth * median)
        count = squared.shape[1] - (where is not None)
        total = logsumexp(logarithms, axis=1, b=factors, where=where)
        return jnp.mean(total) - np.log(count)

    values = [log_mean(within, h, others) - log_mean(between, h) for h in bandwidths]
    value = jnp.mean(jnp.stack(values))
    return of_generator(value)


@loss(ranges={"epsilon": POSITIVE, "step": POSITIVE, "num_iterations": Range(low=2)})
def sinkhorn_drift(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    others: Float[Array | np.ndarray, "_m ..."],
    epsilon: ScalarLike = 0.05,
    step: ScalarLike = 1.0,
    num_iterations: int = 50,
) -> Losses:
    """G = E |x - sg(x + step (T_y(x) - T_x'(x)))|^2, D = 0: x drift by two entropic transports.

    T_y and T_x' are the barycentric maps of the plans of entropic optimal transport, with cost
    |x - y|^2, from the fakes x to the reals y and to x', as many independent fakes: the gradient
    flow of the Sinkhorn divergence, on average 0 where fakes and reals are equal in distribution.
    (To x itself, instead of x', the plan would be nearly the identity.) The gradient by x is
    -2 step (T_y - T_x') / m.

    Args:
        real: n samples y [n, ...].
        fake: m samples x of the same shape [m, ...].
        others: m further fakes x', made of other latents [m, ...].
        epsilon: Positive, in units of the mean of |x_i - y_j|^2, so that it suits features of any
            scale; the same for both plans. The smaller, the more iterations it takes.
        step: Positive; 1 goes to the target at once.
        num_iterations: At least 2; of Sinkhorn's, on log-scale, as in `sinkhorn`.

    Raises:
        ConfigError: Another number of others than of fakes, too few iterations, or samples of
            unequal shapes.

    Source: W-Flow 2026, https://arxiv.org/abs/2605.11755; the flow is that of Feydy et al. 2019,
    https://arxiv.org/abs/1810.08278
    """
    if others.shape != fake.shape:
        raise ConfigError(
            f"sinkhorn drift of fakes {fake.shape} with others {others.shape}; give as many others "
            "of the same shape, made of other latents"
        )
    y, x = vectors(real, fake)
    start, again = jax.lax.stop_gradient((x, vectors(others, fake)[0]))
    absolute = epsilon * jnp.mean(squared_distances(start, jax.lax.stop_gradient(y)))
    to_real, to_fake = (
        barycentric_map(start, points, epsilon=absolute, num_iterations=num_iterations)
        for points in (y, again)
    )
    moved = x - start - step * (to_real - to_fake)
    value = jnp.mean(jnp.sum(jnp.square(moved), axis=1))
    return of_generator(value)


def barycentric_map(
    x: Float[Array | np.ndarray, "n d"],
    y: Float[Array | np.ndarray, "m _d"],
    *,
    epsilon: ScalarLike,
    num_iterations: int = 50,
) -> Float[Array, "n d"]:
    """T(x_i) = sum_j P_ij y_j / sum_j P_ij, P the plan of OT_eps(x, y) with cost |x - y|^2.

    A plan splits the mass of a point, T takes it to the mean: the gradient of OT_eps by x_i is
    2 (x_i - T(x_i)) / n. Iterations are those of `sinkhorn`; no gradient flows.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        epsilon: Positive, in units of the cost; what is less than its rounding is raised to that.
        num_iterations: At least 2.

    Raises:
        ConfigError: Too few iterations, or points of unequal dimensions.

    Source: Pooladian and Niles-Weed 2021, Entropic Estimation of Optimal Transport Maps,
    https://arxiv.org/abs/2109.12004
    """
    check_iterations(num_iterations)
    x, y = jax.lax.stop_gradient(vectors(x, y))
    # Points far from the origin keep their digits about their mean; all in one place cost nothing.
    center = jnp.mean(y, axis=0, keepdims=True)
    x, y = x - center, y - center
    least = jnp.maximum(least_epsilon(x, y, 2), jnp.finfo(x.dtype).tiny)
    epsilon = jnp.maximum(jnp.asarray(epsilon, x.dtype), least)
    _, potential = potentials(x, y, epsilon, num_iterations, 2)
    rows = jax.nn.softmax((potential[None] - transport_cost(x, y, 2)) / epsilon, axis=1)
    return product(rows, y) + center
