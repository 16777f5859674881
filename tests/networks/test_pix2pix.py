"""The U-Net and the discriminator of patches: the authors' sizes, and their layers in torch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.networks import NORMS, PatchDiscriminator, UNetGenerator
from tests.networks.variables import count, normal, shapes_of, started, train, variables_of


def test_parameter_counts_are_those_of_the_authors():
    """54.414 M and 2.769 M, as https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix prints for
    `--netG unet_256 --netD basic --norm batch` on colour images."""
    images = jnp.ones((1, 256, 256, 3))
    assert count(UNetGenerator((256, 256, 3)), images) == 54_413_955
    assert count(PatchDiscriminator(), jnp.concatenate([images, images], axis=-1)) == 2_768_705


@pytest.mark.parametrize("side, innermost", [(8, 1), (28, 7), (32, 1), (48, 3)])
def test_sides(side, innermost):
    """Halved while even; every layer is seen again at its own side."""
    generator = UNetGenerator((side, side, 1), width=4)
    x = normal(2, side, side, 3)
    fake = jax.eval_shape(lambda v: train(generator, v, x), shapes_of(generator, x))
    assert fake.shape == (2, side, side, 1)
    halvings = (side // innermost).bit_length() - 1
    shapes = shapes_of(generator, x)["params"]
    assert sum(name.startswith("ConvTranspose") for name in shapes) == halvings
    assert shapes[f"Conv_{halvings - 1}"]["kernel"].shape[3] == 4 * min(2 ** (halvings - 1), 8)


@pytest.mark.parametrize(
    "halvings, side, patches", [(1, 8, 16), (1, 28, 196), (2, 28, 49), (3, 64, 64)]
)
def test_one_logit_for_each_patch(halvings, side, patches):
    x = normal(2, side, side, 3)
    net = PatchDiscriminator(width=4, halvings=halvings)
    outputs = jax.eval_shape(lambda v: train(net, v, x), shapes_of(net, x))
    assert outputs.logits.shape == (2, patches)
    assert outputs.features.shape == (2, patches * 4 * 2**halvings)


@pytest.mark.parametrize("halvings, field", [(1, 16), (2, 34), (3, 70)])
def test_a_patch_is_as_large_as_in_the_paper(halvings, field):
    """Pixels that move one verdict in the middle; the paper has 16 and 70 (section 6.1.2)."""
    side = 96
    net = PatchDiscriminator(width=1, halvings=halvings, norm="none")
    x = normal(1, side, side, 1)
    variables = jax.tree.map(jnp.abs, variables_of(net, x))
    of_image = side >> halvings
    middle = (of_image // 2) * of_image + of_image // 2

    def verdict(x):
        return net.apply(variables, x, train=True).logits[0, middle]

    seen = np.asarray(jax.jit(jax.grad(verdict))(x))[0, :, :, 0] != 0
    assert (seen.any(axis=0).sum(), seen.any(axis=1).sum()) == (field, field)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("norm", NORMS)
def test_shapes_and_types(key, norm, dtype):
    x = normal(2, 8, 8, 3)
    for net in (
        UNetGenerator((8, 8, 1), width=4, norm=norm, dtype=dtype),
        PatchDiscriminator(width=4, halvings=1, norm=norm, dtype=dtype),
    ):
        out, made = jax.eval_shape(partial(net.init_with_output, train=True), key, x)
        assert {leaf.dtype for leaf in jax.tree.leaves((out, made))} == {jnp.dtype("float32")}
        assert ("batch_stats" in made) == ("batch" in norm)


@pytest.mark.slow
def test_outputs_start_small():
    """As those of the paper, whose weights are of deviation .02."""
    fake = started(UNetGenerator((16, 16, 3), width=16), normal(8, 16, 16, 3))
    assert 0.01 < fake.std() < 0.8
    logits = started(PatchDiscriminator(16, 2), normal(8, 16, 16, 3)).logits
    assert 0.05 < logits.std() < 2


@pytest.mark.slow
def test_they_are_those_of_torch():
    """torch.nn.functional: 8 to 1 and back, then 4 x 4 verdicts given the first image."""
    pytest.importorskip("torch")
    import torch
    from torch.nn.functional import leaky_relu

    from tests.networks.torch_layers import batch_norm, conv, strided, tensor, transposed

    x = normal(4, 8, 8, 2)
    generator = UNetGenerator((8, 8, 1), width=3)
    of_g = variables_of(generator, x)
    layers = of_g["params"]
    first = strided(tensor(x), layers["Conv_0"])
    second = batch_norm(strided(leaky_relu(first, 0.2), layers["Conv_1"]), layers["BatchNorm_0"])
    third = strided(leaky_relu(second, 0.2), layers["Conv_2"])
    y = batch_norm(transposed(third.relu(), layers["ConvTranspose_0"]), layers["BatchNorm_1"])
    y = transposed(torch.cat([second, y], dim=3).relu(), layers["ConvTranspose_1"])
    y = torch.cat([first, batch_norm(y, layers["BatchNorm_2"])], dim=3)
    y = transposed(y.relu(), layers["ConvTranspose_2"]).tanh()
    fake = train(generator, of_g, x)
    np.testing.assert_allclose(fake, y, atol=1e-5)

    discriminator = PatchDiscriminator(width=3, halvings=1, conditioning="concat")
    of_d = variables_of(discriminator, fake, x)
    layers = of_d["params"]
    y = strided(torch.cat([y, tensor(x)], dim=3), layers["Conv_0"])
    y = leaky_relu(
        batch_norm(conv(leaky_relu(y, 0.2), layers["Conv_1"]), layers["BatchNorm_0"]), 0.2
    )
    outputs = train(discriminator, of_d, fake, x)
    np.testing.assert_allclose(outputs.features, y.reshape(4, -1), atol=1e-4)
    np.testing.assert_allclose(outputs.logits, conv(y, layers["Conv_2"]).reshape(4, -1), atol=1e-4)


def test_dropout_of_the_decoder_alone_and_in_training_alone(key):
    x = normal(4, 8, 8, 1)
    net = UNetGenerator((8, 8, 1), width=4, dropout=0.5)
    variables = variables_of(net, x)

    @partial(jax.jit, static_argnums=1)
    def out(key, train):
        return net.apply(variables, x, train=train, mutable=["batch_stats"], rngs={"noise": key})[0]

    one, other = key, jax.random.fold_in(key, 1)
    assert jnp.abs(out(one, True) - out(other, True)).max() > 1e-3
    np.testing.assert_array_equal(out(one, True), out(one, True))
    np.testing.assert_array_equal(out(one, False), out(other, False))


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (UNetGenerator((8, 8, 1)), (2, 16), r"unet got an input of shape \(2, 16\).*translates"),
        (UNetGenerator((8, 8, 1)), (2, 4, 4, 1), "translates images of the same side"),
        (UNetGenerator((7, 7, 1)), (2, 7, 7, 1), "image side 7; unet halves it at least once"),
        (UNetGenerator((12, 12, 1), halvings=3), (2, 12, 12, 1), "halved 3 times in unet"),
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_refused(key, net, shape, message):
    with pytest.raises(ConfigError, match=message):
        jax.eval_shape(lambda x: net.init(key, x, train=True), normal(*shape))


@pytest.mark.slow
def test_the_gradient_is_the_same_on_one_device_and_on_four():
    """Batch statistics of the whole batch, with images split over the devices."""
    x = normal(8, 8, 8, 1)
    one = UNetGenerator((8, 8, 1), width=4), PatchDiscriminator(width=4, halvings=1)
    many = tuple(net.copy(axis_name="devices") for net in one)
    variables = tuple(variables_of(net, x) for net in one)

    def gradient(nets, x, params):
        def loss(params):
            states = [{**v, "params": p} for v, p in zip(variables, params, strict=True)]
            fake = train(nets[0], states[0], x)
            return jnp.mean(train(nets[1], states[1], fake).logits ** 2)

        return jax.value_and_grad(loss)(params)

    params = tuple(v["params"] for v in variables)
    expected = jax.jit(partial(gradient, one))(x, params)
    mapped = jax.pmap(
        lambda x, params: jax.lax.pmean(gradient(many, x, params), "devices"),
        axis_name="devices",
        in_axes=(0, None),
        out_axes=None,
    )
    ours = mapped(x.reshape(4, 2, 8, 8, 1), params)
    scale = max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=0, atol=1e-5 * scale), ours, expected)
