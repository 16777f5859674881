"""The train step against updates written out by hand, and the ways to run it."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from execution import GROUPS, with_losses
from programs import RING, batch_of, close, member, params, player, points, start, with_float

from jaxgan.config import (
    ControllerConfig,
    OptimizerConfig,
    PenaltyConfig,
    Ramp,
    TermConfig,
    override,
)
from jaxgan.penalties import PENALTIES
from jaxgan.runs.entries import nested_floats
from jaxgan.training.schedules import value_at
from jaxgan.training.state import average
from jaxgan.training.steps import make_train_step
from jaxgan.types import Batch

ADAM = OptimizerConfig(kwargs={"b1": 0.0})


@pytest.fixture(scope="module")
def plain():
    """The plain game: its program, its first state and its compiled step."""
    program, state = start(RING)
    return program, state, jax.jit(program.train_step)


def test_one_step_is_a_discriminator_update_then_a_generator_update():
    """Non-saturating loss with R1, written out with jax.grad and plain gradient descent."""
    program, state = start(dataclasses.replace(RING, penalties={"r1": PenaltyConfig(weight=3.0)}))
    real, z = points(16), points(16, seed=1)
    step = make_train_step(program.setup._replace(latents=lambda key, n: z[:n]))
    new, metrics = jax.jit(step)(state, Batch(real=real))

    def generate(params):
        return state.players["generator"].apply_fn({"params": params}, z, train=True)

    def logits(params, x):
        return state.players["discriminator"].apply_fn({"params": params}, x, train=True).logits

    def terms(params_):
        fake = generate(params(state, "generator"))
        slopes = jax.vmap(jax.grad(lambda x: logits(params_, x[None])[0, 0]))(real)
        of_logits = jax.nn.softplus(-logits(params_, real)).mean()
        of_logits += jax.nn.softplus(logits(params_, fake)).mean()
        return of_logits, 3.0 * 0.5 * (slopes**2).sum(axis=1).mean()

    def descend(params, loss, rate):
        return jax.tree.map(lambda w, g: w - rate * g, params, jax.grad(loss)(params))

    @jax.jit
    def updated():
        discriminator = descend(params(state, "discriminator"), lambda p: sum(terms(p)), 0.2)
        generator = descend(
            params(state, "generator"),
            lambda params: jax.nn.softplus(-logits(discriminator, generate(params))).mean(),
            0.1,
        )
        return discriminator, generator, terms(params(state, "discriminator"))

    discriminator, generator, (expected_loss, expected_penalty) = updated()
    close(params(new, "discriminator"), discriminator)
    close(params(new, "generator"), generator)
    close(new.averages["generator"]["params"], generator)
    found = [metrics[name] for name in ("loss/discriminator", "discriminator/loss")]
    expected = [expected_loss + expected_penalty, expected_loss]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["discriminator/r1"], expected_penalty, rtol=1e-5)
    assert new.step == 1
    # The generator minimises one term, whose name would say nothing more.
    assert set(metrics) == {
        *("loss/generator", "loss/discriminator", "discriminator/loss", "discriminator/r1"),
        *("logits/real", "logits/fake", "gradient_norm/generator", "gradient_norm/discriminator"),
    }


@pytest.mark.slow
def test_further_discriminator_steps_are_further_updates_on_every_kth_sample():
    """With one latent distribution of a single point, three steps equal three single ones."""
    program, state = start(dataclasses.replace(RING, loss=TermConfig(name="least_squares")))
    setup = program.setup._replace(latents=lambda key, n: jnp.ones((n, 2)))

    def updated(steps, state, real):
        step = make_train_step(setup, discriminator_steps=steps)
        return jax.jit(step)(state, Batch(real=real))[0]

    real = points(48)
    together = updated(3, state, real)
    alone = state
    for index in range(3):
        moved = updated(1, alone, real[index::3])
        players = {**moved.players, "generator": state.players["generator"]}
        alone = moved.replace(players=players)
    close(params(together, "discriminator"), params(alone, "discriminator"))
    assert together.players["discriminator"].step == 3
    assert together.step == 1


def test_fresh_latents_change_the_generators_update_alone(plain):
    _, state, step = plain
    fresh, _ = start(dataclasses.replace(RING, fresh_latents=True))
    batch = Batch(real=points(16))
    one, other = (step(state, batch)[0] for step in (jax.jit(fresh.train_step), step))
    close(params(one, "discriminator"), params(other, "discriminator"))
    leaves = (jax.tree.leaves(params(s, "generator")) for s in (one, other))
    assert any(not np.allclose(a, b) for a, b in zip(*leaves, strict=True))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(names, marks=pytest.mark.slow if i != 1 else ())
        for i, names in enumerate(GROUPS)
    ],
    ids=lambda names: f"{names[0]}...{names[-1]}",
)
def test_every_loss_trains(names):
    """Fifty steps of Adam stay finite, and move both players, where there are two.

    The first group trains in test_parallel.py too.
    """
    config = with_losses(RING, names)
    two = config.game.name == "adversarial"
    config = dataclasses.replace(
        config,
        penalties={"r1": PenaltyConfig(weight=0.1)} if two else {},
        generator=dataclasses.replace(RING.generator, optimizer=ADAM, learning_rate=1e-3),
    )
    for name, value in {"optimizer": ADAM, "learning_rate": 1e-3}.items():
        config = override(config, f"discriminator.{name}", value)
    program, state = start(config)

    @jax.jit
    def many(state):
        def body(state, seed):
            batch = batch_of(program, 16, seed)
            return program.train_step(state, batch.replace(real=batch.real + 3.0))

        return jax.lax.scan(body, state, jnp.arange(50))

    new, metrics = many(state)
    assert {f"generator/{name}" for name in names} <= set(metrics)
    for values in metrics.values():
        assert np.isfinite(values).all()
    for name in ("generator", "discriminator") if two else ("generator",):
        before, after = (jax.tree.leaves(params(s, name))[0] for s in (state, new))
        assert np.abs(before - after).max() > 1e-4


@pytest.mark.slow
def test_every_penalty_trains():
    """The weight of each makes a difference, in one compiled step."""
    penalties = {name: PenaltyConfig(weight=0.0) for name in PENALTIES}
    program, state = start(dataclasses.replace(RING, penalties=penalties))
    step, batch = jax.jit(program.train_step), Batch(real=points(16))
    without, _ = step(state, batch)
    for name in PENALTIES:
        moved, metrics = step(with_float(state, f"penalties.{name}.weight", 0.1), batch)
        one, other = (jax.tree.leaves(params(s, "discriminator")) for s in (moved, without))
        assert all(np.isfinite(leaf).all() for leaf in one)
        assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True)), name
        assert metrics[f"discriminator/{name}"] != 0
    assert step._cache_size() == 1


def test_a_lazy_penalty_acts_every_so_many_steps():
    config = dataclasses.replace(RING, penalties={"r1": PenaltyConfig(weight=1.0, every=3)})
    program, state = start(config)
    step, values = jax.jit(program.train_step), []
    for index in range(6):
        state, metrics = step(state, Batch(real=points(16, seed=index)))
        values.append(float(metrics["discriminator/r1"]))
    assert [value > 0 for value in values] == [True, False, False] * 2


def test_clipped_weights(plain):
    """Arjovsky et al. 2017, algorithm 1; the limit is traced."""
    _, free_state, free_step = plain
    program, state = start(override(RING, "discriminator.clip_weights", 0.5))
    step, batch = jax.jit(program.train_step), Batch(real=points(16))
    unclipped = params(free_step(free_state, batch)[0], "discriminator")
    assert max(np.abs(w).max() for w in jax.tree.leaves(unclipped)) > 0.5
    for limit in (0.5, 0.05):
        new, _ = step(with_float(state, "discriminator.clip_weights", limit), batch)
        clipped = jax.tree.map(partial(np.clip, a_min=-limit, a_max=limit), unclipped)
        close(params(new, "discriminator"), clipped)
    assert step._cache_size() == 1


def test_orthogonal_filters(plain):
    """Brock et al. 2019: a step of gradient descent on |W^T W * (1 - I)|^2 more, by NumPy."""
    _, free_state, free_step = plain
    program, state = start(override(RING, "discriminator.orthogonal", 0.5))
    batch = Batch(real=points(16))
    new, without = (
        params(step(of, batch)[0], "discriminator")
        for step, of in ((jax.jit(program.train_step), state), (free_step, free_state))
    )

    def moved(params, old):
        def slope(w):
            gram = np.float64(w).T @ w
            return 4 * w @ (gram - np.diag(np.diag(gram))) if w.ndim > 1 else 0 * w

        return jax.tree.map(lambda p, w: p - 0.2 * 0.5 * slope(w), params, old)

    close(new, moved(without, params(state, "discriminator")), atol=1e-5)


def test_k_steps_in_one_scan_equal_k_steps(plain):
    program, state, step = plain
    real = points(5 * 16).reshape(5, 16, 2)
    scanned, metrics = jax.jit(
        lambda state: jax.lax.scan(lambda s, x: program.train_step(s, Batch(real=x)), state, real)
    )(state)
    for index in range(5):
        state, row = step(state, Batch(real=real[index]))
        np.testing.assert_allclose(
            row["loss/generator"], metrics["loss/generator"][index], rtol=1e-5
        )
    close(
        (params(scanned, "generator"), scanned.averages),
        (params(state, "generator"), state.averages),
    )


def test_no_float_recompiles():
    """Every entry of hparams changed, one after the other: one compilation in all."""
    config = dataclasses.replace(
        RING,
        loss=TermConfig(name="mmd_gaussian", jacobian_scale=10.0),
        terms={
            "match": TermConfig(name="least_squares", on="features", weight=0.1),
            "mixture": TermConfig(name="mmd_rational_quadratic", on="images"),
        },
        penalties={"wgan_gp": PenaltyConfig(weight=0.1)},
        controllers={"c": ControllerConfig(kwargs={"bandwidth": 0.5}, name="mmd_gaussian")},
        discriminator_share=0.5,
        generator=dataclasses.replace(
            RING.generator, optimizer=OptimizerConfig(), clip_weights=0.5, orthogonal=0.1
        ),
        discriminator=player(Ramp(0.2, 0.1, shape="cosine", warmup=2)),
    )
    config = override(config, "discriminator.clip_norm", 1.0)
    config = override(config, "generator.network.kwargs.noise", 0.1)
    program, state = start(config)
    step, batch = jax.jit(program.train_step), Batch(real=points(16))
    reference, _ = step(state, batch)
    is_vector = lambda x: isinstance(x, tuple)  # noqa: E731
    names = {
        ".".join(entry.key for entry in path): value
        for path, value in jax.tree.leaves_with_path(nested_floats(config), is_leaf=is_vector)
    }
    assert {
        "loss.kwargs.bandwidth",
        "generator.optimizer.kwargs.b1",
        "ema_half_life",
        "terms.match.weight",
        "penalties.wgan_gp.kwargs.target",
        "controllers.c.kwargs.bandwidth",
        "controllers.c.rate",
        "discriminator_share",
        "generator.clip_weights",
        "generator.orthogonal",
        "loss.jacobian_scale",
        "discriminator.learning_rate.start",
        "discriminator.learning_rate.end",
        "discriminator.clip_norm",
        "generator.learning_rate",
        "generator.network.kwargs.noise",
        "terms.mixture.kwargs.alphas",
    } <= set(names)
    for name, value in names.items():
        new = 0.5 * np.array(value) + 0.1
        changed = override(config, name, tuple(new.tolist()) if is_vector(value) else float(new))
        hparams = jax.tree.map(
            lambda x: jnp.asarray(x, jnp.float32), nested_floats(changed), is_leaf=is_vector
        )
        np.testing.assert_allclose(value_at(hparams, tuple(name.split("."))), new, rtol=1e-6)
        step(state.replace(hparams=hparams), batch)
    assert step._cache_size() == 1
    moved, _ = step(with_float(state, "generator.learning_rate", 0.5), batch)
    leaves = (jax.tree.leaves(params(s, "generator"))[0] for s in (moved, reference))
    assert not np.array_equal(*leaves)


@pytest.mark.slow
def test_members_of_a_vmapped_sweep_equal_runs_of_their_own():
    """Over seeds and floats at once: K steps of the public function, data and all."""
    program, _ = start(RING)
    data, length = program.data(), 4
    keys = jax.random.split(jax.random.key(3), 3)
    swept = {
        "generator.learning_rate": jnp.array([0.01, 0.1, 0.3]),
        "ema_half_life": jnp.array([0.0, 2.0, 9.0]),
    }
    states = jax.jit(jax.vmap(program.init))(keys)
    for name, values in swept.items():
        states = with_float(states, name, values)
    run = jax.jit(jax.vmap(lambda state: program.run_steps(state, data, length)))
    ends, metrics = run(states)
    alone = jax.jit(lambda state: program.run_steps(state, data, length))
    for index in range(3):
        state, rows = alone(member(states, index))
        assert rows.keys() == metrics.keys()
        for name in ("players", "averages", "hparams", "step"):
            found, expected = (getattr(s, name) for s in (member(ends, index), state))
            close(jax.tree.leaves(found), jax.tree.leaves(expected))
        for name in rows:
            np.testing.assert_allclose(metrics[name][index], rows[name], rtol=1e-5, atol=1e-6)


def test_without_an_adversary_only_the_generator_learns():
    config = dataclasses.replace(RING, loss=TermConfig(name="mmd_gaussian", on="images"))
    program, state = start(config)
    assert set(state.players) == {"generator"}
    step = jax.jit(program.train_step)
    losses = []
    for index in range(60):
        state, metrics = step(state, Batch(real=points(64, seed=index) + 1.0))
        losses.append(metrics["loss/generator"])
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])


def test_the_average_is_bias_corrected():
    """Against optax.ema with debiasing, which keeps the biased sum instead."""
    decay, ema = 0.5 ** (1 / 3.0), optax.ema(0.5 ** (1 / 3.0))
    xs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert 0 < decay < 1
    optax_state, ours = ema.init(xs[0]), jnp.zeros(4)
    for t, x in enumerate(xs, start=1):
        expected, optax_state = ema.update(x, optax_state)
        ours = average(ours, x, step=jnp.int32(t), half_life=jnp.float32(3.0))
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    unaveraged = average(ours, xs[0], step=jnp.int32(21), half_life=jnp.float32(0.0))
    np.testing.assert_allclose(unaveraged, xs[0], rtol=1e-6)
