"""The adversarial game of terms and penalties: what is compared, and who minimises what."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_networks import KEY, Critic, Scale, again, batch, nets_of
from programs import RING, batch_of, close, params, player, points, start, with_float

from jaxgan.config import (
    AugmentationConfig,
    DataConfig,
    GameConfig,
    PenaltyConfig,
    TermConfig,
    override,
)
from jaxgan.errors import ConfigError
from jaxgan.games import Measure, Penalty, Term, adversarial, condition
from jaxgan.losses import pack, wasserstein
from jaxgan.penalties import lecam, lecam_anchors, r1
from jaxgan.runs.build import build
from jaxgan.types import Batch, Losses, Outputs

MAIN = {"loss": Term(wasserstein)}


def played(game, example=None, *, reference=None, **modules):
    """(losses, metrics, fakes) of a game with fresh networks."""
    modules = {"generator": Scale(2.0), "discriminator": Critic(3.0)} | modules
    example = batch(4) if example is None else example
    nets = nets_of(reference, **modules)
    first = game.generate(nets, example, KEY)
    game.losses(nets, example, first, KEY)
    nets = again(nets, reference=reference)
    fakes = game.generate(nets, example, KEY)
    losses, metrics = game.losses(nets, example, fakes, KEY)
    return losses, metrics, fakes


def logits(x, w=3.0):
    return w * x.reshape(len(x), -1).sum(axis=1, keepdims=True)


def test_a_sum_of_weighted_terms_on_views():
    """Each by hand; a term of the generator's alone is not the discriminator's."""
    example = batch(4)
    terms = {
        "loss": Term(wasserstein, weight=2.0),
        "images": Term(lambda x, y: Losses(y.mean(), x.mean()), on="images"),
        "match": Term(
            lambda x, y: Losses((x - y).mean(), jnp.float32(9.0)),
            on="features",
            players="generator",
        ),
    }
    losses, metrics, fakes = played(adversarial(terms), example)
    real, fake = example.real, fakes.samples
    np.testing.assert_allclose(fake, 2 * fakes.z)
    expected = {
        "generator": {
            "loss": -2 * logits(fake).mean(),
            "images": fake.mean(),
            "match": (real - fake).mean(),
        },
        "discriminator": {
            "loss": 2 * (logits(fake).mean() - logits(real).mean()),
            "images": real.mean(),
        },
    }
    assert losses.keys() == expected.keys()
    for name in expected:
        assert losses[name].keys() == expected[name].keys()
        close(losses[name], expected[name])
    close(metrics, {"logits/real": logits(real).mean(), "logits/fake": logits(fake).mean()})


def test_without_a_term_of_its_outputs_there_is_no_discriminator():
    game = adversarial({"loss": Term(wasserstein, on="images")})
    assert game.turns == (("generator",),)
    losses, metrics, _ = played(game)
    assert metrics == {} and losses["generator"].keys() == {"loss"}
    opposed = adversarial(MAIN)
    assert opposed.turns == (("discriminator",), ("generator",))


def test_the_discriminator_judges_packs():
    """Two samples side by side, real with real (PacGAN): half as many logits."""
    example = batch(4)

    def seen(real, fake):
        return Losses(jnp.float32(len(real)), real.sum())

    terms = {"loss": Term(wasserstein), "shape": Term(seen, on="features")}
    losses, _, fakes = played(adversarial(terms, packing=2), example)
    assert losses["generator"]["shape"] == 2
    packs = pack(example.real, 2), pack(fakes.samples, 2)
    expected = logits(packs[1]).mean() - logits(packs[0]).mean()
    np.testing.assert_allclose(losses["discriminator"]["loss"], expected, rtol=1e-5)
    with pytest.raises(ConfigError, match="packing of 4 samples in groups of 3"):
        played(adversarial(terms, packing=3), example)


@pytest.mark.slow
def test_packing_from_a_config():
    """As a hyperparameter of the game: the discriminator's input doubles, penalties see packs."""
    config = override(RING, "game.kwargs.packing", 2)
    config = dataclasses.replace(config, penalties={"r1": PenaltyConfig(weight=2.0)})
    program, state = start(config)
    kernel = params(state, "discriminator")["Dense_0"]["kernel"]
    assert kernel.shape == (4, 8)
    example = Batch(real=points(16))
    _, metrics = jax.jit(program.train_step)(state, example)

    def critic(x):
        return (
            state.players["discriminator"]
            .apply_fn({"params": params(state, "discriminator")}, x, train=True)
            .logits
        )

    real = pack(example.real, 2)
    np.testing.assert_allclose(metrics["logits/real"], critic(real).mean(), rtol=1e-5)
    expected = 2.0 * r1(critic, real, real, key=KEY, axis_name=None)
    np.testing.assert_allclose(metrics["discriminator/r1"], expected, rtol=1e-5)
    with pytest.raises(ConfigError, match="did you mean 'packing'"):
        build(override(RING, "game.kwargs.pakcing", 2))


