"""The real side of an evaluation: features of real samples, taken once and kept."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxgan import files
from jaxgan.config import DataConfig
from jaxgan.data import Source, cache_directory, open_source, whole
from jaxgan.errors import ConfigError
from jaxgan.features import FEATURES, FeatureNetwork, ImageData, extract
from jaxgan.registry import lookup
from jaxgan.types import Batch

Log = Callable[[str], None]

# Real samples that metrics compare with, at most: neighbours take time quadratic in them.
MAX_REAL = 10_000
# Part of a cached file's name: raise it when what is kept changes.
_VERSION = 1


class Features(NamedTuple):
    """What metrics see of n samples.

    Attributes:
        features: Of the feature network; points as they are.
        class_logits: Of a network that classifies.
        labels: True classes, where they are known.
    """

    features: Float[np.ndarray, "n d"]
    class_logits: Float[np.ndarray, "n c"] | None = None
    labels: Int[np.ndarray, "n"] | None = None


class Reference(NamedTuple):
    """Real samples to compare with.

    Attributes:
        real: What the generator is trained on, or meant to be like.
        held_out: Further samples, of the split "test"; None without one.
        source: The data set of `real`.
        network: Takes the features; None for points.
        features: The network's name in `jaxgan.features.FEATURES`; None for points.
    """

    real: Features
    held_out: Features | None
    source: Source
    network: FeatureNetwork | None
    features: str | None


def rows(features: Features, indices: Int[np.ndarray, "m"] | slice) -> Features:
    """Some of the samples."""
    return jax.tree.map(lambda x: x[indices], features)


def take_features(network: FeatureNetwork | None, batch: Batch) -> Features:
    """Features of samples: uint8 images, or points."""
    real, labels = np.asarray(batch.real), batch.labels
    labels = None if labels is None else np.asarray(labels)
    if network is None:
        return Features(np.asarray(real, np.float32), None, labels)
    features, class_logits = extract(network, real)
    return Features(features, class_logits, labels)


def features_name(source: Source, features: str) -> str | None:
    """The feature network that a data set is scored with, where "auto" chooses; None for points."""
    if source.dtype != np.uint8:
        return None
    if features != "auto":
        return features
    return "random_conv" if source.num_classes is None else "classifier"


def make_reference(
    data: DataConfig, source: Source, *, features: str = "auto", log: Log = print
) -> Reference:
    """The features of up to 10,000 samples of a data set, and of as many of its split "test".

    They are kept by data set, version, split, transform and feature network, so that they are taken
    once.

    Args:
        data: How the data set is read.
        source: What the generator is trained on.
        features: A name of `jaxgan.features.FEATURES`; with "auto" `features_name` chooses. Points
            are compared as they are.
        log: Told when a network is trained, and how good it is.

    Raises:
        ConfigError: An unknown name, or features that the data set cannot have.
        DataError: Data that is missing or unreadable.
    """
    held_out = _other_split(data, source)
    if source.dtype != np.uint8:
        if features != "auto":
            raise ConfigError(f"features {features!r} are of images; {source.name!r} has points")
        sides = (_points(s) for s in (source, held_out))
        real, other = sides
        assert real is not None
        return Reference(real, other, source, None, None)
    name = features_name(source, features)
    assert name is not None
    network = lookup(FEATURES, name, "features")(_image_data(data, source, log))
    real = _kept_features(source, network, log)
    other = None if held_out is None else _kept_features(held_out, network, log)
    return Reference(real, other, source, network, name)


def _points(source: Source | None) -> Features | None:
    if source is None:
        return None
    return take_features(None, source.read(_chosen(source)))


def _chosen(source: Source) -> Int[np.ndarray, "n"]:
    """Which samples stand for a data set, in an order that makes any first part a fair sample."""
    return np.random.default_rng(0).permutation(source.size)[:MAX_REAL]


def _other_split(data: DataConfig, source: Source) -> Source | None:
    """The split "test", unless it is the one trained on or there is none."""
    if source.split == "test":
        return None
    try:
        return open_source(data, "test")
    except ConfigError:
        return None


def _image_data(data: DataConfig, source: Source, log: Log) -> ImageData:
    """What networks are fitted to: the split "train"; classifiers are tested on "test".

    Where there is no such split, every tenth sample of "train" stands for it.
    """
    train = open_source(data, "train")
    try:
        test = open_source(data, "test")
        readers, tested = (partial(whole, train), partial(whole, test)), test.version
    except ConfigError:
        is_test = np.arange(train.size) % 10 == 9
        readers = tuple(partial(train.read, np.flatnonzero(x)) for x in (~is_test, is_test))
        tested = "every tenth"
    height, width, channels = source.shape
    identity = train.name, train.version, train.split, tested
    return ImageData(
        shape=(height, width, channels),
        train=readers[0],
        test=readers[1],
        num_classes=source.num_classes,
        fingerprint="/".join(map(str, identity)),
        cache_dir=cache_directory(),
        log=log,
    )


def _kept_features(source: Source, network: FeatureNetwork, log: Log) -> Features:
    chosen = _chosen(source)
    n = len(chosen)
    recipe = [_VERSION, source.name, source.version, source.split, network.name, n]
    path = files.path_of(Path(cache_directory()) / "features", recipe)
    kept = files.restore(path)
    if kept is not None and len(kept.get("features", ())) == n:
        return Features(kept["features"], kept.get("class_logits"), kept.get("labels"))
    taken = take_features(network, source.read(chosen))
    arrays = {name: x for name, x in taken._asdict().items() if x is not None}
    files.save(path, arrays, log=log)
    return taken
