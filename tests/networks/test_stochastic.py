"""Noise and dropout: their laws, and the same draws whatever the number of devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import on_eight_devices, on_one_device
from flax import linen as nn

from jaxgan import collectives
from jaxgan.networks import (
    DCGANDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
    dropout,
    gaussian_noise,
)

N, SIDE = 16, 12
LEVELS = {"noise": 0.5, "input_noise": 0.3, "dropout": 0.4}
PLAYERS = {
    "mlp generator": MLPGenerator((SIDE, SIDE, 1), (8, 6)),
    "mlp": MLPDiscriminator((8, 6)),
    "weight-normed mlp": MLPDiscriminator((8, 6), weight_norm=True),
    "spectral mlp": MLPDiscriminator((8, 6), spectral_norm=True),
    "dcgan": DCGANDiscriminator(width=4),
}


class Own(nn.Module):
    """A user's own module."""

    level: float
    function: object
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x, *, train):
        return self.function(self, x, self.level, train=train, axis_name=self.axis_name)


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


X = normal(N, SIDE, SIDE, 1)


def variables_of(net):
    rng = np.random.default_rng(1)
    shapes = jax.eval_shape(partial(net.init, train=True), jax.random.key(0), X)
    return jax.tree.map(lambda leaf: jnp.float32(0.2 * rng.standard_normal(leaf.shape)), shapes)


def out(net, variables, x, key, train=True):
    rngs = {"noise": key} if train else {}
    outputs, _ = net.apply(variables, x, train=train, rngs=rngs, mutable=["batch_stats"])
    return outputs if isinstance(net, MLPGenerator) else outputs.logits


def test_noise_has_the_deviation_and_no_mean(key):
    x = jnp.full((4000, 50), 2.0)
    noise = Own(0.3, gaussian_noise).apply({}, x, train=True, rngs={"noise": key}) - x
    count = noise.size
    assert abs(noise.mean()) < 5 * 0.3 / np.sqrt(count)
    assert abs(noise.std() / 0.3 - 1) < 5 / np.sqrt(2 * count)
    assert len(np.unique(noise)) > 0.9 * count


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_dropout_keeps_the_mean(key, rate):
    x = jnp.full((4000, 50), 2.0)
    dropped = Own(rate, dropout).apply({}, x, train=True, rngs={"noise": key})
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 2 / (1 - rate), rtol=1e-6)
    deviation = np.sqrt(rate * (1 - rate) / x.size)
    assert abs(kept.mean() - (1 - rate)) <= 5 * deviation
    assert abs(dropped.mean() - 2) <= 5 * 2 * deviation / (1 - rate)


@pytest.mark.parametrize("function", [gaussian_noise, dropout])
def test_bfloat16_stays_so_and_evaluation_and_none_leave_x_alone(key, function):
    x = jnp.ones((4, 3), jnp.bfloat16)
    rngs = {"noise": key}
    assert Own(0.5, function).apply({}, x, train=True, rngs=rngs).dtype == jnp.bfloat16
    assert Own(0.5, function).apply({}, x, train=False) is x
    assert Own(None, function).apply({}, x, train=True) is x


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=() if n in ("mlp", "mlp generator") else pytest.mark.slow)
        for n in PLAYERS
    ],
)
def test_levels_may_be_traced_and_gradients_flow(key, name):
    """The gradients in the deviations are those of central differences of the compiled function."""
    net = PLAYERS[name]
    variables = variables_of(net)
    weights = normal(N, 1, seed=3) if name != "mlp generator" else normal(*X.shape, seed=3)

    @jax.jit
    @partial(jax.value_and_grad, argnums=(0, 1))
    def loss(levels, params):
        noisy = net.clone(**levels)
        return jnp.mean(out(noisy, {**variables, "params": params}, X, key) * weights)

    params = variables["params"]
    _, (of_levels, of_params) = loss(LEVELS, params)
    for level in ("noise", "input_noise"):
        high, low = (loss(LEVELS | {level: LEVELS[level] + h}, params)[0] for h in (0.01, -0.01))
        slope = (high - low) / 0.02
        np.testing.assert_allclose(of_levels[level], slope, atol=0.02 * abs(slope) + 1e-4)
        assert of_levels[level] != 0
    assert loss(LEVELS | {"dropout": 0.1}, params)[0] != loss(LEVELS, params)[0]
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(of_params))
    assert all(jnp.any(leaf) for leaf in jax.tree.leaves(of_params))


@pytest.mark.parametrize("function", [gaussian_noise, dropout])
def test_levels_may_be_swept(key, function):
    x = jnp.ones((4, 3))
    levels = jnp.array([0.1, 0.6])

    def apply(level):
        return Own(level, function).apply({}, x, train=True, rngs={"noise": key})

    both = jax.vmap(apply)(levels)
    np.testing.assert_allclose(both, jnp.stack([apply(level) for level in levels]), atol=1e-6)


@pytest.mark.parametrize("name", PLAYERS)
def test_evaluation_is_that_of_a_network_without_noise(key, name):
    plain = PLAYERS[name]
    noisy, variables = plain.clone(**LEVELS), variables_of(plain)
    assert jax.tree.map(jnp.shape, variables_of(noisy)) == jax.tree.map(jnp.shape, variables)
    both = jax.jit(lambda v: [out(net, v, X, key, train=False) for net in (noisy, plain)])
    np.testing.assert_array_equal(*both(variables))


def test_each_level_acts_where_it_is_said_to(key):
    """Features are those before the noise on the last layer's input; draws differ by layer."""
    net = MLPDiscriminator((8,), activation="linear")
    variables = variables_of(net)

    def outputs(**levels):
        return net.clone(**levels).apply(variables, X, train=True, rngs={"noise": key})

    plain, noisy, dropped = outputs(), outputs(noise=0.5), outputs(dropout=0.5)
    np.testing.assert_array_equal(noisy.features, plain.features)
    np.testing.assert_array_equal(dropped.features, plain.features)
    assert jnp.abs(noisy.logits - plain.logits).min() > 0
    of_input = outputs(input_noise=0.5).features - plain.features
    kernel = np.float64(variables["params"]["Dense_0"]["kernel"])
    drawn = np.linalg.lstsq(kernel.T, np.float64(of_input).T, rcond=None)[0].T @ kernel
    np.testing.assert_allclose(of_input, drawn, atol=1e-5)
    # N(0, 1/4) of each pixel, so this deviation of each hidden unit.
    ratio = np.float64(of_input) / (0.5 * np.linalg.norm(kernel, axis=0))
    assert abs(ratio.std() - 1) < 0.3


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("mlp generator", "pmap"),
        pytest.param("mlp", "shard_map", marks=pytest.mark.slow),
        pytest.param("mlp", "sharded_jit", marks=pytest.mark.slow),
        pytest.param("dcgan", "shard_map", marks=pytest.mark.slow),
    ],
)
def test_draws_are_the_same_on_one_device_and_on_eight(key, name, mode):
    """Samples have weights of their own, so that the mean tells which of them got which draws."""
    net = PLAYERS[name].clone(**LEVELS)
    variables = variables_of(net)
    weights = normal(*X.shape, seed=3) if name == "mlp generator" else normal(N, 1, seed=3)

    def function(variables, x, weights, *, axis_name):
        outputs = out(net.clone(axis_name=axis_name), variables, x, key)
        return collectives.mean(jnp.mean(outputs * weights), axis_name)

    expected = on_one_device(function, variables, X, weights)
    ours = on_eight_devices(mode, function, variables, X, weights)
    assert abs(expected) > 1e-2
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