def shifted(x, *, key, axis_name):
    """An augmentation that doubles, and adds a number of its key's own."""
    del axis_name
    return 2.0 * x + jax.random.normal(key, ())


def test_the_discriminator_sees_real_and_fake_augmented_in_both_updates():
    """Each with a key of its own; penalties too, and images as a view stay as they are."""
    example = batch(4)
    terms = {
        "loss": Term(wasserstein),
        "seen": Term(lambda x, y: Losses(y.std(), x.std()), on="features"),
        "images": Term(lambda x, y: Losses(y.std(), x.std()), on="images"),
    }
    seen = Penalty(lambda critic, real, fake, *, key, axis_name: real.std() + 10 * fake.std())
    game = adversarial(terms, {"seen_too": seen}, augmentation=shifted)
    losses, _, fakes = played(game, example)
    of_g, of_d = losses["generator"], losses["discriminator"]
    for of, x in ((of_g, fakes.samples), (of_d, example.real)):
        np.testing.assert_allclose([of["seen"], of["images"]], [2 * x.std(), x.std()], rtol=1e-5)
    np.testing.assert_allclose(of_d["seen_too"], of_d["seen"] + 10 * of_g["seen"], rtol=1e-5)
    # Of real and fake the added numbers differ: else their difference would be that of the means.
    difference = logits(fakes.samples).mean() - logits(example.real).mean()
    assert abs(of_d["loss"] - 2 * difference) > 0.1

    def generated(scale):
        return -of_g_loss(game, example, scale)

    slope = jax.grad(generated)(2.0)
    np.testing.assert_allclose(slope, 2 * logits(fakes.z).mean(), rtol=1e-5)


def of_g_loss(game, example, scale):
    """The generator's main loss as a function of its weight."""
    nets = nets_of(generator=Scale(2.0), discriminator=Critic(3.0))
    first = game.generate(nets, example, KEY)
    game.losses(nets, example, first, KEY)
    variables = nets.variables
    nets.variables = variables | {"generator": {"params": {"w": scale}, "batch_stats": {}}}
    nets = again(nets)
    fakes = game.generate(nets, example, KEY)
    return game.losses(nets, example, fakes, KEY)[0]["generator"]["loss"]


@pytest.mark.slow
def test_an_augmentation_from_a_config_of_probability_nought_changes_nothing():
    """And is otherwise drawn anew in every step and turn; its probability is traced."""
    config = dataclasses.replace(RING, augmentation=AugmentationConfig(name="flip_shift"))
    program, state = start(config)
    plain, first = start(RING)
    step, example = jax.jit(program.train_step), Batch(real=points(16))
    never, _ = step(with_float(state, "augmentation.kwargs.probability", 0.0), example)
    always, metrics = step(state, example)
    expected, _ = jax.jit(plain.train_step)(first, example)
    close(
        [params(never, name) for name in RING_PLAYERS], [params(expected, n) for n in RING_PLAYERS]
    )
    for name in RING_PLAYERS:
        leaves = zip(*(jax.tree.leaves(params(s, name)) for s in (never, always)), strict=True)
        assert any(not np.allclose(a, b, atol=1e-6) for a, b in leaves), name
    _, later = step(state.replace(step=state.step + 1), example)
    assert later["logits/real"] != metrics["logits/real"]
    assert step._cache_size() == 1


