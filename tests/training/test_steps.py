"""The train step against updates written out by hand, and the ways to run it."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from execution import GROUPS, with_losses

from jaxgan.config import (
    Config,
    ControllerConfig,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PenaltyConfig,
    PlayerConfig,
    TermConfig,
    override,
)
from jaxgan.games.terms import Objective, Penalty, Term
from jaxgan.losses import LOSSES
from jaxgan.penalties import PENALTIES
from jaxgan.runs.build import build, make_hparams
from jaxgan.training.parallel import make_mesh
from jaxgan.training.state import average
from jaxgan.training.steps import make_train_step
from jaxgan.types import Batch

SGD = OptimizerConfig(name="sgd")
CONFIG = Config(
    steps=20,
    data=DataConfig(name="ring", batch_size=16),
    latent=LatentConfig(dim=2),
    generator=PlayerConfig(
        network=NetworkConfig(kwargs={"widths": (8,), "output": "linear"}),
        optimizer=SGD,
        learning_rate=0.1,
    ),
    discriminator=PlayerConfig(
        network=NetworkConfig(kwargs={"widths": (8,)}), optimizer=SGD, learning_rate=0.2
    ),
)


LEAST_SQUARES = ("real_target", "fake_target", "generator_target")


def one_device():
    return make_mesh(jax.devices()[:1])


def start(config):
    run = build(config, one_device())
    return run, jax.jit(run.init)(jax.random.key(config.seed))


def points(n, seed=0):
    return jax.random.normal(jax.random.key(seed), (n, 2))


def close(one, other, atol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), one, other)


def test_one_step_is_a_discriminator_update_then_a_generator_update():
    """Non-saturating loss with R1, written out with jax.grad and plain gradient descent."""
    config = dataclasses.replace(CONFIG, penalties={"r1": PenaltyConfig(weight=3.0)})
    _, state = start(config)
    real, z = points(16), points(16, seed=1)
    objective = Objective(
        (Term("loss", LOSSES["non_saturating"]),), (Penalty("penalties.r1", PENALTIES["r1"]),)
    )
    step = make_train_step(
        objective, latents=lambda key, n: z[:n], schedule=lambda step, hparams: jnp.ones(())
    )
    new, metrics = jax.jit(step)(state, Batch(real=real))

    def generate(params):
        return state.generator.apply_fn({"params": params}, z, train=True)

    def logits(params, x):
        return state.discriminator.apply_fn({"params": params}, x, train=True).logits

    def discriminator_loss(params):
        fake = generate(state.generator.params)
        slopes = jax.vmap(jax.grad(lambda x: logits(params, x[None])[0, 0]))(real)
        return (
            jax.nn.softplus(-logits(params, real)).mean()
            + jax.nn.softplus(logits(params, fake)).mean()
            + 3.0 * 0.5 * (slopes**2).sum(axis=1).mean()
        )

    def descend(params, loss, rate):
        return jax.tree.map(lambda w, g: w - rate * g, params, jax.grad(loss)(params))

    @jax.jit
    def updated():
        discriminator = descend(state.discriminator.params, discriminator_loss, 0.2)
        generator = descend(
            state.generator.params,
            lambda params: jax.nn.softplus(-logits(discriminator, generate(params))).mean(),
            0.1,
        )
        return discriminator, generator, discriminator_loss(state.discriminator.params)

    discriminator, generator, expected_loss = updated()
    close(new.discriminator.params, discriminator)
    close(new.generator.params, generator)
    close(new.ema_params["params"], generator)
    np.testing.assert_allclose(metrics["loss/discriminator"], expected_loss, rtol=1e-5)
    assert new.step == 1


def test_further_discriminator_steps_are_further_updates_on_every_kth_sample():
    """With one latent distribution of a single point, three steps equal three single ones."""
    config = dataclasses.replace(CONFIG, discriminator_steps=3)
    _, state = start(config)

    def updated(steps, state, real):
        step = make_train_step(
            Objective((Term("loss", LOSSES["least_squares"], LEAST_SQUARES),)),
            latents=lambda key, n: jnp.ones((n, 2)),
            schedule=lambda step, hparams: jnp.ones(()),
            discriminator_steps=steps,
        )
        return jax.jit(step)(state, Batch(real=real))[0]

    hparams = {
        **state.hparams,
        **{f"loss.kwargs.{k}": jnp.float32(k != "fake_target") for k in LEAST_SQUARES},
    }
    state, real = state.replace(hparams=hparams), points(48)
    together = updated(3, state, real)
    alone = state
    for index in range(3):
        alone = updated(1, alone, real[index::3]).replace(generator=state.generator)
    close(together.discriminator.params, alone.discriminator.params)
    assert together.step == 1


def test_fresh_latents_change_the_generators_update_alone():
    fresh, state = start(dataclasses.replace(CONFIG, fresh_latents=True))
    shared, _ = start(CONFIG)
    batch = Batch(real=points(16))
    one, other = (jax.jit(run.train_step)(state, batch)[0] for run in (fresh, shared))
    close(one.discriminator.params, other.discriminator.params)
    assert any(
        not np.allclose(a, b)
        for a, b in zip(*(jax.tree.leaves(s.generator.params) for s in (one, other)), strict=True)
    )


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: f"{names[0]}...{names[-1]}")
def test_every_loss_trains(names):
    """Fifty steps of Adam stay finite, and move both players."""
    adam = OptimizerConfig(kwargs={"b1": 0.0})
    config = dataclasses.replace(
        with_losses(CONFIG, names),
        penalties={"r1": PenaltyConfig(weight=0.1)},
        generator=dataclasses.replace(CONFIG.generator, optimizer=adam, learning_rate=1e-3),
        discriminator=dataclasses.replace(CONFIG.discriminator, optimizer=adam, learning_rate=1e-3),
    )
    run, state = start(config)

    @jax.jit
    def many(state):
        def body(state, key):
            real = jax.random.normal(key, (16, *run.source.shape)) + 3.0
            return run.train_step(state, Batch(real=real))

        return jax.lax.scan(body, state, jax.random.split(jax.random.key(1), 50))

    new, metrics = many(state)
    for values in metrics.values():
        assert np.isfinite(values).all()
    for player in ("generator", "discriminator"):
        before, after = (jax.tree.leaves(getattr(s, player).params)[0] for s in (state, new))
        assert np.abs(before - after).max() > 1e-4


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_trains(name):
    """Its weight makes a difference, in one compiled step."""
    config = dataclasses.replace(CONFIG, penalties={name: PenaltyConfig(weight=0.1)})
    run, state = start(config)
    step, batch = jax.jit(run.train_step), Batch(real=points(16))
    unused = {**state.hparams, f"penalties.{name}.weight": jnp.float32(0)}
    one, other = (
        jax.tree.leaves(step(state.replace(hparams=hparams), batch)[0].discriminator.params)
        for hparams in (state.hparams, unused)
    )
    assert all(np.isfinite(leaf).all() for leaf in one)
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_lazy_penalty_acts_every_so_many_steps():
    config = dataclasses.replace(CONFIG, penalties={"r1": PenaltyConfig(weight=1.0, every=3)})
    run, state = start(config)
    step, values = jax.jit(run.train_step), []
    for index in range(6):
        state, metrics = step(state, Batch(real=points(16, seed=index)))
        values.append(float(metrics["penalties/r1"]))
    assert [value > 0 for value in values] == [True, False, False] * 2


def test_clipped_weights():
    """Arjovsky et al. 2017, algorithm 1; the limit is traced."""
    config = override(CONFIG, "discriminator.clip_weights", 0.5)
    (run, state), (free, free_state) = start(config), start(CONFIG)
    step, batch = jax.jit(run.train_step), Batch(real=points(16))
    unclipped = jax.jit(free.train_step)(free_state, batch)[0].discriminator.params
    assert max(np.abs(w).max() for w in jax.tree.leaves(unclipped)) > 0.5
    for limit in (0.5, 0.05):
        hparams = {**state.hparams, "discriminator.clip_weights": jnp.float32(limit)}
        new, _ = step(state.replace(hparams=hparams), batch)
        clipped = jax.tree.map(partial(np.clip, a_min=-limit, a_max=limit), unclipped)
        close(new.discriminator.params, clipped)
    assert step._cache_size() == 1


def test_orthogonal_filters():
    """Brock et al. 2019: a step of gradient descent on |W^T W * (1 - I)|^2 more, by NumPy."""
    config = override(CONFIG, "discriminator.orthogonal", 0.5)
    (run, state), (free, free_state) = start(config), start(CONFIG)
    batch = Batch(real=points(16))
    new, plain = (
        jax.jit(each.train_step)(of, batch)[0].discriminator.params
        for each, of in ((run, state), (free, free_state))
    )

    def moved(params, old):
        def slope(w):
            gram = np.float64(w).T @ w
            return 4 * w @ (gram - np.diag(np.diag(gram))) if w.ndim > 1 else 0 * w

        return jax.tree.map(lambda p, w: p - 0.2 * 0.5 * slope(w), params, old)

    close(new, moved(plain, state.discriminator.params), atol=1e-5)


def test_scaled_mmd():
    """Arbel et al. 2018: both losses over 1 + 10 E |J|_F^2, J by forward mode here."""
    config = dataclasses.replace(CONFIG, loss=TermConfig(name="mmd_gaussian", jacobian_scale=10.0))
    config = override(config, "discriminator.network.kwargs.num_outputs", 3)
    run, state = start(override(config, "discriminator.learning_rate", 0.0))
    step, batch = jax.jit(run.train_step), Batch(real=points(16))
    _, scaled = step(state, batch)
    _, plain = step(
        state.replace(hparams={**state.hparams, "loss.jacobian_scale": jnp.float32(0)}), batch
    )

    def logits(x):
        return state.discriminator.apply_fn(
            {"params": state.discriminator.params}, x[None], train=True
        ).logits[0]

    jacobians = jax.jit(jax.vmap(jax.jacfwd(logits)))(batch.real)
    factor = 1 / (1 + 10 * np.mean(np.sum(np.float64(jacobians) ** 2, axis=(1, 2))))
    for name in ("loss/generator", "loss/discriminator"):
        np.testing.assert_allclose(scaled[name], factor * plain[name], rtol=1e-4)


def test_k_steps_in_one_scan_equal_k_steps():
    run, state = start(CONFIG)
    real = points(5 * 16).reshape(5, 16, 2)
    scanned, metrics = jax.jit(
        lambda state: jax.lax.scan(lambda s, x: run.train_step(s, Batch(real=x)), state, real)
    )(state)
    step = jax.jit(run.train_step)
    for index in range(5):
        state, row = step(state, Batch(real=real[index]))
        np.testing.assert_allclose(
            row["loss/generator"], metrics["loss/generator"][index], rtol=1e-5
        )
    close(
        (scanned.generator.params, scanned.ema_params), (state.generator.params, state.ema_params)
    )


def test_no_float_recompiles():
    """Every entry of hparams changed, one after the other: one compilation in all."""
    config = dataclasses.replace(
        CONFIG,
        loss=TermConfig(name="mmd_gaussian", jacobian_scale=10.0),
        terms={"match": TermConfig(name="least_squares", on="features", weight=0.1)},
        penalties={"wgan_gp": PenaltyConfig(weight=0.1)},
        controllers={"c": ControllerConfig(kwargs={"bandwidth": 0.5}, name="mmd_gaussian")},
        discriminator_share=0.5,
        generator=dataclasses.replace(
            CONFIG.generator, optimizer=OptimizerConfig(), clip_weights=0.5, orthogonal=0.1
        ),
    )
    run, state = start(config)
    step, batch = jax.jit(run.train_step), Batch(real=points(16))
    reference, _ = step(state, batch)
    hparams = make_hparams(config)
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
        "schedule.final",
        "discriminator.learning_rate",
    } <= set(hparams)
    for name, value in hparams.items():
        changed = override(config, name, 0.5 * value + 0.1)
        new_hparams = {k: jnp.asarray(v, jnp.float32) for k, v in make_hparams(changed).items()}
        assert new_hparams[name] == pytest.approx(0.5 * value + 0.1)
        step(state.replace(hparams=new_hparams), batch)
    assert step._cache_size() == 1
    faster = {**state.hparams, "generator.learning_rate": jnp.float32(0.5)}
    moved, _ = step(state.replace(hparams=faster), batch)
    assert not np.array_equal(*(jax.tree.leaves(s.generator.params)[0] for s in (moved, reference)))


def test_members_of_a_vmapped_sweep_equal_runs_of_their_own():
    run, _ = start(CONFIG)
    keys = jax.random.split(jax.random.key(3), 3)
    rates = jnp.array([0.01, 0.1, 0.3])
    states, step = jax.jit(jax.vmap(run.init))(keys), jax.jit(run.train_step)
    states = states.replace(hparams={**states.hparams, "generator.learning_rate": rates})
    batch = Batch(real=points(16))
    swept, metrics = jax.jit(jax.vmap(run.train_step, in_axes=(0, None)))(states, batch)
    for index in range(3):
        alone, row = step(jax.tree.map(lambda x, i=index: x[i], states), batch)
        close(jax.tree.map(lambda x, i=index: x[i], swept.generator.params), alone.generator.params)
        np.testing.assert_allclose(
            metrics["loss/discriminator"][index], row["loss/discriminator"], rtol=1e-5
        )


def test_without_an_adversary_only_the_generator_learns():
    config = dataclasses.replace(CONFIG, loss=TermConfig(name="mmd_gaussian", on="images"))
    run, state = start(config)
    assert state.discriminator is None
    step = jax.jit(run.train_step)
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
