import sys
from types import ModuleType

import numpy as np
import pytest

from jaxgan.data import DATASETS, dataset, from_arrays, grid, load, ring, whole
from jaxgan.data.record import OPTIONS
from jaxgan.errors import ConfigError, DataError
from jaxgan.ramp import Ramp
from jaxgan.registry import POSITIVE, hyperparameters


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setenv("JAXGAN_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_loads_or_says_what_to_do(name):
    assert "split" in DATASETS[name].options
    try:
        source = load(name)
    except DataError as error:
        assert name in ("mnist", "cifar10", "stacked_mnist")
        assert "download_and_prepare" in str(error) and "\n" not in str(error)
    else:
        batch = source.read(np.arange(5))
        assert source.name == name and batch.real.shape == (5, *source.shape)
        assert batch.real.dtype == source.dtype
        assert (batch.labels is None) == (source.num_classes is None)
        assert source.num_classes is None or batch.labels.max() < source.num_classes


@pytest.mark.parametrize("name", ["mnist", pytest.param("cifar10_jpeg", marks=pytest.mark.slow)])
def test_real_sets(real_data_dir, name):
    source = load(name, split="test", data_dir=real_data_dir)
    again = load(name, split="test", data_dir=real_data_dir)
    batch = whole(source)
    assert batch.real.shape == (10000, *source.shape) and source.num_classes == 10
    np.testing.assert_array_equal(batch.real, whole(again).real)
    np.testing.assert_array_equal(np.unique(batch.labels), np.arange(10))


@pytest.mark.slow
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


@pytest.mark.parametrize("version", ["", ":1.0.0"])
def test_any_other_name_is_a_prepared_set(prepare, images, version):
    source = load(f"mine{version}", data_dir=prepare("mine", images), pad=8)
    np.testing.assert_array_equal(whole(source).real[:, 1:7, 1:6], images)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_arguments_of_a_known_set_are_those_of_any_prepared_one(
    prepare, images, tmp_path, name
):
    data_dir = prepare(name, images, labels=np.arange(11) % 3)
    kwargs = {"cache_limit": 0}
    caches = tmp_path / "caches"
    source = load(name, data_dir=data_dir, cache_dir=caches, pad=8, kwargs=kwargs)
    np.testing.assert_array_equal(whole(source).real[:, 1:7, 1:6], images)
    assert not caches.exists()
    load(name, data_dir=data_dir, cache_dir=caches, resize=4)
    assert len(list(caches.iterdir())) == 1


@pytest.mark.parametrize("name", ["digits", "ring", "mnist", "mine"])
def test_a_data_directory_that_does_not_exist(name, tmp_path):
    with pytest.raises(DataError, match="missing' does not exist"):
        load(name, data_dir=tmp_path / "missing")


@pytest.mark.parametrize("option", ["resize", "pad"])
def test_points_have_no_images(option):
    with pytest.raises(ConfigError, match=f"'grid' takes no {option}; leave out {option}=8"):
        load("grid", **{option: 8})


def own(*, split, copies=2, scale=1.0, resize=None):
    rows = np.arange(4 * copies)
    real = (scale * rows[:, None]).astype(np.float32)
    return from_arrays(real, rows % 4, name="own", split=f"{split} {resize}")


@pytest.fixture
def module(monkeypatch):
    module = ModuleType("own_module")
    module.own, module.wrong, module.splitless = own, lambda *, split: [split], lambda *, size=1: 0
    module.number = 5
    monkeypatch.setitem(sys.modules, "own_module", module)
    return module


@pytest.mark.parametrize("name", DATASETS)
def test_ranges_are_of_hyperparameters(name):
    record = DATASETS[name]
    assert hyperparameters(record) == record.hyperparameters
    assert record.ranges.keys() <= record.hyperparameters.keys()
    assert not record.hyperparameters.keys() & set(OPTIONS)


@pytest.mark.parametrize("function", [ring, grid])
def test_hyperparameters_reach_the_data_set(function):
    source = load(function.__name__, split="test", kwargs={"size": 30})
    assert source.size == 30
    np.testing.assert_array_equal(whole(source).real, whole(function(split="test", size=30)).real)
    assert load(function.__name__).version == function().version != source.version


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("ring", {"size": 0}, "data.kwargs.size is 0; it must be at least 1"),
        ("ring", {"size": 2.5}, "data.kwargs.size is 2.5; it must be of type int"),
        ("ring", {"sise": 5}, "did you mean 'size'"),
        ("ring", {"split": "test"}, "'split'"),
        ("digits", {"size": 5}, "data takes no hyperparameters; remove 'size'"),
        ("mnist", {"cache_limit": -1}, "data.kwargs.cache_limit is -1; it must be at least 0"),
        ("own_module:own", {"scale": Ramp(1.0)}, "data.kwargs.scale cannot change over the run"),
    ],
)
def test_hyperparameters_that_cannot_be(name, kwargs, message, module):
    with pytest.raises(ConfigError, match=message):
        load(name, kwargs=kwargs)


def test_a_function_of_ones_own(module):
    source = load("own_module:own", split="test", resize=3, kwargs={"copies": 3, "scale": 2})
    assert (source.size, source.split) == (12, "test 3")
    np.testing.assert_array_equal(whole(source).real[:, 0], np.arange(0.0, 24.0, 2.0))
    # Caches must tell apart what the function itself gave one version.
    versions = {load("own_module:own", kwargs={"copies": n}).version for n in (2, 3, 4)}
    assert len(versions) == 3
    assert load("own_module:own").version == own(split="train").version
    with pytest.raises(ConfigError, match="takes no pad; leave out pad=8"):
        load("own_module:own", pad=8)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_module:onw", "did you mean 'own'"),
        ("missing_module:own", "'missing_module' cannot be imported"),
        ("own_module:wrong", "returned a list; it must return a Source"),
        ("own_module:splitless", "does not take a split"),
        ("own_module:number", "does not take a split"),
    ],
)
def test_a_function_of_ones_own_that_cannot_be(name, message, module):
    with pytest.raises(ConfigError, match=message):
        load(name)


def test_a_labelled_few(module):
    few = load("own_module:own", kwargs={"copies": 5}, per_class=2)
    np.testing.assert_array_equal(whole(few).labels, [0, 1, 2, 3] * 2)
    assert few.version != load("own_module:own", kwargs={"copies": 5}).version
    assert load("digits", split="test", per_class=3).size == 30


def test_a_decorated_function_is_a_data_set(monkeypatch):
    monkeypatch.setattr("jaxgan.data.record.DATASETS", registry := {})
    assert dataset(ranges={"scale": POSITIVE})(own) is own
    assert registry["own"].function is own
    assert registry["own"].ranges == {"scale": POSITIVE}
    assert registry["own"].hyperparameters == {"copies": 2, "scale": 1.0}
    assert registry["own"].options == ("split", "resize")
    assert registry["own"](split="test").split == "test None"
