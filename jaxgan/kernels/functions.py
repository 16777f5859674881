"""Positive definite kernels. Those of a distance are not centred for the user: they need not be.

The points x and y are vectors of d entries, in rows: x has shape [n, d], y has shape [m, d].
"""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels.distances import (
    distance_powers,
    euclidean_distances,
    inner_products,
    manhattan_distances,
    squared_distances,
)
from jaxgan.kernels.record import kernel
from jaxgan.numerics import at_least_float32, norms, safe_power
from jaxgan.registry import AT_LEAST_ONE, NON_NEGATIVE, POSITIVE, Range

Scalars = tuple[ScalarLike, ...] | Float[Array, "_k"]

# Bandwidths of Gaussian mixtures and alphas of rational quadratic ones, in published work.
GMMN_BANDWIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)  # Li et al. 2015, code for MNIST
MMD_GAN_BANDWIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0)  # Li et al. 2017, section 5
REPULSIVE_BANDWIDTHS = (1.0, math.sqrt(2), 2.0, math.sqrt(8), 4.0)  # Wang et al. 2019, section 5
RATIONAL_QUADRATIC_ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)  # Binkowski et al. 2018, section 2.1
RATIONAL_QUADRATIC_CODE_ALPHAS = (0.1, 1.0, 10.0)  # Binkowski et al. 2018, official code

# Of |x - y|^exponent: at 2 the energy kernel is linear, past 2 it is not positive definite.
ENERGY_EXPONENTS = Range(low=0, high=2, above=True, below=True)

ORDERS = (0, 1, 2)


@kernel(ranges={"bandwidth": POSITIVE})
def gaussian(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2)), in [0, 1].

    Args:
        x: n points [n, d].
        y: m points [m, d].
        bandwidth: Positive, in the units of x.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test; preprint
    https://arxiv.org/abs/0805.2368

    >>> gaussian(jnp.array([[0.0]]), jnp.array([[0.0], [100.0]]))
    Array([[1., 0.]], dtype=float32)
    """
    return jnp.exp(squared_distances(x, y) * (-0.5 / bandwidth**2))


@kernel(ranges={"bandwidths": POSITIVE, "weights": POSITIVE})
def gaussian_mixture(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    bandwidths: Scalars = MMD_GAN_BANDWIDTHS,
    weights: Scalars = (1.0,),
    average: bool = False,
) -> Float[Array, "n m"]:
    """k(x, y) = sum_i weights_i exp(-|x - y|^2 / (2 bandwidths_i^2)).

    Args:
        x: n points [n, d].
        y: m points [m, d].
        bandwidths: Positive, in the units of x.
        weights: Positive, one to each bandwidth; a single one stands for all.
        average: Whether to divide by the sum of the weights, so that k(x, x) = 1. Published code
            adds, some papers average.

    Raises:
        ConfigError: Another number of weights than of bandwidths.

    Source: Li et al. 2015, Generative Moment Matching Networks, https://arxiv.org/abs/1502.02761

    >>> x = jnp.array([[3.0, 4.0]])
    >>> gaussian_mixture(x, x, bandwidths=(1.0, 2.0), weights=(2.0, 0.5))
    Array([[2.5]], dtype=float32)
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
        total += weight * jnp.exp(squared * (-0.5 / bandwidth**2))
    return total / functools.reduce(jnp.add, weight_of) if average else total


