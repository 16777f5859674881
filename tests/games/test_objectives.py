"""What players minimise, against the formulas of the papers in float64 NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from game_references import (
    BARE,
    BATCH,
    CLASSES,
    LATENT,
    MODULES,
    PLAIN,
    SHAPE,
    Judge,
    N,
    close,
    f64,
    gaussian,
    images,
    kl,
    log_sigmoid,
    log_softmax,
    nets_of,
    played,
    posterior,
)

from jaxgan.errors import ConfigError
from jaxgan.games import (
    GAMES,
    Balance,
    Term,
    began,
    bigan,
    cycle_gan,
    infogan,
    mmd_gan,
    paired_translation,
    semi_supervised,
    vae,
    vae_gan,
)
from jaxgan.losses import mmd_linear
from jaxgan.types import Batch, Outputs


def test_vae_is_the_negative_evidence_lower_bound():
    coded, losses, _, functions = played(vae(beta=0.5, scale=0.3), PLAIN)
    mean, log_variance = posterior(functions, PLAIN.real)
    np.testing.assert_allclose(coded.mean, mean, atol=1e-6)
    noise = jax.random.normal(jax.random.key(1), mean.shape)
    z = mean + np.exp(log_variance / 2) * f64(noise)
    expected = gaussian(f64(PLAIN.real), functions.generator(z), 0.3) + 0.5 * kl(mean, log_variance)
    close(losses["generator"], expected)
    assert losses["encoder"] is losses["generator"]


def test_vae_gan_is_algorithm_1():
    """Larsen et al. 2016: each player's own sum of L_prior, L_like and L_GAN."""
    coded, losses, _, functions = played(vae_gan(gamma=0.2, beta=0.5, scale=0.7), PLAIN)
    real, again, sampled = map(
        functions.discriminator, (PLAIN.real, coded.reconstructed, coded.sampled)
    )
    prior = kl(*posterior(functions, PLAIN.real))
    like = gaussian(real.features, again.features, 0.7)
    fake = np.concatenate([again.logits, sampled.logits])
    close(losses["encoder"], like + 0.5 * prior)
    close(losses["generator"], 0.2 * like - log_sigmoid(fake).mean())
    close(losses["discriminator"], -log_sigmoid(real.logits).mean() - log_sigmoid(-fake).mean())


@pytest.mark.parametrize("game", [vae, vae_gan])
def test_autoencoders_are_conditional_where_there_is_a_condition(game):
    coded, _, _, functions = played(game())
    mean, _ = posterior(functions, BATCH.real, BATCH.condition)
    np.testing.assert_allclose(coded.mean, mean, atol=1e-6)


@pytest.mark.parametrize("matching", [True, False])
def test_semi_supervised_is_k_plus_one_classes(matching):
    """Salimans et al. 2016: "fake" is class K + 1, whose logit is 0."""
    fake, losses, _, functions = played(semi_supervised(matching=matching, supervision=2.0))
    few = BATCH.streams["labelled"]
    labelled, real, of_fake = map(functions.discriminator, (few.real, BATCH.real, fake))

    def all_classes(outputs):
        return log_softmax(np.pad(outputs.class_logits, ((0, 0), (0, 1))))

    right = log_softmax(labelled.class_logits)[np.arange(4), few.labels].mean()
    judged_real = np.log(np.exp(all_classes(real)[:, :-1]).sum(axis=1)).mean()
    close(losses["discriminator"], -2 * right - judged_real - all_classes(of_fake)[:, -1].mean())
    if matching:
        gap = real.features.mean(axis=0) - of_fake.features.mean(axis=0)
        close(losses["generator"], (gap**2).sum())
    else:
        passed = np.exp(all_classes(of_fake)[:, :-1]).sum(axis=1)
        close(losses["generator"], -np.log(passed).mean())


@pytest.mark.parametrize("stochastic", [False, True])
def test_bigan_exchanges_real_and_fake(stochastic):
    encoder = Judge(2 * LATENT if stochastic else LATENT)
    pairs, losses, _, functions = played(bigan(stochastic=stochastic), encoder=encoder)
    code = functions.encoder(BATCH.real).logits
    if stochastic:
        mean, log_variance = np.split(code, 2, axis=1)
        noise = (pairs.code - mean) / np.exp(log_variance / 2)
        assert 0.3 < noise.std() < 3
    else:
        np.testing.assert_allclose(pairs.code, code, atol=1e-6)
    real = functions.discriminator(BATCH.real, pairs.code).logits
    fake = functions.discriminator(pairs.fake, pairs.z).logits
    close(losses["discriminator"], -log_sigmoid(real).mean() - log_sigmoid(-fake).mean())
    close(losses["generator"], -log_sigmoid(fake).mean() - log_sigmoid(-real).mean())
    assert losses["encoder"] is losses["generator"]


