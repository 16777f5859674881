"""Games that infer latent variables from samples."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.games.common import encoded, from_prior, head, ranged, reconstructing
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.losses import cross_entropy, non_saturating, reparameterise
from jaxgan.registry import NON_NEGATIVE, Range
from jaxgan.types import Batch, Metrics


class Pairs(NamedTuple):
    """Pairs of samples and codes, one half of each inferred from the other.

    Attributes:
        z: The latents.
        fake: G(z).
        code: E(x).
    """

    z: Float[Array, "n latent"]
    fake: Float[Array, "n ..."]
    code: Float[Array, "n latent"]


def bigan(*, stochastic: bool = False) -> Game:
    """The bidirectional GAN: the discriminator tells (x, E(x)) from (G(z), z).

    Players: `generator`, `discriminator`, which gets the code as its condition
    (`conditioning="concat"`), and `encoder`. The generator and the encoder minimise the same
    loss, the discriminator's with real and fake exchanged. The score `reconstruction_mse` is
    that of G(E(x)) on held-out samples.

    Args:
        stochastic: Whether E(x) is drawn from N(mean, variance), as in ALI; then the encoder has
            two outputs for each dimension of z, the mean and the log variance.

    Raises:
        ConfigError: An encoder with another number of outputs.

    Source: Donahue et al. 2017, Adversarial Feature Learning, https://arxiv.org/abs/1605.09782;
    Dumoulin et al. 2017, Adversarially Learned Inference, https://arxiv.org/abs/1606.00704
    """

    def encode(nets: Nets, batch: Batch, key: PRNGKeyArray) -> tuple[Array, ...]:
        """E(x), or the mean and the log variance of its distribution."""
        z = nets.latents(key, len(batch.real))  # of which only the shape is used
        return encoded(nets.encoder(batch.real), z, each=2 if stochastic else 1)

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Pairs:
        z_key, code_key = jax.random.split(key)
        z = nets.latents(z_key, len(batch.real))
        code, *log_variance = encode(nets, batch, code_key)
        if log_variance:
            code = reparameterise(code_key, code, *log_variance)
        return Pairs(z, nets.generator(z), code)

    def losses(
        nets: Nets, batch: Batch, pairs: Pairs, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        real = nets.discriminator(batch.real, pairs.code).logits
        fake = nets.discriminator(pairs.fake, pairs.z).logits
        exchanged = non_saturating(fake, real).discriminator
        return {
            "discriminator": non_saturating(real, fake).discriminator,
            "generator": exchanged,
            "encoder": exchanged,
        }, {}

    def reconstruct(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        return nets.generator(encode(nets, batch, key)[0])

    game = Game(
        generate,
        losses,
        sample=from_prior,
        turns=(("discriminator",), ("generator", "encoder")),
        averaged=("generator", "encoder"),
    )
    return reconstructing(game, reconstruct)


class Coded(NamedTuple):
    """What is generated from a code.

    Attributes:
        code: The category of each sample.
        fake: G(z, code).
    """

    code: Int[Array, "n"]
    fake: Float[Array, "n ..."]


@ranged(num_codes=Range(low=2), information=NON_NEGATIVE)
def infogan(*, num_codes: int = 10, information: ScalarLike = 1.0) -> Game:
    """InfoGAN with one categorical code, which the discriminator's class logits Q read from fakes.

    The generator gets the code as its condition, one-hot (`conditioning="concat"`); both players
    minimise the non-saturating loss plus -information E log Q(code | G(z, code)).

    The score `code_error` is the share of held-out samples whose class is not the most frequent
    one among the samples of the same code, in their batch: how far codes are from classes. The
    picture `codes` has a column for each code, and a row for each z.

    Args:
        num_codes: How many categories; as many class logits (`auxiliary=True`).
        information: The weight of the bound on the mutual information.

    Raises:
        ConfigError: A discriminator without class logits, or with another number of them.

    Source: Chen et al. 2016, InfoGAN, https://arxiv.org/abs/1606.03657
    """

    def make(nets: Nets, z: Array, code: Array) -> Float[Array, "n ..."]:
        return nets.generator(z, jax.nn.one_hot(code, num_codes))

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Coded:
        z_key, code_key = jax.random.split(key)
        n = len(batch.real)
        code = jax.random.randint(code_key, (n,), 0, num_codes)
        return Coded(code, make(nets, nets.latents(z_key, n), code))

    def losses(
        nets: Nets, batch: Batch, coded: Coded, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        real, fake = nets.discriminator(batch.real), nets.discriminator(coded.fake)
        gan = non_saturating(real.logits, fake.logits)
        class_logits = head(fake, "class_logits")
        if class_logits.shape[1] != num_codes:
            raise ConfigError(
                f"num_codes is {num_codes}, and the discriminator has {class_logits.shape[1]} "
                f"class logits; set its num_auxiliary to {num_codes}"
            )
        read = cross_entropy(class_logits, coded.code) * information
        return {
            "generator": {"gan": gan.generator, "information": read},
            "discriminator": {"gan": gan.discriminator, "information": read},
        }, {}

    def sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        return generate(nets, batch, key).fake

    def scores(nets: Nets, batch: Batch, key: PRNGKeyArray) -> dict[str, Float[Array, "n"]]:
        del key
        if batch.labels is None:
            return {}
        code = jnp.argmax(nets.discriminator(batch.real).class_logits, axis=1)
        same_code = code[:, None] == code[None]
        same_class = batch.labels[:, None] == batch.labels[None]
        count = jnp.sum(same_code & same_class, axis=1)
        most = jnp.max(jnp.where(same_code, count[None], 0), axis=1)
        return {"code_error": (count < most).astype(jnp.float32)}

    def codes(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "m ..."]:
        del batch
        z = jnp.repeat(nets.latents(key, num_codes), num_codes, axis=0)
        return make(nets, z, jnp.tile(jnp.arange(num_codes), num_codes))

    return Game(generate, losses, sample=sample, scores=scores, pictures={"codes": codes})
