"""Variational and Wasserstein autoencoders, and a variational one with an adversary.

The encoder is a network with 2 d outputs, d the dimensions of z: the mean and the log variance of
q(z | x). A Wasserstein one has d outputs, the code itself. The generator decodes. All networks get
the batch's condition or labels as a second argument, which makes a conditional autoencoder of
networks with `conditioning`.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.games.common import encoded, head, ranged, reconstructing, squared_error
from jaxgan.games.game import Game, Loss
from jaxgan.games.nets import Nets
from jaxgan.games.terms import condition
from jaxgan.games.views import Term, asked_of, compared, fitting
from jaxgan.losses import (
    CODES,
    gaussian_kl,
    gaussian_reconstruction,
    mmd_inverse_multiquadric,
    non_saturating,
    reparameterise,
)
from jaxgan.registry import NON_NEGATIVE, POSITIVE
from jaxgan.types import Batch, Losses, Metrics

# (nets, batch, key) -> the code of each sample, without noise.
Code = Callable[[Nets, Batch, PRNGKeyArray], Float[Array, "n latent"]]


class Coded(NamedTuple):
    """What a variational autoencoder makes of a batch.

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
    return _autoencoder(Game(_coded, losses, turns=turns), _mean)


@ranged(gamma=NON_NEGATIVE, beta=NON_NEGATIVE, scale=POSITIVE)
def vae_gan(
    *,
    gamma: ScalarLike = 0.01,
    beta: ScalarLike = 1.0,
    scale: ScalarLike = 1.0,
    summed: bool = False,
) -> Game:
    """The VAE-GAN: an autoencoder whose errors are those of the discriminator's features.

    With L_like = -E log N(f(x) | f(G(z)), scale^2 I), f the features and z ~ q(z | x), and L_GAN
    the non-saturating loss on reconstructions and on samples from the prior:

        encoder        L_like + beta KL
        generator      gamma L_like + L_GAN
        discriminator  L_GAN

    That is the paper's algorithm. Taken literally its objective is one sum, L_VAE + L_GAN with
    L_VAE = L_like + beta KL, and `summed` lets both parts of the autoencoder minimise it:

        encoder, generator  gamma (L_like + beta KL) + L_GAN
        discriminator       L_GAN

    The generator's gradient stays the same. The encoder's gains that of L_GAN: its codes have to
    deceive the discriminator too. The discriminator keeps to L_GAN: its features would lower L_like
    by being constant, and raise it without bound by growing.

    The score `reconstruction_mse` is that of `vae`.

    Args:
        gamma: The weight of reconstruction against style; 1 in the literal sum.
        beta: The weight of KL.
        scale: The standard deviation of the features.
        summed: Whether encoder and generator minimise the sum.

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
        encoder = {"likeness": like, "kl": kl}
        generator = {"likeness": like * gamma, "gan": gan.generator}
        if summed:
            encoder = generator = generator | {"kl": kl * gamma}
        players = {"encoder": encoder, "generator": generator, "discriminator": gan.discriminator}
        return players, {}

    turns = (("discriminator",), ("generator", "encoder"))
    return _autoencoder(Game(generate, losses, turns=turns), _mean)


class Matched(NamedTuple):
    """What a Wasserstein autoencoder makes of a batch.

    Attributes:
        code: E(x), or a draw from q(z | x).
        reconstructed: G(code).
        z: As many draws from the prior.
    """

    code: Float[Array, "n latent"]
    reconstructed: Float[Array, "n ..."]
    z: Float[Array, "n latent"]


@ranged(matching=NON_NEGATIVE)
def wae(
    terms: Mapping[str, Term] | None = None,
    *,
    matching: ScalarLike = 10.0,
    stochastic: bool = False,
) -> Game:
    """The Wasserstein autoencoder: E |x - G(E(x))|^2 + matching * D(prior, codes).

    D is the sum of the terms, any losses of sets, on the view "codes": draws from the prior are the
    real side, codes the fake one. Players: `generator` and `encoder`, who move at once. The score
    `reconstruction_mse` is of held-out samples.

    Args:
        terms: By name; by default MMD^2, without bias, with the paper's inverse multiquadric kernel
            C / (C + |z - z'|^2), C = 2 d, d the dimensions of z.
        matching: The weight of D. The paper's 10 is for pixels in [0, 1]; squared errors of those
            in [-1, 1] are four times as large.
        stochastic: Whether codes are drawn from N(mean, variance) with the encoder's two outputs
            for each dimension of z. By default it has one, which is the code.

    Raises:
        ConfigError: A term of another view, or one that is fitted to the training set; an encoder
            with another number of outputs.

    Source: Tolstikhin et al. 2018, Wasserstein Auto-Encoders, https://arxiv.org/abs/1711.01558,
    algorithm 2 (WAE-MMD) and section 4
    """
    terms = {"mmd": Term(_prior_mmd, on=CODES)} if terms is None else terms
    for name, term in terms.items():
        if term.on != CODES:
            raise ConfigError(
                f"the term {name!r} compares {term.on}, and wae compares codes with draws from the "
                f"prior; set its `on` to {CODES}"
            )

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Matched:
        code_key, prior_key = jax.random.split(key)
        code = drawn(nets, batch, code_key)
        z = nets.latents(prior_key, len(batch.real))
        return Matched(code, nets.generator(code, condition(batch)), z)

    def losses(
        nets: Nets, batch: Batch, matched: Matched, key: PRNGKeyArray
    ) -> tuple[Mapping[str, Loss], Metrics]:
        error = squared_error(jnp.asarray(batch.real), matched.reconstructed)
        total = {"reconstruction": jnp.mean(error) * math.prod(batch.real.shape[1:])}
        for index, (name, term) in enumerate(terms.items()):
            further = asked_of(
                term, name, nets, {"labels": batch.labels}, jax.random.fold_in(key, index)
            )
            value = compared(term, nets, matched.z, matched.code, further, batch.labels)
            total[name] = value.generator * (matching * term.weight)
        return {"generator": total, "encoder": total}, {}

    def drawn(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n latent"]:
        if not stochastic:
            return code_of(nets, batch, key)
        mean, log_variance = _encode(nets, batch, key)
        return reparameterise(key, mean, log_variance)

    def code_of(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n latent"]:
        return _encode(nets, batch, key, each=2 if stochastic else 1)[0]

    states = tuple(term.network for term in terms.values() if term.network is not None)
    turns = (("generator", "encoder", *states),)
    return _autoencoder(Game(generate, losses, turns=turns, fit=fitting(terms, {})), code_of)


def _prior_mmd(prior: Float[Array, "n latent"], codes: Float[Array, "m latent"]) -> Losses:
    bandwidth = math.sqrt(2 * prior.shape[1])
    return mmd_inverse_multiquadric(prior, codes, bandwidth=bandwidth, exponent=1.0)


def _autoencoder(game: Game, code: Code) -> Game:
    """The game with samples, scores and pictures of an autoencoder.

    Args:
        game: Its losses.
        code: (nets, batch, key) -> the code of each sample, without noise.
    """

    def reconstruct(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        return nets.generator(code(nets, batch, key), condition(batch))

    def interpolations(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "m ..."]:
        return _between(nets, batch, code(nets, batch, key))

    game = game._replace(
        sample=_sample,
        averaged=("generator", "encoder"),
        pictures={"interpolations": interpolations},
    )
    return reconstructing(game, reconstruct)


def _encode(
    nets: Nets, batch: Batch, key: PRNGKeyArray, *, each: int = 2
) -> tuple[Float[Array, "n latent"], ...]:
    """What the encoder returns: the mean and the log variance of q(z | x), or the code alone."""
    outputs = nets.encoder(batch.real, condition(batch))
    # Of z only the shape is used.
    return encoded(outputs, nets.latents(key, len(batch.real)), each=each)


def _mean(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n latent"]:
    return _encode(nets, batch, key)[0]


def _coded(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Coded:
    mean, log_variance = _encode(nets, batch, key)
    z = reparameterise(key, mean, log_variance)
    return Coded(mean, log_variance, nets.generator(z, condition(batch)))


def _sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
    return nets.generator(nets.latents(key, len(batch.real)), condition(batch))


def _between(nets: Nets, batch: Batch, code: Float[Array, "n latent"]) -> Float[Array, "m ..."]:
    """A row for each of the first samples, from its code to that of another one."""
    given, side = condition(batch), int(len(code) ** 0.5)
    start, end = code[:side, None], code[side : 2 * side, None]
    way = jnp.linspace(0, 1, side)[None, :, None]
    codes = (start * (1 - way) + end * way).reshape(side * side, -1)
    return nets.generator(codes, None if given is None else jnp.repeat(given[:side], side, axis=0))
