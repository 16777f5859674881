"""Penalties on the critic's input gradient, unweighted: means over the samples of this device.

The gradient is that of the sum of all logits: one backward pass gives every sample's own gradient,
because a sample's logits depend on that sample alone. They do not where the critic mixes samples
(batch norm, minibatch statistics); there the "gradient of a sample" also holds its effect on the
others. Several logits a sample (k > 1) are summed, as in R3GAN's code; `jacobian` keeps them apart,
and `randomly_signed` makes the sum's squared gradient an estimate of that of all of them.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.numerics import at_least_float32, safe_sqrt
from jaxgan.penalties.record import penalty
from jaxgan.registry import NON_NEGATIVE, unknown
from jaxgan.types import Critic

NOISES = ("scaled", "centred")
MOST_OUTPUTS = 1024  # of a Jacobian: its rows are held in memory for every sample


def squared_norms(critic: Callable[[Array], Array], x: Float[Array, "n ..."]) -> Float[Array, "n"]:
    """|grad_x D(x_i)|^2 of every sample, over all of its axes."""
    (gradients,) = at_least_float32(jax.grad(lambda x: jnp.sum(critic(x)))(x))
    return jnp.sum(jnp.square(gradients), axis=range(1, x.ndim))


def distance_from_target(
    squared: Float[Array, "n"], target: ScalarLike, *, one_sided: bool = False
) -> Float[Array, ""]:
    """E (|g| - target)^2 of gradients g with these squared norms; one-sided: only above it.

    >>> distance_from_target(jnp.array([0.0, 9.0]), 2.0)
    Array(2.5, dtype=float32)
    >>> distance_from_target(jnp.array([0.0, 9.0]), 2.0, one_sided=True)
    Array(0.5, dtype=float32)
    """
    excess = safe_sqrt(squared) - target
    return jnp.mean(jnp.square(jax.nn.relu(excess) if one_sided else excess))


def uniform_per_sample(
    key: PRNGKeyArray, x: Float[Array, "n ..."], axis_name: str | None
) -> Float[Array, "n ..."]:
    """U[0, 1) for each sample of the global batch, of which this device's, to be broadcast on x."""
    n = len(x)
    drawn = jax.random.uniform(key, (n * collectives.size(axis_name),))
    return collectives.local_slice(drawn, axis_name).reshape(n, *(1,) * (x.ndim - 1))


def interpolate(
    key: PRNGKeyArray,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    axis_name: str | None,
) -> Float[Array, "n ..."]:
    """Points epsilon real + (1 - epsilon) fake, with one epsilon ~ U[0, 1) for each real sample.

    Real i of the global batch meets fake i mod m, so fakes beyond n are not used.
    """
    n, m = len(real), len(fake)
    devices = collectives.size(axis_name)
    if n != m:
        # The partners of this device's real samples may lie on other devices.
        fake = collectives.gather(fake, axis_name)[jnp.arange(n * devices) % (m * devices)]
        fake = collectives.local_slice(fake, axis_name)
    epsilon = uniform_per_sample(key, real, axis_name)
    return (epsilon * real + (1 - epsilon) * fake).astype(real.dtype)


