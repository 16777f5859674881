"""Who moves when, from which parameters, and on which fakes: networks of one weight, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_networks import Counter, Critic, Scale, batch, first_state, setup_of
from programs import close

from jaxgan.games import Game
from jaxgan.training.steps import make_train_step
from jaxgan.types import Batch

RATE = 0.1
Z = jnp.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [1.0, 1.0]])
REAL = jnp.array([[2.0, 1.0], [1.0, 1.0], [0.0, 3.0], [4.0, 0.0]])
Z_SUM, REAL_SUM = 2.0, 3.0  # the mean of x_1 + x_2


def latents(key, n):
    return Z[:n]


def generate(nets, batch, key):
    return nets.generator(nets.latents(key, len(batch.real)))


def critics(nets, batch, fakes, key):
    """G = -v w Z, D = v (w Z - R) + v^2 / 2, with w of the generator and v of the critic."""
    del key
    fake, real = nets.discriminator(fakes), nets.discriminator(batch.real)
    square = jnp.square(nets.fixed("discriminator")(jnp.ones((1, 1))).logits).sum() / 2
    difference = fake.logits.mean() - real.logits.mean()
    return {
        "generator": -fake.logits.mean(),
        "discriminator": {"difference": difference, "square": square},
    }, {}


def stepped(game, modules, *, state=None, steps=1, example=None, **options):
    setup = setup_of(game, latents=latents, **modules)
    state = first_state(setup, rate=RATE) if state is None else state
    step = jax.jit(make_train_step(setup, **options))
    example = Batch(real=REAL) if example is None else example
    for _ in range(steps):
        state, metrics = step(state, example)
    return state, metrics


def weights(state, *names):
    return [float(jax.tree.leaves(state.players[name].params)[0]) for name in names]


MODULES = {"generator": Scale(2.0), "discriminator": Critic(3.0)}


def slope_g(w, v):
    return -v * Z_SUM


def slope_d(w, v):
    return w * Z_SUM - REAL_SUM + v


ORDERS = {
    "discriminator first": (("discriminator",), ("generator",)),
    "generator first": (("generator",), ("discriminator",)),
    "at once": (("generator", "discriminator"),),
    "at once, the other way round": (("discriminator", "generator"),),
    "twice": (("discriminator",), ("generator",), ("discriminator",)),
    "three times": (("generator",), ("discriminator",), ("generator",)),
}


@pytest.mark.parametrize("turns", ORDERS.values(), ids=ORDERS)
def test_players_of_one_turn_move_at_once_and_turns_one_after_the_other(turns):
    """Later turns see the weights, and the fakes, of those who have moved."""
    w, v = 2.0, 3.0
    for turn in turns:
        moved = {"generator": w - RATE * slope_g(w, v), "discriminator": v - RATE * slope_d(w, v)}
        w, v = (
            moved[name] if name in turn else old
            for name, old in (("generator", w), ("discriminator", v))
        )
    state, metrics = stepped(Game(generate, critics, turns=turns), MODULES)
    np.testing.assert_allclose(weights(state, *MODULES), [w, v], rtol=1e-6)
    assert state.players["discriminator"].step == sum("discriminator" in turn for turn in turns)
    assert {"loss/generator", "loss/discriminator", "discriminator/square"} <= set(metrics)


def test_metrics_of_a_turn_are_from_before_it():
    """Of a player with several turns, from before its first; names of several terms alone."""
    _, metrics = stepped(Game(generate, critics, turns=ORDERS["three times"]), MODULES)
    w, v = 2.0, 3.0
    np.testing.assert_allclose(metrics["loss/generator"], -v * w * Z_SUM, rtol=1e-6)
    w -= RATE * slope_g(w, v)
    expected = v * (w * Z_SUM - REAL_SUM) + v**2 / 2
    np.testing.assert_allclose(metrics["loss/discriminator"], expected, rtol=1e-6)
    np.testing.assert_allclose(metrics["discriminator/square"], v**2 / 2, rtol=1e-6)
    np.testing.assert_allclose(
        metrics["gradient_norm/discriminator"], abs(slope_d(w, v)), rtol=1e-6
    )
    assert "generator/difference" not in metrics and "generator/loss" not in metrics


def test_players_that_minimise_the_same_loss_share_its_gradient():
    """An autoencoder: both follow sum (b a x - x)^2, as they do with a loss each."""

    def reconstruct(nets, batch, key):
        return nets.encoder(batch.real)

    def shared(nets, batch, fakes, key):
        error = jnp.mean(jnp.square(nets.generator(fakes) - batch.real))
        return {"generator": error, "encoder": error}, {}

    def apart(nets, batch, fakes, key):
        losses, metrics = shared(nets, batch, fakes, key)
        return losses | {"encoder": losses["encoder"] + 0.0}, metrics

    modules = {"generator": Scale(0.5), "encoder": Scale(1.5)}
    turns, squares = (("generator", "encoder"),), float(jnp.mean(REAL**2))
    a, b = 1.5, 0.5
    expected = [b - RATE * 2 * (a * b - 1) * a * squares, a - RATE * 2 * (a * b - 1) * b * squares]
    calls = []
    for losses in (shared, apart):

        def counted(*args, losses=losses):
            calls.append(losses)
            return losses(*args)

        game = Game(reconstruct, counted, sample=lambda nets, batch, key: batch.real, turns=turns)
        state, _ = stepped(game, modules)
        np.testing.assert_allclose(weights(state, *modules), expected, rtol=1e-6)
    # Once to initialise; in the step once for both, or once for each.
    assert [calls.count(losses) for losses in (shared, apart)] == [2, 3]


def test_fakes_may_be_any_pytree():
    """Integers and what no network made among them, also where turns share them."""

    def many(nets, batch, key):
        z = nets.latents(key, len(batch.real))
        classes = jnp.arange(len(z)) % 2
        return {"x": nets.generator(z), "rest": (z, classes), "none": None}

    def losses(nets, batch, fakes, key):
        z, classes = fakes["rest"]
        assert fakes["none"] is None and classes.dtype == jnp.int32
        np.testing.assert_array_equal(classes.shape, (4,))
        chosen = jnp.where(classes[:, None] == 1, fakes["x"], 0.0) + 0.0 * z
        return critics(nets, batch, 2 * chosen, key)

    game = Game(many, losses, sample=lambda nets, batch, key: many(nets, batch, key)["x"])
    state, _ = stepped(game, MODULES)
    z_sum = float(jnp.mean(2 * Z.sum(axis=1) * (jnp.arange(4) % 2)))
    v = 3.0 - RATE * (2.0 * z_sum - REAL_SUM + 3.0)
    expected = [2.0 + RATE * v * z_sum, v]
    np.testing.assert_allclose(weights(state, *MODULES), expected, rtol=1e-6)


def test_the_generator_runs_once_for_both_players():
    """`fresh_latents` and further discriminator steps cost further passes."""

    def passes(steps=1, **options):
        calls = []

        def counted(nets, batch, key):
            calls.append(1)
            return generate(nets, batch, key)

        example = Batch(real=jnp.tile(REAL, (steps, 1)))
        game = Game(counted, critics, sample=lambda nets, batch, key: batch.real)
        setup = setup_of(game, latents=latents, **MODULES)
        state = first_state(setup)
        calls.clear()
        step = make_train_step(setup, discriminator_steps=steps, **options)
        jax.eval_shape(step, state, example)
        return len(calls)

    assert passes() == 1
    assert passes(fresh_latents=True) == 2
    assert passes(steps=3) == 2  # one in the loop's body, which is traced once


def test_statistics_of_those_who_move_are_kept():
    """The generator's are of its pass; the discriminator's of its own turn, real and fake."""

    def generated(nets, batch, key):
        return nets.generator(nets.latents(key, len(batch.real)))

    def losses(nets, batch, fakes, key):
        del key
        fake, real = nets.critic(fakes).mean(), nets.critic(batch.real).mean()
        spy = nets.spy(batch.real).mean()
        return {"generator": -fake, "critic": fake - real + 0.0 * spy}, {}

    game = Game(generated, losses, turns=(("critic",), ("generator",)))
    modules = {"generator": Counter(), "critic": Counter(), "spy": Counter()}
    state, _ = stepped(game, modules, steps=2)
    stats = {name: player.batch_stats for name, player in state.players.items()}
    assert stats["generator"]["calls"] == 2 and stats["critic"]["calls"] == 4
    assert stats["spy"]["calls"] == 0  # it never moves
    np.testing.assert_allclose(stats["generator"]["total"], 2 * Z.sum())
    of_critic = 1 - RATE * (Z.mean() - REAL.mean())  # its scale, after the first step
    of_generator = 1 + RATE * of_critic * Z.mean()
    np.testing.assert_allclose(
        stats["critic"]["total"], (1 + of_generator) * Z.sum() + 2 * REAL.sum(), rtol=1e-6
    )
    close(state.averages["generator"]["batch_stats"], stats["generator"], atol=1e-6)


def test_streams_and_conditions_reach_the_game():
    """Each stream has minibatches of its own, every `discriminator_steps`-th row."""
    shapes = []

    def losses(nets, batch, fakes, key):
        few = batch.streams["few"]
        shapes.append((batch.condition.shape, few.real.shape, few.labels.shape))
        loss, metrics = critics(nets, batch, fakes, key)
        return loss, metrics | {"few": few.real.sum(), "labels": few.labels.sum()}

    def generated(nets, batch, key):
        return nets.generator(nets.latents(key, len(batch.real)), batch.condition)

    few = Batch(real=jnp.arange(12.0).reshape(6, 2), labels=jnp.arange(6))
    condition = jnp.tile(0.5 * REAL, (3, 1))
    example = batch(12, condition=condition, streams={"few": few})
    one = jax.tree.map(lambda x: x[::3], example)
    game = Game(generated, losses)
    setup = setup_of(game, latents=latents, **MODULES)
    state = first_state(setup, example=one)
    step = make_train_step(setup, discriminator_steps=3)
    _, metrics = jax.jit(step)(state, example)
    assert set(shapes) == {((4, 2), (2, 2), (2,))}
    # Those of the last of three minibatches: rows 2 and 5.
    np.testing.assert_allclose(metrics["few"], few.real[2::3].sum())
    assert metrics["labels"] == 2 + 5