@kernel(ranges={"bandwidth": POSITIVE})
def laplacian(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = exp(-|x - y|_1 / bandwidth), in [0, 1], with |.|_1 the sum of absolute values.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        bandwidth: Positive, in the units of x.

    Source: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines, figure 1; Rupp
    2015, Machine Learning for Quantum Mechanics in a Nutshell, https://doi.org/10.1002/qua.24954
    """
    return jnp.exp(-manhattan_distances(x, y) / bandwidth)


@kernel(ranges={"alphas": POSITIVE})
def rational_quadratic(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, alphas: Scalars = RATIONAL_QUADRATIC_ALPHAS
) -> Float[Array, "n m"]:
    """k(x, y) = sum_i (1 + |x - y|^2 / (2 alphas_i))^-alphas_i.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        alphas: Positive; the smaller, the heavier the tail. The default is the paper's; its code
            has RATIONAL_QUADRATIC_CODE_ALPHAS.

    Source: Binkowski et al. 2018, Demystifying MMD GANs, section 2.1,
    https://arxiv.org/abs/1801.01401

    >>> rational_quadratic(jnp.array([[0.0, 0.0]]), jnp.array([[1.0, 1.0]]), alphas=(1.0,))
    Array([[0.5]], dtype=float32)
    """
    squared = squared_distances(x, y)
    total = jnp.zeros_like(squared)
    for alpha in alphas:
        total += _negative_power(squared * (0.5 / alpha), alpha)
    return total


def _negative_power(u: Float[Array, "n m"], exponent: ScalarLike) -> Float[Array, "n m"]:
    """(1 + u)^-exponent of u >= 0, to exponent roundings of 1.

    Not by `log1p`: in a sum over pairs, XLA:CPU of jaxlib 0.10.2 gives the second of two log1p, log
    or expm1 of multiples of one array the values of the first (tests/kernels/test_compiled.py). A
    power is as exact, but its gradient takes three times as long.
    """
    return jnp.exp(-1 * exponent * jnp.log(1 + u))


@kernel(ranges={"alphas": POSITIVE})
def rational_quadratic_linear(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, alphas: Scalars = RATIONAL_QUADRATIC_ALPHAS
) -> Float[Array, "n m"]:
    """k(x, y) = sum_i (1 + |x - y|^2 / (2 alphas_i))^-alphas_i + <x, y>, known as rq*.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        alphas: As in `rational_quadratic`.

    Source: Binkowski et al. 2018, Demystifying MMD GANs, section 2.1,
    https://arxiv.org/abs/1801.01401
    """
    return rational_quadratic(x, y, alphas=alphas) + linear(x, y)


@kernel()
def linear(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """k(x, y) = <x, y>; its MMD is the distance of the means.

    Args:
        x: n points [n, d].
        y: m points [m, d].

    Source: Gretton et al. 2012, A Kernel Two-Sample Test; preprint
    https://arxiv.org/abs/0805.2368

    >>> linear(jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0], [0.0, 1.0]]))
    Array([[11.,  2.]], dtype=float32)
    """
    return inner_products(x, y)


@kernel(ranges={"degree": AT_LEAST_ONE, "scale": POSITIVE, "offset": NON_NEGATIVE})
def polynomial(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    degree: int = 3,
    scale: ScalarLike = 1.0,
    offset: ScalarLike = 1.0,
) -> Float[Array, "n m"]:
    """k(x, y) = (scale <x, y> / d + offset)^degree; by default the kernel of KID.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        degree: At least 1.
        scale: Positive.
        offset: At least 0.

    Source: Binkowski et al. 2018, Demystifying MMD GANs, section 4,
    https://arxiv.org/abs/1801.01401

    >>> polynomial(jnp.array([[1.0, 1.0]]), jnp.array([[1.0, 1.0], [2.0, -4.0]]))
    Array([[8., 0.]], dtype=float32)
    """
    return jnp.power(scale * inner_products(x, y) / x.shape[1] + offset, degree)


@kernel(ranges={"bandwidth": POSITIVE, "exponent": POSITIVE})
def inverse_multiquadric(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    bandwidth: ScalarLike = 1.0,
    exponent: ScalarLike = 0.5,
) -> Float[Array, "n m"]:
    """k(x, y) = (1 + |x - y|^2 / bandwidth^2)^-exponent.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        bandwidth: Positive, in the units of x.
        exponent: Positive. 1/2 gives 1 / sqrt(c^2 + |x - y|^2) up to a factor, 1 the
            C / (C + |x - y|^2) of Wasserstein auto-encoders.

    Source: Micchelli 1986, Interpolation of Scattered Data, https://doi.org/10.1007/BF01893414;
    Tolstikhin et al. 2018, Wasserstein Auto-Encoders, https://arxiv.org/abs/1711.01558

    >>> inverse_multiquadric(jnp.array([[0.0]]), jnp.array([[1.0]]), exponent=1.0)
    Array([[0.5]], dtype=float32)
    """
    return _negative_power(squared_distances(x, y) * (1 / bandwidth**2), exponent)


@kernel(ranges={"exponent": ENERGY_EXPONENTS})
def energy(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, exponent: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = (|x|^exponent + |y|^exponent - |x - y|^exponent) / 2.

    Twice its MMD^2 is the energy distance.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        exponent: In (0, 2).

    Source: Sejdinovic et al. 2013, Equivalence of Distance-Based and RKHS-Based Statistics,
    https://arxiv.org/abs/1207.6076

    >>> energy(jnp.array([[3.0]]), jnp.array([[4.0]]))
    Array([[3.]], dtype=float32)
    """
    x, y = at_least_float32(x, y)
    to_origin = [safe_power(jnp.sum(jnp.square(z), axis=1), exponent / 2) for z in (x, y)]
    between = distance_powers(x, y, exponent=exponent)
    return (to_origin[0][:, None] + to_origin[1][None] - between) / 2


