"""Regularisers of critics whose features are compared by a kernel (MMD GANs)."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.kernels import Kernel, gaussian
from jaxgan.numerics import at_least_float32
from jaxgan.penalties.gradient import (
    distance_from_target,
    interpolate,
    squared_jacobian,
    squared_norms,
)
from jaxgan.penalties.record import penalty
from jaxgan.registry import NON_NEGATIVE, POSITIVE
from jaxgan.types import Critic


def witness(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    kernel: Kernel,
    key: PRNGKeyArray,
    axis_name: str | None,
    target: ScalarLike = 1.0,
) -> Float[Array, ""]:
    """GP = E (|grad_x w(x)| - target)^2 with w(x) = E k(D(x), D(real)) - E k(D(x), D(fake)).

    x is between real and fake samples, as in `wgan_gp`. The means in the witness function w are
    over the batches of all devices.

    Args:
        critic: Maps samples to k features.
        real: Real samples.
        fake: Fake samples.
        kernel: A function of two sets of features that returns the matrix of all pairs.
        key: Places x.
        axis_name: The device axis.
        target: Of the gradient's norm, at least 0.

    Source: Binkowski et al. 2018, Demystifying MMD GANs. https://arxiv.org/abs/1801.01401
    """

    def features(x: Float[Array, "n ..."]) -> Float[Array, "n k"]:
        return at_least_float32(critic(x))[0]

    of_real, of_fake = (collectives.gather(features(x), axis_name) for x in (real, fake))

    def w(x: Float[Array, "n ..."]) -> Float[Array, "n"]:
        of_x = features(x)
        return jnp.mean(kernel(of_x, of_real), axis=1) - jnp.mean(kernel(of_x, of_fake), axis=1)

    mixed = interpolate(key, real, fake, axis_name)
    return distance_from_target(squared_norms(w, mixed), target)


@penalty(ranges={"bandwidth": POSITIVE, "target": NON_NEGATIVE})
def witness_gaussian(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    bandwidth: ScalarLike = 1.0,
    target: ScalarLike = 1.0,
) -> Float[Array, ""]:
    """GP = E (|grad_x w(x)| - target)^2 of the witness w with the Gaussian kernel: see `witness`.

    Args:
        critic: Maps samples to k features.
        real: Real samples.
        fake: Fake samples.
        key: Places x.
        axis_name: The device axis.
        bandwidth: Of the kernel, greater than 0, in the units of the features.
        target: Of the gradient's norm, at least 0.

    Source: Binkowski et al. 2018, Demystifying MMD GANs. https://arxiv.org/abs/1801.01401
    """
    kernel = functools.partial(gaussian, bandwidth=bandwidth)
    return witness(critic, real, fake, kernel=kernel, key=key, axis_name=axis_name, target=target)


def scaled_mmd_factor(
    critic: Critic,
    real: Float[Array, "n ..."],
    *,
    axis_name: str | None,
    coefficient: ScalarLike = 10.0,
) -> Float[Array, ""]:
    """1 / (1 + coefficient E |J_D(x)|_F^2), of the real samples of all devices; times MMD^2: SMMD.

    A factor on the main loss, through which gradients must flow, and so no penalty.

    Args:
        critic: Maps samples to k features.
        real: Real samples, at which the Jacobian J_D is taken.
        axis_name: The device axis.
        coefficient: At least 0; 0 gives the factor 1.

    Raises:
        ConfigError: k is above 1,024.

    Source: Arbel et al. 2018, On Gradient Regularizers for MMD GANs, and its code.
    https://arxiv.org/abs/1805.11565
    """
    of_devices = collectives.gather(squared_jacobian(critic, real)[None], axis_name)
    return 1 / (1 + jnp.mean(of_devices) * coefficient)
