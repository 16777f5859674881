"""Losses that use labels: semi-supervised, auxiliary-classifier and projection discriminators.

Labels are integers in [0, c), and class logits [n, c]; E is the mean over samples.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxgan.losses.adversarial import non_saturating
from jaxgan.losses.common import same_length
from jaxgan.losses.record import loss
from jaxgan.numerics import at_least_float32
from jaxgan.types import Losses


def cross_entropy(class_logits: Float[Array, "n c"], labels: Int[Array, "n"]) -> Float[Array, ""]:
    """-E log p(label | x), p the softmax of the class logits.

    Args:
        class_logits: Of n samples [n, c].
        labels: Their classes [n], in [0, c).

    Source: Goodfellow et al. 2016, Deep Learning, section 6.2.2.3; in a GAN, Odena et al. 2017,
    Conditional Image Synthesis with Auxiliary Classifier GANs, https://arxiv.org/abs/1610.09585

    >>> float(cross_entropy(jnp.array([[-4.0, 100.0]]), jnp.array([0])))
    104.0
    """
    (class_logits,) = at_least_float32(class_logits)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(class_logits), labels[:, None], axis=1))


def real_logits(class_logits: Float[Array, "n c"]) -> Float[Array, "n"]:
    """Log Z, Z = sum exp(class logits): the logit of D = Z / (Z + 1), the probability of "real".

    "Fake" is a further class, whose logit is fixed at 0.

    Args:
        class_logits: Of n samples, for c classes of real ones [n, c].

    Source: Salimans et al. 2016, Improved Techniques for Training GANs, section 5,
    https://arxiv.org/abs/1606.03498

    >>> float(real_logits(jnp.array([[100.0, 3.0]]))[0])
    100.0
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
        class_logits: Of n labelled real samples [n, c].
        labels: Their classes [n], in [0, c).
        real: Class logits of r real samples without labels [r, c].
        fake: Class logits of m fake samples [m, c].

    Source: Salimans et al. 2016, Improved Techniques for Training GANs, section 5,
    https://arxiv.org/abs/1606.03498
    """
    unsupervised = non_saturating(real_logits(real), real_logits(fake))
    return unsupervised._replace(
        discriminator=cross_entropy(class_logits, labels) + unsupervised.discriminator
    )


@loss(views=("class_logits",))
def auxiliary_classifier(
    real: Float[Array, "n c"], fake: Float[Array, "_n c"], *, labels: Int[Array, "_n"]
) -> Losses:
    """D = -E log p(label | x) - E log p(label | G(z, label)), G = -E log p(label | G(z, label)).

    p is the softmax of the class logits. To be added to an adversarial loss.

    Args:
        real: Class logits of n real samples [n, c].
        fake: Class logits of n fake samples [n, c].
        labels: The class of real i, and that which fake i was to be [n], in [0, c).

    Raises:
        ConfigError: Unequal numbers of samples and labels.

    Source: Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs, section
    3, https://arxiv.org/abs/1610.09585

    >>> real, fake, labels = jnp.array([[0.0, 64.0]]), jnp.array([[32.0, 0.0]]), jnp.array([1])
    >>> losses = auxiliary_classifier(real, fake, labels=labels)
    >>> float(losses.generator), float(losses.discriminator)  # real right, fake wrong
    (32.0, 32.0)
    """
    same_length("an auxiliary classifier", real=real, fake=fake, labels=labels)
    of_fake = cross_entropy(fake, labels)
    return Losses(generator=of_fake, discriminator=cross_entropy(real, labels) + of_fake)


def projection(
    features: Float[Array, "n d"], labels: Int[Array, "n"], embedding: Float[Array, "c d"]
) -> Float[Array, "n 1"]:
    """<v_label, features>: what a conditional discriminator adds to its logits [n, 1].

    Args:
        features: Of n samples [n, d].
        labels: Their classes [n], in [0, c).
        embedding: v, a vector for each of c classes [c, d].

    Source: Miyato and Koyama 2018, cGANs with Projection Discriminator,
    https://arxiv.org/abs/1802.05637

    >>> features, embedding = jnp.array([[3.0, 4.0]]), jnp.array([[1.0, 0.0], [0.0, 10.0]])
    >>> projection(features, jnp.array([1]), embedding)
    Array([[40.]], dtype=float32)
    """
    return jnp.sum(embedding[labels] * features, axis=1, keepdims=True)
