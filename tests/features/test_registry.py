from functools import partial

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxgan.errors import ConfigError
from jaxgan.features import FEATURES, ImageData, efficientnet, extract, inception, vgg
from jaxgan.registry import hyperparameters
from jaxgan.types import Batch

DIGITS = np.round(load_digits().images * (255 / 16)).astype(np.uint8)[..., None]
LABELS = load_digits().target.astype(np.int32)
DATA = ImageData(
    shape=(8, 8, 1),
    train=lambda: Batch(DIGITS[:300], LABELS[:300]),
    test=lambda: Batch(DIGITS[300:370], LABELS[300:370]),
    num_classes=10,
    fingerprint=lambda: "digits-300",
)

# Hyperparameters that keep it quick, the number of features, the maps' sides and channels.
CALLS = {
    "autoencoder": ({"steps": 10, "num_features": 8}, 8, [(8, 32), (4, 64), (4, 128)]),
    "classifier": ({"epochs": 1, "min_images": 0}, 128, [(8, 32), (4, 64), (4, 64)]),
    "pca": ({"num_components": 7}, 7, None),
    "pixels": ({}, 64, [(8, 1)]),
    "random_conv": ({"num_features": 8}, 8, [(4, 1), (4, 2), (4, 4)]),
    "stacked_classifier": ({"epochs": 1, "min_images": 0}, 128, None),
}


# What takes published weights: its maps, its parameters' shapes, and the maps' sides and channels,
# from the tables of the papers.
PRETRAINED = {
    "efficientnet_lite0": (
        (partial(efficientnet._maps, 96), efficientnet.param_shapes),
        [(48, 16), (24, 24), (12, 40), (6, 80), (6, 112), (3, 192), (3, 320)],
    ),
    "inception": (
        (partial(inception._maps, inception.PREPROCESSINGS["pytorch"]), inception.param_shapes),
        [(147, 64), (71, 192), (35, 288), (17, 768), (8, 2048)],
    ),
    "vgg16": (
        (partial(vgg._maps, 64), vgg.param_shapes),
        [(64, 64), (32, 128), (16, 256), (8, 512), (4, 512)],
    ),
}


def test_every_entry_is_called_here():
    assert set(FEATURES) == {*CALLS, *PRETRAINED}


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_networks_have_maps_of_growing_depth(name):
    (function, shapes), expected = PRETRAINED[name]
    images = jax.ShapeDtypeStruct((2, 32, 28, 1), np.float32)
    maps = jax.eval_shape(function, {"params": shapes()}, images)
    assert list(maps) == [f"stage_{i}" for i in range(1, len(expected) + 1)]
    assert [x.shape for x in maps.values()] == [(2, side, side, c) for side, c in expected]


@pytest.mark.parametrize("name", CALLS)
def test_every_entry_makes_features_of_the_data_set(name):
    kwargs, num_features, sides = CALLS[name]
    network = FEATURES[name](DATA, **kwargs)
    features, class_logits = extract(network, DIGITS[400:405], batch_size=5)
    assert features.shape == (5, num_features)
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() > 0
    assert (class_logits is not None) == name.endswith("classifier")
    if sides is None:
        assert network.maps is None
    else:
        assert network.maps is not None
        maps = network.maps(network.params, DIGITS[400:405] / np.float32(127.5) - 1)
        assert [x.shape for x in maps.values()] == [(5, side, side, c) for side, c in sides]
        assert all(np.isfinite(x).all() and np.ptp(x) > 0 for x in maps.values())
    assert set(kwargs) <= set(hyperparameters(FEATURES[name]))
    with pytest.raises(ConfigError, match=rf"{network.name} takes \[n, 8, 8, 1\]"):
        extract(network, DIGITS[400:405, 1:])


def test_what_a_data_set_lacks_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("JAXGAN_INCEPTION_WEIGHTS", raising=False)
    with pytest.raises(ConfigError, match=f"no Inception weights at {tmp_path}"):
        FEATURES["inception"](DATA._replace(cache_dir=tmp_path))
    with pytest.raises(ConfigError, match="no labels, which features 'classifier' need"):
        FEATURES["classifier"](DATA._replace(num_classes=None))
