"""InceptionV3 against the same architecture in torch, with random weights, through every file."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")

from features.torch_inception import random_inception

from jaxgan.features import extract, load_inception
from jaxgan.features.inception import InceptionV3, param_shapes
from jaxgan.features.inception_weights import fold, published_shapes
from jaxgan.features.resize import resize_bilinear
from jaxgan.features.weight_files import read_weights

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
SHAPES = {"small": (28, 28), "medium": (64, 64), "large": (500, 400)}
IMAGES = {
    name: RNG.integers(0, 256, (2, *sides, 3)).astype(np.uint8) for name, sides in SHAPES.items()
}


def to_torch(images):
    """Images [n, c, h, w] in [0, 1]."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 255)


def assert_close(value, reference):
    """Equal to 1e-4 of the largest value."""
    assert_allclose(value, reference, atol=1e-4 * np.abs(reference).max(), rtol=0)


@pytest.fixture(scope="module")
def model():
    return random_inception()


@pytest.fixture(scope="module")
def arrays(model):
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "zip.pth"
    torch.save(model.state_dict(), path)
    return path


def assert_same_arrays(values, references):
    assert set(values) == set(references)
    for name, reference in references.items():
        assert values[name].dtype == reference.dtype
        assert_array_equal(values[name], reference)


def test_every_format_of_torch_and_numpy_is_read_alike(model, arrays, path, tmp_path):
    legacy, npz = tmp_path / "legacy.pth", tmp_path / "weights.npz"
    torch.save(model.state_dict(), legacy, _use_new_zipfile_serialization=False)
    np.savez(npz, **arrays)
    assert path.read_bytes()[:2] == b"PK"
    assert legacy.read_bytes()[:2] != b"PK"
    for file in (path, legacy, npz):
        assert_same_arrays(read_weights(file), arrays)


def test_safetensors_are_read(arrays, tmp_path):
    file = pytest.importorskip("safetensors.numpy")
    file.save_file(arrays, tmp_path / "weights.safetensors")
    assert_same_arrays(read_weights(tmp_path / "weights.safetensors"), arrays)


def test_views_of_shared_storages_are_read(tmp_path):
    base = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    tensors = {"base": base, "turned": base.T, "part": base[1:3, ::2], "one": torch.tensor(7)}
    tensors |= {"half": base.half(), "none": base[:0], "copies": torch.arange(5)}
    for zipped in (True, False):
        path = tmp_path / f"{zipped}.pth"
        torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
        assert_same_arrays(read_weights(path), {k: v.numpy() for k, v in tensors.items()})


def test_the_number_of_parameters_is_torchs(model):
    shapes = published_shapes(param_shapes())
    kept = {k: v for k, v in model.state_dict().items() if "num_batches_tracked" not in k}
    assert shapes == {name: tuple(tensor.shape) for name, tensor in kept.items()}
    assert sum(p.numel() for p in model.parameters()) == 23_850_960


def test_every_layer_and_block_is_torchs(model, arrays):
    outputs = {}

    def keep(name):
        return lambda module, _, output: outputs.update({name: output.permute(0, 2, 3, 1).numpy()})

    kinds = {"BatchNorm2d", "Block"}
    hooks = [
        module.register_forward_hook(keep(name))
        for name, module in model.named_modules()
        if type(module).__name__ in kinds
    ]
    images = to_torch(IMAGES["small"])
    features, logits = model(images)
    for hook in hooks:
        hook.remove()

    resized = torch.nn.functional.interpolate(images, (299, 299), mode="bilinear")
    x = (2 * resized - 1).permute(0, 2, 3, 1).numpy()
    params = {"params": fold(arrays, param_shapes(), "torch")}

    @jax.jit
    def forward(params, x):
        return InceptionV3().apply(params, x, capture_intermediates=True, mutable="intermediates")

    values, kept = forward(params, x)
    layers = {
        ".".join(path[:-1]): output[0]
        for path, output in flatten_dict(kept["intermediates"]).items()
    }
    assert len(outputs) == 94 + 11
    for name, reference in outputs.items():
        assert_close(layers[name.removesuffix(".bn")], reference)
    assert_close(values[0], features.numpy())
    assert_close(values[1], logits.numpy())


@pytest.mark.parametrize("name", SHAPES)
def test_images_of_any_size_get_torchs_features_and_logits(model, path, name):
    images = IMAGES[name]
    features, logits = extract(load_inception(path), images, batch_size=2)
    expected = model(to_torch(images))
    assert features.std() > 0.1
    assert_close(features, expected[0].numpy())
    assert_close(logits, expected[1].numpy())


def test_grey_images_are_repeated(model, path):
    images = IMAGES["small"][..., :1]
    features, _ = extract(load_inception(path), images, batch_size=2)
    assert_close(features, model(to_torch(images.repeat(3, axis=3)))[0].numpy())


@pytest.mark.parametrize("name", SHAPES)
def test_resize_is_torchs(name):
    images = to_torch(IMAGES[name])
    expected = torch.nn.functional.interpolate(images, (299, 299), mode="bilinear")
    value = resize_bilinear(
        jnp.asarray(images.permute(0, 2, 3, 1).numpy()), 299, alignment="centers"
    )
    assert_allclose(value, expected.permute(0, 2, 3, 1), atol=2e-6)