RING_PLAYERS = ("generator", "discriminator")


def test_a_loss_gets_what_it_asks_for():
    """Labels, z and the reference as they are; a key that is another one for each term."""
    example = batch(4, labels=jnp.array([3, 1, 2, 0]))
    reference = {"mean": jnp.array([5.0, 7.0])}

    def asking(real, fake, *, labels, z, reference):
        return Losses(jnp.vdot(labels, z[:, 0]), reference["mean"].sum())

    def drawing(real, fake, *, key):
        return Losses(*jax.random.normal(key, (2,)))

    terms = {
        "loss": Term(asking, asks=("labels", "z", "reference")),
        "one": Term(drawing, asks=("key",)),
        "other": Term(drawing, asks=("key",)),
    }
    measures = {"m": Measure(lambda x, y, *, key: jax.random.normal(key), asks=("key",))}
    game = adversarial(terms, measures=measures)
    losses, metrics, fakes = played(game, example, reference=reference)
    expected = jnp.vdot(example.labels, fakes.z[:, 0])
    np.testing.assert_allclose(losses["generator"]["loss"], expected, rtol=1e-6)
    assert losses["discriminator"]["loss"] == 12.0
    drawn = [losses[p][n] for p in ("generator", "discriminator") for n in ("one", "other")]
    assert len({float(x) for x in [*drawn, metrics["controllers/m/measured"]]}) == 5


@pytest.mark.parametrize("what", ["labels", "reference"])
def test_what_a_run_does_not_have_cannot_be_asked_for(what):
    game = adversarial({"loss": Term(lambda x, y, **asked: Losses(0, 0), asks=(what,))})
    with pytest.raises(ConfigError, match=f"a loss asks for {what}, which this run does not have"):
        played(game)


def test_what_is_measured():
    """On its view alone, which may be one that no term compares."""
    example = batch(4)
    measures = {
        "a": Measure(lambda real, fake: real.sum() - fake.sum()),
        "b": Measure(lambda real, fake: real.sum(), on="images"),
    }
    _, metrics, fakes = played(adversarial(MAIN, measures=measures), example)
    difference = (logits(example.real) - logits(fakes.samples)).sum()
    np.testing.assert_allclose(metrics["controllers/a/measured"], difference, rtol=1e-5)
    np.testing.assert_allclose(metrics["controllers/b/measured"], example.real.sum(), rtol=1e-5)
    alone = adversarial({"loss": Term(wasserstein, on="images")}, measures={"a": measures["a"]})
    assert alone.turns == (("discriminator",), ("generator",))


def test_both_networks_get_the_condition_or_else_the_labels():
    """Real samples and fakes the same; the critic's penalties too."""
    example, seen = batch(4), []

    class Spy(Critic):
        def __call__(self, x, given=None, *, train):
            seen.append(given)
            return super().__call__(x, given, train=train)

    labels, given = jnp.arange(4), jnp.ones((4, 2))
    penalty = Penalty(lambda critic, real, fake, *, key, axis_name: critic(real).mean())
    game = adversarial(MAIN, {"p": penalty})
    for changes, expected in (({}, None), ({"labels": labels}, labels)):
        seen.clear()
        conditioned = example.replace(**changes)
        assert condition(conditioned) is expected
        if expected is None:
            played(game, conditioned, discriminator=Spy(3.0))
            assert seen and all(x is None for x in seen)
    conditioned = example.replace(labels=labels, condition=given)
    assert condition(conditioned) is given
    _, _, fakes = played(game, conditioned, discriminator=Spy(3.0))
    np.testing.assert_allclose(fakes.samples, 2 * fakes.z + given)
    for x in seen:
        np.testing.assert_array_equal(x, given)
    assert len(seen) == 2 * 3  # to initialise, and then: real, fake and the penalty


