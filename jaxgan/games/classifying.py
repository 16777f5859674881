"""Games that train a classifier."""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.games.common import Samples, from_prior, head, ranged, stream
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.losses import cross_entropy, feature_matching, non_saturating, real_logits
from jaxgan.registry import NON_NEGATIVE
from jaxgan.types import Batch, Metrics


@ranged(supervision=NON_NEGATIVE)
def semi_supervised(*, matching: bool = True, supervision: ScalarLike = 1.0) -> Game:
    """K + 1 classes: the discriminator classifies a labelled few, all real samples, and fakes.

    Data: all samples, whose labels are not used in training, and the stream `labelled`. With
    D(x) = Z / (Z + 1), Z the sum of exp(class logits), and f the features:

        discriminator  -supervision E log p(label | x) - E log D(x) - E log(1 - D(G(z)))
        generator      |E f(x) - E f(G(z))|^2, or -E log D(G(z))

    The score `test_error` is the share of held-out samples that are misclassified.

    Args:
        matching: Whether the generator matches mean features, as in the paper's best results;
            else it plays the non-saturating game.
        supervision: The weight of the labelled samples. The authors' code halves the other terms,
            which is a weight of 2.

    Raises:
        ConfigError: No stream `labelled`, or a discriminator without class logits, or, for
            matching, without features.

    Source: Salimans et al. 2016, Improved Techniques for Training GANs, sections 3.1 and 5,
    https://arxiv.org/abs/1606.03498
    """

    def losses(
        nets: Nets, batch: Batch, fake: Float[Array, "n ..."], key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        few, labels = _labelled(batch)
        labelled, real, fakes = (nets.discriminator(x) for x in (few, batch.real, fake))
        errors = cross_entropy(head(labelled, "class_logits"), labels)
        gan = non_saturating(real_logits(real.class_logits), real_logits(fakes.class_logits))
        generator = gan.generator
        if matching:
            features = head(real, "features"), head(fakes, "features")
            generator = feature_matching(*features).generator
        return {
            "discriminator": {"supervised": errors * supervision, "gan": gan.discriminator},
            "generator": generator,
        }, {}

    return Game(from_prior, losses, averaged=("generator", "discriminator"), scores=_test_error)


def _labelled(batch: Batch) -> tuple[Samples, Int[Array, "l"]]:
    """The labelled samples and their labels."""
    few = stream(batch, "labelled")
    if few.labels is None:
        raise ConfigError("the stream 'labelled' has no labels; choose a data set with labels")
    return few.real, jnp.asarray(few.labels)


def _test_error(nets: Nets, batch: Batch, key: PRNGKeyArray) -> dict[str, Float[Array, "n"]]:
    del key
    if batch.labels is None:
        return {}
    predicted = jnp.argmax(nets.discriminator(batch.real).class_logits, axis=1)
    return {"test_error": (predicted != batch.labels).astype(jnp.float32)}