def randomly_signed(
    critic: Critic, shape: tuple[int, ...], key: PRNGKeyArray
) -> Callable[[Float[Array, "n ..."]], Float[Array, "n ..."]]:
    """The critic s D(x), with a random sign s_k = +-1 for each output, the same for all samples.

    Over the signs E |grad_x sum_k s_k D_k(x)|^2 = sum_k |grad_x D_k(x)|^2. Distances between
    outputs, and their squares, stay what they are.

    Args:
        critic: Maps samples to outputs [n, *shape].
        shape: Of the outputs of a sample.
        key: Draws the signs; the same on all devices.

    Source: Hutchinson 1990, A Stochastic Estimator of the Trace of the Influence Matrix,
    https://doi.org/10.1080/03610919008812866; Hoffman et al. 2019, Robust Learning with Jacobian
    Regularization, https://arxiv.org/abs/1908.02729
    """
    signs = jax.random.rademacher(key, (1, *shape), jnp.float32)

    def signed(x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        outputs = critic(x)
        return signs.astype(outputs.dtype) * outputs

    return signed


def squared_jacobian(critic: Critic, x: Float[Array, "n ..."]) -> Float[Array, ""]:
    """E sum_k |grad_x D_k(x)|^2, by one backward pass for each of the k logits or features.

    Raises:
        ConfigError: k is above 1,024.
    """
    outputs = jax.eval_shape(critic, x)
    if (k := math.prod(outputs.shape[1:])) > MOST_OUTPUTS:
        raise ConfigError(
            f"the Jacobian of a critic with {k} outputs takes as many backward passes; they may be "
            f"{MOST_OUTPUTS} at most: set loss.on to logits, of which num_outputs is the number"
        )
    (rows,) = at_least_float32(jax.jacrev(lambda x: jnp.sum(critic(x), axis=0))(x))
    return jnp.sum(jnp.square(rows)) / len(x)


@penalty(weight=10.0)
def r1(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
) -> Float[Array, ""]:
    """R1 = E |grad_x D(x)|^2 / 2 at the real samples.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples, at which the gradient is taken.
        fake: Not used.
        key: Not used.
        axis_name: The device axis.

    Source: Mescheder et al. 2018, Which Training Methods for GANs Do Actually Converge? (9);
    weight 10.
    https://arxiv.org/abs/1801.04406

    >>> real, fake = jnp.ones((5, 2)), jnp.zeros((3, 2))
    >>> float(r1(lambda x: 2 * x[:, :1], real, fake, key=jax.random.key(0), axis_name=None))
    2.0
    """
    return jnp.mean(squared_norms(critic, real)) / 2


@penalty(weight=10.0)
def r2(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
) -> Float[Array, ""]:
    """R2 = E |grad_x D(x)|^2 / 2 at the fake samples.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Not used.
        fake: Fake samples, at which the gradient is taken.
        key: Not used.
        axis_name: The device axis.

    Source: Mescheder et al. 2018, Which Training Methods for GANs Do Actually Converge? (10);
    weight 10.
    https://arxiv.org/abs/1801.04406
    """
    return jnp.mean(squared_norms(critic, fake)) / 2


@penalty(ranges={"target": NON_NEGATIVE}, weight=10.0)
def wgan_gp(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    target: ScalarLike = 1.0,
    one_sided: bool = False,
) -> Float[Array, ""]:
    """GP = E (|grad_x D(x)| - target)^2 at x = epsilon real + (1 - epsilon) fake.

    One epsilon ~ U[0, 1) for each of the n real samples; real i of the global batch meets fake
    i mod m, so further fakes are not used.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples.
        fake: Fake samples.
        key: Draws epsilon.
        axis_name: The device axis.
        target: Of the gradient's norm, at least 0.
        one_sided: Takes E max(0, |grad_x D(x)| - target)^2: smaller norms cost nothing.

    Source: Gulrajani et al. 2017, Improved Training of Wasserstein GANs, equation 3;
    weight 10.
    https://arxiv.org/abs/1704.00028; one-sided: Petzka et al. 2018, On the Regularization of
    Wasserstein GANs. https://arxiv.org/abs/1709.08894
    """
    mixed = interpolate(key, real, fake, axis_name)
    return distance_from_target(squared_norms(critic, mixed), target, one_sided=one_sided)


@penalty(ranges={"target": NON_NEGATIVE}, weight=10.0)
def dragan(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    target: ScalarLike = 1.0,
    noise: str = "scaled",
) -> Float[Array, ""]:
    """DRAGAN = E (|grad_x D(x)| - target)^2 at x near the real samples.

    s is the standard deviation of all values of the real batch, and u ~ U[0, 1) of every value.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples.
        fake: Not used.
        key: Draws the noise.
        axis_name: The device axis.
        target: Of the gradient's norm, at least 0.
        noise: "scaled", of the authors' code: x = real + alpha s u / 2, one alpha ~ U[0, 1) a
            sample; "centred": x = real + s (u - 1/2).

    Raises:
        ConfigError: On another noise.

    Source: Kodali et al. 2017, On Convergence and Stability of GANs; weight 10.
    https://arxiv.org/abs/1705.07215
    """
    if noise not in NOISES:
        raise unknown("noise", noise, NOISES)
    (x,) = at_least_float32(real)
    mean = collectives.mean(jnp.mean(x), axis_name)
    scale = jnp.sqrt(collectives.mean(jnp.mean(jnp.square(x - mean)), axis_name))
    alpha_key, noise_key = jax.random.split(key)
    u = jax.random.uniform(noise_key, (len(real) * collectives.size(axis_name), *real.shape[1:]))
    u = collectives.local_slice(u, axis_name)
    shift = u - 0.5
    if noise == "scaled":
        shift = uniform_per_sample(alpha_key, real, axis_name) * u / 2
    near = (x + scale * shift).astype(real.dtype)
    return distance_from_target(squared_norms(critic, near), target)


@penalty()
def jacobian(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
) -> Float[Array, ""]:
    """J = E sum_k |grad_x D_k(x)|^2, the squared Frobenius norm of the Jacobian at real samples.

    k backward passes for k critic features.

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples, at which the Jacobian is taken.
        fake: Not used.
        key: Not used.
        axis_name: The device axis.

    Raises:
        ConfigError: k is above 1,024.

    Source: Arbel et al. 2018, On Gradient Regularizers for MMD GANs.
    https://arxiv.org/abs/1805.11565
    """
    return squared_jacobian(critic, real)
