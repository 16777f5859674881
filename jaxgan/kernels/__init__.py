"""Kernels: functions of two sets of points that return the matrix of all pairs."""

from collections.abc import Callable

from jaxtyping import Array, Float

from jaxgan.kernels.combine import Kernel, ema_bandwidth, median_bandwidth, product, weighted_sum
from jaxgan.kernels.distances import (
    MAX_DIRECT_DIMENSION,
    at_least_float32,
    euclidean_distances,
    inner_products,
    manhattan_distances,
    safe_power,
    squared_distances,
)
from jaxgan.kernels.functions import (
    GMMN_BANDWIDTHS,
    MMD_GAN_BANDWIDTHS,
    RATIONAL_QUADRATIC_ALPHAS,
    RATIONAL_QUADRATIC_CODE_ALPHAS,
    REPULSIVE_BANDWIDTHS,
    arc_cosine,
    cosine,
    energy,
    gaussian,
    gaussian_mixture,
    inverse_multiquadric,
    laplacian,
    linear,
    matern32,
    matern52,
    polynomial,
    rational_quadratic,
    rational_quadratic_linear,
)
from jaxgan.kernels.means import mean_between, mean_within

__all__ = [
    "GMMN_BANDWIDTHS",
    "KERNELS",
    "MAX_DIRECT_DIMENSION",
    "MMD_GAN_BANDWIDTHS",
    "RATIONAL_QUADRATIC_ALPHAS",
    "RATIONAL_QUADRATIC_CODE_ALPHAS",
    "REPULSIVE_BANDWIDTHS",
    "Kernel",
    "arc_cosine",
    "at_least_float32",
    "cosine",
    "ema_bandwidth",
    "energy",
    "euclidean_distances",
    "gaussian",
    "gaussian_mixture",
    "inner_products",
    "inverse_multiquadric",
    "laplacian",
    "linear",
    "manhattan_distances",
    "matern32",
    "matern52",
    "mean_between",
    "mean_within",
    "median_bandwidth",
    "polynomial",
    "product",
    "rational_quadratic",
    "rational_quadratic_linear",
    "safe_power",
    "squared_distances",
    "weighted_sum",
]

KERNELS: dict[str, Callable[..., Float[Array, "n m"]]] = {
    kernel.__name__: kernel
    for kernel in (
        gaussian,
        gaussian_mixture,
        laplacian,
        rational_quadratic,
        rational_quadratic_linear,
        polynomial,
        linear,
        inverse_multiquadric,
        energy,
        matern32,
        matern52,
        cosine,
        arc_cosine,
    )
}
