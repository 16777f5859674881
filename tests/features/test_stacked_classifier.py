"""Stacks of scikit-learn's digits, whose classes are known, and of real MNIST."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxgan.data import load
from jaxgan.errors import ConfigError
from jaxgan.features import FEATURES, ImageData, extract, train_classifier
from jaxgan.features.stacked_classifier import _channels
from jaxgan.metrics import class_coverage
from jaxgan.types import Batch

DIGITS = np.round(load_digits().images * (255 / 16)).astype(np.uint8)
LABELS = load_digits().target


def pairs(start, stop, count):
    """Two digits of a part of the set in the channels of each image."""
    rows = np.random.default_rng(start).integers(start, stop, (count, 2))
    labels = 10 * LABELS[rows[:, 0]] + LABELS[rows[:, 1]]
    return Batch(np.moveaxis(DIGITS[rows], 1, 3), labels.astype(np.int32))


DATA = ImageData(
    shape=(8, 8, 2),
    train=lambda: pairs(0, 300, 2000),
    test=lambda: pairs(300, 370, 400),
    num_classes=100,
    fingerprint=lambda: "pairs",
)
QUICK = {"epochs": 2, "min_images": 0}


@pytest.mark.slow
def test_it_is_the_classifier_of_its_channels():
    network = FEATURES["stacked_classifier"](DATA, **QUICK)
    single = train_classifier(
        _channels(DATA.train, 10), _channels(DATA.test, 10), num_classes=10, **QUICK
    )
    assert network.name == f"stacked_{single.name}" and network.accuracy == single.accuracy
    images = DATA.test().real
    features, class_logits = extract(network, images)
    both = [extract(single, images[..., i : i + 1]) for i in range(2)]
    np.testing.assert_allclose(features, np.concatenate([b[0] for b in both], axis=1), atol=1e-5)
    digits = [logits.argmax(axis=1) for _, logits in both]
    np.testing.assert_array_equal(class_logits.argmax(axis=1), 10 * digits[0] + digits[1])
    np.testing.assert_allclose(np.exp(class_logits).sum(axis=1), 1, atol=1e-4)


def test_channels_are_taken_once_with_their_classes():
    """All 300 digits are drawn by 4,000 channels; their labels are scikit-learn's."""
    singles = _channels(DATA.train, 10)
    assert singles.real.shape == (300, 8, 8, 1)
    known = {image.tobytes(): label for image, label in zip(DIGITS, LABELS, strict=True)}
    expected = [known[image.tobytes()] for image in singles.real]
    np.testing.assert_array_equal(singles.labels, expected)


@pytest.mark.parametrize("classes", [None, 0, 99])
def test_classes_must_be_one_digit_a_channel(classes):
    with pytest.raises(ConfigError, match=f"has {classes} classes and 2 channels.*'classifier'"):
        FEATURES["stacked_classifier"](DATA._replace(num_classes=classes))


@pytest.mark.slow
def test_real_stacks_score_the_floor(real_data_dir):
    """KL .0236 +- .0010 at 26,000 samples of real stacks, by a classifier of 99.3 % at least."""
    readers = {
        split: (lambda source: lambda: source.read(np.arange(source.size)))(
            load("stacked_mnist", split=split, data_dir=real_data_dir)
        )
        for split in ("train", "test")
    }
    network = FEATURES["stacked_classifier"](
        ImageData((28, 28, 3), readers["train"], readers["test"], 1000, lambda: "stacked_mnist")
    )
    assert network.accuracy >= 0.993
    stacks = load("stacked_mnist", split="test", data_dir=real_data_dir).read(np.arange(26_000))
    _, class_logits = extract(network, stacks.real)
    assert class_logits is not None
    coverage = class_coverage(class_logits.argmax(axis=1), num_classes=1000)
    assert coverage.classes == 1000
    assert coverage.kl.value == pytest.approx(0.0236, abs=0.004)