def test_infogan_reads_the_code():
    coded, losses, _, functions = played(infogan(num_codes=CLASSES, information=0.5))
    assert set(np.asarray(coded.code)) <= set(range(CLASSES))
    real, fake = functions.discriminator(BATCH.real), functions.discriminator(coded.fake)
    read = -log_softmax(fake.class_logits)[np.arange(N), coded.code].mean()
    gan = -log_sigmoid(real.logits).mean() - log_sigmoid(-fake.logits).mean()
    close(losses["discriminator"], gan + 0.5 * read)
    close(losses["generator"], -log_sigmoid(fake.logits).mean() + 0.5 * read)


def test_cycle_gan_translates_there_and_back():
    """Zhu et al. 2017, section 4: halves for discriminators alone; lambda = 10."""
    _, losses, _, functions = played(cycle_gan(cycle=10.0))
    x, y = f64(BATCH.real), f64(BATCH.streams["other"].real)
    to_x, to_y = functions.generator(y), functions.generator_back(x)
    of_x = functions.discriminator(x).logits, functions.discriminator(to_x).logits
    of_y = functions.discriminator_back(y).logits, functions.discriminator_back(to_y).logits
    again = np.abs(functions.generator(to_y) - x).mean()
    again += np.abs(functions.generator_back(to_x) - y).mean()
    fooled = sum(((fake - 1) ** 2).mean() for _, fake in (of_x, of_y))
    judged = sum((((real - 1) ** 2).mean() + (fake**2).mean()) / 2 for real, fake in (of_x, of_y))
    for name in ("generator", "generator_back"):
        close(losses[name], fooled + 10 * again)
    for name in ("discriminator", "discriminator_back"):
        close(losses[name], judged)


def test_cycle_gan_takes_conditions_without_a_stream():
    batch = BATCH.replace(streams={})
    cycle, _, _, functions = played(cycle_gan(), batch)
    np.testing.assert_allclose(cycle.to_x, functions.generator(batch.condition), atol=1e-6)


def test_cycle_gan_samples_are_as_many_as_asked_for():
    nets = nets_of(MODULES)
    samples = cycle_gan().sample(nets, BATCH, jax.random.key(0))
    assert samples.shape == (N, *SHAPE)
    np.testing.assert_array_equal(samples[0], samples[5])  # the stream has 5


def test_paired_translation_is_pix2pix():
    fake, losses, _, functions = played(paired_translation(l1=100.0))
    np.testing.assert_allclose(fake, functions.generator(BATCH.condition), atol=1e-6)
    real, judged = (functions.discriminator(x, BATCH.condition).logits for x in (BATCH.real, fake))
    error = np.abs(f64(fake) - f64(BATCH.real)).mean()
    close(losses["generator"], -log_sigmoid(judged).mean() + 100 * error)
    close(losses["discriminator"], -log_sigmoid(real).mean() - log_sigmoid(-judged).mean())


def test_began_plays_with_energies():
    modules = {"discriminator": Judge(LATENT)}
    fake, losses, metrics, functions = played(began(diversity=0.9), **modules)

    def energy(x):
        error = np.abs(functions.decoder(functions.discriminator(x).logits) - f64(x))
        return error.mean()

    real, of_fake = energy(BATCH.real), energy(fake)
    close(losses["discriminator"], real)  # k starts at 0
    close(losses["generator"], of_fake)
    close(metrics["convergence"], real + abs(0.9 * real - of_fake))
    assert losses["decoder"] is losses["discriminator"]


def test_mmd_gan_decodes_the_codes_that_it_compares():
    modules = {"discriminator": Judge(LATENT)}
    game = mmd_gan({"mmd": Term(mmd_linear)}, reconstruction=3.0, ordering=5.0)
    fakes, losses, _, functions = played(game, **modules)
    sides = BATCH.real, fakes.samples
    of_real, of_fake = (f64(functions.discriminator(x, BATCH.condition).logits) for x in sides)
    error = sum(
        np.square(functions.decoder(jnp.float32(code)) - f64(x)).mean()
        for code, x in zip((of_real, of_fake), sides, strict=True)
    )
    between = np.maximum(of_fake.mean(0) - of_real.mean(0), 0).mean()
    n = len(of_real)
    gram = [x @ y.T for x, y in ((of_real, of_real), (of_fake, of_fake), (of_real, of_fake))]
    within = [(k.sum() - np.trace(k)) / n / (n - 1) for k in gram[:2]]
    mmd2 = sum(within) - 2 * gram[2].mean()
    close(losses["generator"]["mmd"], mmd2)
    close(losses["decoder"], 3 * error)
    close(sum(losses["discriminator"].values()), -mmd2 + 3 * error + 5 * between)
    assert between > 0 and game.turns == (("discriminator", "decoder"), ("generator",))
    with pytest.raises(ConfigError, match=r"set loss\.on to"):
        mmd_gan({"mmd": Term(mmd_linear, on="images")})


def test_the_balance_moves_in_training_alone():
    real, fake = jnp.array([4.0, 4.0]), jnp.array([1.0])
    options = {"diversity": 0.5, "rate": 0.25, "mutable": ["batch_stats"]}
    variables = Balance().init({}, real, fake, diversity=0.5, rate=0.25, train=True)
    assert variables["batch_stats"]["k"] == 0
    for expected in (0.25, 0.5):  # 0.25 (0.5 * 4 - 1) a step
        (used, measure), variables = Balance().apply(variables, real, fake, train=True, **options)
        assert (used, measure) == (expected - 0.25, 5.0)
        assert variables["batch_stats"]["k"] == expected
    _, kept = Balance().apply(variables, real, fake, train=False, **options)
    assert kept["batch_stats"]["k"] == 0.5


