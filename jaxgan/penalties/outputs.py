"""Penalties on the critic's outputs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, ScalarLike

from jaxgan.kernels import at_least_float32
from jaxgan.types import Critic


def activation_l2(
    critic: Critic,
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    key: PRNGKeyArray,
    axis_name: str | None,
) -> Float[Array, ""]:
    """L2 = E D(x)^2 + E D(G(z))^2, the mean over samples and logits or features.

    It keeps the outputs of a critic in the range where its kernel has a slope.
    Source: Binkowski et al. 2018, Demystifying MMD GANs.
    """
    of_real, of_fake = at_least_float32(critic(real), critic(fake))
    return jnp.mean(jnp.square(of_real)) + jnp.mean(jnp.square(of_fake))


class LecamAnchors(NamedTuple):
    """Running means of the logits.

    Attributes:
        real: Of real samples.
        fake: Of fake samples.
        count: The number of batches in them.
    """

    real: Float[Array, ""]
    fake: Float[Array, ""]
    count: Int[Array, ""]


def lecam_anchors() -> LecamAnchors:
    """The anchors before the first batch."""
    return LecamAnchors(real=jnp.zeros(()), fake=jnp.zeros(()), count=jnp.zeros((), jnp.int32))


def lecam(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    anchors: LecamAnchors,
    *,
    decay: ScalarLike = 0.99,
) -> tuple[Float[Array, ""], LecamAnchors]:
    """LeCam = E max(0, D(x) - a_fake)^2 + E max(0, a_real - D(G(z)))^2, and the next anchors.

    As in the authors' code, the anchors a first take in this batch's means, are averages without
    bias from the first batch on, and pass no gradient; max(0, .) is of the code, not of the paper.
    The anchors are state, so this is no entry of PENALTIES.

    Args:
        real: Logits of the real samples of all devices.
        fake: Logits of the fake samples of all devices.
        anchors: Those that the last step returned, or `lecam_anchors()`.
        decay: Of the anchors, in [0, 1).

    Source: Tseng et al. 2021, Regularizing Generative Adversarial Networks under Limited Data;
    weight 0.3.
    """
    real, fake = at_least_float32(real, fake)
    count = anchors.count + 1
    # Adam's correction of the bias (Kingma & Ba 2015), as a recursion.
    rate = (1 - decay) / (1 - jnp.power(decay, count))

    def moved(anchor: Float[Array, ""], logits: Array) -> Float[Array, ""]:
        return anchor + rate * (jax.lax.stop_gradient(jnp.mean(logits)) - anchor)

    new = LecamAnchors(real=moved(anchors.real, real), fake=moved(anchors.fake, fake), count=count)
    penalty = jnp.mean(jnp.square(jax.nn.relu(real - new.fake)))
    return penalty + jnp.mean(jnp.square(jax.nn.relu(new.real - fake))), new
