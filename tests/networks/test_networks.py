"""Every entry of the registry, and each network against an outside definition."""

import dataclasses
from functools import partial

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import ConfigError
from jaxgan.networks import (
    NETWORKS,
    NORMS,
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from jaxgan.networks.layers import LEAKY_SLOPE

LATENT = 6
SIDE = 12  # two halvings for dcgan, so that both of its players have a norm
# Networks of two deep players with norms; others have tests of their own.
SMALL = {"mlp": {"widths": (12, 8)}, "dcgan": {"width": 4}, "resnet": {"widths": (4, 4, 4)}}
PLAYERS = [player for network in NETWORKS.values() for player in network[:2] if player]


def pair(name, shape=(SIDE, SIDE, 3), num_outputs=1, **options):
    generator, discriminator = NETWORKS[name][:2]
    options = {**SMALL[name], **options}
    return generator(shape, **options), discriminator(num_outputs=num_outputs, **options)


def normal(*shape):
    """Drawn by NumPy, here and below, because XLA compiles jax.random.normal for long."""
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)


def variables_of(net, x):
    """Variables of the shapes that `init` gives, all of deviation .2, biases too."""
    rng = np.random.default_rng(1)
    variables = jax.eval_shape(partial(net.init, train=True), jax.random.key(0), x)
    return jax.tree.map(lambda leaf: jnp.float32(0.2 * rng.standard_normal(leaf.shape)), variables)


def train(net, variables, x):
    return net.apply(variables, x, train=True, mutable=["batch_stats"])[0]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", SMALL)
def test_shapes_and_types(key, name, norm, dtype):
    generator, discriminator = pair(name, num_outputs=2, norm=norm, dtype=dtype)
    z = normal(5, LATENT)
    params, fake = jax.eval_shape(partial(_init_and_apply, generator), key, z)
    assert (fake.shape, fake.dtype) == ((5, SIDE, SIDE, 3), jnp.float32)
    more, outputs = jax.eval_shape(partial(_init_and_apply, discriminator), key, fake)
    assert (outputs.logits.shape, outputs.logits.dtype) == ((5, 2), jnp.float32)
    assert outputs.features.dtype == jnp.float32 and outputs.features.shape[0] == 5
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((params, more)))


def _init_and_apply(net, key, x):
    """Only norms over batches need a mutable collection."""
    variables, of_batches = net.init(key, x, train=True), "batch" in net.norm
    assert ("batch_stats" in variables) == of_batches
    apply = partial(net.apply, variables, x, train=True)
    return variables, apply(mutable=["batch_stats"])[0] if of_batches else apply()


@pytest.mark.parametrize("player", PLAYERS)
def test_a_network_of_defaults_is_hashable(player):
    """So that flax and jax take it for static."""
    fields = {field.name for field in dataclasses.fields(player)}
    net = player(shape=(SIDE, SIDE, 1)) if "shape" in fields else player()
    assert hash(net) == hash(net.copy())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.slow
def test_bfloat16_gradients_point_where_those_of_float32_do(name):
    z = normal(5, LATENT)
    nets = {dtype: pair(name, norm="none", dtype=dtype) for dtype in ("float32", "bfloat16")}
    generator, discriminator = nets["float32"]
    of_d = variables_of(discriminator, jnp.ones((2, SIDE, SIDE, 3)))

    def gradient(players, of_g):
        def loss(of_g):
            fake = players[0].apply(of_g, z, train=True)
            return players[1].apply(of_d, fake, train=True).logits.mean()

        return jax.flatten_util.ravel_pytree(jax.grad(loss)(of_g))[0]

    both = jax.jit(lambda of_g: [gradient(players, of_g) for players in nets.values()])
    exact, rounded = map(np.float64, both(variables_of(generator, z)))
    tolerance = 0.1 if name == "resnet" else 0.05  # of twelve layers and of five at most
    assert np.linalg.norm(rounded - exact) < tolerance * np.linalg.norm(exact)


