"""Games whose generators translate images of one domain into those of another."""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.games.common import Samples, absolute_error, ranged
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.losses import least_squares, mae, non_saturating
from jaxgan.registry import NON_NEGATIVE
from jaxgan.types import Batch, Metrics


class Cycle(NamedTuple):
    """Translations of unpaired x and y, and what comes of translating them back.

    Attributes:
        to_x: F(y).
        to_y: B(x).
        x_again: F(B(x)).
        y_again: B(F(y)).
    """

    to_x: Float[Array, "m ..."]
    to_y: Float[Array, "n ..."]
    x_again: Float[Array, "n ..."]
    y_again: Float[Array, "m ..."]


@ranged(cycle=NON_NEGATIVE)
def cycle_gan(*, cycle: ScalarLike = 10.0) -> Game:
    """CycleGAN: translates between the data, x, and the images y of another domain, unpaired.

    Players: `generator` F makes x of y and `generator_back` B makes y of x; `discriminator` judges
    x, and `discriminator_back` y. The images y are the stream `other` or, without it, the
    conditions of the data, whose rows need not correspond. Samples outside of training, such as
    those that are scored, translate conditions alone: there is no stream.

    Each generator minimises E (D(F(y)) - 1)^2, and both cycle (E |F(B(x)) - x| + E |B(F(y)) - y|),
    in means over pixels; each discriminator the least-squares loss. There is no pool of earlier
    fakes.
    The score `cycle_error` is |F(B(x)) - x| of held-out samples, a mean over pixels.

    Args:
        cycle: The weight of translating there and back.

    Raises:
        ConfigError: No images of the other domain.

    Source: Zhu et al. 2017, Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks, https://arxiv.org/abs/1703.10593
    """

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Cycle:
        del key
        to_x, to_y = nets.generator(_other(batch)), nets.generator_back(batch.real)
        return Cycle(to_x, to_y, nets.generator(to_y), nets.generator_back(to_x))

    def losses(
        nets: Nets, batch: Batch, fakes: Cycle, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        x, y = jnp.asarray(batch.real), jnp.asarray(_other(batch))
        of_x = least_squares(nets.discriminator(x).logits, nets.discriminator(fakes.to_x).logits)
        of_y = least_squares(
            nets.discriminator_back(y).logits, nets.discriminator_back(fakes.to_y).logits
        )
        again = mae(x, fakes.x_again).generator + mae(y, fakes.y_again).generator
        # The halves of `least_squares` are the paper's for discriminators alone (section 4).
        makers = {"x": 2 * of_x.generator, "y": 2 * of_y.generator, "cycle": again * cycle}
        judges = {"x": of_x.discriminator, "y": of_y.discriminator}
        return {
            "generator": makers,
            "generator_back": makers,
            "discriminator": judges,
            "discriminator_back": judges,
        }, {}

    def sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        del key
        y = _other(batch)
        return nets.generator(y[jnp.arange(len(batch.real)) % len(y)])

    def translations(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        """B(x) of each x: what `sample` does not show."""
        del key
        return nets.generator_back(batch.real)

    def scores(nets: Nets, batch: Batch, key: PRNGKeyArray) -> dict[str, Float[Array, "n"]]:
        del key
        again = nets.generator(nets.generator_back(batch.real))
        return {"cycle_error": absolute_error(again, batch.real)}

    return Game(
        generate,
        losses,
        sample=sample,
        turns=(("generator", "generator_back"), ("discriminator", "discriminator_back")),
        averaged=("generator", "generator_back"),
        scores=scores,
        pictures={"translations": translations},
    )


def _other(batch: Batch) -> Samples:
    if "other" in batch.streams:
        return batch.streams["other"].real
    if batch.condition is None:
        raise ConfigError(
            "there are no images of the other domain to translate; choose a data set whose "
            "conditions they are (a stream 'other' serves training alone)"
        )
    return batch.condition


@ranged(l1=NON_NEGATIVE)
def paired_translation(*, l1: ScalarLike = 100.0) -> Game:
    """pix2pix: translates the condition c of each sample x of the data into it.

    The generator G gets c in the place of z; the discriminator judges x or G(c) beside c, its own
    condition (`conditioning="concat"`). The generator minimises the non-saturating loss plus
    l1 E |x - G(c)|, a mean over pixels, and the score `translation_error` is that of held-out
    samples.

    Args:
        l1: The weight of the mean absolute error.

    Raises:
        ConfigError: Data without conditions.

    Source: Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks,
    https://arxiv.org/abs/1611.07004 (noise enters by dropout alone, a field of the networks)
    """

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        del key
        if batch.condition is None:
            raise ConfigError(
                "the data has nothing to translate; choose a data set whose samples have conditions"
            )
        return nets.generator(batch.condition)

    def losses(
        nets: Nets, batch: Batch, fake: Float[Array, "n ..."], key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        real, judged = (nets.discriminator(x, batch.condition) for x in (batch.real, fake))
        gan = non_saturating(real.logits, judged.logits)
        return {
            "generator": {
                "gan": gan.generator,
                "l1": mae(jnp.asarray(batch.real), fake).generator * l1,
            },
            "discriminator": gan.discriminator,
        }, {}

    def scores(nets: Nets, batch: Batch, key: PRNGKeyArray) -> dict[str, Float[Array, "n"]]:
        return {"translation_error": absolute_error(generate(nets, batch, key), batch.real)}

    return Game(generate, losses, scores=scores)
