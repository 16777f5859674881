"""Optimisers that are built in every step from traced floats, against optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from programs import close

from jaxgan.config import OptimizerConfig, PlayerConfig
from jaxgan.errors import ConfigError
from jaxgan.runs.entries import optimizer_entry
from jaxgan.training.optimizers import OPTIMIZERS, make_optimizer

# A static argument of each that has one, and the float that is changed beside the learning rate.
STATIC = {"adam": {"nesterov": True}, "sgd": {"nesterov": True}, "rmsprop": {"eps_in_sqrt": False}}
CHANGED = {
    "adam": "b1",
    "adamw": "weight_decay",
    "lion": "b2",
    "rmsprop": "decay",
    "sgd": "momentum",
}
STEPS = 5


def made(name, **kwargs):
    """(what the floats are, the optimiser as a function of them), as a run makes them."""
    config = PlayerConfig(optimizer=OptimizerConfig(name=name, kwargs=kwargs))
    entry = optimizer_entry(("generator",), config)

    def optimizer(floats, learning_rate, **further):
        hparams = {"learning_rate": learning_rate, "optimizer": {"kwargs": floats}, **further}
        return make_optimizer(hparams, function=entry.record, static=entry.static)

    return jax.tree.map(jnp.float32, entry.floats), optimizer


def problem():
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
    grads = jax.tree.map(lambda x: rng.normal(size=(STEPS, *x.shape)), params)
    to_float32 = lambda tree: jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), tree)  # noqa: E731
    return to_float32(params), to_float32(grads)


def descended(update, state, params, grads, *rows):
    """The parameters after each step, of (grads, state, params, *row of the step)."""

    def body(carry, row):
        state, params = carry
        updates, state = update(row[0], state, params, *row[1:])
        params = optax.apply_updates(params, updates)
        return (state, params), params

    return jax.lax.scan(body, (state, params), (grads, *rows))[1]


RATES = jnp.linspace(0.1, 0.3, STEPS)
VALUES = jnp.linspace(0.9, 0.5, STEPS)


def test_every_optimiser_is_here():
    assert set(CHANGED) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_equals_inject_hyperparams(name):
    """Five steps with floats that change from step to step."""
    static, changed = STATIC.get(name, {}), CHANGED[name]
    floats, optimizer = made(name, **{changed: 0.9}, **static)
    params, grads = problem()

    def ours(grads, state, params, rate, value):
        return optimizer({**floats, changed: value}, rate).update(grads, state, params)

    injected = optax.inject_hyperparams(OPTIMIZERS[name], static_args=tuple(static))(
        learning_rate=0.1, **floats, **static
    )

    def theirs(grads, state, params, rate, value):
        hyperparams = {**state.hyperparams, "learning_rate": rate, changed: value}
        return injected.update(grads, state._replace(hyperparams=hyperparams), params)

    @jax.jit
    def both(rates, values):
        first = optimizer(floats, RATES[0]).init(params)
        return (
            descended(ours, first, params, grads, rates, values),
            descended(theirs, injected.init(params), params, grads, rates, values),
        )

    one, other = both(RATES, VALUES)
    close(one, other, atol=1e-6)
    without = both(RATES, jnp.full(STEPS, VALUES[0]))[0]
    assert not np.allclose(one["w"][-1], without["w"][-1], atol=1e-4)  # the float matters


def test_clipping_of_the_norm_comes_before_the_optimiser():
    params, grads = problem()
    floats, optimizer = made("adam")
    limits = jnp.linspace(0.5, 9.0, STEPS)
    assert 0.5 < optax.tree.norm(jax.tree.map(lambda g: g[0], grads)) < 9.0

    def ours(grads, state, params, limit):
        return optimizer(floats, 0.1, clip_norm=limit).update(grads, state, params)

    def theirs(grads, state, params, limit):
        chained = optax.chain(optax.clip_by_global_norm(limit), optax.adam(0.1, **floats))
        return chained.update(grads, state, params)

    @jax.jit
    def both():
        first = optimizer(floats, 0.1, clip_norm=1.0).init(params)
        return [descended(update, first, params, grads, limits) for update in (ours, theirs)]

    one, other = both()
    close(one, other, atol=1e-6)
    unclipped = descended(
        lambda *row: optimizer(floats, 0.1).update(*row[:3]),
        optimizer(floats, 0.1).init(params),
        params,
        grads,
    )
    assert not np.allclose(one["w"][-1], unclipped["w"][-1], atol=1e-4)


def test_any_function_of_optax_by_its_module_and_name():
    floats, optimizer = made("optax:adagrad", initial_accumulator_value=0.5)
    params, grads = problem()
    theirs = optax.adagrad(0.1, initial_accumulator_value=0.5)

    @jax.jit
    def both():
        return [
            descended(each.update, each.init(params), params, grads)
            for each in (optimizer(floats, 0.1), theirs)
        ]

    close(*both(), atol=1e-6)
    with pytest.raises(ConfigError, match=r"unknown optimizer 'adan'; did you mean 'adam'\?"):
        made("adan")
    with pytest.raises(ConfigError, match=r"hyperparameter of generator.optimizer 'b'; did you"):
        made("adam", b=0.5)


def test_a_decay_of_one_or_more_is_refused():
    with pytest.raises(ConfigError, match=r"b1 is 1\.5; it must be in \[0, 1\)"):
        made("adam", b1=1.5)