@pytest.mark.parametrize("norm", ["layer", "none"])
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.slow
def test_samples_do_not_see_each_other_without_batch_norm(name, norm):
    _, discriminator = pair(name, norm=norm)
    x = normal(5, SIDE, SIDE, 3)
    variables = variables_of(discriminator, x)
    apply = jax.jit(partial(discriminator.apply, variables, train=True))
    whole, part = apply(x), apply(x[3:1:-1])
    np.testing.assert_allclose(part.logits, whole.logits[3:1:-1], atol=1e-6)
    np.testing.assert_allclose(part.features, whole.features[3:1:-1], atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.slow
def test_the_gradient_is_the_same_on_one_device_and_on_eight(name):
    """Batch statistics of the whole batch, with latents and images split over the devices."""
    one = pair(name, norm="batch")
    many = pair(name, norm="batch", axis_name="devices")
    z = normal(16, LATENT)
    variables = (
        variables_of(one[0], z),
        variables_of(one[1], jnp.ones((2, SIDE, SIDE, 3))),
    )

    def gradient(nets, z, params):
        def loss(params):
            states = [{**v, "params": p} for v, p in zip(variables, params, strict=True)]
            fake = train(nets[0], states[0], z)
            return jnp.mean(train(nets[1], states[1], fake).logits ** 2)

        return jax.value_and_grad(loss)(params)

    params = tuple(v["params"] for v in variables)
    expected = jax.jit(partial(gradient, one))(z, params)
    mapped = jax.pmap(
        lambda z, params: jax.lax.pmean(gradient(many, z, params), "devices"),
        axis_name="devices",
        in_axes=(0, None),
        out_axes=None,
    )
    ours = mapped(z.reshape(8, 2, LATENT), params)
    scale = max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=0, atol=1e-5 * scale), ours, expected)
    # SNGAN has biases in front of batch norm, which takes them away again.
    for path, leaf in jax.tree.leaves_with_path(expected):
        in_vain = name == "resnet" and "'bias'" in str(path[-1])
        assert in_vain or jnp.abs(leaf).max() > 1e-5 * scale


def test_mlp_is_its_matrices():
    """Matrix products in NumPy float64."""
    z = normal(5, LATENT)
    generator, discriminator = MLPGenerator((2, 3), (7,)), MLPDiscriminator((7, 4), num_outputs=3)

    def dense(x, layer):
        return x @ np.float64(layer["kernel"]) + np.float64(layer["bias"])

    variables = variables_of(generator, z)
    layers = variables["params"]
    hidden = np.maximum(dense(np.float64(z), layers["Dense_0"]), 0)
    expected = np.tanh(dense(hidden, layers["Dense_1"])).reshape(5, 2, 3)
    fake = generator.apply(variables, z, train=True)
    np.testing.assert_allclose(fake, expected, atol=1e-6)

    variables = variables_of(discriminator, fake)
    layers = variables["params"]
    hidden = expected.reshape(5, 6)
    for name in ("Dense_0", "Dense_1"):
        hidden = dense(hidden, layers[name])
        hidden = np.where(hidden > 0, hidden, LEAKY_SLOPE * hidden)
    outputs = discriminator.apply(variables, fake, train=True)
    np.testing.assert_allclose(outputs.features, hidden, atol=1e-6)
    np.testing.assert_allclose(outputs.logits, dense(hidden, layers["Dense_2"]), atol=1e-6)


def test_maxout_takes_the_largest_of_each_units_linear_functions():
    """In NumPy float64; 3 layers of 200 units of 5 functions are PacGAN's (Lin et al. 2018)."""
    net = MLPDiscriminator((4, 3), maxout=5, activation="linear")
    x = normal(6, 2)
    variables = variables_of(net, x)
    hidden = np.float64(x)
    for units, layer in zip((4, 3), ("Dense_0", "Dense_1"), strict=True):
        layer = variables["params"][layer]
        pieces = hidden @ np.float64(layer["kernel"]) + np.float64(layer["bias"])
        hidden = np.stack([pieces[:, 5 * u : 5 * u + 5].max(axis=1) for u in range(units)], axis=1)
    features = net.apply(variables, x, train=True).features
    np.testing.assert_allclose(features, hidden, atol=1e-6)
    sizes = (2 * 1000 + 1000) + 2 * (200 * 1000 + 1000) + (200 + 1)
    assert count(MLPDiscriminator((200,) * 3, maxout=5), x) == sizes


