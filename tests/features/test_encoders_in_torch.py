"""Pretrained encoders against the same architectures in torch, and what their features know."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from numpy.testing import assert_allclose

from jaxgan.data import load
from jaxgan.errors import ConfigError
from jaxgan.features import FEATURES, ImageData, extract, load_efficientnet, load_vgg16
from jaxgan.features.efficientnet import Block, EfficientNetLite0, param_shapes
from jaxgan.features.efficientnet_weights import PACKAGED, fold
from jaxgan.features.packages import find_packaged
from jaxgan.features.vgg import PACKAGED as PACKAGED_VGG
from jaxgan.features.vgg import VGG16, take_convolutions
from jaxgan.features.weight_files import fold_normalisation, read_weights

torch = pytest.importorskip("torch")

from features.torch_efficientnet import Block as TorchBlock
from features.torch_efficientnet import random_efficientnet, randomise
from features.torch_vgg import TorchVGG

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 40, 33, 3)).astype(np.uint8)


def packaged(file):
    """The arrays of a package, or skips."""
    try:
        return read_weights(find_packaged(file, "x"))
    except ConfigError as error:
        pytest.skip(str(error))


def to_torch(x):
    """[n, h, w, c] to [n, c, h, w]."""
    return torch.from_numpy(np.asarray(x, np.float32)).permute(0, 3, 1, 2)


def from_torch(x):
    return x.permute(0, 2, 3, 1).numpy()


def assert_close(value, reference):
    """Equal to 1e-4 of the largest value."""
    assert_allclose(value, reference, atol=1e-4 * np.abs(reference).max(), rtol=0)


def state(model):
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def intermediates(module, params, x):
    """The outputs of a module and of each layer in it, compiled."""

    @jax.jit
    def forward(params, x):
        return module.apply(params, x, capture_intermediates=True, mutable="intermediates")

    values, kept = forward(params, x)
    kept: dict[Any, Any] = flatten_dict(kept["intermediates"])
    maps = kept.pop(("maps",), ())
    return values, {".".join(path[:-1]): output[0] for path, output in kept.items()}, maps


def hooked(model, names, *inputs):
    """The model's outputs, and those of the modules of these names."""
    kept, modules = {}, dict(model.named_modules())
    for name in names:
        modules[name].register_forward_hook(lambda m, _, y, name=name: kept.update({name: y}))
    return model(*inputs), kept


@pytest.mark.parametrize(("inputs", "expansion", "k", "stride"), [(6, 1, 3, 1), (4, 6, 5, 2)])
def test_a_block_is_torchs(inputs, expansion, k, stride):
    model = randomise(TorchBlock(inputs, expansion, k, stride, 6))
    arrays = {name: array.astype(np.float64) for name, array in state(model).items()}
    layers = {"expand": ("_expand_conv", "_bn0")} if expansion > 1 else {}
    layers |= {"depthwise": ("_depthwise_conv", "_bn1"), "project": ("_project_conv", "_bn2")}
    params = {}
    for name, (convolution, norm) in layers.items():
        kernel = arrays[f"{convolution}.weight"].transpose(2, 3, 1, 0).squeeze()
        statistics = {key: arrays[f"{norm}.{key}"] for key in ("weight", "bias")}
        statistics |= {key: arrays[f"{norm}.{key}"] for key in ("running_mean", "running_var")}
        params[name] = fold_normalisation(kernel, statistics, 1e-3)
    x = RNG.normal(size=(2, 9, 7, inputs)).astype(np.float32)
    value = jax.jit(Block(expansion, k, stride, 6).apply)({"params": params}, x)
    expected = model(to_torch(x))
    assert_close(value, from_torch(expected))


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["random", "packaged"])
def test_every_layer_of_efficientnet_is_torchs(weights):
    model = random_efficientnet()
    if weights == "packaged":
        arrays = packaged(PACKAGED)
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        model.load_state_dict(tensors)
    names = {"stem": "_bn0", "head": "_bn1"}
    for i in range(16):
        block = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
        if i == 0:
            del block["expand"]
        names |= {f"block_{i}.{k}": f"_blocks.{i}.{v}" for k, v in block.items()}
        names[f"block_{i}"] = f"_blocks.{i}"
    x = ((IMAGES.astype(np.float32) - 127) / 128).astype(np.float32)
    (features, logits, maps), outputs = hooked(model, names.values(), to_torch(x))
    params = {"params": fold(state(model), param_shapes(), "torch")}
    values, layers, stages = intermediates(EfficientNetLite0(), params, x)
    assert len(names) == 2 + 16 + 16 * 3 - 1
    assert set(layers) == {*names, "classifier", ""}
    for name, other in names.items():
        expected = outputs[other]
        assert_close(layers[name], from_torch(expected))
    assert len(stages) == len(maps) == 7
    for value, expected in zip(stages, maps, strict=True):
        assert_close(value, from_torch(expected))
    assert features.std() > 0.1
    assert_close(values[0], features.numpy())
    assert_close(values[1], logits.numpy())


