"""What a config's names come to: feature networks, held-out samples, metrics, names of scores."""

import dataclasses
import sys
from types import ModuleType

import jax
import numpy as np
import pytest

from jaxgan.config import DataConfig
from jaxgan.data import from_arrays, load
from jaxgan.errors import ConfigError
from jaxgan.evaluation import reference as reference_module
from jaxgan.evaluation import score
from jaxgan.features import extract, random_convolutional
from jaxgan.metrics import METRICS, Features, Metric, Sides
from jaxgan.runs.scoring import (
    check_names,
    features_of,
    held_out_of,
    metrics_of,
    reference_of,
    score_names,
)
from jaxgan.runs.sources import open_source

DIGITS = DataConfig(name="digits")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXGAN_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(reference_module, "MAX_REAL", 100)


@pytest.fixture
def own(monkeypatch):
    """A user's module with a metric, a registered one, a feature network and a data set."""
    module = ModuleType("scoring_own")

    def median(real, fake):
        return float(np.median(fake))

    def pair(data):
        return random_convolutional(2, data.shape)

    def stream(*, split, size: int = 20):
        del split
        images = np.random.default_rng(0).integers(0, 256, (size, 8, 8, 1), dtype=np.uint8)
        return from_arrays(images, np.arange(size) % 2, name="stream")

    def registered(real, fake):
        return 1.0

    module.median, module.pair, module.stream = median, pair, stream
    module.record = Metric(median, ("middle",), ("middle",))
    module.registered = registered
    monkeypatch.setitem(METRICS, "registered", Metric(registered, ("one",)))
    monkeypatch.setitem(sys.modules, "scoring_own", module)
    return module


def test_features_suit_the_data_unless_they_are_named(tmp_path):
    unlabelled = from_arrays(np.zeros((4, 8, 8, 1), np.uint8), name="images")
    assert features_of(load("digits")) == "classifier"
    assert features_of(unlabelled) == "random_conv"
    for labels, chosen in (
        (np.arange(1000) % 20, "classifier"),
        (np.arange(1000) % 21, "random_conv"),
    ):
        labelled = from_arrays(np.zeros((1000, 8, 8, 1), np.uint8), labels, name="images")
        assert features_of(labelled) == chosen  # 50 a class, and fewer
    assert features_of(load("digits", per_class=99)) == "random_conv"  # fewer than 1,000
    assert features_of(load("ring")) is None is features_of(load("ring"), "pca")
    assert features_of(load("digits"), "pca") == "pca" == features_of(load("digits"), "pca")


def test_a_reference_has_the_network_of_the_name_and_the_split_test(few):
    reference = reference_of(DIGITS, load("digits"), "random_conv")
    assert reference.features == "random_conv"
    assert (reference.source.split, reference.held_out_source.split) == ("train", "test")
    test = load("digits", split="test")
    chosen = np.random.default_rng(0).permutation(test.size)[:100]
    expected = extract(random_convolutional(0, (8, 8, 1)), test.read(chosen).real)[0]
    np.testing.assert_allclose(reference.held_out.features, expected, atol=1e-5)


def test_the_held_out_samples_are_all_of_the_other_split(tmp_path, own):
    whole = load("digits", split="test")
    assert held_out_of(DIGITS, load("digits")).size == whole.size
    assert held_out_of(DataConfig(name="digits", per_class=2), load("digits")).size == whole.size
    assert held_out_of(DataConfig(name="digits", pad=10), load("digits", pad=10)).shape[0] == 10
    both = open_source(DataConfig(name="digits", mirror=True))
    assert both.size == 2 * load("digits").size
    assert held_out_of(DataConfig(name="digits", mirror=True), both).size == 2 * whole.size
    assert held_out_of(DIGITS, whole) is None
    np.savez(tmp_path / "images.npz", np.zeros((4, 8, 8, 1), np.uint8))
    files = DataConfig(name=str(tmp_path / "images.npz"))
    assert held_out_of(files, open_source(files)) is None
    # A function that returns the same for every split has no other one.
    stream = DataConfig(name="scoring_own:stream", kwargs={"size": 12})
    assert held_out_of(stream, open_source(stream)) is None


def test_points_are_compared_as_they_are():
    reference = reference_of(DataConfig(name="ring"), load("ring"))
    assert reference.network is None and reference.real.features.shape == (10_000, 2)
    assert reference.held_out is not None
    with pytest.raises(ConfigError, match="'ring' has points"):
        reference_of(DataConfig(name="ring"), load("ring"), "pca")


