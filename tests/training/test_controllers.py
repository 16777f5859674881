"""Measures against scikit-learn, the rule by hand, and a controlled run against a free one."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from programs import batch_of, one_device, player, start, with_float
from sklearn.metrics import roc_auc_score

from jaxgan.config import (
    Config,
    ControllerConfig,
    DataConfig,
    LatentConfig,
    OptimizerConfig,
    PenaltyConfig,
    Ramp,
    TermConfig,
    override,
)
from jaxgan.errors import ConfigError
from jaxgan.runs.build import build
from jaxgan.training.controllers import Controller, adjusted, auc, logit_sign
from jaxgan.types import Batch

ADAM = OptimizerConfig()
CONFIG = Config(
    data=DataConfig(name="ring", batch_size=32),
    latent=LatentConfig(dim=2),
    generator=player(1e-3, optimizer=ADAM, widths=(16,), output="linear"),
    discriminator=player(1e-2, optimizer=ADAM, widths=(32,)),
)


def controlled(**settings):
    return dataclasses.replace(CONFIG, controllers={"balance": ControllerConfig(**settings)})


def test_auc_is_scikit_learns_with_ties():
    rng = np.random.default_rng(0)
    real, fake = (rng.integers(0, 6, (n, 2)).astype("f") + shift for n, shift in ((40, 1), (23, 0)))
    expected = [
        roc_auc_score(np.repeat([1, 0], (40, 23)), np.r_[real[:, k], fake[:, k]]) for k in range(2)
    ]
    np.testing.assert_allclose(auc(jnp.asarray(real), jnp.asarray(fake)), np.mean(expected), 1e-6)


def test_logit_sign_by_hand():
    real = jnp.array([[2.0], [-0.1], [3.0], [0.0]])
    np.testing.assert_allclose(logit_sign(real, jnp.ones((2, 1))), 1 / 4)


def test_the_logarithm_grows_by_the_error_and_stops_at_the_limits():
    limits = {"target": 0.5, "rate": 2.0, "lower": 0.1, "upper": 3.0}
    floats = {"a": 0.2, "inner": {"b": 2.9}, "c": 0.11}
    hparams = {**floats, "controllers": dict.fromkeys(("x", "y", "z"), limits)}
    hparams = jax.tree.map(jnp.float32, hparams)
    adjusts = {"x": ("a",), "y": ("inner", "b"), "z": ("c",)}
    controllers = [Controller(label, "metric", path) for label, path in adjusts.items()]
    measured = dict(zip(controllers, map(jnp.float32, (0.7, 0.9, 0.0)), strict=True))
    new = adjusted(hparams, measured)
    np.testing.assert_allclose(
        [controller.value(new) for controller in controllers],
        [0.2 * np.exp(2.0 * 0.2), 3.0, 0.1],
        rtol=1e-6,
    )
    assert new["controllers"] == hparams["controllers"]
    assert hparams["inner"]["b"] == jnp.float32(2.9)  # the old ones stay as they were


@pytest.mark.slow
def test_a_controller_finds_the_penalty_that_keeps_a_distance():
    """The gap between mean logits of a Wasserstein critic falls as R1's weight grows."""
    gap = {"name": "l1", "kwargs": {"match": "mean"}, "target": 0.5, "rate": 0.05, "upper": 1e3}
    config = dataclasses.replace(
        controlled(adjusts="penalties.r1.weight", **gap),
        loss=TermConfig(name="wasserstein"),
        penalties={"r1": PenaltyConfig(weight=0.01)},
    )
    program, first = start(override(config, "generator.learning_rate", 0.0))

    @jax.jit
    def train(rate):
        def body(state, key):
            return program.train_step(state, Batch(real=jax.random.normal(key, (32, 2)) + 1.5))

        state = with_float(first, "controllers.balance.rate", rate)
        return jax.lax.scan(body, state, jax.random.split(jax.random.key(1), 400))

    states, metrics = jax.vmap(train)(jnp.array([0.0, 0.05]))
    weights, gaps = (metrics[f"controllers/balance/{x}"] for x in ("adjusted", "measured"))
    free, held = gaps[:, -100:].mean(axis=1)
    assert free > 5 and abs(held - 0.5) < 0.2
    np.testing.assert_allclose(states.hparams["penalties"]["r1"]["weight"], weights[:, -1])
    np.testing.assert_allclose(weights[0], 0.01, rtol=1e-6)


