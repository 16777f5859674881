"""One device, eight devices sharded, and eight under pmap: the same numbers."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from execution import GROUPS, UNSTABLE, with_losses
from jax.sharding import PartitionSpec as P

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
from jaxgan.data import whole
from jaxgan.errors import ConfigError
from jaxgan.penalties import PENALTIES
from jaxgan.runs.build import build
from jaxgan.training import parallel

# Gradient descent: Adam would amplify gradients of pure rounding noise, such as that of a bias to
# which a loss is indifferent.
SGD = OptimizerConfig(name="sgd")
STEPS = 5


def player(learning_rate, **kwargs):
    return PlayerConfig(
        network=NetworkConfig(name="mlp", kwargs={"widths": (16,), **kwargs}),
        optimizer=SGD,
        learning_rate=learning_rate,
    )


CONFIG = Config(
    data=DataConfig(name="ring", batch_size=32),
    latent=LatentConfig(dim=2),
    generator=player(0.05, output="linear"),
    discriminator=player(0.05),
)


def trained(config, num_devices, mode="jit"):
    """The metrics of each step, and the last generator's parameters."""
    config = dataclasses.replace(config, parallel=mode)
    mesh = parallel.make_mesh(jax.devices()[:num_devices])
    run = build(config, mesh)
    state = parallel.replicate(jax.jit(run.init)(jax.random.key(0)), mesh)
    dispatch = parallel.make_dispatch(
        run.train_step,
        mode=mode,
        mesh=mesh,
        batch_size=config.data.batch_size * config.discriminator_steps,
    )
    state, metrics = dispatch(state, parallel.replicate(whole(run.source), mesh), STEPS)
    return jax.device_get(metrics), jax.device_get(state.generator.params)


def with_penalties():
    """All of them, of which every second one is lazy."""
    penalties = {
        name: PenaltyConfig(weight=0.1, every=1 + index % 2) for index, name in enumerate(PENALTIES)
    }
    return dataclasses.replace(CONFIG, penalties=penalties)


@functools.lru_cache
def losses_on_one_device(names):
    return trained(with_losses(CONFIG, names), 1)


@functools.lru_cache
def penalties_on_one_device():
    return trained(with_penalties(), 1)


def check_equal(one, other, tolerance=1e-5):
    def close(a, b, name=""):
        loose = {"gradient_norm": 10}
        scales = (scale for part, scale in loose.items() if part in name)
        atol = tolerance * max(1, np.abs(a).max(), *scales)
        np.testing.assert_allclose(a, b, rtol=0, atol=atol, err_msg=name)

    (metrics, params), (other_metrics, other_params) = one, other
    assert metrics.keys() == other_metrics.keys()
    for name in metrics:
        assert metrics[name].shape == (STEPS,)
        close(metrics[name], other_metrics[name], name)
    jax.tree.map(close, params, other_params)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: f"{names[0]}...{names[-1]}")
@pytest.mark.parametrize("mode", ["jit", pytest.param("pmap", marks=pytest.mark.slow)])
def test_every_loss_is_the_same_on_eight_devices(names, mode):
    alone, together = losses_on_one_device(names), trained(with_losses(CONFIG, names), 8, mode)
    assert {
        f"terms/{name}/{player}" for name in names for player in ("generator", "discriminator")
    } <= set(alone[0])
    check_equal(alone, together, 2e-2 if names[0] in UNSTABLE else 1e-5)


@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_every_penalty_is_the_same_on_eight_devices(mode):
    alone = penalties_on_one_device()
    assert {f"penalties/{name}" for name in PENALTIES} <= set(alone[0])
    check_equal(alone, trained(with_penalties(), 8, mode))


@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_the_rest_of_a_config_on_eight_devices(mode):
    """Batch statistics are those of the whole batch, minibatches and skipped updates the same."""
    config = override(CONFIG, "data.batch_size", 16)
    config = dataclasses.replace(
        config,
        discriminator_steps=2,
        fresh_latents=True,
        discriminator_share=0.5,
        terms={"scaled": TermConfig(name="mmd_gaussian", weight=0.1, jacobian_scale=10.0)},
        controllers={"c": ControllerConfig(name="cosine", on="features", rate=0.1)},
    )
    for name in ("generator", "discriminator"):
        config = override(config, f"{name}.network.kwargs.norm", "batch")
    check_equal(trained(config, 1), trained(config, 8, mode))


def test_shard_map_equals_one_device():
    config = dataclasses.replace(CONFIG, loss=TermConfig(name="mmd_gaussian"), parallel="pmap")
    mesh = parallel.make_mesh()
    run = build(config, mesh)
    alone = build(
        dataclasses.replace(config, parallel="jit"), parallel.make_mesh(jax.devices()[:1])
    )
    state = jax.jit(run.init)(jax.random.key(0))
    batch = jax.tree.map(lambda x: x[:32], whole(run.source)).replace(labels=None)
    mapped = jax.shard_map(
        run.train_step,
        mesh=mesh,
        in_specs=(P(), P(parallel.AXIS)),
        out_specs=P(),
        check_vma=False,
    )
    (one, metrics), (other, expected) = (
        jax.jit(step)(state, batch) for step in (mapped, alone.train_step)
    )
    np.testing.assert_allclose(metrics["loss/generator"], expected["loss/generator"], atol=1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        one.generator.params,
        other.generator.params,
    )


def test_an_unequal_share_is_refused_before_anything_compiles():
    with pytest.raises(ConfigError, match="30 does not divide over 8 devices; try 32"):
        build(override(CONFIG, "data.batch_size", 30), parallel.make_mesh())