def test_sets_without_labels_or_with_a_wrong_name_are_told(tmp_path):
    np.savez(tmp_path / "images.npz", np.zeros((12, 8, 8, 3), np.uint8))
    data = DataConfig(name=str(tmp_path / "images.npz"))
    reference = reference_of(data, open_source(data))
    assert reference.network.name.startswith("random_conv")
    assert reference.held_out is None and reference.real.labels is None
    with pytest.raises(ConfigError, match="has no labels"):
        reference_of(data, open_source(data), "classifier")
    with pytest.raises(ConfigError, match="did you mean 'pca'"):
        reference_of(DIGITS, load("digits"), "pcaa")


def test_a_classifier_learns_from_the_whole_split_train(few, monkeypatch):
    """Whatever part of it, or other split, the generator is trained on."""
    seen = []

    def network(data):
        seen.append((len(data.train().real), len(data.test().real), data.fingerprint()))
        return random_convolutional(0, data.shape)

    monkeypatch.setitem(sys.modules["jaxgan.features"].FEATURES, "seen", network)
    train, test = load("digits"), load("digits", split="test")
    for data in (DIGITS, DataConfig(name="digits", per_class=3)):
        reference_of(data, open_source(data), "seen")
    reference_of(dataclasses.replace(DIGITS, split="test"), test, "seen")
    assert {one[:2] for one in seen} == {(train.size, test.size)} and len(set(seen)) == 1


def test_networks_and_data_sets_of_ones_own(own, few):
    data = DataConfig(name="scoring_own:stream")
    source = open_source(data)
    reference = reference_of(data, source, "scoring_own:pair")
    assert reference.features == "pair" and len(reference.real.features) == 20
    names = score_names(["fid"], source, "scoring_own:pair")
    assert names == {"eval/pair_fid": False}


@pytest.mark.parametrize(
    ("data", "features", "options", "expected"),
    [
        ("digits", "auto", {}, "fid kid class_coverage"),
        ("digits", "auto", {"conditional": True}, "fid kid class_coverage class_agreement"),
        ("digits", "pca", {"conditional": True}, "fid kid"),
        ("digits", "pca", {"thorough": True}, "fid kid prdc"),
        ("digits", "pca", {"thorough": True, "held_out": True}, "fid kid prdc memorisation"),
        ("ring", "auto", {}, "mixture_modes"),
        (
            "ring",
            "auto",
            {"thorough": True},
            "mixture_modes sliced_wasserstein_distance two_sample_test",
        ),
    ],
)
def test_without_names_the_metrics_suit_the_data(data, features, options, expected):
    metrics = metrics_of((), load(data), features, **options)
    assert list(metrics) == expected.split()
    assert all(metrics[name] is METRICS[name] for name in metrics)


def test_a_data_set_may_name_the_features_that_suit_it():
    source = dataclasses.replace(load("digits"), name="stacked_mnist")
    assert list(metrics_of((), source)) == ["fid", "kid", "class_coverage"]
    assert "eval/stacked_classifier_accuracy" in score_names((), source)
    assert "eval/pca_fid" in score_names((), source, "pca")


def test_points_whose_modes_are_unknown_are_compared_by_distance():
    source = from_arrays(np.zeros((5, 3), np.float32), name="mine")
    assert list(metrics_of((), source)) == ["sliced_wasserstein_distance"]


def test_names_of_scores_say_which_way_is_better():
    source = load("digits")
    assert score_names((), source, conditional=True) == {
        "eval/classifier_fid": False,
        "eval/classifier_kid": False,
        "eval/classes": True,
        "eval/class_kl": False,
        "eval/class_agreement": True,
        "eval/classifier_accuracy": True,
    }
    assert score_names(["prdc"], source, "pca") == dict.fromkeys(
        [f"eval/pca_{name}" for name in ("precision", "recall", "density", "coverage")], True
    )
    assert next(iter(score_names((), load("ring")))) == "eval/reverse_kl"


def test_metrics_of_ones_own(own):
    source = load("digits")
    names = ["scoring_own:median", "scoring_own:registered", "scoring_own:record"]
    check_names(names)
    metrics = metrics_of(names, source)
    assert list(metrics) == ["median", "registered", "record"]
    assert metrics["registered"] is METRICS["registered"]
    assert score_names(names, source, "pca") == {
        "eval/pca_median": False,
        "eval/pca_one": False,
        "eval/pca_middle": True,
    }
    sides = Sides(Features(np.zeros((2, 1))), Features(np.ones((2, 1))))
    values = score(sides, metrics, jax.random.key(0))
    assert values["median"] == 1 == values["one"] == values["middle"]


def test_an_unknown_metric_is_told():
    for check in (check_names, lambda names: metrics_of(names, load("ring"))):
        with pytest.raises(ConfigError, match="unknown metric 'fidd'; did you mean 'fid'"):
            check(["fidd"])
    with pytest.raises(ConfigError, match="module 'nowhere' cannot be imported"):
        check_names(["nowhere:metric"])