@pytest.mark.slow
def test_lecam_keeps_its_anchors_in_the_state():
    """Two steps by hand; only the discriminator's turn moves them."""
    config = dataclasses.replace(RING, penalties={"lecam": PenaltyConfig(weight=0.5)})
    config = override(config, "penalties.lecam.kwargs.decay", 0.8)
    program, state = start(config)
    assert set(state.players) == {"generator", "discriminator", "lecam"}
    assert params(state, "lecam") == {}
    step, anchors = jax.jit(program.train_step), lecam_anchors()
    for index in range(2):
        example = Batch(real=points(16, seed=index))
        before = state.players["lecam"].batch_stats
        close(before, anchors._asdict())
        # The means of logits are this step's metrics; of equal logits the penalty is theirs.
        state, metrics = step(state, example)
        means = (metrics[f"logits/{of}"].reshape(1, 1) for of in ("real", "fake"))
        _, anchors = lecam(*means, anchors, decay=0.8)
    close(state.players["lecam"].batch_stats, anchors._asdict())
    assert metrics["discriminator/lecam"] > 0
    total = metrics["discriminator/loss"] + metrics["discriminator/lecam"]
    np.testing.assert_allclose(metrics["loss/discriminator"], total, rtol=1e-6)
    weighed, doubled = (
        step(with_float(state, "penalties.lecam.weight", 1.0), example)[1],
        step(with_float(state, "penalties.lecam.weight", 2.0), example)[1],
    )
    np.testing.assert_allclose(
        doubled["discriminator/lecam"], 2 * weighed["discriminator/lecam"], rtol=1e-6
    )
    assert step._cache_size() == 1


def test_a_penalty_of_both_players():
    """Each minimises its own part; the function gets the generator itself."""
    example = batch(4)

    def both(critic, generate, z, fake, *, key, axis_name):
        np.testing.assert_allclose(generate(z), fake)
        return Losses(generate(z).sum(), critic(fake).sum())

    game = adversarial(MAIN, {"p": Penalty(both, weight=0.5, of_generator=True)})
    losses, _, fakes = played(game, example)
    np.testing.assert_allclose(losses["generator"]["p"], 0.5 * fakes.samples.sum(), rtol=1e-5)
    expected = 0.5 * logits(fakes.samples).sum()
    np.testing.assert_allclose(losses["discriminator"]["p"], expected, rtol=1e-5)


def test_a_penalty_of_both_players_judges_packs_and_conditions_the_generator():
    """As the discriminator does: it is called with packs, and the generator with its condition."""
    given = jnp.ones((4, 2))
    shapes = []

    def both(critic, generate, z, fake, *, key, axis_name):
        shapes.append((critic(fake).shape, generate(z).shape))
        np.testing.assert_allclose(generate(z), fake)
        return Losses(jnp.zeros(()), critic(fake).sum())

    game = adversarial(MAIN, {"p": Penalty(both, of_generator=True)}, packing=2)
    losses, _, fakes = played(game, batch(4, condition=given))
    assert set(shapes) == {((2, 1), (4, 2))}
    expected = logits(pack(fakes.samples, 2)).sum()
    np.testing.assert_allclose(losses["discriminator"]["p"], expected, rtol=1e-5)