def scores(game, batch=BATCH, **modules):
    return game.scores(nets_of({**MODULES, **modules}), batch, jax.random.key(0))


def test_scores_are_of_each_sample():
    predicted = np.argmax(nets_of(MODULES).discriminator(BATCH.real).class_logits, axis=1)
    error = scores(semi_supervised())["test_error"]
    np.testing.assert_array_equal(error, predicted != np.asarray(BATCH.labels))
    for game, encoder in ((vae(), MODULES["encoder"]), (bigan(), Judge(LATENT))):
        assert scores(game, encoder=encoder)["reconstruction_mse"].shape == (N,)
    for game, name in ((cycle_gan(), "cycle_error"), (paired_translation(), "translation_error")):
        nets = nets_of(MODULES)
        made = nets.generator(
            nets.generator_back(BATCH.real) if name == "cycle_error" else BATCH.condition
        )
        expected = np.abs(f64(made) - f64(BATCH.real)).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(scores(game)[name], expected, rtol=1e-5)
    unlabelled = BATCH.replace(labels=None)
    assert scores(semi_supervised(), unlabelled) == scores(infogan(), unlabelled) == {}


class Read(nn.Module):
    """Reads the code that a sample holds."""

    @nn.compact
    def __call__(self, x, condition=None, *, train):
        return Outputs(logits=x[:, :1], class_logits=jax.nn.one_hot(x[:, 0].astype(int), CLASSES))


def test_the_code_error_is_that_of_the_best_class_of_each_code():
    """Code 0 has classes 5, 5, 7; code 2 has 7; code 3 has 1, 1."""
    code = jnp.array([0.0, 0, 0, 2, 3, 3])[:, None]
    batch = Batch(real=code, labels=jnp.array([5, 5, 7, 7, 1, 1]))
    error = scores(infogan(num_codes=CLASSES), batch, discriminator=Read())["code_error"]
    np.testing.assert_array_equal(error, [0, 0, 1, 0, 0, 0])


@pytest.mark.slow
def test_pictures_show_pairs_rows_and_columns():
    nets = nets_of(MODULES)
    pictures, key = vae().pictures, jax.random.key(0)
    pairs = pictures["reconstructions"](nets, PLAIN, key)
    np.testing.assert_array_equal(pairs[::2], PLAIN.real[: N // 2])
    row = pictures["interpolations"](nets, PLAIN, key)  # 2 rows of 2
    codes = nets.encoder(PLAIN.real, PLAIN.labels).logits[:, :LATENT]
    expected = nets.generator(codes[jnp.array([0, 2, 1, 3])], None)
    np.testing.assert_allclose(row, expected, atol=1e-6)
    codes = infogan(num_codes=CLASSES).pictures["codes"](nets_of(MODULES), PLAIN, key)
    assert codes.shape == (CLASSES**2, *SHAPE)
    back = cycle_gan().pictures["translations"](nets_of(MODULES), PLAIN, key)
    assert back.shape == PLAIN.real.shape


@pytest.mark.parametrize(
    ("game", "batch", "modules", "message"),
    [
        (vae(), PLAIN, {"encoder": Judge(5)}, "has 5 outputs, and z has 3 dim.*num_outputs to 6"),
        (vae_gan(), PLAIN, {"encoder": Judge(4)}, "has 4 outputs.*num_outputs to 6"),
        (vae_gan(), PLAIN, BARE, "uses the discriminator's features, and it returns none"),
        (bigan(), BATCH, {"encoder": Judge(4)}, "it must have 1 for each: set .* to 3"),
        (bigan(stochastic=True), BATCH, {"encoder": Judge(3)}, "must have 2 for each: .* to 6"),
        (infogan(num_codes=5), BATCH, {}, "num_codes is 5, .* has 4 .*num_auxiliary to 5"),
        (semi_supervised(), BATCH, BARE, "class_logits.* returns none.*auxiliary=True"),
        (infogan(), BATCH, BARE, "class_logits.* returns none"),
        (semi_supervised(), BATCH.replace(streams={}), {}, "name its data set as streams.labelled"),
        (
            semi_supervised(),
            BATCH.replace(streams={"labelled": Batch(real=images(2))}),
            {},
            "'labelled' has no labels",
        ),
        (cycle_gan(), PLAIN.replace(streams={}), {}, "no images of the other domain to translate"),
        (paired_translation(), PLAIN, {}, "nothing to translate"),
    ],
)
def test_what_is_missing_is_named(game, batch, modules, message):
    with pytest.raises(ConfigError, match=message):
        played(game, batch, **modules)


def test_every_game_of_the_registry_is_tried_here():
    tried = {name for name in GAMES if name in globals()}
    elsewhere = {
        "adversarial",
        "distribution_matching",
        "regression",
        "wae",
    }  # in files of their own
    assert tried == GAMES.keys() - elsewhere
