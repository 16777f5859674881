"""Metrics inside the compiled loop: when they are taken, what they are, and on how many devices."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import Config, DataConfig, LatentConfig, NetworkConfig, PlayerConfig, override
from jaxgan.data import whole
from jaxgan.errors import ConfigError
from jaxgan.evaluation import feature_monitor, make_monitor, monitored
from jaxgan.metrics import mixture_modes
from jaxgan.runs.build import build
from jaxgan.training import parallel
from jaxgan.training.state import sample
from jaxgan.types import Batch

CONFIG = Config(
    data=DataConfig(name="ring", batch_size=32),
    latent=LatentConfig(dim=2),
    generator=PlayerConfig(
        network=NetworkConfig(kwargs={"widths": (8,), "output": "linear"}), learning_rate=1e-2
    ),
    discriminator=PlayerConfig(network=NetworkConfig(kwargs={"widths": (8,)})),
    monitor_every=3,
    num_monitor_samples=64,
)


def looked(num_devices, mode="jit"):
    """The metrics of seven steps, and the last state."""
    config = dataclasses.replace(CONFIG, parallel=mode)
    mesh = parallel.make_mesh(jax.devices()[:num_devices])
    run = build(config, mesh)
    monitor = make_monitor(
        config,
        run.source,
        run.latents,
        place=functools.partial(parallel.spread, mode=mode, mesh=mesh),
        axis_name=parallel.axis_name(mode),
    )
    step = monitored(run.train_step, monitor, every=config.monitor_every)
    dispatch = parallel.make_dispatch(step, mode=mode, mesh=mesh, batch_size=32)
    state = parallel.replicate(jax.jit(run.init)(jax.random.key(0)), mesh)
    state, metrics = dispatch(state, parallel.replicate(whole(run.source), mesh), 6)
    return run, state, jax.device_get(metrics)


@functools.lru_cache
def on_one_device():
    return looked(1)


def test_it_looks_every_so_many_steps_at_samples_of_that_moment():
    run, state, metrics = on_one_device()
    kl = metrics["monitor/reverse_kl"]
    np.testing.assert_array_equal(np.isfinite(kl), [False, False, True] * 2)
    key = jax.random.fold_in(jax.random.fold_in(state.key, 2**32 - 4), 6)
    samples = jax.jit(sample)(state, run.latents(key, 64))
    expected = mixture_modes(samples, run.source.mixture.centers, run.source.mixture.sigma)
    for name, value in expected._asdict().items():
        np.testing.assert_allclose(metrics[f"monitor/{name}"][-1], value, rtol=1e-5)


@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_eight_devices_see_what_one_sees(mode):
    _, _, one = on_one_device()
    _, _, eight = looked(8, mode)
    for name in (name for name in one if name.startswith("monitor/")):
        np.testing.assert_allclose(eight[name], one[name], rtol=1e-4, atol=1e-5)


def test_members_of_a_sweep_are_looked_at_without_further_work():
    """With the sweep's axis the other steps still skip it: the branch stays one under vmap."""
    run, _, _ = on_one_device()

    def monitor(state):
        return {"rate": state.hparams["generator.learning_rate"]}

    rates = jnp.array([0.1, 0.2])
    states = jax.vmap(run.init)(jax.random.split(jax.random.key(0), 2))
    states = states.replace(hparams={**states.hparams, "generator.learning_rate": rates})
    batch = Batch(real=jnp.ones((32, 2)))

    def sweep(members):
        step = monitored(run.train_step, monitor, every=2, members=members)
        return jax.jit(jax.vmap(step, in_axes=(0, None), axis_name="members"))

    for members, branches in (("members", 1), (None, 0)):
        step = sweep(members)
        conditions = step.trace(states, batch).jaxpr.pretty_print().count(" cond[")
        assert conditions == branches
        new, metrics = step(states, batch)
        assert np.isnan(metrics["monitor/rate"]).all()
        _, metrics = step(new, batch)
        np.testing.assert_allclose(metrics["monitor/rate"], rates)


def test_kid_of_features_is_that_of_a_double_loop():
    """Binkowski et al. 2018: k(x, y) = (<x, y> / d + 1)^3, unbiased; in float64."""
    run, state, _ = on_one_device()
    real = np.random.default_rng(0).normal(size=(20, 2)).astype("f")
    monitor = feature_monitor(None, jnp.asarray(real), run.latents, num_samples=16)
    key = jax.random.fold_in(jax.random.fold_in(state.key, 2**32 - 4), state.step)
    fake = np.float64(jax.jit(sample)(state, run.latents(key, 16)))

    def kernel(x, y):
        return np.array([[(a @ b / 2 + 1) ** 3 for b in y] for a in x])

    def within(x):
        gram = kernel(x, x)
        return (gram.sum() - np.trace(gram)) / (len(x) * (len(x) - 1))

    x = np.float64(real)
    expected = within(x) + within(fake) - 2 * kernel(x, fake).mean()
    np.testing.assert_allclose(jax.jit(monitor)(state)["kid"], expected, rtol=1e-4)


def test_an_unequal_share_of_samples_is_refused():
    with pytest.raises(ConfigError, match="num_monitor_samples 60 does not divide over 8"):
        build(override(CONFIG, "num_monitor_samples", 60), parallel.make_mesh())