NAMES = {
    MLPGenerator((3,), (5, 4), norm="batch"): {
        "params": {
            "Dense_0": {"kernel": (LATENT, 5)},
            "BatchNorm_0": {"scale": (5,), "bias": (5,)},
            "Dense_1": {"kernel": (5, 4)},
            "BatchNorm_1": {"scale": (4,), "bias": (4,)},
            "Dense_2": {"kernel": (4, 3), "bias": (3,)},
        },
        "batch_stats": {
            "BatchNorm_0": {"mean": (5,), "var": (5,)},
            "BatchNorm_1": {"mean": (4,), "var": (4,)},
        },
    },
    MLPDiscriminator((5, 4), num_outputs=2, final_bias=False, norm="layer"): {
        "params": {
            "Dense_0": {"kernel": (SIDE * SIDE * 3, 5), "bias": (5,)},
            "LayerNorm_0": {"scale": (5,), "bias": (5,)},
            "Dense_1": {"kernel": (5, 4), "bias": (4,)},
            "LayerNorm_1": {"scale": (4,), "bias": (4,)},
            "Dense_2": {"kernel": (4, 2)},
        }
    },
    DCGANGenerator((SIDE, SIDE, 3), width=4): {
        "params": {
            "Dense_0": {"kernel": (LATENT, 72)},
            "BatchNorm_0": {"scale": (8,), "bias": (8,)},
            "ConvTranspose_0": {"kernel": (4, 4, 8, 4)},
            "BatchNorm_1": {"scale": (4,), "bias": (4,)},
            "ConvTranspose_1": {"kernel": (4, 4, 4, 3), "bias": (3,)},
        },
        "batch_stats": {
            "BatchNorm_0": {"mean": (8,), "var": (8,)},
            "BatchNorm_1": {"mean": (4,), "var": (4,)},
        },
    },
    DCGANDiscriminator(width=4, spectral_norm=True): {
        "params": {
            "Conv_0": {"kernel": (4, 4, 3, 4), "bias": (4,)},
            "Conv_1": {"kernel": (4, 4, 4, 8)},
            "BatchNorm_0": {"scale": (8,), "bias": (8,)},
            "Dense_0": {"kernel": (72, 1), "bias": (1,)},
        },
        "batch_stats": {
            "SpectralNorm_0": {"Conv_0/kernel/u": (1, 4), "Conv_0/kernel/sigma": ()},
            "SpectralNorm_1": {"Conv_1/kernel/u": (1, 8), "Conv_1/kernel/sigma": ()},
            "BatchNorm_0": {"mean": (8,), "var": (8,)},
            "SpectralNorm_2": {"Dense_0/kernel/u": (1, 1), "Dense_0/kernel/sigma": ()},
        },
    },
}


@pytest.mark.parametrize("net", NAMES, ids=lambda net: type(net).__name__)
def test_names_and_shapes_of_variables_stay_as_checkpoints_have_them(net):
    x = normal(2, LATENT) if "Generator" in type(net).__name__ else normal(2, SIDE, SIDE, 3)
    variables = jax.eval_shape(partial(net.init, train=True), jax.random.key(0), x)
    assert jax.tree.map(lambda leaf: leaf.shape, variables) == NAMES[net]


