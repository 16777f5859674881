"""Positive definite kernels. Those of a distance are not centred for the user: they need not be."""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels.distances import (
    at_least_float32,
    euclidean_distances,
    inner_products,
    manhattan_distances,
    safe_power,
    squared_distances,
)

Scalars = tuple[ScalarLike, ...] | Float[Array, "_k"]

# Bandwidths of Gaussian mixtures and alphas of rational quadratic ones, in published work.
GMMN_BANDWIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)  # Li et al. 2015, code for MNIST
MMD_GAN_BANDWIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0)  # Li et al. 2017, section 5
REPULSIVE_BANDWIDTHS = (1.0, math.sqrt(2), 2.0, math.sqrt(8), 4.0)  # Wang et al. 2019, section 5
RATIONAL_QUADRATIC_ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)  # Binkowski et al. 2018, section 2.1
RATIONAL_QUADRATIC_CODE_ALPHAS = (0.1, 1.0, 10.0)  # Binkowski et al. 2018, official code


def gaussian(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2)), in [0, 1]; bandwidth > 0 in the units of x.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test.
    """
    return jnp.exp(-squared_distances(x, y) / (2 * bandwidth**2))


def gaussian_mixture(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    bandwidths: Scalars = MMD_GAN_BANDWIDTHS,
    weights: Scalars = (1.0,),
    average: bool = False,
) -> Float[Array, "n m"]:
    """k(x, y) = sum_i weights_i exp(-|x - y|^2 / (2 bandwidths_i^2)), bandwidths and weights > 0.

    One weight stands for all. `average` divides by the sum of the weights, so that k(x, x) = 1:
    published code adds, some papers average.
    Source: Li et al. 2015, Generative Moment Matching Networks.
    """
    count = len(bandwidths)
    if len(weights) not in (1, count):
        raise ConfigError(
            f"{len(weights)} weights for {count} bandwidths; give one weight, or one to each"
        )
    weight_of = [jnp.asarray(weights[i % len(weights)]) for i in range(count)]
    squared = squared_distances(x, y)
    total = jnp.zeros_like(squared)
    for weight, bandwidth in zip(weight_of, bandwidths, strict=True):
        total += weight * jnp.exp(-squared / (2 * bandwidth**2))
    return total / functools.reduce(jnp.add, weight_of) if average else total


def laplacian(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = exp(-|x - y|_1 / bandwidth), in [0, 1]; bandwidth > 0 in the units of x.

    Source: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines, figure 1.
    """
    return jnp.exp(-manhattan_distances(x, y) / bandwidth)


def rational_quadratic(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, alphas: Scalars = RATIONAL_QUADRATIC_ALPHAS
) -> Float[Array, "n m"]:
    """k(x, y) = sum_i (1 + |x - y|^2 / (2 alphas_i))^-alphas_i, alphas > 0.

    Source: Binkowski et al. 2018, Demystifying MMD GANs, section 2.1; its code has other alphas.
    """
    squared = squared_distances(x, y)
    total = jnp.zeros_like(squared)
    for alpha in alphas:
        total += jnp.exp(-1 * alpha * jnp.log1p(squared / (2 * alpha)))
    return total


def rational_quadratic_linear(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, alphas: Scalars = RATIONAL_QUADRATIC_ALPHAS
) -> Float[Array, "n m"]:
    """k(x, y) = sum_i (1 + |x - y|^2 / (2 alphas_i))^-alphas_i + <x, y>, known as rq*.

    Source: Binkowski et al. 2018, Demystifying MMD GANs, section 2.1.
    """
    return rational_quadratic(x, y, alphas=alphas) + linear(x, y)


