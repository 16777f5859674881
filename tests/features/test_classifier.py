import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from jaxgan.errors import ConfigError
from jaxgan.features import extract, load_classifier, train_classifier
from jaxgan.features.classifier import _augment
from jaxgan.types import Batch

QUICK = {"num_classes": 10, "epochs": 2, "min_images": 0}


def digits(start, stop):
    data = load_digits()
    images = np.round(data.images * (255 / 16)).astype(np.uint8)[..., None]
    return Batch(images[start:stop], data.target[start:stop].astype(np.int32))


@pytest.fixture(scope="module")
def quick():
    return train_classifier(digits(0, 300), digits(300, 370), **QUICK)


def forbidden():
    raise AssertionError("read the data although the classifier is cached")


@pytest.mark.slow
def test_digits_are_classified_well():
    network = train_classifier(digits(0, 1437), digits(1437, None), num_classes=10)
    test = digits(1437, None)
    features, class_logits = extract(network, test.real)
    assert network.accuracy >= 0.97  # a 3-nearest-neighbour classifier reaches 0.967
    assert_allclose(np.mean(class_logits.argmax(axis=1) == test.labels), network.accuracy)
    assert features.shape == (360, 128)
    assert_allclose(np.mean(features**2), 1.0, rtol=1e-4)


@pytest.mark.slow
def test_the_seed_decides_everything(quick):
    again = train_classifier(digits(0, 300), digits(300, 370), **QUICK)
    other = train_classifier(digits(0, 300), digits(300, 370), seed=1, **QUICK)
    assert again.name == quick.name
    jax.tree.map(assert_array_equal, again.params, quick.params)
    assert other.name != quick.name


@pytest.mark.slow
def test_extract_does_not_depend_on_batches_or_number_format(quick):
    images = digits(0, 45).real
    expected = extract(quick, images, batch_size=45)
    scaled = (images / 127.5 - 1.0).astype(np.float32)
    for result in (extract(quick, images, batch_size=10), extract(quick, scaled, batch_size=64)):
        for value, reference in zip(result, expected, strict=True):
            assert value.shape == reference.shape
            assert_allclose(value, reference, atol=1e-5)


@pytest.mark.slow
def test_extract_shows_the_network_one_shape(quick):
    shapes = []

    def apply(params, images):
        shapes.append(images.shape)
        return quick.apply(params, images)

    extract(quick._replace(apply=apply), digits(0, 45).real, batch_size=20)
    assert shapes == [(20, 8, 8, 1)] * 3


def test_logs_only_where_asked(capsys):
    lines = []
    train_classifier(digits(0, 300), digits(300, 370), log=lines.append, **QUICK)
    assert len(lines) == 4
    assert lines[0] == "classifier: training on 300 images"
    assert lines[1].startswith("classifier: epoch 1 of 2, loss ")
    assert "of 70 test images" in lines[3]
    assert capsys.readouterr().out == ""


def cached(tmp_path, train_data=forbidden, fingerprint="digits-300", **training):
    return load_classifier(
        tmp_path,
        fingerprint=fingerprint,
        train_data=train_data,
        test_data=lambda: digits(300, 370),
        **{**QUICK, **training},
    )


def test_cache_is_read_and_keyed_by_all_that_matters(tmp_path, quick):
    first = cached(tmp_path, lambda: digits(0, 300))
    second = cached(tmp_path)
    assert first.name == second.name == quick.name
    assert first.accuracy == second.accuracy == quick.accuracy
    assert first.shape == second.shape == (8, 8, 1)
    images = digits(370, 400).real
    for a, b in zip(extract(first, images), extract(second, images), strict=True):
        assert_array_equal(a, b)
    (path,) = (tmp_path / "classifiers").iterdir()
    assert path.suffix == ".npz"
    for change in ({"fingerprint": "other"}, {"seed": 1}, {"epochs": 3}, {"num_classes": 11}):
        with pytest.raises(AssertionError, match="although the classifier is cached"):
            cached(tmp_path, **change)


