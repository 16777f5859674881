"""SNGAN's ResNet: the sizes of the papers and the authors' code, and its layers in torch."""

from itertools import pairwise

import jax
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.networks import ResNetDiscriminator, ResNetGenerator
from tests.networks.variables import count, normal, shapes_of, started, train, variables_of

# By the side of the images, as in the table of the module.
SIZES = {
    28: ((256, 256, 256), (128,) * 4, 2),
    32: ((256, 256, 256, 256), (128,) * 4, 2),
    48: ((512, 256, 128, 64), (64, 128, 256, 512, 1024), 4),
    64: ((1024, 512, 256, 128, 64), (64, 128, 256, 512, 1024), 5),
}


def conv(i, o, k=3):
    return i * o * k * k + o


def generator_count(latent, widths, side):
    """By hand: every layer has a bias, batch norm a gain and an offset; 1 x 1 beside each block."""
    base = side >> (len(widths) - 1)
    total = (latent + 1) * base**2 * widths[0] + 2 * widths[-1] + conv(widths[-1], 3)
    for i, o in pairwise(widths):
        total += 2 * i + 2 * o + conv(i, o) + conv(o, o) + conv(i, o, 1)
    return total


def discriminator_count(widths, halvings):
    """By hand, without a bias of the last layer; hidden layers are as wide as their input."""
    total = conv(3, widths[0]) + conv(widths[0], widths[0]) + conv(3, widths[0], 1) + widths[-1]
    for index, (i, o) in enumerate(pairwise(widths), 1):
        beside = conv(i, o, 1) if index < halvings or i != o else 0
        total += conv(i, i) + conv(i, o) + beside
    return total


@pytest.mark.slow
@pytest.mark.parametrize("side", SIZES)
def test_sizes_of_the_papers(side):
    """Of side 32, 4,276,739 and 1,053,824: the layers of gen_models/resnet_32.py and of
    dis_models/snresnet_32.py in https://github.com/pfnet-research/sngan_projection."""
    of_g, of_d, halvings = SIZES[side]
    generator = ResNetGenerator((side, side, 3), of_g)
    discriminator = ResNetDiscriminator(of_d, halvings, final_bias=False)
    z, x = np.ones((2, 128), np.float32), np.ones((2, side, side, 3), np.float32)
    counts = count(generator, z), count(discriminator, x)
    assert counts == (generator_count(128, of_g, side), discriminator_count(of_d, halvings))
    assert side != 32 or counts == (4_276_739, 1_053_824)
    fake = jax.eval_shape(lambda v, z: train(generator, v, z), shapes_of(generator, z), z)
    assert fake.shape == x.shape
    outputs = jax.eval_shape(
        lambda v, x: train(discriminator, v, x), shapes_of(discriminator, x), x
    )
    assert (outputs.logits.shape, outputs.features.shape) == ((2, 1), (2, of_d[-1]))


def test_one_gain_and_offset_a_class_and_a_column_of_the_projection():
    generator = ResNetGenerator((32, 32, 3), conditioning="batch_norm", num_classes=10)
    discriminator = ResNetDiscriminator(
        spectral_norm=True, conditioning="projection", num_classes=10
    )
    labels = np.zeros(2, np.int32)
    z, x = np.ones((2, 128), np.float32), np.ones((2, 32, 32, 3), np.float32)
    # The last norm is that of all classes, as in the authors' code.
    assert count(generator, z, labels) == 4_276_739 + 6 * 2 * 256 * (10 - 1)
    assert count(discriminator, x, labels) == 1_053_824 + 1 + 10 * 128


def test_outputs_are_of_order_one_at_the_start():
    """In front of tanh too, whose values of N(0, 1) have deviation .63."""
    fake = started(ResNetGenerator((8, 8, 3), (16, 16)), normal(32, 16))
    assert 0.2 < fake.std() < 0.8
    logits = started(ResNetDiscriminator((16, 16), 1), normal(32, 8, 8, 3)).logits
    assert 0.02 < logits.std() / 16 < 1  # a sum over 4 x 4 positions


def test_it_is_that_of_torch():
    """torch.nn.functional, the layers in the order of the authors' code."""
    pytest.importorskip("torch")
    from tests.networks.torch_layers import average_pool, batch_norm, dense, nearest, tensor
    from tests.networks.torch_layers import conv as convolved

    z = normal(4, 6)
    generator = ResNetGenerator((12, 12, 3), (5, 4, 3))
    of_g = variables_of(generator, z)
    layers = of_g["params"]
    x = dense(tensor(z), layers["Dense_0"]).reshape(4, 3, 3, 5)
    for block in range(2):
        first, second, beside = (layers[f"Conv_{3 * block + i}"] for i in range(3))
        y = nearest(batch_norm(x, layers[f"BatchNorm_{2 * block}"]).relu())
        y = batch_norm(convolved(y, first), layers[f"BatchNorm_{2 * block + 1}"]).relu()
        x = convolved(y, second) + convolved(nearest(x), beside)
    x = convolved(batch_norm(x, layers["BatchNorm_4"]).relu(), layers["Conv_6"]).tanh()
    fake = train(generator, of_g, z)
    np.testing.assert_allclose(fake, x, atol=1e-5)

    discriminator = ResNetDiscriminator((4, 5, 5), num_outputs=2)
    of_d = variables_of(discriminator, fake)
    layers = of_d["params"]
    y = convolved(convolved(x, layers["Conv_0"]).relu(), layers["Conv_1"])
    x = average_pool(y) + convolved(average_pool(x), layers["Conv_2"])
    y = convolved(convolved(x.relu(), layers["Conv_3"]).relu(), layers["Conv_4"])
    x = average_pool(y + convolved(x, layers["Conv_5"]))
    x = x + convolved(convolved(x.relu(), layers["Conv_6"]).relu(), layers["Conv_7"])
    features = x.relu().sum(dim=(1, 2))
    outputs = train(discriminator, of_d, fake)
    np.testing.assert_allclose(outputs.features, features, atol=1e-4)
    np.testing.assert_allclose(outputs.logits, dense(features, layers["Dense_0"]), atol=1e-4)


@pytest.mark.parametrize(
    ("net", "side", "message"),
    [
        (ResNetGenerator((28, 28, 1)), None, "image side 28 is halved 3 times.*change widths"),
        (ResNetGenerator((28, 32, 1)), None, r"image shape \(28, 32, 1\).*square"),
        (ResNetDiscriminator(halvings=3), 28, "multiple of 8: change halvings"),
        (ResNetDiscriminator((8, 8), halvings=3), 8, "halvings is 3 with 2 blocks"),
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_refused(key, net, side, message):
    x = normal(2, 8) if side is None else normal(2, side, side, 1)
    with pytest.raises(ConfigError, match=message):
        jax.eval_shape(lambda x: net.init(key, x, train=True), x)
