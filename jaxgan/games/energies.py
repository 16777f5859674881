"""Games whose discriminator encodes, and a decoder undoes it: autoencoders that judge samples."""

from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.games.common import Samples, from_prior, ranged, squared_error
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.games.terms import Fakes, Penalty, adversarial, condition
from jaxgan.games.views import Term
from jaxgan.losses import began as began_loss
from jaxgan.losses import began_balance
from jaxgan.registry import FRACTION, NON_NEGATIVE, POSITIVE
from jaxgan.types import Batch, Metrics


class Balance(nn.Module):
    """k of BEGAN as a statistic. It has no parameters.

    It compares the energies of the whole batch: where a step is split over devices, every device
    has the same k.
    """

    whole_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(
        self,
        real: Float[Array, "n"],
        fake: Float[Array, "m"],
        *,
        diversity: ScalarLike,
        rate: ScalarLike,
        train: bool,
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The k of this step and the measure of convergence; in training it also moves k.

        Args:
            real: Energies of the real samples of all devices.
            fake: Energies of the fake samples of all devices.
            diversity: See `began`.
            rate: See `began`.
            train: Whether k moves.
        """
        k = self.variable("batch_stats", "k", jnp.zeros, ())
        used = k.value
        moved, measure = began_balance(used, real, fake, diversity=diversity, rate=rate)
        if train and not self.is_initializing():
            k.value = jax.lax.stop_gradient(moved)
        return used, measure


@ranged(diversity=FRACTION, rate=POSITIVE)
def began(*, diversity: ScalarLike = 0.5, rate: ScalarLike = 0.001) -> Game:
    """BEGAN: the discriminator reconstructs real samples well, and fakes badly.

    Players: `generator`; `discriminator`, which encodes: its logits are a code; `decoder`, a
    network such as the generator's, which makes samples of codes; and `balance`, the network
    `jaxgan.games.energies:Balance`, which keeps k. With the energy L(x), the mean absolute error
    of x after encoding and decoding:

        discriminator, decoder  E L(x) - k E L(G(z))
        generator               E L(G(z))
        k                       moves by rate (diversity E L(x) - E L(G(z))), within [0, 1]

    The metric `convergence` falls as training converges.

    Args:
        diversity: gamma, the ratio E L(G(z)) / E L(x) that k steers to; lower means better images
            of less variety.
        rate: Step size of k.

    Source: Berthelot et al. 2017, BEGAN, sections 3.3 and 3.4, https://arxiv.org/abs/1703.10717
    """

    def energy(nets: Nets, x: Samples) -> Float[Array, "n"]:
        error = jnp.abs(nets.decoder(nets.discriminator(x).logits) - x)
        return jnp.mean(error.reshape(len(x), -1), axis=1)

    def losses(
        nets: Nets, batch: Batch, fake: Float[Array, "n ..."], key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        of_real, of_fake = energy(nets, batch.real), energy(nets, fake)
        k, measure = nets.balance(of_real, of_fake, diversity=diversity, rate=rate)
        gan = began_loss(of_real, of_fake, k=k)
        return {
            "discriminator": gan.discriminator,
            "decoder": gan.discriminator,
            "generator": gan.generator,
        }, {"k": k, "convergence": measure}

    return Game(from_prior, losses, turns=(("discriminator", "decoder", "balance"), ("generator",)))


@ranged(reconstruction=NON_NEGATIVE, ordering=NON_NEGATIVE)
def mmd_gan(
    terms: Mapping[str, Term],
    penalties: Mapping[str, Penalty] | None = None,
    *,
    reconstruction: ScalarLike = 8.0,
    ordering: ScalarLike = 16.0,
) -> Game:
    """MMD GAN: the kernel compares codes, of which a decoder must make the samples again.

    Players: `generator`; `discriminator`, whose logits are the code f(x); and `decoder`, a network
    such as the generator's, which makes samples of codes and so keeps f injective. With the terms,
    which compare logits, as in the game `adversarial`:

        discriminator  terms + reconstruction R + ordering E_k max(0, E f_k(G(z)) - E f_k(x))
        decoder        reconstruction R, with R = E |x - dec(f(x))|^2 + E |G(z) - dec(f(G(z)))|^2
        generator      terms

    |.|^2 is the mean over a sample's values, and E_k that over the code's. The last part orders the
    codes: it leaves out half of the critics that tell the same apart.

    Differs from the authors' code in that the generator does not get the ordering's negative too.

    Args:
        terms: Losses of logits, by name; there the root of MMD^2 with Gaussian kernels.
        penalties: Of the discriminator, by name.
        reconstruction: The weight of R.
        ordering: The weight of the order.

    Raises:
        ConfigError: No term compares outputs of the discriminator.

    Source: Li et al. 2017, MMD GAN: Towards Deeper Understanding of Moment Matching Network,
    sections 3.2 and 4 and algorithm 1, https://arxiv.org/abs/1705.08584; weights of its code
    """
    game = adversarial(terms, penalties)
    if "discriminator" not in game.players:
        raise ConfigError("mmd_gan compares codes of the discriminator; set loss.on to logits")

    def losses(
        nets: Nets, batch: Batch, fakes: Fakes, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        players, metrics = game.losses(nets, batch, fakes, key)
        given = condition(batch)
        of_real, of_fake = (
            nets.discriminator(x, given).logits for x in (batch.real, fakes.samples)
        )
        error = jnp.mean(squared_error(nets.decoder(of_real), batch.real))
        error += jnp.mean(squared_error(nets.decoder(of_fake), fakes.samples))
        error *= reconstruction
        excess = jnp.mean(of_fake, axis=0) - jnp.mean(of_real, axis=0)
        disorder = jnp.mean(jnp.maximum(excess, 0)) * ordering
        of_terms = players["discriminator"]
        assert isinstance(of_terms, Mapping)
        discriminator = {**of_terms, "reconstruction": error, "disorder": disorder}
        return {**players, "discriminator": discriminator, "decoder": error}, metrics

    first, *rest = game.turns
    return game._replace(losses=losses, turns=((*first, "decoder"), *rest))