@pytest.mark.slow
def test_latent_consistency_from_a_config():
    """The generator shows changes of z and the discriminator ignores them; floats are traced."""
    config = dataclasses.replace(RING, penalties={"latent_consistency": PenaltyConfig(weight=0.1)})
    program, state = start(config)
    example = Batch(real=points(16))
    step = jax.jit(program.train_step)
    _, metrics = step(state, example)
    assert metrics["generator/latent_consistency"] < 0 < metrics["discriminator/latent_consistency"]
    _, still = step(with_float(state, "penalties.latent_consistency.kwargs.noise", 0.0), example)
    close([still[f"{name}/latent_consistency"] for name in RING_PLAYERS], [0.0, 0.0])
    moved, _ = step(
        with_float(state, "penalties.latent_consistency.kwargs.generator_weight", 50.0), example
    )
    plain, _ = step(state, example)
    close(params(moved, "discriminator"), params(plain, "discriminator"))
    leaves = (jax.tree.leaves(params(s, "generator")) for s in (moved, plain))
    assert any(not np.allclose(a, b) for a, b in zip(*leaves, strict=True))


@pytest.mark.slow
def test_scaled_mmd():
    """Arbel et al. 2018: both losses over 1 + 10 E |J|_F^2, J by forward mode here."""
    config = dataclasses.replace(RING, loss=TermConfig(name="mmd_gaussian", jacobian_scale=10.0))
    config = override(config, "discriminator.network.kwargs.num_outputs", 3)
    program, state = start(override(config, "discriminator.learning_rate", 0.0))
    step, example = jax.jit(program.train_step), Batch(real=points(16))
    _, scaled = step(state, example)
    _, plain = step(with_float(state, "loss.jacobian_scale", 0.0), example)

    def critic(x):
        return (
            state.players["discriminator"]
            .apply_fn({"params": params(state, "discriminator")}, x[None], train=True)
            .logits[0]
        )

    jacobians = jax.jit(jax.vmap(jax.jacfwd(critic)))(example.real)
    factor = 1 / (1 + 10 * np.mean(np.sum(np.float64(jacobians) ** 2, axis=(1, 2))))
    for name in ("loss/generator", "loss/discriminator"):
        np.testing.assert_allclose(scaled[name], factor * plain[name], rtol=1e-4)
    assert step._cache_size() == 1


def norm(critic, real, fake, *, key, axis_name):
    """Of a critic's outputs; their signs do not matter."""
    return jnp.sqrt(jnp.mean(jnp.square(critic(real)) + jnp.square(critic(fake))))


def test_penalties_act_on_the_view_that_trains_the_discriminator():
    """The features are x itself, with Jacobian I; of the logits 3 (x_1 + x_2) it is (3, 3)."""
    example, on = batch(4), {"on": "features"}
    both, alone = Term(wasserstein, **on), Term(wasserstein, players="generator", **on)
    images, of_logits = (
        Term(lambda x, y: Losses(y.mean(), x.mean()), on="images"),
        Term(wasserstein),
    )
    penalties = {
        "r1": Penalty(r1),
        "norm": Penalty(norm),
        "state": Penalty(lambda network, real, fake: (real + 2 * fake).sum(), network="state"),
    }
    for terms, features in (
        ({"loss": both}, True),
        ({"images": images, "loss": both, "more": of_logits}, True),
        ({"match": alone, "loss": of_logits, "more": both}, False),
        ({"match": alone}, False),
    ):
        losses, _, fakes = played(adversarial(terms, penalties), example, state=Scale())
        real, fake = (x if features else logits(x) for x in (example.real, fakes.samples))
        expected = {
            "r1": (1 + 1) / 2 if features else (9 + 9) / 2,
            "norm": np.sqrt(np.mean(real**2 + fake**2)),
            "state": (real + 2 * fake).sum(),
        }
        close({name: losses["discriminator"][name] for name in expected}, expected, atol=1e-5)


