"""Dependence of paired samples: the Hilbert-Schmidt independence criterion."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.kernels import Kernel, gaussian, median_bandwidth
from jaxgan.losses.mmd import as_vectors
from jaxgan.losses.record import loss
from jaxgan.registry import POSITIVE, unknown
from jaxgan.types import Losses


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

    Args:
        x: n samples [n, ...].
        y: n samples of any other shape [n, ...]; x_i and y_i are a pair.
        kernel_x: A function of two sets of x that returns the matrix of all pairs.
        kernel_y: The same for y.
        estimator: "unbiased" or "biased".

    Raises:
        ConfigError: Another number of x than of y, another estimator, or too few pairs: the biased
            one needs 2, the unbiased one 4.

    Source: Gretton et al. 2005, Measuring Statistical Dependence with Hilbert-Schmidt Norms,
    definition 2 (biased), https://doi.org/10.1007/11564089_7; Song et al. 2012, Feature Selection
    via Dependence Maximization (unbiased), first in https://arxiv.org/abs/0704.2668

    >>> def product(x, y):
    ...     return x @ y.T
    >>> x, y = jnp.array([[-1.0], [1.0]]), jnp.array([[2.0], [6.0]])
    >>> float(hsic(x, y, kernel_x=product, kernel_y=product, estimator="biased"))  # cov^2 = 4^2
    16.0
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


@loss(ranges={"bandwidth": POSITIVE, "latent_bandwidth": POSITIVE})
def hsic_infogan(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    z: Float[Array, "_m ..."],
    bandwidth: ScalarLike = 1.0,
    latent_bandwidth: ScalarLike = 1.0,
    estimator: str = "unbiased",
) -> Losses:
    """G = -HSIC(G(z), z), D = 0: the generator makes samples that depend on their latents.

    A regulariser of the generator, as the mutual information of InfoGAN is, with Gaussian kernels:
    use it as a further term.

    Args:
        real: Not used.
        fake: m samples [m, ...], at least 4, or 2 for the biased estimator.
        z: The latents that they were made of [m, ...].
        bandwidth: Of the samples, positive, in units of their median distance.
        latent_bandwidth: Of the latents, positive, in units of their median distance.
        estimator: "unbiased" or "biased"; see `hsic`.

    Raises:
        ConfigError: As `hsic` does.

    Source: Liu et al. 2022, HSIC-InfoGAN: Learning Unsupervised Disentangled Representations by
    Maximising Approximated Mutual Information, https://arxiv.org/abs/2208.03563
    """
    del real
    fake, z = as_vectors(fake), as_vectors(z)
    kernel_x, kernel_y = (
        functools.partial(gaussian, bandwidth=factor * median_bandwidth(x[::2], x[1::2]))
        for x, factor in ((fake, bandwidth), (z, latent_bandwidth))
    )
    value = -hsic(fake, z, kernel_x=kernel_x, kernel_y=kernel_y, estimator=estimator)
    return Losses(generator=value, discriminator=jnp.zeros_like(value))
