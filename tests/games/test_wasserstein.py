"""The Wasserstein autoencoder and the summed VAE-GAN, against their formulas in float64 NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from game_configs import CONFIGS
from game_references import (
    BARE,
    LATENT,
    PLAIN,
    Judge,
    close,
    f64,
    gaussian,
    kl,
    log_sigmoid,
    played,
    posterior,
)

from jaxgan.config import GameConfig, TermConfig
from jaxgan.errors import ConfigError
from jaxgan.games import Term, adversarial, distribution_matching, vae_gan, wae
from jaxgan.losses import LOSSES, check_view
from jaxgan.losses import mmd_inverse_multiquadric as loss
from jaxgan.runs.build import build
from jaxgan.types import Losses

CODE = {"encoder": Judge(LATENT)}


def mmd2(x, y, kernel):
    """Algorithm 2 of the paper: sums over pairs, without those of a sample with itself."""
    n, m = len(x), len(y)
    within = sum(
        kernel(a[i], a[j]) / (len(a) * (len(a) - 1))
        for a in (x, y)
        for i in range(len(a))
        for j in range(len(a))
        if i != j
    )
    between = sum(kernel(x[i], y[j]) for i in range(n) for j in range(m)) / (n * m)
    return within - 2 * between


def multiquadric(a, b):
    return 2 * LATENT / (2 * LATENT + np.sum((a - b) ** 2))


def test_it_is_algorithm_2():
    matched, losses, _, functions = played(wae(matching=3.0), PLAIN, **CODE)
    code = functions.encoder(PLAIN.real).logits
    np.testing.assert_allclose(matched.code, code, atol=1e-6)
    again = functions.generator(code)
    error = ((f64(PLAIN.real) - again) ** 2).reshape(len(code), -1).sum(axis=1).mean()
    close(losses["generator"], error + 3 * mmd2(f64(matched.z), code, multiquadric))
    assert losses["encoder"] is losses["generator"]


def test_a_stochastic_encoder_draws_the_code():
    matched, _, _, functions = played(wae(stochastic=True), PLAIN)
    mean, log_variance = posterior(functions, PLAIN.real)
    noise = (f64(matched.code) - mean) / np.exp(log_variance / 2)
    assert 0.3 < noise.std() < 3


def test_any_term_on_codes_is_weighted():
    """A mean difference and another, on draws from the prior and codes."""

    def shift(real, fake):
        distance = jnp.sum((real.mean(axis=0) - fake.mean(axis=0)) ** 2)
        return Losses(distance, -distance)

    terms = {"a": Term(shift, on="codes"), "b": Term(shift, weight=0.5, on="codes")}
    matched, losses, *_ = played(wae(terms, matching=4.0), PLAIN, **CODE)
    gap = f64(matched.z).mean(axis=0) - f64(matched.code).mean(axis=0)
    np.testing.assert_allclose(losses["encoder"]["a"], 4 * (gap**2).sum(), rtol=1e-5)
    np.testing.assert_allclose(losses["encoder"]["b"], 2 * (gap**2).sum(), rtol=1e-5)


@pytest.mark.slow
def test_the_mmd_of_codes_that_are_drawn_from_the_prior_is_0_on_average():
    """The estimator has no bias: the mean of 400 is within four standard errors of 0."""

    def value(key):
        x, y = jax.random.normal(key, (2, 32, 8))
        return loss(x, y, bandwidth=4.0, exponent=1.0).generator

    values = jax.jit(jax.vmap(value))(jax.random.split(jax.random.key(0), 400))
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean()) < 4 * error
    assert error < 1e-3


def test_the_summed_vae_gan_is_one_sum():
    """gamma (L_like + beta KL) + L_GAN for both; the discriminator's loss is that of the game."""
    coded, losses, _, functions = played(
        vae_gan(gamma=0.2, beta=0.5, scale=0.7, summed=True), PLAIN
    )
    real, again, sampled = map(
        functions.discriminator, (PLAIN.real, coded.reconstructed, coded.sampled)
    )
    fake = np.concatenate([again.logits, sampled.logits])
    bound = gaussian(real.features, again.features, 0.7) + 0.5 * kl(
        *posterior(functions, PLAIN.real)
    )
    close(losses["generator"], 0.2 * bound - log_sigmoid(fake).mean())
    assert losses["encoder"] is losses["generator"]
    close(losses["discriminator"], -log_sigmoid(real.logits).mean() - log_sigmoid(-fake).mean())


def test_what_is_wrong_is_named():
    with pytest.raises(ConfigError, match=r"'x' compares logits, .* set its `on` to codes"):
        wae({"x": Term(loss)})
    with pytest.raises(ConfigError, match="it must have 1 for each: set its num_outputs to 3"):
        played(wae(), PLAIN)
    with pytest.raises(ConfigError, match="it must have 2 for each: set its num_outputs to 6"):
        played(wae(stochastic=True), PLAIN, **CODE)
    with pytest.raises(ConfigError, match="features, and it returns none"):
        played(vae_gan(summed=True), PLAIN, **BARE)
    for game in (adversarial, distribution_matching):
        with pytest.raises(ConfigError, match=r"compares codes, .* set game\.name to wae"):
            game({"x": Term(loss, on="codes")})


def test_losses_of_samples_and_features_compare_codes():
    for name in ("mmd_gaussian", "energy_distance", "sliced_wasserstein", "sinkhorn"):
        check_view(LOSSES[name], name, "codes", "loss")
    with pytest.raises(ConfigError, match=r"loss\.on is 'codes'; hinge compares"):
        check_view(LOSSES["hinge"], "hinge", "codes", "loss")


def test_a_config_without_a_loss_gets_the_papers():
    """And a loss of the user's stands in its place."""
    config = dataclasses.replace(CONFIGS["wae"], loss=TermConfig())
    program = build(config)
    assert "loss" not in program.hparams
    _, losses, *_ = played(program.game, PLAIN, **CODE)
    assert losses["encoder"].keys() == {"reconstruction", "mmd"}
    program = build(CONFIGS["wae"])
    assert program.hparams["loss"]["weight"] == 1.0
    _, losses, *_ = played(program.game, PLAIN, **CODE)
    assert losses["encoder"].keys() == {"reconstruction", "loss"}


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (TermConfig(name="mmd_energy", on="logits"), "'loss' compares logits"),
        (TermConfig(name="mmd_nystroem", on="codes"), "and codes change"),
        (TermConfig(name="hinge", on="codes"), "hinge compares"),
    ],
)
def test_a_term_that_cannot_be_is_refused_before_anything_compiles(term, message):
    config = dataclasses.replace(CONFIGS["wae"], loss=term)
    with pytest.raises(ConfigError, match=message):
        build(config).fit(jax.random.key(0))


def test_the_sum_is_a_flag():
    config = CONFIGS["vae_gan"]
    game = GameConfig(name="vae_gan", kwargs={"summed": True, "gamma": 1.0})
    state = build(dataclasses.replace(config, game=game)).hparams
    assert state["game"]["kwargs"]["gamma"] == 1.0