def test_a_share_of_the_discriminators_updates():
    program, first = start(dataclasses.replace(CONFIG, discriminator_share=1.0))

    def body(state, _):
        return program.train_step(state, Batch(real=jnp.ones((32, 2))))

    @jax.jit
    def updates(share):
        state, _ = jax.lax.scan(body, with_float(first, "discriminator_share", share), length=100)
        return state.players["discriminator"].step, state.players["generator"].step

    of_d, of_g = jax.vmap(updates)(jnp.array([0.0, 0.3, 1.0]))
    assert of_d[0] == 0 and of_d[2] == 100
    assert abs(of_d[1] - 30) < 4 * np.sqrt(100 * 0.3 * 0.7)  # four standard deviations
    np.testing.assert_array_equal(of_g, 100)


def test_any_loss_measures_what_its_generator_minimises():
    """So where the measure is the run's own loss, it is the generator's metric."""
    kwargs = {"generator_target": 0.5}
    config = controlled(name="least_squares", kwargs=kwargs, adjusts="loss.weight")
    loss = TermConfig(name="least_squares", kwargs=kwargs)
    program, state = start(dataclasses.replace(config, loss=loss))
    _, metrics = jax.jit(program.train_step)(state, Batch(real=jnp.ones((32, 2))))
    assert metrics["loss/generator"] > 0
    np.testing.assert_allclose(
        metrics["controllers/balance/measured"], metrics["loss/generator"], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adjusts": "loss.wieght"}, "did you mean 'loss.weight'"),
        ({}, "discriminator_share, which is unset"),
        ({"name": "acu"}, "unknown measure 'acu'; did you mean 'auc'"),
        ({"adjusts": "loss.weight", "upper": 0.5}, "loss.weight starts at 1.0"),
        ({"adjusts": "loss.weight", "kwargs": {"x": 1}}, "takes no hyperparameters"),
        ({"adjusts": "ema_half_life", "upper": 1e3}, "ema_half_life, which is a ramp"),
    ],
)
def test_mistakes_are_told_before_anything_compiles(settings, message):
    config = override(controlled(**settings), "ema_half_life", Ramp(500.0, 50.0))
    with pytest.raises(ConfigError, match=message):
        build(config, one_device())


def test_limits_must_be_positive_and_in_order():
    with pytest.raises(ConfigError, match="0 < lower <= upper"):
        controlled(lower=0.0)


def test_a_measure_of_logits_needs_a_discriminator():
    """One of images alone does not."""
    config = dataclasses.replace(CONFIG, loss=TermConfig(name="mmd_gaussian", on="images"))
    config = dataclasses.replace(
        config,
        controllers={
            "c": ControllerConfig(name="cosine", on="images", adjusts="loss.weight", upper=2.0)
        },
    )
    for on, players in (("images", {"generator"}), ("logits", {"generator", "discriminator"})):
        init = build(override(config, "controllers.c.on", on), one_device()).init
        assert set(jax.eval_shape(init, jax.random.key(0)).players) == players


@pytest.mark.slow
def test_a_metric_of_the_game_can_be_measured():
    """Any metric of the step by its name; and a controller of a measure that asks for labels."""
    config = dataclasses.replace(
        controlled(name="logits/real", adjusts="loss.weight", rate=-1.0, target=0.0, upper=2.0),
        data=DataConfig(name="digits", batch_size=16),
    )
    config = override(config, "controllers.match.name", "conditional_mmd")
    config = override(config, "controllers.match.on", "features")
    config = override(config, "controllers.match.adjusts", "ema_half_life")
    program, state = start(override(config, "controllers.match.upper", 1e3))
    batch = batch_of(program, 16)
    new, metrics = jax.jit(program.train_step)(state, batch)
    np.testing.assert_allclose(
        new.hparams["loss"]["weight"],
        np.clip(np.exp(-np.float64(metrics["logits/real"])), 0.001, 2.0),
        rtol=1e-5,
    )
    assert metrics["controllers/balance/adjusted"] == new.hparams["loss"]["weight"]
    assert np.isfinite(metrics["controllers/match/measured"])


def test_metrics_of_every_turn_can_be_measured_and_unknown_ones_are_told():
    settings = {"adjusts": "loss.weight", "rate": 1.0, "target": 0.0, "upper": 2.0}
    program, state = start(controlled(name="loss/discriminator", **settings))
    new, metrics = jax.jit(program.train_step)(state, Batch(real=jnp.ones((32, 2))))
    np.testing.assert_allclose(
        new.hparams["loss"]["weight"], np.clip(np.exp(metrics["loss/discriminator"]), 0, 2), 1e-5
    )
    program, state = start(controlled(name="logits/reel", **settings))
    with pytest.raises(ConfigError) as error:
        jax.eval_shape(program.train_step, state, Batch(real=jnp.ones((32, 2))))
    assert str(error.value) == (
        "unknown metric, as controllers.balance.name, 'logits/reel'; did you mean 'logits/real'?"
    )
