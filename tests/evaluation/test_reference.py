"""The real side: which samples, taken once, and kept under a name that changes with what it is."""

import dataclasses

import numpy as np
import pytest

from jaxgan.config import DataConfig
from jaxgan.data import from_arrays, load
from jaxgan.errors import ConfigError
from jaxgan.evaluation import make_reference
from jaxgan.evaluation import reference as module
from jaxgan.features import extract, random_convolutional

DIGITS = DataConfig(name="digits")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXGAN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_features_are_those_of_the_network_for_both_splits():
    source = load("digits")
    reference = make_reference(DIGITS, source, features="random_conv")
    network = random_convolutional(0, (8, 8, 1))
    for split, side in (("train", reference.real), ("test", reference.held_out)):
        everything = load("digits", split=split)
        batch = everything.read(np.arange(everything.size))
        expected = extract(network, batch.real)[0]
        for found, x in ((side.features, expected), (side.labels[:, None], batch.labels[:, None])):
            np.testing.assert_allclose(*(np.sort(x, axis=0) for x in (found, x)), atol=1e-5)
        assert (np.bincount(side.labels[:100]) > 0).all()  # a first part is a sample


def test_they_are_taken_once_and_again_where_the_file_is_damaged(empty_cache, monkeypatch):
    taken = []

    def counting(network, batch):
        taken.append(batch)
        return take(network, batch)

    take = module.take_features
    monkeypatch.setattr(module, "take_features", counting)
    first = make_reference(DIGITS, load("digits"), features="random_conv")
    assert len(taken) == 2
    second = make_reference(DIGITS, load("digits"), features="random_conv")
    assert len(taken) == 2
    np.testing.assert_array_equal(first.real.features, second.real.features)
    np.testing.assert_array_equal(first.real.labels, second.real.labels)
    for path in (empty_cache / "features").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    third = make_reference(DIGITS, load("digits"), features="random_conv")
    assert len(taken) == 4
    np.testing.assert_array_equal(first.real.features, third.real.features)
    make_reference(DIGITS, load("digits"), features="pixels")
    assert len(taken) == 6
    padded = dataclasses.replace(DIGITS, pad=10)
    make_reference(padded, load("digits", pad=10), features="pixels")
    assert len(taken) == 8


def test_a_large_set_is_stood_for_by_the_same_random_samples(monkeypatch):
    monkeypatch.setattr(module, "MAX_REAL", 100)
    one, other = (make_reference(DIGITS, load("digits"), features="pixels") for _ in range(2))
    assert len(one.real.features) == 100
    np.testing.assert_array_equal(one.real.features, other.real.features)
    assert len(set(one.real.labels.tolist())) == 10


def test_sets_without_labels_are_seen_by_a_random_network(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images)
    data = DataConfig(name=str(tmp_path / "images.npz"))
    reference = make_reference(data, load(data.name))
    assert reference.network.name.startswith("random_conv")
    assert reference.held_out is None and reference.real.labels is None
    with pytest.raises(ConfigError, match="has no labels"):
        make_reference(data, load(data.name), features="classifier")


def test_points_are_compared_as_they_are():
    reference = make_reference(DataConfig(name="ring"), load("ring"))
    assert reference.network is None and reference.real.features.shape == (10_000, 2)
    assert reference.held_out is not None
    with pytest.raises(ConfigError, match="'ring' has points"):
        make_reference(DataConfig(name="ring"), load("ring"), features="pca")
    with pytest.raises(ConfigError, match="did you mean 'pca'"):
        make_reference(DIGITS, load("digits"), features="pcaa")


def test_points_of_ones_own_need_no_file():
    points = np.random.default_rng(0).normal(size=(30, 3)).astype("f")
    source = from_arrays(points, name="ring")
    reference = make_reference(DataConfig(name="ring"), source)
    assert set(map(tuple, reference.real.features)) == set(map(tuple, points))
