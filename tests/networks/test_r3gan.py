"""R3GAN: the paper's sizes and start, and its layers in torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.networks import R3GANDiscriminator, R3GANGenerator
from tests.networks.variables import count, normal, shapes_of, started, train, variables_of

SMALL = {"width": 8, "blocks": 1, "group_size": 4}


def test_parameter_counts_are_those_of_the_authors():
    """The preset CIFAR10 of https://github.com/brownvc/R3GAN: 4 sides, 2 blocks each, 768 wide,
    cardinality 96, expansion 2; its layers by hand. The paper rounds them: 20.73 M and 20.68 M."""
    block = 768 * 1536 + 9 * 16 * 1536 + 1536 * 768 + 2 * 1536
    basis, image = 768 * 4 * 4, 768 * 3
    z, x = jnp.ones((2, 64)), jnp.ones((2, 32, 32, 3))
    of_g, of_d = count(R3GANGenerator((32, 32, 3)), z), count(R3GANDiscriminator(), x)
    assert of_g == 8 * block + basis + 64 * 768 + image == 20_732_160
    assert of_d == 8 * block + basis + 768 + image == 20_683_776


def test_parameter_counts_of_conditions():
    """An embedding of z's length beside z; one of the width, and a map of features to it."""
    z, x = jnp.ones((2, 5)), jnp.ones((2, 8, 8, 3))
    labels = jnp.zeros(2, jnp.int32)
    generator, discriminator = R3GANGenerator((8, 8, 3), **SMALL), R3GANDiscriminator(**SMALL)
    of_g, of_d = count(generator, z), count(discriminator, x)
    generator = generator.copy(conditioning="concat", num_classes=10)
    discriminator = discriminator.copy(conditioning="projection", num_classes=10)
    assert count(generator, z, labels) == of_g + 10 * 5 + 5 * 8
    assert count(discriminator, x, labels) == of_d + 10 * 8 + 7 * 8


@pytest.mark.parametrize(
    "side, base, widths",
    [(8, 4, (8, 8)), (28, 7, (8, 8, 8)), (32, 4, (8,) * 4), (64, 4, (8, 8, 8, 8, 4))],
)
def test_sides_and_widths(side, base, widths):
    """Widths are halved beyond side 32, as in the preset FFHQ-64 of the authors' code."""
    z, x = normal(2, 5), normal(2, side, side, 3)
    generator, discriminator = R3GANGenerator((side, side, 3), **SMALL), R3GANDiscriminator(**SMALL)
    shapes = shapes_of(generator, z)["params"]
    assert shapes["basis"].shape == (base, base, 8)
    inner = [s["kernel"].shape for n, s in shapes.items() if n[:4] == "Conv" and "bias" in s]
    assert sorted(s[3] for s in inner if s[0] == 3) == sorted(2 * width for width in widths)
    assert all(s[2] == 4 for s in inner if s[0] == 3)
    fake = jax.eval_shape(lambda: generator.init_with_output(jax.random.key(0), z, train=True)[0])
    assert (fake.shape, fake.dtype) == (x.shape, jnp.float32)
    out = jax.eval_shape(lambda: discriminator.init_with_output(jax.random.key(0), x, train=True))
    assert (out[0].logits.shape, out[0].features.shape) == ((2, 1), (2, 8))
    assert "batch_stats" not in out[1]


def test_blocks_start_as_identities_and_their_inner_layers_at_the_scale_of_fixup():
    """L^(-1/4) sqrt(2 / 1.04 / inputs) with L = 6 blocks; 16 outputs of 9 x 4 inputs a group."""
    net = R3GANGenerator((12, 12, 1), width=64, blocks=2, group_size=4)
    made = jax.jit(lambda z: net.init(jax.random.key(0), z, train=True))(normal(2, 64))["params"]
    for name, inputs in (("Conv_0", 64), ("Conv_1", 36)):
        expected = 6**-0.25 * np.sqrt(2 / 1.04 / inputs)
        np.testing.assert_allclose(np.std(made[name]["kernel"]), expected, rtol=0.05)
    assert not made["Conv_2"]["kernel"].any()
    np.testing.assert_allclose(np.std(made["Dense_0"]["kernel"]), 64**-0.5, rtol=0.05)
    np.testing.assert_allclose(np.std(made["basis"]), 1, rtol=0.15)


