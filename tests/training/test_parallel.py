"""One device, and eight by each of the ways to run on them: the same numbers."""

import dataclasses
import functools
import math
import re

import jax
import numpy as np
import pytest
from execution import GROUPS, UNSTABLE, with_losses
from flax import linen as nn
from programs import player

from jaxgan.config import (
    AugmentationConfig,
    Config,
    ControllerConfig,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    PenaltyConfig,
    PlayerConfig,
    TermConfig,
    override,
)
from jaxgan.errors import ConfigError
from jaxgan.penalties import PENALTIES
from jaxgan.runs.build import build
from jaxgan.training import parallel
from jaxgan.types import Outputs

STEPS = 5
PLAYERS = ("generator", "discriminator")
KEY = jax.random.key(0)
CONFIG = Config(
    data=DataConfig(name="ring", batch_size=32),
    latent=LatentConfig(dim=2),
    generator=player(0.05, widths=(16,), output="linear"),
    discriminator=player(0.05, widths=(16,)),
)


def trained(config, num_devices, mode="jit"):
    """The metrics of each step, and the last generator's parameters."""
    config = dataclasses.replace(config, parallel=mode)
    mesh = parallel.make_mesh(jax.devices()[:num_devices])
    program = build(config, mesh)
    state = parallel.replicate(jax.jit(program.init)(KEY, program.fit(KEY)), mesh)
    run = parallel.compiled(program.run_steps, mode=program.mode, mesh=mesh, stacked=False)
    state, metrics = run(state, parallel.replicate(program.data(), mesh), STEPS)
    return jax.device_get(metrics), jax.device_get(state.players["generator"].params)


def with_penalties():
    """All of them, of which every second one is lazy, if it can be."""
    can_be_lazy = [n for n, p in PENALTIES.items() if p.network is None and not p.of_generator]
    penalties = {
        name: PenaltyConfig(weight=0.1, every=2 if name in can_be_lazy[1::2] else 1)
        for name in PENALTIES
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


@pytest.mark.parametrize("mode", ["jit", "shard_map", "pmap"])
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: f"{names[0]}...{names[-1]}")
@pytest.mark.slow
def test_every_loss_is_the_same_on_eight_devices(names, mode):
    alone, together = losses_on_one_device(names), trained(with_losses(CONFIG, names), 8, mode)
    config = with_losses(CONFIG, names)
    players = ("generator",) if config.game.name == "distribution_matching" else PLAYERS
    assert {f"{player}/{name}" for name in names for player in players} <= set(alone[0])
    check_equal(alone, together, 2e-2 if names[0] in UNSTABLE else 1e-5)


@pytest.mark.parametrize("mode", ["jit", "shard_map", "pmap"])
@pytest.mark.slow
def test_every_penalty_is_the_same_on_eight_devices(mode):
    alone = penalties_on_one_device()
    assert {f"discriminator/{name}" for name in PENALTIES} <= set(alone[0])
    check_equal(alone, trained(with_penalties(), 8, mode))


@pytest.mark.parametrize("mode", ["jit", "shard_map", "pmap"])
@pytest.mark.slow
def test_penalties_of_features_are_the_same_on_eight_devices(mode):
    """All devices draw the same signs."""
    config = dataclasses.replace(
        CONFIG,
        loss=TermConfig(name="mmd_gaussian", on="features", jacobian_scale=1.0),
        penalties={"r1": PenaltyConfig(weight=0.1)},
    )
    check_equal(trained(config, 1), trained(config, 8, mode))


@pytest.mark.parametrize("mode", ["jit", "shard_map", "pmap"])
@pytest.mark.slow
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


def test_auto_runs_one_program_on_each_of_several_cpus():
    """Batch statistics are those of the whole batch; the penalty is of each sample."""
    config = override(CONFIG, "loss.name", "mmd_gaussian")
    config = dataclasses.replace(config, penalties={"r1": PenaltyConfig(weight=0.1)})
    for name in PLAYERS:
        config = override(config, f"{name}.network.kwargs.norm", "batch")
    program = build(dataclasses.replace(config, parallel="auto"))
    assert program.mode == "shard_map"
    check_equal(trained(config, 1), trained(config, 8, "auto"))
    # Its public step is one of whole batches, as on one device.
    state, batch = jax.eval_shape(program.init, KEY), jax.tree.map(lambda x: x[:32], program.data())
    stepped, metrics = jax.eval_shape(program.train_step, state, batch)
    assert jax.tree.map(np.shape, stepped) == jax.tree.map(np.shape, state)
    assert set(map(np.shape, metrics.values())) == {()}


class Unshared(nn.Module):
    """A user's network, which would take batch statistics of a device alone."""

    @nn.compact
    def __call__(self, x, condition=None, *, train):
        return Outputs(nn.Dense(1)(nn.BatchNorm(use_running_average=not train)(x)), x)


@pytest.mark.parametrize(
    ("changes", "devices"),
    [
        ({}, 1),
        ({"fsdp": 32}, 8),
        ({"discriminator": PlayerConfig(network=NetworkConfig(name=f"{__name__}:Unshared"))}, 8),
    ],
    ids=["one device", "a state in parts", "a network that shares no statistics"],
)
def test_auto_leaves_to_xla_what_it_must(changes, devices):
    config = dataclasses.replace(CONFIG, parallel="auto", **changes)
    assert build(config, parallel.make_mesh(jax.devices()[:devices])).mode == "jit"


def gathered_bytes(config):
    """What all-gathers put on each device in one step on eight, by the compiled program."""
    program = build(dataclasses.replace(config, parallel="pmap"), parallel.make_mesh())
    state = jax.eval_shape(program.init, jax.random.key(0))
    n = config.data.batch_size // 8
    batch = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((8, n, *x.shape[1:]), x.dtype), program.data()
    )
    step = jax.pmap(program.train_step, parallel.AXIS, in_axes=(None, 0), out_axes=(None, None))
    text = step.lower(state, batch).compile().as_text()
    lines = [
        line.partition(" all-gather")[0] for line in text.splitlines() if "all-gather(" in line
    ]
    arrays = [array for line in lines for array in re.findall(r"[a-z](\d+)\[([\d,]*)\]", line)]
    return sum(int(bits) // 8 * math.prod(map(int, sides.split(","))) for bits, sides in arrays)


def dcgan(**kwargs):
    return dataclasses.replace(
        player(0.1), network=NetworkConfig(name="dcgan", kwargs={"width": 4, **kwargs})
    )


@pytest.mark.slow
def test_only_what_a_loss_compares_as_a_set_is_gathered():
    """Logits of the discriminator's two turns, three times 64 floats; no image, no penalty's."""
    config = dataclasses.replace(
        override(CONFIG, "data", DataConfig(name="digits", batch_size=64)),
        generator=dcgan(),
        discriminator=dcgan(conditioning="projection", norm="none"),
        penalties={"r1": PenaltyConfig(), "dragan": PenaltyConfig()},
        augmentation=AugmentationConfig(name="flip_shift"),
    )
    assert gathered_bytes(config) == 3 * 64 * 4
    images = dataclasses.replace(
        override(CONFIG, "data", config.data), loss=TermConfig(name="mmd_gaussian", on="images")
    )
    assert gathered_bytes(images) == 2 * 64 * 64 * 4  # real and fake, in the generator's turn


def test_an_unequal_share_is_refused_before_anything_compiles():
    with pytest.raises(ConfigError, match="30 does not divide over 8 devices; try 32"):
        build(override(CONFIG, "data.batch_size", 30), parallel.make_mesh())
