"""Lazy regularisation by counting what runs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, on_eight_devices, on_one_device

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.penalties import lazy, witness_gaussian


@pytest.mark.parametrize("every", [1, 4])
def test_the_mean_over_steps_is_the_penalty(every):
    """Value and gradient, exactly, over 12 steps."""

    @jax.jit
    @jax.value_and_grad
    def value_and_grad(w, step):
        return lazy(lambda: w**3, step, every=every)

    values, gradients = zip(*(value_and_grad(2.0, jnp.int32(t)) for t in range(12)), strict=True)
    assert np.mean(values) == 8
    assert np.mean(gradients) == 12
    assert [bool(v) for v in values] == [t % every == 0 for t in range(12)]


def test_only_the_steps_that_need_it_compute_it():
    calls = []

    def penalty():
        jax.debug.callback(lambda: calls.append(1))
        return jnp.ones(())

    step = jax.jit(functools.partial(lazy, penalty, every=3))
    for t in range(7):
        step(jnp.int32(t))
    jax.effects_barrier()
    assert len(calls) == 3


def lazy_witness(w, real, fake, *, axis_name):
    """At a step with the penalty and one without, for every device: a gather inside the branch."""

    def value(w, step):
        penalty = functools.partial(
            witness_gaussian,
            lambda x: jnp.tanh(x @ w),
            real,
            fake,
            key=jax.random.key(0),
            axis_name=axis_name,
        )
        return lazy(penalty, step, every=2, axis_name=axis_name)

    steps = [jax.value_and_grad(value)(w, jnp.int32(t)) for t in (0, 1)]
    return collectives.mean(steps, axis_name)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_eight_devices_agree_with_one(mode):
    inputs = [
        jax.random.normal(jax.random.key(i), s) for i, s in enumerate([(2, 1), (16, 2), (8, 2)])
    ]
    expected = on_one_device(lazy_witness, *inputs)
    actual = on_eight_devices(mode, lazy_witness, *inputs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), actual, expected)
    assert expected[0][0] > 0
    assert expected[1][0] == 0


def test_every_must_be_positive():
    with pytest.raises(ConfigError, match="every is 0; it must be at least 1"):
        lazy(lambda: jnp.ones(()), jnp.int32(0), every=0)
