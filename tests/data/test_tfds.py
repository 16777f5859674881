"""Expected values: the pixels that the fixtures encoded; TFDS's own decoding for real data."""

import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxgan.data import load, tfds
from jaxgan.data.source import whole
from jaxgan.errors import ConfigError, DataError


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("cache_limit", [0, 1 << 30])
def test_colour_images_and_labels(prepare, images, tmp_path, offline, cache_limit):
    labels = np.arange(11) % 3
    data_dir = prepare("colours", images, labels=labels)
    source = tfds.prepared(
        "colours", data_dir=data_dir, cache_dir=tmp_path, cache_limit=cache_limit
    )
    batch = whole(source)
    np.testing.assert_array_equal(batch.real, images)
    np.testing.assert_array_equal(batch.labels, labels)
    assert batch.real.dtype == np.uint8 and batch.labels.dtype == np.int32
    assert (source.shape, source.size, source.num_classes) == ((6, 5, 3), 11, 3)
    assert source.nbytes == 11 * (6 * 5 * 3 + 4)
    some = source.read(np.array([10, 0, 10], np.int32))
    np.testing.assert_array_equal(some.real, images[[10, 0, 10]])
    np.testing.assert_array_equal(some.labels, labels[[10, 0, 10]])
    assert bool(list(tmp_path.glob("*.npy"))) == (cache_limit > 0)


@pytest.mark.parametrize("cache_limit", [0, 1 << 30])
def test_grey_images_without_labels(prepare, images, tmp_path, cache_limit):
    data_dir = prepare("greys", images[..., :1])
    source = tfds.prepared("greys", data_dir=data_dir, cache_dir=tmp_path, cache_limit=cache_limit)
    assert source.num_classes is None and source.nbytes == 11 * 6 * 5
    batch = whole(source)
    np.testing.assert_array_equal(batch.real, images[..., :1])
    assert batch.labels is None


def test_grey_pictures_in_a_colour_set(prepare, images, tmp_path):
    data_dir = prepare("mixed", images[..., :1], shape=(6, 5, 3))
    source = tfds.prepared("mixed", data_dir=data_dir, cache_dir=tmp_path)
    np.testing.assert_array_equal(whole(source).real, np.repeat(images[..., :1], 3, axis=-1))


def test_images_of_varying_size(prepare, tmp_path):
    flat = [np.full((4 + i, 9 - i, 3), 20 * i, np.uint8) for i in range(4)]
    data_dir = prepare("sizes", flat, shape=(None, None, 3))
    with pytest.raises(ConfigError, match="resize"):
        tfds.prepared("sizes", data_dir=data_dir, cache_dir=tmp_path)
    source = tfds.prepared("sizes", data_dir=data_dir, cache_dir=tmp_path, resize=5, pad=8)
    real = whole(source).real
    assert real.shape == (4, 8, 8, 3)
    np.testing.assert_array_equal(real[:, 1:6, 1:6].min((1, 2, 3)), [0, 20, 40, 60])
    np.testing.assert_array_equal(real[:, 1:6, 1:6].max((1, 2, 3)), [0, 20, 40, 60])
    assert real.sum() == real[:, 1:6, 1:6].sum(dtype=int)


def test_many_threads_keep_the_order(prepare, images, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "WORKERS", 4)
    monkeypatch.setattr(tfds, "THREADED_PIXELS", 1)
    monkeypatch.setattr(tfds, "CHUNK_BYTES", 5 * 6 * 5 * 3)
    data_dir = prepare("threads", images)
    for cache_limit in (0, 1 << 30):
        source = tfds.prepared(
            "threads", data_dir=data_dir, cache_dir=tmp_path, cache_limit=cache_limit
        )
        np.testing.assert_array_equal(whole(source).real, images)
        np.testing.assert_array_equal(source.read(np.array([7, 2])).real, images[[7, 2]])