def linear(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """k(x, y) = <x, y>; its MMD is the distance of the means.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test.
    """
    return inner_products(x, y)


def polynomial(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    degree: int = 3,
    scale: ScalarLike = 1.0,
    offset: ScalarLike = 1.0,
) -> Float[Array, "n m"]:
    """k(x, y) = (scale <x, y> / d + offset)^degree, scale > 0 and offset >= 0; by default KID's.

    Source: Binkowski et al. 2018, Demystifying MMD GANs, section 4.
    """
    return jnp.power(scale * inner_products(x, y) / x.shape[1] + offset, degree)


def inverse_multiquadric(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    bandwidth: ScalarLike = 1.0,
    exponent: ScalarLike = 0.5,
) -> Float[Array, "n m"]:
    """k(x, y) = (1 + |x - y|^2 / bandwidth^2)^-exponent, bandwidth and exponent > 0.

    Exponent 1/2 is 1 / sqrt(c^2 + |x - y|^2) up to a factor, exponent 1 the C / (C + |x - y|^2)
    of Wasserstein auto-encoders.
    Source: Micchelli 1986, Interpolation of Scattered Data; Tolstikhin et al. 2018.
    """
    return jnp.exp(-1 * exponent * jnp.log1p(squared_distances(x, y) / bandwidth**2))


def energy(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, exponent: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = (|x|^exponent + |y|^exponent - |x - y|^exponent) / 2, exponent in (0, 2).

    Twice its MMD^2 is the energy distance.
    Source: Sejdinovic et al. 2013, Equivalence of Distance-Based and RKHS-Based Statistics.
    """
    x, y = at_least_float32(x, y)
    to_origin = [safe_power(jnp.sum(jnp.square(z), axis=1), exponent / 2) for z in (x, y)]
    between = safe_power(squared_distances(x, y), exponent / 2)
    return (to_origin[0][:, None] + to_origin[1][None] - between) / 2


def matern32(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = (1 + t) exp(-t), t = sqrt(3) |x - y| / bandwidth, bandwidth > 0.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equation 4.17.
    """
    t = math.sqrt(3) * euclidean_distances(x, y) / bandwidth
    return (1 + t) * jnp.exp(-t)


def matern52(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = (1 + t + t^2 / 3) exp(-t), t = sqrt(5) |x - y| / bandwidth, bandwidth > 0.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equation 4.17.
    """
    t = math.sqrt(5) * euclidean_distances(x, y) / bandwidth
    return (1 + t + jnp.square(t) / 3) * jnp.exp(-t)


def _norms(x: Float[Array, "n d"]) -> Float[Array, "n"]:
    return safe_power(jnp.sum(jnp.square(x), axis=1), 0.5)


def cosine(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """k(x, y) = <x, y> / (|x| |y|), in [-1, 1]; 0 where either is 0.

    Source: Singhal 2001, Modern Information Retrieval: A Brief Overview.
    """
    x, y = at_least_float32(x, y)
    x, y = (
        z / jnp.where(norms > 0, norms, 1)[:, None] for z, norms in ((x, _norms(x)), (y, _norms(y)))
    )
    return jnp.clip(inner_products(x, y), -1, 1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _arc_cosine_profile(order: int, c: Float[Array, "n m"]) -> Float[Array, "n m"]:
    """J_order(theta) of Cho and Saul 2009, equations 4 to 7, as a function of c = cos(theta)."""
    obtuse, sine = math.pi - jnp.arccos(c), jnp.sqrt(1 - jnp.square(c))
    if order == 0:
        return obtuse
    if order == 1:
        return sine + obtuse * c
    return 3 * sine * c + obtuse * (1 + 2 * jnp.square(c))


@_arc_cosine_profile.defjvp
def _arc_cosine_profile_jvp(
    order: int, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    """J_0' = 1 / sin, J_1' = J_0, J_2' = 4 J_1: finite, unlike the derivatives of their parts."""
    (c,), (tangent,) = primals, tangents
    if order == 0:
        slope = safe_power(1 - jnp.square(c), -0.5)
    else:
        slope = order**2 * _arc_cosine_profile(order - 1, c)
    return _arc_cosine_profile(order, c), slope * tangent


def arc_cosine(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, order: int = 1
) -> Float[Array, "n m"]:
    """k(x, y) = |x|^order |y|^order J(theta) / pi, theta the angle of x and y, order 0, 1 or 2.

    J is pi - theta, sin(theta) + (pi - theta) cos(theta), or 3 sin(theta) cos(theta) +
    (pi - theta) (1 + 2 cos(theta)^2): an infinitely wide layer of steps, ReLUs or squared ReLUs.
    Source: Cho and Saul 2009, Kernel Methods for Deep Learning, equations 3 to 7.
    """
    if order not in (0, 1, 2):
        raise ConfigError(f"order of the arc-cosine kernel is {order}; choose 0, 1 or 2")
    x, y = at_least_float32(x, y)
    lengths = (_norms(x)[:, None] * _norms(y)[None]) ** order
    return lengths * _arc_cosine_profile(order, cosine(x, y)) / math.pi
