"""Against the formulas in NumPy float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.errors import ConfigError
from jaxgan.networks import DCGANDiscriminator, MLPDiscriminator, MLPGenerator
from jaxgan.networks.layers import (
    ACTIVATIONS,
    BATCH_NORM_MOMENTUM,
    LEAKY_SLOPE,
    Conv,
    ConvTranspose,
    activate,
    compute_dtype,
    normalise,
)

SHAPE = (6, 4, 3, 5)


class Normalised(nn.Module):
    kind: str
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x, *, train):
        return normalise(x, self.kind, train=train, dtype=jnp.float32, axis_name=self.axis_name)


def samples(shape=SHAPE):
    return jnp.float32(np.random.default_rng(0).normal(2, 3, shape))


def standardised(x, axes):
    x = np.float64(x)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


@pytest.mark.parametrize("shape", [SHAPE, (6, 5)])
def test_batch_norm_standardises_channels_and_keeps_running_statistics(key, shape):
    x, net = samples(shape), Normalised("batch")
    variables = net.init(key, x, train=True)
    out, updated = net.apply(variables, x, train=True, mutable=["batch_stats"])
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(out, standardised(x, axes), atol=1e-5)

    mean = (1 - BATCH_NORM_MOMENTUM) * np.float64(x).mean(axes)
    var = BATCH_NORM_MOMENTUM + (1 - BATCH_NORM_MOMENTUM) * np.float64(x).var(axes)
    later = net.apply({**variables, **updated}, x, train=False)
    np.testing.assert_allclose(later, (np.float64(x) - mean) / np.sqrt(var + 1e-5), atol=1e-5)


def test_layer_norm_standardises_every_sample(key):
    x, net = samples(), Normalised("layer")
    variables = net.init(key, x, train=True)
    assert jax.tree.map(jnp.shape, variables["params"]) == {
        "LayerNorm_0": {"scale": (5,), "bias": (5,)}
    }
    out = net.apply(variables, x, train=True)
    np.testing.assert_allclose(out, standardised(x, (1, 2, 3)), atol=1e-4)


@pytest.mark.parametrize(("kind", "axes"), [("batch", (0, 1, 2)), ("layer", (1, 2, 3))])
def test_norms_are_accurate_where_the_mean_is_a_thousand_deviations(key, kind, axes):
    x = samples() / 3 + 1000
    net = Normalised(kind)
    variables = net.init(key, x, train=True)
    out, _ = net.apply(variables, x, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(out, standardised(x, axes), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [SHAPE, (6, 5)])
def test_first_batch_norm_standardises_by_the_first_batch_for_good(key, shape):
    """Also a later batch, and outside of training; a constant channel waits for one that varies."""
    first, later = samples(shape), 5 * samples(shape) - 1
    constant = first.at[..., 2].set(7.0)
    net = Normalised("first_batch")
    state = net.init(key, first, train=True)
    np.testing.assert_array_equal(net.apply(state, first, train=False), first)
    for x in (constant, later, first):
        out, state = net.apply(state, x, train=True, mutable=["batch_stats"])
        expected = [constant] * 2 + [later] + [constant] * 2
        means, deviations = (
            np.array([np.float64(f(np.float64(y)[..., c])) for c, y in enumerate(expected)])
            for f in (np.mean, np.std)
        )
        varies = np.arange(5) != 2 if x is constant else np.full(5, True)
        wanted = (np.float64(x) - means) / deviations
        np.testing.assert_allclose(out[..., varies], wanted[..., varies], atol=1e-4)
        np.testing.assert_array_equal(out[..., ~varies], 0)
        np.testing.assert_array_equal(net.apply(state, x, train=False), out)


def test_no_norm_is_the_identity_without_parameters(key):
    x, net = samples(), Normalised("none")
    assert net.init(key, x, train=True) == {}
    np.testing.assert_array_equal(net.apply({}, x, train=True), x)


@pytest.mark.parametrize("kind", ["batch", "first_batch"])
def test_batch_statistics_are_shared_by_all_devices(key, kind):
    x, net = samples((8, 2, 4, 5)), Normalised(kind, axis_name="devices")
    whole = x.reshape(16, 4, 5)
    variables = net.init(key, whole, train=True)

    def apply(net, x):
        return net.apply(variables, x, train=True, mutable=["batch_stats"])

    mapped = jax.pmap(partial(apply, net), axis_name="devices", out_axes=(0, None))
    out, updated = mapped(x)
    expected, expected_updated = apply(Normalised(kind), whole)
    np.testing.assert_allclose(out.reshape(whole.shape), expected, atol=1e-5)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), updated, expected_updated)


def test_activations_by_name():
    x = jnp.array([[-2.0, 0.0, 3.0]])
    np.testing.assert_allclose(activate(x, "leaky_relu"), [[-2 * LEAKY_SLOPE, 0, 3]], rtol=1e-6)
    np.testing.assert_allclose(activate(x, "softplus"), np.log1p(np.exp(x)), rtol=1e-6)
    for name in ACTIVATIONS:
        assert jnp.isfinite(jax.grad(lambda x, name=name: activate(x, name).sum())(x)).all()


def test_unknown_names_are_refused_with_a_remedy(key):
    with pytest.raises(ConfigError, match="unknown norm 'bach'; did you mean 'batch'"):
        Normalised("bach").init(key, jnp.ones((2, 3)), train=True)
    with pytest.raises(ConfigError, match="unknown activation 'rellu'; did you mean 'relu'"):
        activate(jnp.ones((2, 3)), "rellu")
    with pytest.raises(ConfigError, match="unknown dtype 'float16'; did you mean 'bfloat16'"):
        compute_dtype("float16")


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_layers_are_those_of_flax(stride):
    """flax's layers of the same parameters."""
    x = samples((2, 7, 8, 3))
    options = {"use_bias": True, "dtype": jnp.float32}
    params = {"kernel": samples((4, 4, 3, 5)), "bias": jnp.arange(5.0)}
    for ours, theirs in ((Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose)):
        out = ours(5, 4, stride, **options).apply({"params": params}, x)
        peer = theirs(5, (4, 4), strides=(stride, stride), **options)
        np.testing.assert_allclose(out, peer.apply({"params": params}, x), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_oblong_kernels_and_paddings_are_those_of_flax(padding):
    x = samples((2, 7, 8, 3))
    params = {"kernel": samples((1, 4, 3, 5)), "bias": jnp.arange(5.0)}
    ours, theirs = (layer(5, (1, 4), padding=padding) for layer in (Conv, nn.Conv))
    out = ours.apply({"params": params}, x)
    expected = theirs.apply({"params": params}, x)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("layer", [Conv, ConvTranspose])
def test_convolution_layers_compute_in_their_dtype_on_float32_parameters(key, layer):
    net = layer(5, 4, 2, use_bias=False, dtype=jnp.bfloat16)
    x = jax.ShapeDtypeStruct((2, 7, 8, 3), jnp.float32)
    out, variables = jax.eval_shape(net.init_with_output, key, x)
    assert out.dtype == jnp.bfloat16
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype.name), variables["params"]) == {
        "kernel": ((4, 4, 3, 5), "float32")
    }