def test_versions_configurations_and_slices(prepare, images, tmp_path):
    prepare("set", images[:2], version="1.9.0")
    prepare("set", images[:3], version="1.10.0")
    prepare("family/a", images[:4])
    prepare("family/b", images[:5])
    data_dir = prepare("single/only", images[:6])

    def size(name, split="train"):
        return tfds.prepared(name, split=split, data_dir=data_dir, cache_dir=tmp_path).size

    assert size("set") == 3
    assert size("set:1.9.0") == 2
    assert size("family/b") == 5
    assert size("single") == size("single/only:1.0.0") == 6
    assert size("set", "train[1:]") == 2
    with pytest.raises(DataError, match=r"'family' has several.*family/a.*family/b"):
        size("family")
    with pytest.raises(DataError, match=r"'set:2\.0\.0' .*did you mean 'set:1\.\d+\.0'"):
        size("set:2.0.0")
    with pytest.raises(ConfigError, match="no split 'trian'; use one of: train"):
        size("set", "trian")
    with pytest.raises(DataError, match="empty"):
        size("set", "train[:0]")


def test_an_unprepared_set_is_answered_at_once_on_one_line(prepare, images, offline):
    data_dir = prepare("mnist_like", images)
    start = time.perf_counter()
    with pytest.raises(DataError) as error:
        tfds.find("mnist_lik", data_dir)
    assert time.perf_counter() - start < 1
    message = str(error.value)
    assert error.value.exit_code == 3
    assert "\n" not in message
    for part in (
        "'mnist_lik'",
        str(data_dir),
        "prepared there: mnist_like",
        "did you mean 'mnist_like'?",
        "pip install 'jaxgan[prepare]'",
        "tfds.builder('mnist_lik', data_dir=",
        "download_and_prepare()",
    ):
        assert part in message


def test_a_set_prepared_again_under_its_version_is_read_anew(prepare, images, tmp_path):
    data_dir = prepare("again", images)
    assert load("again", data_dir=data_dir, cache_dir=tmp_path).shape == images.shape[1:]
    shutil.rmtree(data_dir)
    other = images[:, :4, :4]
    prepare("again", other)
    found = whole(load("again", data_dir=data_dir, cache_dir=tmp_path)).real
    np.testing.assert_array_equal(found, other)


def test_the_data_directory(monkeypatch, tmp_path, prepare, images):
    data_dir = prepare("colours", images)
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    assert tfds.find("colours") == data_dir / "colours" / "1.0.0"
    with pytest.raises(DataError, match="no such directory"):
        tfds.find("colours", tmp_path / "missing")
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DataError, match="tensorflow_datasets"):
        tfds.find("colours")


@pytest.mark.parametrize("damage", ["features.json", "dataset_info.json", "shard", "missing"])
def test_damaged_data_is_one_line(prepare, images, tmp_path, damage):
    directory = prepare("broken", images) / "broken" / "1.0.0"
    shard = next(directory.glob("*.array_record*"))
    if damage == "missing":
        shard.unlink()
    elif damage == "shard":
        shard.write_bytes(b"\0" * shard.stat().st_size)
    else:
        (directory / damage).write_text("{")
    with pytest.raises(DataError, match="cannot read data set 'broken'") as error:
        tfds.prepared("broken", data_dir=directory.parents[1], cache_dir=tmp_path)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("*.npy")) and not list(tmp_path.glob("*.tmp"))


def test_the_same_name_with_other_content_is_not_taken_from_the_cache(prepare, images, tmp_path):
    data_dir = prepare("changing", images)
    assert tfds.prepared("changing", data_dir=data_dir, cache_dir=tmp_path).size == 11
    (data_dir / "changing").rename(tmp_path / "old")
    prepare("changing", images[:4])
    source = tfds.prepared("changing", data_dir=data_dir, cache_dir=tmp_path)
    assert source.size == len(whole(source).real) == 4


@pytest.mark.slow
def test_importing_loads_no_tfds_and_no_sklearn():
    code = (
        "import sys, jaxgan.data; jaxgan.data.load('ring'); "
        "assert not {'tensorflow_datasets', 'sklearn', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["mnist", "cifar10_jpeg"])
def test_real_sets_as_tfds_decodes_them(real_data_dir, tmp_path, name):
    import tensorflow_datasets

    split = "test[:300]"
    source = tfds.prepared(name, split=split, data_dir=real_data_dir, cache_dir=tmp_path)
    expected = list(
        tensorflow_datasets.data_source(name, split=split, data_dir=real_data_dir, download=False)
    )
    batch = whole(source)
    np.testing.assert_array_equal(batch.real, [example["image"] for example in expected])
    np.testing.assert_array_equal(batch.labels, [example["label"] for example in expected])
