import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.features.inception import PREPROCESSINGS, _forward, load_inception, param_shapes
from jaxgan.features.inception_weights import FILE_NAME, find_weights, fold, published_shapes

RNG = np.random.default_rng(0)

# A network of one convolution, 2 x 1 from 3 to 4 channels, and a dense layer from 4 to 5.
PARAMS = {
    "Block": {"branch": {"kernel": jax.ShapeDtypeStruct((2, 1, 3, 4), np.float32)}},
    "fc": {"kernel": jax.ShapeDtypeStruct((4, 5), np.float32)},
}


def arrays():
    return {
        "Block.branch.conv.weight": RNG.normal(size=(4, 3, 2, 1)),
        "Block.branch.bn.weight": RNG.uniform(0.5, 2, 4),
        "Block.branch.bn.bias": RNG.normal(size=4),
        "Block.branch.bn.running_mean": RNG.normal(size=4),
        "Block.branch.bn.running_var": RNG.uniform(0.01, 2, 4),
        "Block.branch.bn.num_batches_tracked": np.int64(0),
        "fc.weight": RNG.normal(size=(5, 4)),
        "fc.bias": RNG.normal(size=5),
    }


def test_the_published_network_has_as_many_parameters():
    # torchvision's Inception3 without its auxiliary head has 23,834,568, with 1,000 classes; eight
    # classes more have 8 (2,048 + 1). Its shapes of some layers:
    shapes = published_shapes(param_shapes())
    trained = {name: shape for name, shape in shapes.items() if "running" not in name}
    assert sum(map(math.prod, trained.values())) == 23_834_568 + 8 * 2049
    assert len(shapes) == 94 * 5 + 2
    assert shapes["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert shapes["Mixed_5b.branch5x5_2.conv.weight"] == (64, 48, 5, 5)
    assert shapes["Mixed_6e.branch7x7dbl_4.conv.weight"] == (192, 192, 7, 1)
    assert shapes["Mixed_7a.branch7x7x3_4.bn.running_var"] == (192,)
    assert shapes["Mixed_7c.branch3x3_2a.conv.weight"] == (384, 384, 1, 3)
    assert shapes["fc.weight"] == (1008, 2048)


def test_batch_normalisation_is_folded_into_the_convolution():
    held = arrays()
    params = fold(held, PARAMS, "a file")
    x = RNG.normal(size=(3, 2, 1))  # one patch [i, kh, kw]: the kernel covers it all
    branch = {name.split(".")[-1]: a for name, a in held.items() if ".bn." in name}
    convolved = np.einsum("oihw,ihw->o", held["Block.branch.conv.weight"], x)
    normalised = (convolved - branch["running_mean"]) / np.sqrt(branch["running_var"] + 1e-3)
    expected = normalised * branch["weight"] + branch["bias"]
    layer = params["Block"]["branch"]
    value = np.einsum("hwio,ihw->o", layer["kernel"], x) + layer["bias"]
    assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    y = RNG.normal(size=4)
    value = y @ params["fc"]["kernel"] + params["fc"]["bias"]
    assert_allclose(value, held["fc.weight"] @ y + held["fc.bias"], rtol=1e-5, atol=1e-5)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.bias": None}, r"a file lacks 'fc.bias', of shape \(5,\); these are not"),
        ({"fc.bias": np.zeros(4)}, r"'fc.bias' of shape \(4,\), expected \(5,\)"),
        ({"fc.bias": np.full(5, np.nan)}, "NaN or infinite values in 'fc.bias'"),
        (
            {"AuxLogits.fc.bias": np.zeros(3)},
            r"'AuxLogits.fc.bias' of shape \(3,\), which no layer",
        ),
    ],
)
def test_other_weights_are_refused_by_the_first_key(change, message):
    held = {name: array for name, array in (arrays() | change).items() if array is not None}
    with pytest.raises(ConfigError, match=message):
        fold(held, PARAMS, "a file")


def test_weights_are_looked_for_in_three_places(tmp_path, monkeypatch):
    monkeypatch.delenv("JAXGAN_INCEPTION_WEIGHTS", raising=False)
    with pytest.raises(ConfigError) as caught:
        find_weights(cache_dir=tmp_path)
    message = str(caught.value)
    assert "https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights" in message
    assert f"no Inception weights at {tmp_path / FILE_NAME}" in message
    assert "JAXGAN_INCEPTION_WEIGHTS" in message
    assert "\n" not in message
    for name in (FILE_NAME, "variable.npz", "explicit.npz"):
        (tmp_path / name).write_bytes(b"")
    assert find_weights(cache_dir=tmp_path) == tmp_path / FILE_NAME
    monkeypatch.setenv("JAXGAN_INCEPTION_WEIGHTS", str(tmp_path / "variable.npz"))
    assert find_weights(cache_dir=tmp_path) == tmp_path / "variable.npz"
    assert find_weights(str(tmp_path / "explicit.npz"), tmp_path) == tmp_path / "explicit.npz"
    with pytest.raises(ConfigError, match=re.escape(f"no Inception weights at {tmp_path / 'no'}")):
        find_weights(tmp_path / "no", tmp_path)
    monkeypatch.delenv("JAXGAN_INCEPTION_WEIGHTS")
    monkeypatch.setenv("JAXGAN_CACHE_DIR", str(tmp_path))
    assert find_weights() == tmp_path / FILE_NAME


def test_loading_refuses_what_it_cannot_use(tmp_path):
    with pytest.raises(ConfigError, match="unknown preprocessing 'torch'; did you mean 'pytorch'"):
        load_inception(preprocessing="torch")
    np.savez(tmp_path / "a.npz", **{"Conv2d_1a_3x3.conv.weight": np.zeros((32, 3, 3, 2))})
    expected = r"a.npz has 'Conv2d_1a_3x3.conv.weight' of shape .*2\), expected \(32, 3, 3, 3\)"
    with pytest.raises(ConfigError, match=expected):
        load_inception(tmp_path / "a.npz")


def test_images_need_one_or_three_channels():
    with pytest.raises(ConfigError, match="images have 2 channels; Inception takes 3, or 1"):
        _forward(PREPROCESSINGS["pytorch"], {}, jnp.zeros((1, 8, 8, 2)))
