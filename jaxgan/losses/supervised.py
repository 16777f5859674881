"""Losses that use labels: semi-supervised, auxiliary-classifier and projection discriminators.

Labels are integers in [0, c), and class logits [n, c]; E is the mean over samples.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxgan.kernels import at_least_float32
from jaxgan.losses.adversarial import non_saturating
from jaxgan.types import Losses


def cross_entropy(class_logits: Float[Array, "n c"], labels: Int[Array, "n"]) -> Float[Array, ""]:
    """-E log p(label | x), p the softmax of the class logits."""
    (class_logits,) = at_least_float32(class_logits)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(class_logits), labels[:, None], axis=1))


def real_logits(class_logits: Float[Array, "n c"]) -> Float[Array, "n"]:
    """Log Z, Z = sum exp(class logits): the logit of D = Z / (Z + 1), the probability of "real".

    With c logits and "fake" as a further class whose logit is fixed at 0.
    Source: Salimans et al. 2016, Improved Techniques for Training GANs, section 5.
    """
    (class_logits,) = at_least_float32(class_logits)
    return jax.nn.logsumexp(class_logits, axis=1)


def semi_supervised(
    class_logits: Float[Array, "n c"],
    labels: Int[Array, "n"],
    real: Float[Array, "r c"],
    fake: Float[Array, "m c"],
) -> Losses:
    """D = -E log p(label | x) - E log D(x) - E log(1 - D(G(z))), G = -E log D(G(z)).

    D(.) = Z / (Z + 1), see `real_logits`; p(label | x) is that of a sample known to be real. The
    authors' code halves the terms without labels, and its G matches features instead.

    Args:
        class_logits: Of n labelled real samples.
        labels: Theirs.
        real: Class logits of r real samples without labels.
        fake: Class logits of m fake samples.

    Source: Salimans et al. 2016, Improved Techniques for Training GANs, section 5.
    """
    unsupervised = non_saturating(real_logits(real), real_logits(fake))
    return unsupervised._replace(
        discriminator=cross_entropy(class_logits, labels) + unsupervised.discriminator
    )


def auxiliary_classifier(
    real: Float[Array, "n c"],
    real_labels: Int[Array, "n"],
    fake: Float[Array, "m c"],
    fake_labels: Int[Array, "m"],
) -> Losses:
    """D = -E log p(label | x) - E log p(label | G(z, label)), G = -E log p(label | G(z, label)).

    To be added to an adversarial loss; `real` and `fake` are class logits.
    Source: Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs.
    """
    of_fake = cross_entropy(fake, fake_labels)
    return Losses(generator=of_fake, discriminator=cross_entropy(real, real_labels) + of_fake)


def projection(
    features: Float[Array, "n d"], labels: Int[Array, "n"], embedding: Float[Array, "c d"]
) -> Float[Array, "n 1"]:
    """<v_label, features>: what a conditional discriminator adds to its logits [n, 1].

    Source: Miyato and Koyama 2018, cGANs with Projection Discriminator.
    """
    return jnp.sum(embedding[labels] * features, axis=1, keepdims=True)