@pytest.mark.slow
def test_damaged_files_are_replaced(tmp_path, quick):
    cached(tmp_path, lambda: digits(0, 300))
    (path,) = (tmp_path / "classifiers").iterdir()
    good = path.read_bytes()

    def is_restored(content):
        path.write_bytes(content)
        try:
            network = cached(tmp_path)
        except AssertionError:  # the damage was seen: the data was asked for
            return False
        assert network.accuracy == quick.accuracy
        jax.tree.map(assert_array_equal, network.params, quick.params)
        return True

    assert is_restored(good)
    assert not any(is_restored(content) for content in (b"", b"not an archive", good[:-30]))
    ends = [*range(300), *range(len(good) - 900, len(good))]
    within = np.random.default_rng(0).integers(len(good), size=100).tolist()
    flipped = [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in within]
    assert sum(is_restored(content) for content in flipped) <= 1  # almost all bytes are weights
    for i in ends[::7]:  # headers, some of which nobody reads: restored right or not at all
        is_restored(good[:i] + bytes([good[i] ^ 0x11]) + good[i + 1 :])
    path.write_bytes(b"")
    assert cached(tmp_path, lambda: digits(0, 300)).name == quick.name
    assert path.read_bytes() == good


def test_an_unwritable_cache_costs_only_the_cache(tmp_path, quick):
    (tmp_path / "classifiers").write_text("a file where the directory should be")
    lines = []
    network = cached(tmp_path, lambda: digits(0, 300), log=lines.append)
    assert network.name == quick.name
    assert "not kept" in lines[-1]


def test_without_cache_directory_nothing_is_kept(tmp_path, monkeypatch, quick):
    monkeypatch.chdir(tmp_path)
    assert cached(None, lambda: digits(0, 300)).name == quick.name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_large_oblong_colour_images_train():
    # Two classes that differ in brightness: anything that learns separates them.
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=40).astype(np.int32)
    images = rng.integers(0, 128, size=(40, 64, 40, 3)) + 100 * labels[:, None, None, None]
    images = images.astype(np.uint8)
    network = train_classifier(
        Batch(images[:24], labels[:24]),
        Batch(images[24:], labels[24:]),
        num_classes=2,
        epochs=8,
        min_images=0,
        batch_size=8,
    )
    assert network.accuracy == 1.0


@pytest.mark.slow
def test_augmentation_moves_a_little_and_keeps_the_range(key):
    images = jnp.asarray(digits(0, 50).real / 127.5 - 1.0, jnp.float32)
    assert_allclose(_augment(key, images, 0.0), images, atol=1e-5)
    moved = np.asarray(_augment(key, images, 0.2))
    assert moved.min() >= -1.0 - 1e-5
    assert moved.max() <= 1.0 + 1e-5
    change = np.abs(moved - images).mean(axis=(1, 2, 3))
    assert change.min() > 0.01
    assert len(np.unique(change)) == 50
    spot = np.zeros((40, 21, 15, 1), np.float32)
    spot[:, 10, 7] = 1.0  # the centre stays within the distortion: 0.2 of half a side, and a pixel
    moved = np.asarray(_augment(key, jnp.asarray(spot), 0.2))
    _, rows, columns, _ = np.nonzero(moved)
    assert 0 < np.abs(rows - 10).max() <= 4
    assert 0 < np.abs(columns - 7).max() <= 3


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (Batch(np.zeros((4, 8, 8, 1), np.uint8)), "the train set has no labels"),
        (
            Batch(np.zeros((4, 8, 8, 1), np.float32), np.zeros(4, np.int32)),
            "pass uint8",
        ),
        (Batch(np.zeros((4, 8, 8, 1), np.uint8), np.zeros(3, np.int32)), r"labels \(3,\)"),
        (Batch(np.zeros((4, 8, 8, 1), np.uint8), np.full(4, 10)), "num_classes - 1 = 9"),
        (Batch(np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, int)), "n >= 1"),
    ],
)
def test_bad_data_raises(batch, message):
    with pytest.raises(ConfigError, match=message):
        train_classifier(batch, digits(0, 10), num_classes=10)


def test_no_images_raise(quick):
    with pytest.raises(ConfigError, match="n >= 1"):
        extract(quick, np.zeros((0, 8, 8, 1), np.uint8))


@pytest.mark.slow
def test_mnist_is_classified_to_99_percent():
    default = Path(__file__).parents[2].parent / "shared" / "tfds"
    data_dir = Path(os.environ.get("TFDS_DATA_DIR", default))
    if not (data_dir / "mnist").is_dir():
        pytest.skip(f"no prepared MNIST in {data_dir}; set TFDS_DATA_DIR")
    import tensorflow_datasets as tfds

    def read(split):
        source = tfds.data_source("mnist", split=split, data_dir=data_dir, download=False)
        items = source.__getitems__(range(len(source)))
        images = np.stack([item["image"] for item in items])
        return Batch(images, np.array([item["label"] for item in items], np.int32))

    assert train_classifier(read("train"), read("test"), num_classes=10).accuracy >= 0.993
    assert "tensorflow" not in sys.modules
