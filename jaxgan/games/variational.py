"""Variational autoencoders, and one with an adversary.

The encoder is a network with 2 d outputs, d the dimensions of z: the mean and the log variance of
q(z | x). The generator decodes. All networks get the batch's condition or labels as a second
argument, which makes a conditional autoencoder of networks with `conditioning`.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.games.common import encoded, head, ranged, reconstructing
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.games.terms import condition
from jaxgan.losses import gaussian_kl, gaussian_reconstruction, non_saturating, reparameterise
from jaxgan.registry import NON_NEGATIVE, POSITIVE
from jaxgan.types import Batch, Metrics


class Coded(NamedTuple):
    """What an autoencoder makes of a batch.

    Attributes:
        mean: Of q(z | x).
        log_variance: Of q(z | x).
        reconstructed: G(z), z ~ q(z | x).
        sampled: G(z), z ~ N(0, I); None if the game does not use it.
    """

    mean: Float[Array, "n latent"]
    log_variance: Float[Array, "n latent"]
    reconstructed: Float[Array, "n ..."]
    sampled: Float[Array, "n ..."] | None = None


@ranged(beta=NON_NEGATIVE, scale=POSITIVE)
def vae(*, beta: ScalarLike = 1.0, scale: ScalarLike = 1.0) -> Game:
    """The variational autoencoder: -E log N(x | G(z), scale^2 I) + beta KL(q(z | x) | N(0, I)).

    In nats, with z ~ q(z | x). Players: `generator` and `encoder`, who move at once. The score
    `reconstruction_mse` is of held-out samples, and of the mean of q(z | x).

    Args:
        beta: The weight of KL; 1 for the evidence lower bound.
        scale: The standard deviation of x, in its own units: pixels are in [-1, 1].

    Raises:
        ConfigError: An encoder whose outputs are not two for each dimension of z.

    Source: Kingma and Welling 2014, Auto-Encoding Variational Bayes,
    https://arxiv.org/abs/1312.6114; beta: Higgins et al. 2017, beta-VAE,
    https://openreview.net/forum?id=Sy2fzU9gl
    """

    def losses(
        nets: Nets, batch: Batch, coded: Coded, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del nets, key
        error = gaussian_reconstruction(coded.reconstructed, jnp.asarray(batch.real), scale=scale)
        bound = {"reconstruction": error, "kl": gaussian_kl(coded.mean, coded.log_variance) * beta}
        return {"generator": bound, "encoder": bound}, {}

    turns = (("generator", "encoder"),)
    return _autoencoder(Game(_coded, losses, turns=turns))


@ranged(gamma=NON_NEGATIVE, beta=NON_NEGATIVE, scale=POSITIVE)
def vae_gan(*, gamma: ScalarLike = 0.01, beta: ScalarLike = 1.0, scale: ScalarLike = 1.0) -> Game:
    """The VAE-GAN: an autoencoder whose errors are those of the discriminator's features.

    With L_like = -E log N(f(x) | f(G(z)), scale^2 I), f the features and z ~ q(z | x), and L_GAN
    the non-saturating loss on reconstructions and on samples from the prior:

        encoder        L_like + beta KL
        generator      gamma L_like + L_GAN
        discriminator  L_GAN

    The score `reconstruction_mse` is that of `vae`.

    Args:
        gamma: The weight of reconstruction against style.
        beta: The weight of KL.
        scale: The standard deviation of the features.

    Raises:
        ConfigError: A discriminator without features, or an encoder whose outputs are not two for
            each dimension of z.

    Source: Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric,
    algorithm 1, https://arxiv.org/abs/1512.09300
    """

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Coded:
        posterior_key, prior_key = jax.random.split(key)
        return _coded(nets, batch, posterior_key)._replace(sampled=_sample(nets, batch, prior_key))

    def losses(
        nets: Nets, batch: Batch, coded: Coded, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        del key
        given = condition(batch)
        real, reconstructed, sampled = (
            nets.discriminator(x, given) for x in (batch.real, coded.reconstructed, coded.sampled)
        )
        fake = jnp.concatenate([reconstructed.logits, sampled.logits])
        gan = non_saturating(real.logits, fake)
        features = head(reconstructed, "features"), head(real, "features")
        like = gaussian_reconstruction(*features, scale=scale)
        kl = gaussian_kl(coded.mean, coded.log_variance) * beta
        return {
            "encoder": {"likeness": like, "kl": kl},
            "generator": {"likeness": like * gamma, "gan": gan.generator},
            "discriminator": gan.discriminator,
        }, {}

    turns = (("discriminator",), ("generator", "encoder"))
    return _autoencoder(Game(generate, losses, turns=turns))


def _autoencoder(game: Game) -> Game:
    """The game with samples, scores and pictures of an autoencoder."""
    game = game._replace(
        sample=_sample,
        averaged=("generator", "encoder"),
        pictures={"interpolations": _interpolations},
    )
    return reconstructing(game, _reconstruct)


def _encode(
    nets: Nets, batch: Batch, key: PRNGKeyArray
) -> tuple[Float[Array, "n latent"], Float[Array, "n latent"]]:
    """The mean and the log variance of q(z | x)."""
    outputs = nets.encoder(batch.real, condition(batch))
    # Of z only the shape is used.
    mean, log_variance = encoded(outputs, nets.latents(key, len(batch.real)), each=2)
    return mean, log_variance


def _coded(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Coded:
    mean, log_variance = _encode(nets, batch, key)
    z = reparameterise(key, mean, log_variance)
    return Coded(mean, log_variance, nets.generator(z, condition(batch)))


def _sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
    return nets.generator(nets.latents(key, len(batch.real)), condition(batch))


def _reconstruct(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
    return nets.generator(_encode(nets, batch, key)[0], condition(batch))


def _interpolations(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "m ..."]:
    """A row for each of the first samples, from its code to that of another one."""
    mean, given = _encode(nets, batch, key)[0], condition(batch)
    side = int(len(mean) ** 0.5)
    start, end = mean[:side, None], mean[side : 2 * side, None]
    way = jnp.linspace(0, 1, side)[None, :, None]
    codes = (start * (1 - way) + end * way).reshape(side * side, -1)
    return nets.generator(codes, None if given is None else jnp.repeat(given[:side], side, axis=0))
