"""Games whose discriminator is an autoencoder: its error is the energy of a sample."""

from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.games.common import Samples, from_prior, ranged
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.losses import began as began_loss
from jaxgan.losses import began_balance
from jaxgan.registry import FRACTION, POSITIVE
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