@kernel(ranges={"bandwidth": POSITIVE})
def matern32(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = (1 + t) exp(-t), t = sqrt(3) |x - y| / bandwidth.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        bandwidth: Positive, in the units of x.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equation 4.17,
    https://doi.org/10.7551/mitpress/3206.001.0001
    """
    t = math.sqrt(3) * euclidean_distances(x, y) / bandwidth
    return (1 + t) * jnp.exp(-t)


@kernel(ranges={"bandwidth": POSITIVE})
def matern52(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: ScalarLike = 1.0
) -> Float[Array, "n m"]:
    """k(x, y) = (1 + t + t^2 / 3) exp(-t), t = sqrt(5) |x - y| / bandwidth.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        bandwidth: Positive, in the units of x.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equation 4.17,
    https://doi.org/10.7551/mitpress/3206.001.0001
    """
    t = math.sqrt(5) * euclidean_distances(x, y) / bandwidth
    return (1 + t + jnp.square(t) / 3) * jnp.exp(-t)


@kernel()
def cosine(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """k(x, y) = <x, y> / (|x| |y|), in [-1, 1]; 0 where either is 0.

    Args:
        x: n points [n, d].
        y: m points [m, d].

    Source: Salton et al. 1975, A Vector Space Model for Automatic Indexing,
    https://doi.org/10.1145/361219.361220

    >>> cosine(jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 3.0], [-2.0, 0.0]]))
    Array([[ 0., -1.]], dtype=float32)
    """
    x, y = map(_directions, at_least_float32(x, y))
    return jnp.clip(inner_products(x, y), -1, 1)


def _directions(x: Float[Array, "n d"]) -> Float[Array, "n d"]:
    lengths = norms(x)
    return x / jnp.where(lengths > 0, lengths, 1)[:, None]


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


@kernel(ranges={"order": Range(low=ORDERS[0], high=ORDERS[-1])})
def arc_cosine(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, order: int = 1
) -> Float[Array, "n m"]:
    """k(x, y) = |x|^order |y|^order J(theta) / pi, theta the angle of x and y.

    J is pi - theta, sin(theta) + (pi - theta) cos(theta), or 3 sin(theta) cos(theta) +
    (pi - theta) (1 + 2 cos(theta)^2): an infinitely wide layer of steps, ReLUs or squared ReLUs.

    Args:
        x: n points [n, d].
        y: m points [m, d].
        order: 0, 1 or 2.

    Raises:
        ConfigError: Another order.

    Source: Cho and Saul 2009, Kernel Methods for Deep Learning, equations 3 to 7; Cho and Saul
    2011, Analysis and Extension of Arc-Cosine Kernels, https://arxiv.org/abs/1112.3712

    >>> arc_cosine(jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 1.0]]), order=0)
    Array([[0.5]], dtype=float32)
    """
    if order not in ORDERS:
        raise ConfigError(f"order of the arc-cosine kernel is {order}; choose 0, 1 or 2")
    x, y = at_least_float32(x, y)
    lengths = (norms(x)[:, None] * norms(y)[None]) ** order
    return lengths * _arc_cosine_profile(order, cosine(x, y)) / math.pi