def test_the_factor_of_scaled_mmd_is_that_of_the_terms_own_view():
    """1 + 10 |J|_F^2 is 21 for the features x, and 181 for the logits."""
    terms = {
        "loss": Term(wasserstein, jacobian_scale=10.0),
        "features": Term(wasserstein, on="features", jacobian_scale=10.0),
    }
    example = batch(4)
    losses, _, fakes = played(adversarial(terms), example)
    real, fake = example.real, fakes.samples
    expected = {
        "loss": (logits(fake).mean() - logits(real).mean()) / 181,
        "features": (fake.mean() - real.mean()) / 21,
    }
    close(losses["discriminator"], expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: adversarial(MAIN, {"loss": Penalty(r1)}),
            "'loss' names a term and a penalty; rename the term",
        ),
        (
            lambda: adversarial({"x": Term(wasserstein, on="images")}, {"r1": Penalty(r1)}),
            "penalties, augmentation and jacobian_scale concern the discriminator, and no term",
        ),
        (
            lambda: adversarial({"x": Term(wasserstein, on="images")}, augmentation=shifted),
            "set loss.on to logits or features",
        ),
        (
            lambda: adversarial({"x": Term(wasserstein, on="images", jacobian_scale=1.0)}),
            "remove them, or set loss.on",
        ),
        (
            lambda: adversarial({"x": Term(wasserstein, players="generator")}),
            "nothing trains the discriminator; set players of one of them to both",
        ),
        (
            lambda: adversarial(MAIN, {"p": Penalty(r1, every=4, of_generator=True)}),
            "penalties.p.every is 4, and this penalty acts in every step; leave it out",
        ),
        (
            lambda: adversarial(MAIN, {"p": Penalty(r1, every=2, network="p")}),
            "penalties.p.every is 2",
        ),
        (
            lambda: played(adversarial({"x": Term(wasserstein, on="class_logits")})),
            "a term compares class_logits, and the discriminator returns none; choose another",
        ),
        (
            lambda: played(adversarial(MAIN), batch(4, 3), generator=Wrong()),
            r"the generator makes samples of shape \(2,\), and the data has \(3,\); they must be",
        ),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ConfigError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


class Wrong(Scale):
    def __call__(self, z, condition=None, *, train):
        return super().__call__(z, condition, train=train)[:, :2]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            dataclasses.replace(RING, terms={"loss": TermConfig()}),
            "terms.loss has the name of the main term; rename it",
        ),
        (
            dataclasses.replace(
                RING, terms={"r1": TermConfig()}, penalties={"r1": PenaltyConfig()}
            ),
            "'r1' names a term and a penalty; rename the term",
        ),
        (
            dataclasses.replace(
                RING, game=GameConfig(name="vae"), penalties={"r1": PenaltyConfig()}
            ),
            "penalties are set, and the game 'vae' does not use them; remove them",
        ),
        (
            dataclasses.replace(
                RING, loss=TermConfig(name="conditional_mmd", kwargs={"bandwith": 1})
            ),
            "did you mean",
        ),
    ],
)
def test_mistakes_in_a_config(config, message):
    with pytest.raises(ConfigError, match=message):
        build(config)


@pytest.mark.slow
def test_a_loss_of_labels_from_a_config():
    """An auxiliary classifier on the digits: it gets the labels of the data."""
    config = dataclasses.replace(
        RING,
        data=DataConfig(name="digits", batch_size=16),
        terms={"classes": TermConfig(name="auxiliary_classifier", on="class_logits")},
        discriminator=player(0.0, auxiliary=True),
    )
    program, state = start(config)
    example = batch_of(program, 16)
    step = jax.jit(program.train_step)
    _, metrics = step(state, example)
    outputs: Outputs = state.players["discriminator"].apply_fn(
        {"params": params(state, "discriminator")}, example.real, train=True
    )
    log_p = jax.nn.log_softmax(outputs.class_logits)[jnp.arange(16), example.labels]
    assert outputs.class_logits.shape == (16, 10)
    # Real samples' part of it; the fakes' part is positive too.
    assert metrics["discriminator/classes"] > -log_p.mean()
    _, other = step(state, example.replace(labels=(example.labels + 1) % 10))
    assert other["discriminator/classes"] != metrics["discriminator/classes"]
    np.testing.assert_allclose(
        other["discriminator/loss"], metrics["discriminator/loss"], rtol=1e-6
    )
