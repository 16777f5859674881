"""One-dimensional networks: shapes, scale, and gradients against lax's convolutions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.errors import ConfigError
from jaxgan.networks import NORMS, WaveDiscriminator, WaveGenerator
from jaxgan.networks.layers import LEAKY_SLOPE

LATENT, LENGTH = 3, 80
DIMENSIONS = ("NWC", "WIO", "NWC")


def normal(*shape, seed=0):
    """Drawn by NumPy, because XLA compiles jax.random.normal for long."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def variables_of(net, x):
    shapes = jax.eval_shape(partial(net.init, train=True), jax.random.key(0), x)
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: jnp.float32(0.2 * rng.standard_normal(leaf.shape)), shapes)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(LENGTH,), (LENGTH, 2)])
def test_shapes_and_types(key, shape, norm, dtype):
    options = {"width": 4, "norm": norm, "dtype": dtype}
    generator = WaveGenerator(shape, **options)
    discriminator = WaveDiscriminator(num_outputs=2, **options)

    def made(net, x):
        return net.init_with_output(key, x, train=True)[0]

    fake = jax.eval_shape(partial(made, generator), normal(5, LATENT))
    assert (fake.shape, fake.dtype) == ((5, *shape), jnp.float32)
    outputs = jax.eval_shape(partial(made, discriminator), fake)
    assert (outputs.logits.shape, outputs.logits.dtype) == ((5, 2), jnp.float32)
    assert (outputs.features.shape, outputs.features.dtype) == ((5, 5 * 8), jnp.float32)


def test_fresh_waveforms_are_neither_silent_nor_clipped(key):
    """At first: within (-1, 1), with a deviation of some tenths."""
    generator = WaveGenerator((LENGTH,), width=4)
    made = jax.jit(lambda key: generator.init_with_output(key, normal(64, 8), train=True)[0])
    waves = made(key)
    assert 0.1 < waves.std() < 0.9
    assert jnp.abs(waves).max() < 1


def test_gradients_are_those_of_lax():
    """The discriminator's R1 term and the generator's gradient, with lax's 1-D convolutions."""
    generator = WaveGenerator((LENGTH,), width=4, norm="none")
    discriminator = WaveDiscriminator(width=4)
    z, x = normal(3, LATENT), normal(3, LENGTH)
    variables = variables_of(generator, z), variables_of(discriminator, x)

    def ours(variables):
        def judge(x):
            return discriminator.apply(variables[1], x, train=True).logits.sum()

        fake = generator.apply(variables[0], z, train=True)
        return judge(fake) + jnp.sum(jax.grad(judge)(x) ** 2)

    def theirs(variables):
        made, judged = (v["params"] for v in variables)

        def dense(x, layer):
            return x @ layer["kernel"] + layer["bias"][None]

        def conv(x, layer, f):
            out = f(x, layer["kernel"], (4,), "SAME", dimension_numbers=DIMENSIONS)
            return out + layer["bias"][None, None]

        def judge(x):
            x = x[..., None]
            for name in ("Conv1D_0", "Conv1D_1"):
                x = conv(x, judged[name], lax.conv_general_dilated)
                x = jnp.where(x > 0, x, LEAKY_SLOPE * x)
            return dense(x.reshape(len(x), -1), judged["Dense_0"]).sum()

        x1 = jax.nn.relu(dense(z, made["Dense_0"])).reshape(3, 5, 8)
        x2 = jax.nn.relu(conv(x1, made["ConvTranspose1D_0"], lax.conv_transpose))
        fake = jnp.tanh(conv(x2, made["ConvTranspose1D_1"], lax.conv_transpose))[..., 0]
        return judge(fake) + jnp.sum(jax.grad(judge)(x) ** 2)

    both = jax.jit(lambda v: (jax.value_and_grad(ours)(v), jax.value_and_grad(theirs)(v)))
    got, expected = both(variables)
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=0, atol=1e-5 * scale), got, expected)


def of_labels(net, x):
    """What a network makes of x with labels 0 and with labels 1."""

    @jax.jit
    def both(key):
        zeros, ones = jnp.zeros(2, int), jnp.ones(2, int)
        variables = net.init(key, x, zeros, train=True)
        return [net.apply(variables, x, labels, train=True) for labels in (zeros, ones)]

    return both(jax.random.key(0))


@pytest.mark.parametrize("conditioning", ["concat", "projection"])
def test_labels_change_the_verdict(conditioning):
    net = WaveDiscriminator(width=2, conditioning=conditioning, num_classes=3)
    one, other = of_labels(net, normal(2, 20))
    assert not np.allclose(one.logits, other.logits)


def test_labels_change_the_waveforms():
    net = WaveGenerator((20,), width=2, conditioning="concat", num_classes=3, norm="none")
    assert not np.allclose(*of_labels(net, normal(2, LATENT)))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((250,), "waveforms of length 250; .* use 256"),
        ((8,), "waveforms of length 8; .* use 20"),
        ((1,), "use 20"),
        ((28, 28, 1), r"shape \(28, 28, 1\); wave makes waveforms"),
    ],
)
def test_other_lengths_are_refused(key, shape, message):
    with pytest.raises(ConfigError, match=message):
        WaveGenerator(shape).init(key, normal(2, LATENT), train=True)
    with pytest.raises(ConfigError, match=message):
        WaveDiscriminator().init(key, normal(2, *shape), train=True)
