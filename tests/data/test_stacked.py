"""Stacked MNIST against the digits that it is made of, and the divergence of its classes."""

import numpy as np
import pytest

from jaxgan.data import load
from jaxgan.metrics import class_coverage


def test_channels_are_images_of_the_set_and_the_class_their_digits(prepare, images, tmp_path):
    """Each image shows its own class in its pixels."""
    labels = np.arange(11) % 3
    shown = [
        np.full_like(image[..., :1], 50 * label)
        for image, label in zip(images, labels, strict=True)
    ]
    data_dir = prepare("mnist", shown, labels=labels)
    options = {"data_dir": data_dir, "cache_dir": tmp_path, "kwargs": {"size": 40}}
    source = load("stacked_mnist", **options)
    batch = source.read(np.arange(40))
    assert (source.shape, source.num_classes, source.size) == ((6, 5, 3), 1000, 40)
    digits = batch.real[:, 0, 0, :].astype(int) // 50
    np.testing.assert_array_equal(batch.labels, digits @ [100, 10, 1])
    assert (batch.real == batch.real[:, :1, :1]).all() and len(np.unique(batch.labels)) > 10

    np.testing.assert_array_equal(source.read(np.array([7])).real, batch.real[7:8])
    other = load("stacked_mnist", **{**options, "kwargs": {"size": 40, "seed": 1}})
    assert (other.read(np.arange(40)).labels != batch.labels).any()
    assert other.version != source.version
    assert load("stacked_mnist", **options, pad=8).shape == (8, 8, 3)


def test_real_stacks(real_data_dir):
    """128,000 stacks; their classes at 26,000 samples have the divergence .0236 +- .0010."""
    source = load("stacked_mnist", split="test", data_dir=real_data_dir)
    assert (source.shape, source.size) == ((28, 28, 3), 128_000)
    coverage = class_coverage(source.read(np.arange(26_000)).labels, num_classes=1000)
    assert coverage.classes == 1000
    assert coverage.kl.value == pytest.approx(0.0236, abs=0.004)
