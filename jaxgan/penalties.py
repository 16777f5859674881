"""Penalties on the critic's input gradient, unweighted: means over the samples of this device.

The gradient is that of the sum of all logits: one backward pass gives every sample's own gradient,
because a sample's logits depend on that sample alone. They do not where the critic mixes samples
(batch norm, minibatch statistics); there the "gradient of a sample" also holds its effect on the
others. Several logits a sample (k > 1) are summed, as in R3GAN's code.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.types import Critic, PenaltyFn


def _squared_norms(critic: Critic, x: Float[Array, "n ..."]) -> Float[Array, "n"]:
    """|grad_x D(x_i)|^2 of every sample, over all of its axes."""
    gradients = jax.grad(lambda x: jnp.sum(critic(x)))(x)
    gradients = gradients.astype(jnp.promote_types(gradients.dtype, jnp.float32))
    return jnp.sum(jnp.square(gradients), axis=range(1, x.ndim))


def r1(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
) -> Float[Array, ""]:
    """R1 = E |grad_x D(x)|^2 / 2 at the real samples.

    Source: Mescheder et al. 2018, Which Training Methods for GANs Do Actually Converge? (9).
    """
    return jnp.mean(_squared_norms(critic, real)) / 2


def r2(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
) -> Float[Array, ""]:
    """R2 = E |grad_x D(x)|^2 / 2 at the fake samples.

    Source: Mescheder et al. 2018, Which Training Methods for GANs Do Actually Converge? (10).
    """
    return jnp.mean(_squared_norms(critic, fake)) / 2


def wgan_gp(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
    target: ScalarLike = 1.0,
) -> Float[Array, ""]:
    """GP = E (|grad_x D(x)| - target)^2 at x = epsilon real + (1 - epsilon) fake, two-sided.

    One epsilon ~ U[0, 1) for each of the n real samples; real i of the global batch meets fake
    i mod m, so further fakes are not used.
    Source: Gulrajani et al. 2017, Improved Training of Wasserstein GANs, equation 3.
    """
    n, m = len(real), len(fake)
    devices = collectives.size(axis_name)
    if n != m:
        # The partners of this device's real samples may lie on other devices.
        fake = collectives.gather(fake, axis_name)[jnp.arange(n * devices) % (m * devices)]
        fake = collectives.local_slice(fake, axis_name)
    epsilon = collectives.local_slice(jax.random.uniform(key, (n * devices,)), axis_name)
    epsilon = epsilon.reshape(n, *(1,) * (real.ndim - 1))
    mixed = (epsilon * real + (1 - epsilon) * fake).astype(real.dtype)
    squared = _squared_norms(critic, mixed)
    # Where the gradient is 0 its norm's slope is not defined; the inner `where` keeps NaN out.
    positive = squared > 0
    norms = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1)), 0)
    return jnp.mean(jnp.square(norms - target))


PENALTIES: dict[str, PenaltyFn] = {"r1": r1, "r2": r2, "wgan_gp": wgan_gp}