@pytest.mark.slow
def test_fan_in_uniform_is_pytorchs_default():
    """Weights and biases of n inputs in +-1 / sqrt(n), of their variance 1 / (3 n)."""
    torch = pytest.importorskip("torch")
    network = MLPGenerator((3,), (400,), initialization="fan_in_uniform", output="linear")
    layers = network.init(jax.random.key(0), jnp.zeros((1, 25)), train=False)["params"]
    theirs = torch.nn.Linear(25, 400)
    for name, mine in (("weight", "kernel"), ("bias", "bias")):
        found, expected = layers["Dense_0"][mine], getattr(theirs, name).detach().numpy()
        assert found.size == expected.size
        assert np.abs(found).max() <= 0.2 and np.abs(expected).max() <= 0.2
        np.testing.assert_allclose(np.std(found), np.std(expected), rtol=0.1)
        np.testing.assert_allclose(np.std(found), (1 / 75) ** 0.5, rtol=0.1)
    assert np.abs(layers["Dense_1"]["bias"]).max() <= 0.05
    with pytest.raises(ConfigError, match="unknown initialization 'torch'"):
        network.clone(initialization="torch").init(
            jax.random.key(0), jnp.zeros((1, 25)), train=False
        )


@pytest.mark.parametrize("module", [MLPDiscriminator, DCGANDiscriminator])
def test_a_learned_bandwidth_divides_the_logits(key, module):
    """At first it is 1, and it learns: the gradient of its logarithm is minus that of a scale."""
    x = jax.random.normal(key, (3, 8, 8, 1))
    plain, learned = module(num_outputs=2), module(num_outputs=2, learned_bandwidth=True)
    variables = learned.init(key, x, train=False)
    assert variables["params"].pop("log_bandwidth") == 0.0
    expected = plain.apply(variables, x, train=False).logits

    def logits(log_bandwidth):
        params = {**variables["params"], "log_bandwidth": log_bandwidth}
        return learned.apply({**variables, "params": params}, x, train=False).logits

    np.testing.assert_allclose(logits(jnp.log(4.0)), expected / 4, rtol=1e-6)
    np.testing.assert_allclose(jax.jacobian(logits)(jnp.zeros(())), -expected, rtol=1e-6)
