"""Ramps against optax's schedules and NumPy, and on every kind of float of a run."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from programs import RING, close, member, points, start, with_float

from jaxgan.config import (
    AugmentationConfig,
    OptimizerConfig,
    PenaltyConfig,
    Ramp,
    TermConfig,
    override,
)
from jaxgan.ramp import SHAPES
from jaxgan.training.schedules import at_start, ramp_value, scheduled, value_at, with_value
from jaxgan.types import Batch

BODIES = {
    "constant": lambda start, end, n: optax.constant_schedule(start),
    "linear": lambda start, end, n: optax.linear_schedule(start, end, n),
    "cosine": lambda start, end, n: optax.cosine_decay_schedule(start, n, alpha=end / start),
    "exponential": lambda start, end, n: optax.exponential_decay(
        start, n, end / start, end_value=end
    ),
}


def in_float64(ramp, step):
    """The value at a step from 0, of a ramp that has its number of steps."""
    if step < ramp.warmup:
        return ramp.start * (step + 1) / ramp.warmup
    first = ramp.warmup + round(ramp.hold * (ramp.steps - ramp.warmup))
    done = min(max(step - first, 0) / (ramp.steps - first), 1.0)
    if ramp.shape == "exponential":
        return np.exp((1 - done) * np.log(ramp.start) + done * np.log(ramp.end))
    shares = {"constant": 0.0, "linear": done, "cosine": (1 - np.cos(np.pi * done)) / 2}
    return ramp.start + (ramp.end - ramp.start) * shares[ramp.shape]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_start_is_the_schedule_at_step_0(shape):
    """Of floats as floats, and of tuples."""
    hparams = {"rate": {"start": 0.3, "end": 0.1}, "loss": {"k": {"start": (3.0, 5.0), "end": 1.0}}}
    arrays = jax.tree.map(jnp.asarray, hparams, is_leaf=lambda x: isinstance(x, tuple))
    for warmup in (0, 1, 6):
        ramp = Ramp(1.0, 0.0, steps=20, shape=shape, warmup=warmup)
        ramps = {("rate",): ramp, ("loss", "k"): ramp}
        expected = scheduled(arrays, ramps, jnp.zeros((), jnp.int32))
        found = at_start(hparams, ramps)
        assert isinstance(found["rate"], float)
        np.testing.assert_allclose(found["rate"], expected["rate"], rtol=0, atol=1e-7)
        np.testing.assert_allclose(found["loss"]["k"], expected["loss"]["k"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_optaxs_and_numpys(shape):
    """Falling; with and without a warm-up, which rises from start / warmup."""
    steps = np.arange(25)
    for warmup in (0, 1, 6):
        ramp = Ramp(2.0, 0.25, steps=20, shape=shape, warmup=warmup)
        found = jax.vmap(lambda step, ramp=ramp: ramp_value(ramp, 2.0, 0.25, step))(steps)
        expected = [in_float64(ramp, step) for step in steps]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        schedule = BODIES[shape](2.0, 0.25, 20 - warmup)
        if warmup:
            rise = optax.linear_schedule(2.0 / warmup, 2.0, max(warmup - 1, 1))
            schedule = optax.join_schedules([rise, schedule], [warmup])
        if warmup != 1:  # of which optax's rise would be of no length
            np.testing.assert_allclose(found, jax.vmap(schedule)(steps), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_ramp_may_be_held_before_it_falls(shape):
    """That of warm-up, stable phase and decay (WSD), as optax joins it."""
    steps = np.arange(25)
    for warmup in (0, 4):
        ramp = Ramp(2.0, 0.25, steps=20, shape=shape, warmup=warmup, hold=0.5)
        found = jax.vmap(lambda step, ramp=ramp: ramp_value(ramp, 2.0, 0.25, step))(steps)
        expected = [in_float64(ramp, step) for step in steps]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        rise = optax.linear_schedule(2.0 / max(warmup, 1), 2.0, max(warmup - 1, 1))
        held = (20 - warmup) // 2
        parts = [rise, optax.constant_schedule(2.0), BODIES[shape](2.0, 0.25, held)]
        joined = optax.join_schedules(parts, [warmup, warmup + held])
        np.testing.assert_allclose(found, jax.vmap(joined)(steps), rtol=0, atol=1e-6)


def test_rising_ramps_and_those_through_zero():
    steps = np.arange(9)
    for ends in ((0.0, 1.0), (-1.0, 2.0)):
        for shape in ("linear", "cosine"):
            ramp = Ramp(*ends, steps=7, shape=shape)
            found = jax.vmap(lambda step, ramp=ramp: ramp_value(ramp, *ramp[:2], step))(steps)
            expected = [in_float64(ramp, step) for step in steps]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_the_ends_of_a_ramp_become_its_value():
    hparams = {"a": {"b": {"start": 1.0, "end": 3.0}, "c": 5.0}, "d": 7.0}
    found = scheduled(hparams, {("a", "b"): Ramp(9.0, steps=4)}, jnp.int32(1))
    assert found == {"a": {"b": 1.5, "c": 5.0}, "d": 7.0}
    assert hparams["a"]["b"] == {"start": 1.0, "end": 3.0}
    assert value_at(with_value(hparams, ("a", "c"), 0.0), ("a", "c")) == 0.0


@pytest.mark.slow
def test_a_ramp_of_a_tuple_moves_each_of_its_numbers():
    """And a loss gets them as a tuple."""
    hparams = {"a": {"start": jnp.array([1.0, 4.0]), "end": jnp.array([3.0, 0.0])}}
    found = scheduled(hparams, {("a",): Ramp((9.0, 9.0), (9.0, 9.0), steps=4)}, jnp.int32(1))
    np.testing.assert_array_equal(found["a"], [1.5, 3.0])
    several = TermConfig(name="mmd_gaussian_mixture", on="images")
    config = dataclasses.replace(RING, steps=2, loss=several, penalties={})
    bandwidths = Ramp((2.0, 1.0), (0.5, 0.2)), (2.0, 1.0)
    losses = []
    for value in bandwidths:
        program, state = start(override(config, "loss.kwargs.bandwidths", value))
        losses.append(trained(jax.jit(program.train_step), state)[1]["loss/generator"])
    assert losses[0][0] == losses[1][0] and abs(losses[0][1] - losses[1][1]) > 1e-4


RAMPS = {
    "generator.learning_rate": Ramp(0.02, 0.001, shape="cosine"),
    "generator.clip_norm": Ramp(0.02, 0.5, steps=3),
    "generator.network.kwargs.input_noise": Ramp(0.3, 0.01, shape="exponential"),
    "discriminator.learning_rate": Ramp(0.02, 0.002, steps=3, shape="exponential"),
    "discriminator.optimizer.kwargs.b1": Ramp(0.9, 0.1, steps=4),
    "penalties.r1.weight": Ramp(1.0, 0.1, steps=3, shape="exponential", warmup=1),
    "loss.weight": Ramp(1.0, warmup=2, shape="constant"),
    "loss.kwargs.bandwidth": Ramp(2.0, 0.5),
    "ema_half_life": Ramp(1.0, 5.0, steps=2),
    "augmentation.kwargs.probability": Ramp(0.2, 0.9, steps=4),
}
STEPS = 5
# Without effect at the last step: a constant ramp has no end, and others are at theirs by then.
ENDS = {name: "start" if ramp.shape == "constant" else "end" for name, ramp in RAMPS.items()}


@pytest.fixture(scope="module")
def runs():
    """(program, state, compiled run) with a ramp on every kind of float, and with plain floats."""
    config = dataclasses.replace(
        RING,
        steps=STEPS,
        loss=TermConfig(name="mmd_gaussian"),
        penalties={"r1": PenaltyConfig()},
        augmentation=AugmentationConfig(name="flip_shift"),
    )
    # Adam would amplify the rounding noise that is the gradient of this bias.
    config = override(config, "discriminator.network.kwargs.final_bias", False)
    config = override(config, "discriminator.optimizer", OptimizerConfig(name="adam"))
    made = []
    for is_ramped in (True, False):
        for name, ramp in RAMPS.items():
            config = override(config, name, ramp if is_ramped else ramp.start)
        program, state = start(config)
        made.append((program, state, jax.jit(program.train_step)))
    return made


def trained(step, state, *, of_step=lambda index, state: state):
    rows = []
    for index in range(STEPS):
        batch = Batch(real=points(16, seed=index) + 1.0)
        state, metrics = step(of_step(index, state), batch)
        rows.append(metrics)
    return state, jax.tree.map(lambda *values: jnp.stack(values), *rows)


def learned(state):
    """What a run changes, but for the floats."""
    return jax.tree.leaves((state.players, state.averages))


def test_a_ramp_is_its_value_at_every_step(runs):
    """Every ramp at once, against plain floats that are set to float64's values at each step."""
    (_, ramped, ramped_step), (_, plain, plain_step) = runs

    def at_step(index, state):
        for name, ramp in RAMPS.items():
            value = in_float64(ramp._replace(steps=ramp.steps or STEPS), index)
            state = with_float(state, name, value)
        return state

    (one, rows), (other, expected) = (
        trained(ramped_step, ramped),
        trained(plain_step, plain, of_step=at_step),
    )
    close(learned(one), learned(other), atol=1e-5)
    for name in expected:
        np.testing.assert_allclose(rows[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
    close(one.hparams, ramped.hparams, atol=0)  # the ends stay


def test_the_ends_are_traced(runs):
    """Each changes what is learned, and none compiles again; equal ends are a plain float."""
    (_, ramped, ramped_step), (_, plain, plain_step) = runs
    reference = learned(trained(ramped_step, ramped)[0])
    for name, end in ENDS.items():
        changed = with_float(ramped, f"{name}.{end}", 0.5 * getattr(RAMPS[name], end))
        found = learned(trained(ramped_step, changed)[0])
        assert any(not np.array_equal(a, b) for a, b in zip(found, reference, strict=True)), name
    for name, ramp in RAMPS.items():
        for end in ("start", "end"):
            ramped = with_float(ramped, f"{name}.{end}", ramp.start)
        # A warm-up starts below its ramp's start.
        plain = with_float(plain, name, ramp.start)

    def warmed(index, state):
        for name, ramp in RAMPS.items():
            rise = min((index + 1) / max(ramp.warmup, 1), 1.0)
            state = with_float(state, name, rise * ramp.start)
        return state

    one, other = trained(ramped_step, ramped)[0], trained(plain_step, plain, of_step=warmed)[0]
    close(learned(one), learned(other), atol=1e-6)
    assert ramped_step._cache_size() == plain_step._cache_size() == 1


@pytest.mark.slow
def test_a_sweep_over_the_ends_of_ramps(runs):
    """Members of a vmapped sweep equal runs of their own."""
    program, state, step = runs[0]
    swept = {"generator.learning_rate.end": [0.0, 0.1], "loss.kwargs.bandwidth.start": [1.0, 3.0]}
    states = jax.tree.map(lambda x: jnp.stack([x, x]), state)
    for name, values in swept.items():
        states = with_float(states, name, values)
    many, _ = trained(jax.jit(jax.vmap(program.train_step, in_axes=(0, None))), states)
    for index in range(2):
        alone, _ = trained(step, member(states, index))
        close(learned(member(many, index)), learned(alone), atol=1e-5)


def test_ramps_without_an_end_go_on_to_the_last_step(runs):
    ramps = runs[0][0].setup.ramps
    assert {".".join(path) for path in ramps} == set(RAMPS)
    for path, ramp in ramps.items():
        assert ramp.steps == (RAMPS[".".join(path)].steps or STEPS)
