"""What every augmentation must do, over the registry."""

import functools
import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device

from jaxgan import augmentations, collectives, registry
from jaxgan.augmentations import AUGMENTATIONS, Augmentation, augmentation
from jaxgan.errors import ConfigError

HALF = 0.5  # with which about half of the samples change, so that both cases are in a batch


def images(n, side=6, dtype=jnp.float32, seed=0):
    values = np.random.default_rng(seed).uniform(-1, 1, (n, side, side, 3))
    return jnp.asarray(values, dtype)


def augmented(name, x, key, probability=HALF, axis_name=None, **options):
    function = AUGMENTATIONS[name].function
    return function(x, key=key, axis_name=axis_name, probability=probability, **options)


def changed(x, y):
    return np.any(np.asarray(x) != np.asarray(y), axis=tuple(range(1, x.ndim)))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_probability_says_how_many_change(name, key):
    """None, bit for bit, with probability 0; without a new compilation for another one."""
    traced = []

    @jax.jit
    def some(x, probability):
        traced.append(1)
        return augmented(name, x, key, probability)

    x = images(64)
    np.testing.assert_array_equal(some(x, 0.0), x)
    few, many = (changed(x, some(x, p)).sum() for p in (0.1, 1.0))
    assert 0 < few < 50
    assert many >= 60
    assert len(traced) == 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.slow
def test_each_sample_draws_for_itself(name, key):
    """Equal samples become different ones, and what becomes of one does not depend on others."""
    some = jax.jit(functools.partial(augmented, name, key=key, probability=1.0))
    x = images(8)
    assert len(np.unique(some(jnp.tile(x[:1], (8, 1, 1, 1))), axis=0)) > 4
    np.testing.assert_array_equal(some(x)[3], some(x.at[:3].set(0).at[4:].set(1))[3])


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.slow
def test_half_precision_stays_half_precision(name, key):
    x = images(16, dtype=jnp.bfloat16)
    some = jax.jit(functools.partial(augmented, name, key=key))
    out = some(x)
    assert out.dtype == jnp.bfloat16
    expected = some(x.astype(jnp.float32))
    np.testing.assert_allclose(out.astype(jnp.float32), expected, rtol=2**-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradient_matches_central_differences_in_float64(name):
    with jax.enable_x64(True):
        x = images(6, side=4, dtype=jnp.float64)
        weights = images(6, side=4, dtype=jnp.float64, seed=1)

        @jax.jit
        @jax.value_and_grad
        def value(x):
            return jnp.sum(weights * jnp.sin(augmented(name, x, jax.random.key(1))))

        gradient = value(x)[1]
        assert gradient.dtype == jnp.float64
        assert np.any(gradient != weights * jnp.cos(x))
        expected = central_differences(lambda x: value(x)[0], x)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("mode", MODES)
def test_eight_devices_agree_with_one(name, mode):
    def step(key, x, *, axis_name):
        mine = augmented(name, x, key, axis_name=axis_name)
        return collectives.mean(collectives.gather(mine, axis_name), axis_name)

    x = images(16)
    expected = on_one_device(step, jax.random.key(3), x)
    assert 2 < changed(x, expected).sum() <= 16
    np.testing.assert_allclose(
        on_eight_devices(mode, step, jax.random.key(3), x), expected, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.slow
def test_members_of_a_sweep_have_their_own_keys_and_probabilities(name):
    x, keys = images(8), jax.random.split(jax.random.key(1), 3)
    probabilities = jnp.array([0.0, 0.5, 1.0])
    member = functools.partial(augmented, name, x)
    swept, one = jax.jit(jax.vmap(member))(keys, probabilities), jax.jit(member)
    for key, probability, out in zip(keys, probabilities, swept, strict=True):
        np.testing.assert_allclose(out, one(key, probability), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(AUGMENTATIONS) - {"flip_shift"}))
def test_points_are_refused_with_what_to_do(name, key):
    with pytest.raises(ConfigError, match=rf"'{name}' is for images .* \(5, 2\); use 'flip_shift'"):
        augmented(name, jnp.ones((5, 2)), key)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_records(name):
    record = AUGMENTATIONS[name]
    assert getattr(augmentations, name) is record.function
    floats = {k for k, v in record.hyperparameters.items() if isinstance(v, float)}
    assert "probability" in floats <= set(record.ranges) <= set(record.hyperparameters)
    assert registry.bind(record.function, {"probability": 1}, "a", record.ranges)
    with pytest.raises(ConfigError, match=r"a\.kwargs\.probability is 1.5; it must be in \[0, 1\]"):
        registry.bind(record.function, {"probability": 1.5}, "a", record.ranges)
    assert re.search(
        r"Source: .+20\d\d[^§]*https://arxiv.org/abs/", inspect.getdoc(record.function)
    )


def test_the_decorator_registers_under_the_functions_name(monkeypatch, key):
    monkeypatch.setattr(augmentations.record, "AUGMENTATIONS", {})

    @augmentation()
    def negate(x, *, key, axis_name, probability=1.0):
        return -x

    assert {"negate": Augmentation(negate)} == augmentations.record.AUGMENTATIONS
    assert Augmentation(negate)(jnp.ones(2), key=key, axis_name=None)[0] == -1
    assert Augmentation(negate).hyperparameters == {"probability": 1.0}