@pytest.mark.slow
def test_outputs_are_of_order_one_at_the_start():
    """A doubling keeps (10 / 16)^2 of the variance of white noise, less at borders."""
    fake = started(R3GANGenerator((8, 8, 3), **SMALL), normal(64, 64))
    assert 0.2 < fake.std() < 1
    logits = started(R3GANDiscriminator(**SMALL), normal(64, 8, 8, 3)).logits
    assert 0.05 < logits.std() < 2


def test_it_is_that_of_torch():
    """torch.nn.functional, with its own grouped and transposed convolutions."""
    pytest.importorskip("torch")
    from torch.nn.functional import leaky_relu

    from tests.networks.torch_layers import conv, dense, filtered_double, filtered_halve, tensor

    groups = 16 // 4

    def block(x, layers, start):
        first, second, third = (layers[f"Conv_{start + i}"] for i in range(3))
        y = leaky_relu(conv(x, first), 0.2)
        return x + conv(leaky_relu(conv(y, second, groups=groups), 0.2), third)

    z, x = normal(3, 5), normal(3, 12, 12, 2, seed=2)
    generator = R3GANGenerator((12, 12, 2), **SMALL)
    of_g = variables_of(generator, z)
    layers = of_g["params"]
    y = tensor(layers["basis"])[None] * dense(tensor(z), layers["Dense_0"])[:, None, None, :]
    y = block(y, layers, 0)
    y = block(filtered_double(y), layers, 3)
    y = conv(block(filtered_double(y), layers, 6), layers["Conv_9"])
    np.testing.assert_allclose(train(generator, of_g, z), y, atol=1e-5)

    labels = jnp.array([0, 2, 1])
    discriminator = R3GANDiscriminator(conditioning="projection", num_classes=3, **SMALL)
    of_d = variables_of(discriminator, x, labels)
    layers = of_d["params"]
    y = block(conv(tensor(x), layers["Conv_0"]), layers, 1)
    y = block(filtered_halve(y), layers, 4)
    y = block(filtered_halve(y), layers, 7)
    features = (y * tensor(layers["basis"])[None]).sum(dim=(1, 2))
    chosen = tensor(layers["projection"]["kernel"])[np.asarray(labels)]
    logits = (dense(features, layers["Dense_0"]) * chosen).sum(dim=1, keepdim=True)
    outputs = train(discriminator, of_d, x, labels)
    np.testing.assert_allclose(outputs.features, features, atol=1e-4)
    np.testing.assert_allclose(outputs.logits, logits, atol=1e-4)


def test_widths_change_between_sides():
    """64 to 32: a convolution of 1 x 1 without bias."""
    net = R3GANDiscriminator(width=16, blocks=1, group_size=4)
    layers = shapes_of(net, normal(2, 64, 64, 1))["params"]
    changes = [layer for layer in layers.values() if (1, 1, 8, 16) in shapes_in(layer)]
    assert [set(layer) for layer in changes].count({"kernel"}) == 1


def shapes_in(layer):
    return [leaf.shape for leaf in jax.tree.leaves(layer)]


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (R3GANGenerator((27, 27, 1)), (2, 8), "image side 27; r3gan's is.*use 24 or 28"),
        (R3GANDiscriminator(width=9), (2, 8, 8, 1), "no multiple of group_size 16; change one"),
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_refused(key, net, shape, message):
    with pytest.raises(ConfigError, match=message):
        jax.eval_shape(lambda x: net.init(key, x, train=True), normal(*shape))


def test_a_projection_makes_one_logit(key):
    net = R3GANDiscriminator(conditioning="projection", num_classes=3, num_outputs=2, **SMALL)
    with pytest.raises(ConfigError, match="r3gan's makes one logit: set num_outputs to 1"):
        jax.eval_shape(
            lambda x, y: net.init(key, x, y, train=True), normal(2, 8, 8, 1), jnp.zeros(2, int)
        )
