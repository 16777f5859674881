"""Penalties on the critic's outputs."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.numerics import at_least_float32
from jaxgan.penalties.record import penalty
from jaxgan.registry import Range
from jaxgan.types import Critic


@penalty()
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

    Args:
        critic: Maps samples to logits or features [n, k].
        real: Real samples.
        fake: Fake samples.
        key: Not used.
        axis_name: The device axis.

    Source: Binkowski et al. 2018, Demystifying MMD GANs. https://arxiv.org/abs/1801.01401
    """
    of_real, of_fake = at_least_float32(critic(real), critic(fake))
    return jnp.mean(jnp.square(of_real)) + jnp.mean(jnp.square(of_fake))


class LecamAnchors(NamedTuple):
    """Running means of the logits.

    Attributes:
        real: Of real samples.
        fake: Of fake samples.
        count: The number of batches in them, as a float.
    """

    real: Float[Array, ""]
    fake: Float[Array, ""]
    count: Float[Array, ""]


def lecam_anchors() -> LecamAnchors:
    """The anchors before the first batch."""
    return LecamAnchors(real=jnp.zeros(()), fake=jnp.zeros(()), count=jnp.zeros(()))


class LecamNetwork(nn.Module):
    """`lecam` with its anchors as statistics. It has no parameters.

    It compares the logits of the whole batch: where a step is split over devices, they are gathered
    first, and every device has the same anchors.
    """

    whole_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(
        self,
        real: Float[Array, "n ..."],
        fake: Float[Array, "m ..."],
        *,
        decay: ScalarLike,
        train: bool,
    ) -> Float[Array, ""]:
        """The penalty; in training also moves the anchors, but for the call that initialises.

        Args:
            real: Logits of the real samples of all devices.
            fake: Logits of the fake samples of all devices.
            decay: Of the anchors, in [0, 1).
            train: Whether the anchors move.
        """
        variables = [
            self.variable("batch_stats", name, jnp.zeros, ()) for name in LecamAnchors._fields
        ]
        anchors = LecamAnchors(*(variable.value for variable in variables))
        value, moved = lecam(real, fake, anchors, decay=decay)
        if train and not self.is_initializing():
            for variable, anchor in zip(variables, moved, strict=True):
                variable.value = anchor.astype(variable.value.dtype)
        return value


@penalty(ranges={"decay": Range(low=0, high=1, below=True)}, network=LecamNetwork, weight=0.3)
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

    Args:
        real: Logits of the real samples of all devices.
        fake: Logits of the fake samples of all devices.
        anchors: Those that the last step returned, or `lecam_anchors()`.
        decay: Of the anchors, in [0, 1).

    Source: Tseng et al. 2021, Regularizing Generative Adversarial Networks under Limited Data;
    weight 0.3. https://arxiv.org/abs/2104.03310

    >>> real, fake = jnp.array([[3.0], [1.0]]), jnp.array([[-1.0], [-1.0]])
    >>> value, anchors = lecam(real, fake, lecam_anchors())
    >>> [round(float(number), 3) for number in (value, anchors.real, anchors.fake)]
    [19.0, 2.0, -1.0]
    """
    real, fake = at_least_float32(real, fake)
    count = anchors.count + 1
    # Adam's correction of the bias (Kingma & Ba 2015), as a recursion.
    rate = (1 - decay) / (1 - jnp.power(decay, count))

    def moved(anchor: Float[Array, ""], logits: Array) -> Float[Array, ""]:
        return anchor + rate * (jax.lax.stop_gradient(jnp.mean(logits)) - anchor)

    new = LecamAnchors(real=moved(anchors.real, real), fake=moved(anchors.fake, fake), count=count)
    value = jnp.mean(jnp.square(jax.nn.relu(real - new.fake)))
    return value + jnp.mean(jnp.square(jax.nn.relu(new.real - fake))), new
