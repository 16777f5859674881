"""Metrics inside the compiled loop: when they are taken, what they are, and on how many devices."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array

from jaxgan import collectives
from jaxgan.data import Mixture, from_arrays, load
from jaxgan.evaluation import (
    conditions,
    feature_monitor,
    make_monitor,
    make_reference,
    mixture_monitor,
    monitored,
    request,
)
from jaxgan.features import FeatureNetwork
from jaxgan.metrics import mixture_modes
from jaxgan.types import Batch

CENTERS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]], np.float32)
MIXTURE = Mixture(CENTERS, 0.3)
NUM = 64
MESH = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))


class State(NamedTuple):
    step: Array
    key: Array
    scale: Array


STATE = State(jnp.int32(0), jax.random.key(0), jnp.float32(0.3))


def train_step(state, batch):
    return state._replace(step=state.step + 1), {"loss": batch.real.sum()}


def sampler(state, key, batch, *, axis_name=None):
    """Points about the centres; under an axis name each device makes its part, and all gather."""
    z = jax.random.normal(key, (len(batch.real), 2))
    modes = jnp.arange(len(z)) % 3 if batch.labels is None else batch.labels
    local = partial(collectives.local_slice, axis_name=axis_name)
    samples = jnp.asarray(CENTERS)[local(modes)] + state.scale * local(z)
    return collectives.gather(samples, axis_name)


def key_at(step):
    return jax.random.fold_in(jax.random.fold_in(STATE.key, 2**32 - 4), step)


def shard(x):
    return jax.lax.with_sharding_constraint(x, NamedSharding(MESH, PartitionSpec("data")))


def test_it_looks_every_so_many_steps_at_samples_of_that_moment():
    monitor = mixture_monitor(MIXTURE, sampler, request(NUM))
    step = monitored(train_step, monitor, every=3)
    batches = Batch(real=jnp.ones((6, 2)))
    state, metrics = jax.jit(lambda state: jax.lax.scan(step, state, batches))(STATE)
    assert metrics["loss"].tolist() == [2.0] * 6
    taken = np.isfinite(metrics["monitor/reverse_kl"])
    np.testing.assert_array_equal(taken, [False, False, True] * 2)
    expected = mixture_modes(sampler(state, key_at(6), request(NUM)), CENTERS, 0.3)
    for name, value in expected._asdict().items():
        assert metrics[f"monitor/{name}"].dtype == jnp.float32
        np.testing.assert_allclose(metrics[f"monitor/{name}"][-1], value, rtol=1e-5)


def pixels(params, x):
    return params * x, None


NETWORK = FeatureNetwork("twice", jnp.float32(2.0), pixels)
REAL = jnp.asarray(np.random.default_rng(0).normal(size=(20, 2)).astype("f"))


def monitors(**options):
    features = dict(options)
    options.pop("axis_name", None)
    sample = partial(sampler, axis_name=features.get("axis_name"))
    return (
        mixture_monitor(MIXTURE, sample, request(NUM), **options),
        feature_monitor(NETWORK, REAL, sample, request(NUM), **features),
    )


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("mode", ["jit", "shard_map", "pmap"])
@pytest.mark.slow
def test_eight_devices_see_what_one_sees(which, mode):
    one = jax.jit(monitors()[which])(STATE)
    if mode == "jit":
        eight = jax.jit(monitors(shard=shard)[which])(STATE)
    else:
        monitor = monitors(axis_name="data")[which]
        if mode == "pmap":
            mapped = jax.pmap(lambda _: monitor(STATE), "data", out_axes=None)
            eight = mapped(jnp.arange(8))
        else:
            everywhere = PartitionSpec()
            mapped = jax.shard_map(
                monitor, mesh=MESH, in_specs=everywhere, out_specs=everywhere, check_vma=False
            )
            eight = jax.jit(mapped)(STATE)
    assert set(one) == set(eight)
    for name, value in one.items():
        np.testing.assert_allclose(eight[name], value, rtol=1e-4, atol=1e-5)


def test_a_conditional_sampler_is_asked_for_the_classes_of_the_data():
    points = CENTERS[np.array([0, 1, 1, 1])]
    source = from_arrays(points, np.array([0, 1, 1, 1]), name="mine", num_classes=3)
    source = source.__class__(**{**vars(source), "mixture": MIXTURE})
    monitor = make_monitor(make_reference(source, None, None), sampler, num_samples=NUM)
    asked = conditions(source, NUM)
    assert np.bincount(asked.labels, minlength=3).tolist() == [16, 48, 0]
    assert jax.jit(monitor)(STATE)["modes"] == 2


@pytest.mark.slow
def test_the_monitor_suits_the_data():
    reference = make_reference(load("ring"), None, None)
    assert set(make_monitor(reference, sampler, num_samples=8)(STATE)) == {
        "modes",
        "high_quality",
        "reverse_kl",
        "std_ratio",
    }
    points = from_arrays(np.asarray(REAL), name="mine")
    reference = make_reference(points, None, None)
    assert set(make_monitor(reference, sampler, num_samples=8)(STATE)) == {"kid"}


def test_members_of_a_sweep_are_looked_at_without_further_work():
    """With the sweep's axis the other steps still skip it: the branch stays one under vmap."""
    states = State(jnp.zeros(2, jnp.int32), jax.random.split(STATE.key, 2), jnp.array([0.1, 0.2]))
    batch = Batch(real=jnp.ones(2))

    def sweep(members):
        step = monitored(train_step, lambda s: {"scale": s.scale}, every=2, members=members)
        return jax.jit(jax.vmap(step, in_axes=(0, None), axis_name="members"))

    for members, branches in (("members", 1), (None, 0)):
        step = sweep(members)
        assert step.trace(states, batch).jaxpr.pretty_print().count(" cond[") == branches
        new, metrics = step(states, batch)
        assert np.isnan(metrics["monitor/scale"]).all()
        _, metrics = step(new, batch)
        np.testing.assert_allclose(metrics["monitor/scale"], states.scale)


def test_kid_of_features_is_that_of_a_double_loop():
    """Binkowski et al. 2018: k(x, y) = (<x, y> / d + 1)^3, unbiased; in float64."""
    monitor = feature_monitor(NETWORK, REAL, sampler, request(16))
    fake = 2.0 * np.float64(sampler(STATE, key_at(0), request(16)))

    def kernel(x, y):
        return np.array([[(a @ b / 2 + 1) ** 3 for b in y] for a in x])

    def within(x):
        gram = kernel(x, x)
        return (gram.sum() - np.trace(gram)) / (len(x) * (len(x) - 1))

    x = np.float64(REAL)
    expected = within(x) + within(fake) - 2 * kernel(x, fake).mean()
    np.testing.assert_allclose(jax.jit(monitor)(STATE)["kid"], expected, rtol=1e-4)