@pytest.mark.slow
def test_every_layer_of_vgg16_is_torchs():
    model = TorchVGG().requires_grad_(False)
    params = take_convolutions(packaged(PACKAGED_VGG), "the package")
    model.take(params)
    x = RNG.normal(size=(2, 40, 33, 3)).astype(np.float32)
    names = {f"Conv_{i}": f"convolutions.{i}" for i in range(13)}
    (features, maps), outputs = hooked(model, names.values(), to_torch(x))
    value, layers, stages = intermediates(VGG16(), {"params": params}, x)
    for name, other in names.items():
        assert_close(layers[name], from_torch(outputs[other]))
    for value_of_stage, expected in zip(stages, maps, strict=True):
        assert_close(value_of_stage, from_torch(expected))
    assert features.std() > 0.1
    assert_close(value, features.numpy())


LOADERS = {"efficientnet_lite0": (load_efficientnet, PACKAGED), "vgg16": (load_vgg16, PACKAGED_VGG)}
encoders = pytest.mark.parametrize("name", LOADERS)


@pytest.mark.slow
@encoders
def test_images_of_any_size_get_torchs_features(name):
    load_network, file = LOADERS[name]
    arrays = packaged(file)
    network = load_network(side=64)
    grey = IMAGES[..., :1]
    for images in (IMAGES, RNG.integers(0, 256, (1, 150, 200, 3)).astype(np.uint8)):
        x = torch.nn.functional.interpolate(
            to_torch(images), (64, 64), mode="bilinear", antialias=True
        )
        if name == "vgg16":
            model = TorchVGG().requires_grad_(False)
            model.take(take_convolutions(arrays, "the package"))
            means, deviations = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
            means, deviations = (torch.tensor(v)[:, None, None] for v in (means, deviations))
            expected = model((x / 255 - means) / deviations)[0]
        else:
            model = random_efficientnet()
            model.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in arrays.items()})
            expected = model((x - 127) / 128)[0]
        assert_close(extract(network, images, batch_size=2)[0], expected.numpy())
    value, _ = extract(network, grey, batch_size=2)
    repeated, _ = extract(network, grey.repeat(3, axis=3), batch_size=2)
    assert_close(value, repeated)


@pytest.mark.slow
@encoders
def test_gradients_with_respect_to_images_are_central_differences(name):
    load_network, file = LOADERS[name]
    packaged(file)
    network = load_network(side=32)
    maps_of = network.maps
    assert maps_of is not None

    @jax.jit
    def value(params, images):
        features, _ = network.apply(params, images)
        maps = maps_of(params, images)
        return (features**2).mean() + sum((x**2).mean() for x in maps.values())

    images = jnp.asarray(IMAGES[:, :16, :16] / 127.5 - 1, jnp.float32)
    gradient = jax.jit(jax.grad(value, argnums=1))(network.params, images)
    assert np.isfinite(gradient).all()
    direction = gradient / jnp.linalg.norm(gradient)
    step = 1e-2
    ends = [float(value(network.params, images + s * step * direction)) for s in (1, -1)]
    slope = float((gradient * direction).sum())
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=0.05)
    blank = jax.jit(jax.grad(value, argnums=1))(network.params, jnp.zeros_like(images))
    assert np.isfinite(blank).all()


def accuracy(train, train_labels, test, test_labels):
    """Of ridge regression on standardised features to ten classes."""
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    train, test = (train - mean) / deviation, (test - mean) / deviation
    gram = train @ train.T + train.shape[1] * np.eye(len(train))
    dual = np.linalg.solve(gram, np.eye(10)[train_labels] - 0.1)
    return np.mean((test @ train.T @ dual).argmax(axis=1) == test_labels)


@pytest.mark.slow
@encoders
def test_features_of_natural_images_beat_pixels(real_data_dir, name):
    packaged(LOADERS[name][1])
    source = load("cifar10_jpeg", split="train", data_dir=real_data_dir)
    batch = source.read(np.arange(1000))
    data = ImageData((32, 32, 3), lambda: batch, lambda: batch, 10, lambda: "none")
    images, labels = np.asarray(batch.real), np.asarray(batch.labels)
    features, _ = extract(FEATURES[name](data), images)
    pixels = images.reshape(1000, -1) / 127.5 - 1
    scores = [accuracy(x[:600], labels[:600], x[600:], labels[600:]) for x in (features, pixels)]
    assert scores[0] > 0.58
    assert scores[1] < 0.35