def count(net, x):
    params = jax.eval_shape(partial(net.init, train=True), jax.random.key(0), x)["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_parameter_counts():
    """By hand, and those of PyTorch's DCGAN example (3,576,704 and 2,765,568, of 64 x 64 x 3)."""
    z, x = jnp.ones((2, 100)), jnp.ones((2, 64, 64, 3))
    assert count(MLPGenerator((784,)), z) == 100 * 256 + 256 + 256 * 784 + 784
    assert count(MLPDiscriminator(final_bias=False), x) == 12288 * 256 + 256 + 256
    biases = 3  # of our last layer
    assert count(DCGANGenerator((64, 64, 3)), z) == 3_576_704 + biases
    biases = 64 + 1  # of our first and last layer
    assert count(DCGANDiscriminator(), x) == 2_765_568 + biases
    assert count(DCGANDiscriminator(final_bias=False), x) == 2_765_568 + biases - 1


@pytest.mark.parametrize("side, base, channels", [(8, 4, 1), (28, 7, 2), (32, 4, 4), (64, 4, 8)])
def test_dcgan_goes_down_to_the_base_side_and_back(side, base, channels):
    z = jnp.ones((2, LATENT))
    generator = DCGANGenerator((side, side, 1), width=3)
    fake, variables = jax.eval_shape(
        lambda key: generator.init_with_output(key, z, train=True), jax.random.key(0)
    )
    assert fake.shape == (2, side, side, 1)
    units = base * base * channels * 3
    assert variables["params"]["Dense_0"]["kernel"].shape == (LATENT, units)
    discriminator = DCGANDiscriminator(width=3)
    outputs, _ = jax.eval_shape(
        lambda key: discriminator.init_with_output(key, jnp.ones(fake.shape), train=True),
        jax.random.key(0),
    )
    assert outputs.features.shape == (2, units)


@pytest.mark.parametrize(
    "shape, message",
    [
        ((27, 27, 1), "image side 27.*use 24 or 28"),
        ((100, 100, 3), "image side 100.*use 96 or 112"),
        ((4, 4, 1), "image side 4.*use 6"),
        ((28, 32, 1), r"image shape \(28, 32, 1\).*square"),
        ((28, 28), r"image shape \(28, 28\).*\(side, side, channels\)"),
    ],
)
def test_dcgan_refuses_sizes_that_it_cannot_double_to(key, shape, message):
    with pytest.raises(ConfigError, match=message):
        DCGANGenerator(shape).init(key, jnp.ones((2, LATENT)), train=True)
    with pytest.raises(ConfigError, match=message):
        DCGANDiscriminator().init(key, jnp.ones((2, *shape)), train=True)


def test_dcgan_weights_start_at_a_deviation_of_a_fiftieth(key):
    """Radford et al. 2016, section 4."""
    init = jax.jit(partial(DCGANGenerator((28, 28, 1)).init, train=True))
    variables = init(key, jnp.ones((2, 100)))
    for layer in ("Dense_0", "ConvTranspose_0"):
        kernel = np.float64(variables["params"][layer]["kernel"])
        np.testing.assert_allclose([kernel.mean(), kernel.std()], [0, 0.02], atol=3e-4)


def test_dcgan_is_that_of_torch():
    """torch.nn.functional: kernels of 4, strides of 2, paddings of 1, batch norm, leaky ReLU."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    z = normal(5, LATENT)
    generator, discriminator = pair("dcgan", (28, 28, 3), num_outputs=2)
    of_g = variables_of(generator, z)
    fake = train(generator, of_g, z)
    of_d = variables_of(discriminator, fake)
    outputs = train(discriminator, of_d, fake)

    def tensor(x, *axes):
        x = torch.tensor(np.asarray(x))
        return x.permute(*axes) if axes else x

    def normed(x, layer):
        return f.batch_norm(x, None, None, *map(tensor, (layer["scale"], layer["bias"])), True)

    layers = of_g["params"]
    x = (tensor(z) @ tensor(layers["Dense_0"]["kernel"])).reshape(5, 7, 7, 8)
    x = normed(x.permute(0, 3, 1, 2), layers["BatchNorm_0"]).relu()
    for name, bias in (("ConvTranspose_0", None), ("ConvTranspose_1", "bias")):
        flipped = layers[name]["kernel"][::-1, ::-1]  # torch turns the kernel, lax does not
        bias = bias and tensor(layers[name][bias])
        x = f.conv_transpose2d(x, tensor(flipped, 2, 3, 0, 1), bias, stride=2, padding=1)
        x = x.tanh() if name == "ConvTranspose_1" else normed(x, layers["BatchNorm_1"]).relu()
    np.testing.assert_allclose(fake, x.permute(0, 2, 3, 1), atol=1e-5)

    layers = of_d["params"]
    for name, bias in (("Conv_0", "bias"), ("Conv_1", None)):
        kernel = tensor(layers[name]["kernel"], 3, 2, 0, 1)
        x = f.conv2d(x, kernel, bias and tensor(layers[name][bias]), stride=2, padding=1)
        x = f.leaky_relu(normed(x, layers["BatchNorm_0"]) if name == "Conv_1" else x, LEAKY_SLOPE)
    features = x.permute(0, 2, 3, 1).reshape(5, -1)
    np.testing.assert_allclose(outputs.features, features, atol=1e-4)
    logits = features @ tensor(layers["Dense_0"]["kernel"]) + tensor(layers["Dense_0"]["bias"])
    np.testing.assert_allclose(outputs.logits, logits, atol=1e-4)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n != "mlp" else ()) for n in SMALL]
)
def test_spectral_norm_divides_kernels_by_their_largest_singular_value(name):
    """Against NumPy's SVD, once the power iteration has converged; evaluation leaves it alone."""
    plain, z = pair(name, norm="none")[0], normal(5, LATENT)
    net = plain.copy(spectral_norm=True)
    variables = variables_of(net, z)

    def iterate(variables, _):
        _, new = net.apply(variables, z, train=True, mutable=["batch_stats"])
        return {**variables, **new}, None

    variables, _ = jax.jit(lambda v: jax.lax.scan(iterate, v, length=200))(variables)
    out, new = net.apply(variables, z, train=False, mutable=["batch_stats"])
    jax.tree.map(np.testing.assert_array_equal, new["batch_stats"], variables["batch_stats"])

    def divided(w):
        matrix = np.float64(w).reshape(-1, w.shape[-1])
        return w / np.linalg.norm(matrix, ord=2) if w.ndim > 1 else w

    expected = plain.apply({"params": jax.tree.map(divided, variables["params"])}, z, train=False)
    np.testing.assert_allclose(out, expected, atol=2e-4)


def test_weight_norm_gives_each_unit_weights_of_norm_one_and_outputs_a_learned_one():
    """In NumPy float64."""
    plain = MLPDiscriminator((7, 4), num_outputs=2, auxiliary=True, num_auxiliary=3)
    net, x = plain.clone(weight_norm=True), normal(5, LATENT)
    variables = variables_of(net, x)
    scales = {
        path.split("/")[0]: np.float64(scale)
        for name, wrapped in variables["params"].items()
        if name.startswith("WeightNorm")
        for path, scale in wrapped.items()
    }
    assert set(scales) == {"Dense_2", "classes"}
    normed = {}
    for name in ("Dense_0", "Dense_1", "Dense_2", "classes"):
        kernel = np.float64(variables["params"][name]["kernel"])
        unit = kernel / np.linalg.norm(kernel, axis=0)
        kernel = jnp.float32(unit * scales.get(name, 1))
        normed[name] = {**variables["params"][name], "kernel": kernel}
    outputs = net.apply(variables, x, train=True)
    expected = plain.apply({"params": normed}, x, train=True)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-6), outputs, expected)

    generator = MLPGenerator((2,), (7,), weight_norm=True)
    fake = generator.apply(variables_of(generator, x), x, train=True)
    assert fake.shape == (5, 2) and jnp.isfinite(fake).all()


def test_weight_and_spectral_norm_exclude_each_other(key):
    net = MLPDiscriminator(weight_norm=True, spectral_norm=True)
    with pytest.raises(ConfigError, match="both True; they exclude each other"):
        net.init(key, normal(2, LATENT), train=True)
