"""The real side: which samples, taken once, and kept under a name that changes with what it is."""

import numpy as np
import pytest

from jaxgan.data import from_arrays, load
from jaxgan.errors import ConfigError
from jaxgan.evaluation import make_reference
from jaxgan.evaluation import reference as module
from jaxgan.features import extract, random_convolutional

NETWORK = random_convolutional(0, (8, 8, 1))
OTHER = random_convolutional(1, (8, 8, 1))


@pytest.fixture
def taken(monkeypatch):
    """The batches of which features were taken."""
    batches = []

    def counting(network, batch):
        batches.append(batch)
        return take(network, batch)

    take = module.take_features
    monkeypatch.setattr(module, "take_features", counting)
    return batches


@pytest.mark.slow
def test_features_are_those_of_the_network_for_both_sides(tmp_path):
    source, held_out = load("digits"), load("digits", split="test")
    reference = make_reference(source, held_out, NETWORK, features="mine", cache_dir=tmp_path)
    assert reference.features == "mine" and reference.network is NETWORK
    assert reference.source is source and reference.held_out_source is held_out
    for everything, side in ((source, reference.real), (held_out, reference.held_out)):
        batch = everything.read(np.arange(everything.size))
        expected = extract(NETWORK, batch.real)[0]
        for found, x in ((side.features, expected), (side.labels[:, None], batch.labels[:, None])):
            np.testing.assert_allclose(*(np.sort(x, axis=0) for x in (found, x)), atol=1e-5)
        assert (np.bincount(side.labels[:100]) > 0).all()  # a first part is a sample


def test_they_are_taken_once_and_again_where_the_file_is_damaged(tmp_path, taken):
    def made(network=NETWORK, **changes):
        return make_reference(load("digits", **changes), None, network, cache_dir=tmp_path)

    first, second = made(), made()
    assert len(taken) == 1
    np.testing.assert_array_equal(first.real.features, second.real.features)
    np.testing.assert_array_equal(first.real.labels, second.real.labels)
    (path,) = (tmp_path / "features").iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    third = made()
    assert len(taken) == 2
    np.testing.assert_array_equal(first.real.features, third.real.features)
    made(OTHER)
    made(split="test")
    made(random_convolutional(0, (10, 10, 1)), pad=10)
    assert len(taken) == 5


def test_a_changed_data_set_of_one_name_and_version_is_taken_anew(tmp_path, taken):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    for x, count in ((images, 1), (images, 1), (255 - images, 2)):
        make_reference(from_arrays(x, name="mine"), None, NETWORK, cache_dir=tmp_path)
        assert len(taken) == count


def test_a_large_set_is_stood_for_by_the_same_random_samples(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "MAX_REAL", 100)
    one, other = (
        make_reference(load("digits"), None, NETWORK, cache_dir=tmp_path / name) for name in "ab"
    )
    assert len(one.real.features) == 100 and one.held_out is None
    np.testing.assert_array_equal(one.real.features, other.real.features)
    assert len(set(one.real.labels.tolist())) == 10


def test_points_are_compared_as_they_are_and_not_kept(tmp_path):
    points = np.random.default_rng(0).normal(size=(30, 3)).astype("f")
    reference = make_reference(from_arrays(points, name="mine"), None, None, cache_dir=tmp_path)
    assert reference.network is None is reference.features
    assert set(map(tuple, reference.real.features)) == set(map(tuple, points))
    assert not list(tmp_path.iterdir())


def test_images_without_a_network_are_refused():
    with pytest.raises(ConfigError, match="'digits' has images, which are compared by features"):
        make_reference(load("digits"), None, None)
