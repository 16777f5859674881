"""Dependence of paired samples: the Hilbert-Schmidt independence criterion."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.kernels import Kernel
from jaxgan.losses.mmd import as_vectors
from jaxgan.registry import unknown


def hsic(
    x: Float[Array, "n ..."],
    y: Float[Array, "m ..."],
    *,
    kernel_x: Kernel,
    kernel_y: Kernel,
    estimator: str = "unbiased",
) -> Float[Array, ""]:
    """HSIC = tr(K H L H) / (n - 1)^2 (biased) of n pairs, H = I - 1/n; 0 where independent.

    The unbiased estimator is (tr(K L) + 1'K1 1'L1 / ((n - 1)(n - 2)) - 2 / (n - 2) 1'K L1) /
    (n (n - 3)) of matrices without their diagonals, and may be negative.

    Raises:
        ConfigError: Another number of x than of y, another estimator, or too few pairs: the biased
            one needs 2, the unbiased one 4.

    Source: Gretton et al. 2005, Measuring Statistical Dependence with Hilbert-Schmidt Norms,
    definition 2 (biased); Song et al. 2012, Feature Selection via Dependence Maximization
    (unbiased).
    """
    n = len(x)
    smallest = {"biased": 2, "unbiased": 4}
    if estimator not in smallest:
        raise unknown("estimator", estimator, smallest)
    if n != len(y) or n < smallest[estimator]:
        raise ConfigError(
            f"HSIC of {n} and {len(y)} samples; pass pairs, at least {smallest[estimator]} for the "
            f"{estimator} estimator"
        )
    x, y = as_vectors(x), as_vectors(y)
    of_x, of_y = kernel_x(x, x), kernel_y(y, y)
    if estimator == "biased":
        centred = of_x - jnp.mean(of_x, axis=0)[None]
        centred -= jnp.mean(centred, axis=1)[:, None]
        return jnp.sum(centred * of_y) / (n - 1) ** 2
    of_x, of_y = (jnp.where(jnp.eye(n, dtype=bool), 0, gram) for gram in (of_x, of_y))
    rows_x, rows_y = jnp.sum(of_x, axis=1), jnp.sum(of_y, axis=1)
    total = jnp.sum(of_x * of_y) + jnp.sum(rows_x) * jnp.sum(rows_y) / ((n - 1) * (n - 2))
    return (total - 2 * jnp.sum(rows_x * rows_y) / (n - 2)) / (n * (n - 3))
