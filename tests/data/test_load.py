import inspect

import numpy as np
import pytest

from jaxgan.data import DATASETS, load, whole
from jaxgan.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setenv("JAXGAN_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_loads_or_says_what_to_do(name):
    assert "split" in inspect.signature(DATASETS[name]).parameters
    try:
        source = load(name)
    except DataError as error:
        assert name in ("mnist", "cifar10")
        assert "download_and_prepare" in str(error) and "\n" not in str(error)
    else:
        batch = source.read(np.arange(5))
        assert source.name == name and batch.real.shape == (5, *source.shape)
        assert batch.real.dtype == source.dtype and batch.labels.max() < source.num_classes


@pytest.mark.parametrize("name", ["mnist", "cifar10_jpeg"])
def test_real_sets(real_data_dir, name):
    source = load(name, split="test", data_dir=real_data_dir)
    again = load(name, split="test", data_dir=real_data_dir)
    batch = whole(source)
    assert batch.real.shape == (10000, *source.shape) and source.num_classes == 10
    np.testing.assert_array_equal(batch.real, whole(again).real)
    np.testing.assert_array_equal(np.unique(batch.labels), np.arange(10))


def test_the_genuine_mnist(real_data_dir):
    batch = whole(load("mnist", split="test", data_dir=real_data_dir, pad=32))
    # Class counts of the 10,000 test images, from LeCun's original label file.
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    np.testing.assert_array_equal(np.bincount(batch.labels), counts)
    # The mean test pixel that is quoted everywhere, .1325, on 28 x 28.
    assert batch.real[:, 2:30, 2:30].mean() / 255 == pytest.approx(0.1325, abs=5e-5)
    assert batch.real.shape == (10000, 32, 32, 1)


@pytest.mark.parametrize(
    ("typed", "meant"), [("digts", "digits"), ("rnig", "ring"), ("mnsit", "mnist")]
)
def test_a_typing_error_is_answered_with_the_nearest_name(typed, meant):
    with pytest.raises(DataError, match=f"did you mean '{meant}'"):
        load(typed)


def test_any_other_name_is_a_prepared_set(prepare, images):
    source = load("mine", data_dir=prepare("mine", images), pad=8)
    np.testing.assert_array_equal(whole(source).real[:, 1:7, 1:6], images)


@pytest.mark.parametrize("name", ["digits", "ring", "mnist", "mine"])
def test_a_data_directory_that_does_not_exist(name, tmp_path):
    with pytest.raises(DataError, match="missing' does not exist"):
        load(name, data_dir=tmp_path / "missing")


@pytest.mark.parametrize("option", ["resize", "pad"])
def test_points_have_no_images(option):
    with pytest.raises(ConfigError, match=f"'grid' has no images; leave out {option}=8"):
        load("grid", **{option: 8})
