import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxgan.errors import ConfigError
from jaxgan.features import FEATURES, ImageData, extract
from jaxgan.registry import hyperparameters
from jaxgan.types import Batch

DIGITS = np.round(load_digits().images * (255 / 16)).astype(np.uint8)[..., None]
LABELS = load_digits().target.astype(np.int32)
DATA = ImageData(
    shape=(8, 8, 1),
    train=lambda: Batch(DIGITS[:300], LABELS[:300]),
    test=lambda: Batch(DIGITS[300:370], LABELS[300:370]),
    num_classes=10,
    fingerprint="digits-300",
)

# Hyperparameters that keep it quick, and the number of features.
CALLS = {
    "classifier": ({"epochs": 1, "min_images": 0}, 128),
    "pca": ({"num_components": 7}, 7),
    "pixels": ({}, 64),
    "random_conv": ({"num_features": 8}, 8),
}


def test_every_entry_is_called_here():
    assert set(FEATURES) == {*CALLS, "inception"}


@pytest.mark.parametrize("name", CALLS)
def test_every_entry_makes_features_of_the_data_set(name):
    kwargs, num_features = CALLS[name]
    network = FEATURES[name](DATA, **kwargs)
    features, class_logits = extract(network, DIGITS[400:405], batch_size=5)
    assert features.shape == (5, num_features)
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() > 0
    assert (class_logits is not None) == (name == "classifier")
    assert set(kwargs) <= set(hyperparameters(FEATURES[name]))
    with pytest.raises(ConfigError, match=rf"{network.name} takes \[n, 8, 8, 1\]"):
        extract(network, DIGITS[400:405, 1:])


def test_what_a_data_set_lacks_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("JAXGAN_INCEPTION_WEIGHTS", raising=False)
    with pytest.raises(ConfigError, match=f"no Inception weights at {tmp_path}"):
        FEATURES["inception"](DATA._replace(cache_dir=tmp_path))
    with pytest.raises(ConfigError, match="no labels, which features 'classifier' need"):
        FEATURES["classifier"](DATA._replace(num_classes=None))
