"""The real side of an evaluation: features of real samples, taken once and kept."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxgan import files
from jaxgan.data import Source
from jaxgan.errors import ConfigError
from jaxgan.features import FeatureNetwork, extract
from jaxgan.files import Log
from jaxgan.metrics import Features
from jaxgan.runtime import cache_directory
from jaxgan.types import Batch

# Real samples that metrics compare with, at most: neighbours take time quadratic in them.
MAX_REAL = 10_000
# Part of a cached file's name: raise it when what is kept changes.
_VERSION = 2
# Samples of a digest.
_DIGESTED = 16


class Reference(NamedTuple):
    """Real samples to compare with.

    Attributes:
        real: Features of what the generator is trained on, or meant to be like.
        held_out: Features of further samples; None without any.
        source: The data set of `real`.
        held_out_source: The data set of `held_out`.
        network: Takes the features; None for points.
        features: The name of the network that figures bear, such as "classifier"; None for points.
    """

    real: Features
    held_out: Features | None
    source: Source
    held_out_source: Source | None
    network: FeatureNetwork | None
    features: str | None


def take_features(network: FeatureNetwork | None, batch: Batch) -> Features:
    """Features of samples: uint8 images, or points, for which the network is None."""
    real, labels = np.asarray(batch.real), batch.labels
    labels = None if labels is None else np.asarray(labels)
    if network is None:
        return Features(np.asarray(real, np.float32), None, labels)
    features, class_logits = extract(network, real)
    return Features(features, class_logits, labels)


def make_reference(
    source: Source,
    held_out: Source | None,
    network: FeatureNetwork | None,
    *,
    features: str | None = None,
    cache_dir: str | Path | None = None,
    log: Log = print,
) -> Reference:
    """The features of up to 10,000 samples of a data set, and of as many held-out ones.

    Those of images are kept by data set, version, split, transform and network, so that they are
    taken once.

    Args:
        source: What the generator is trained on.
        held_out: Further samples of the same distribution; None without any.
        network: Takes the features of images; None for points, which are compared as they are.
        features: The name that figures bear, such as "classifier"; None: the network's own.
        cache_dir: Where features are kept; None: `jaxgan.runtime.cache_directory()`.
        log: Told where they cannot be kept.

    Raises:
        ConfigError: Images without a network.
        DataError: Data that is missing or unreadable.
    """
    directory = Path(cache_directory() if cache_dir is None else cache_dir) / "features"

    def of(side: Source) -> Features:
        if network is None:
            return take_features(None, side.read(_chosen(side)))
        return _kept_features(side, network, directory, log)

    if network is None and source.dtype == np.uint8:
        raise ConfigError(f"{source.name!r} has images, which are compared by features: name some")
    name = None if network is None else features or network.name
    other = None if held_out is None else of(held_out)
    return Reference(of(source), other, source, held_out, network, name)


def sample_digest(source: Source) -> str:
    """Of some samples: data sets of one's own may change and keep their name and version."""
    batch = source.read(_chosen(source)[:_DIGESTED])
    digest = hashlib.blake2b(digest_size=8)
    for x in (batch.real, batch.labels):
        digest.update(b"" if x is None else np.ascontiguousarray(x).tobytes())
    return digest.hexdigest()


def _chosen(source: Source) -> Int[np.ndarray, "n"]:
    """Which samples stand for a data set, in an order that makes any first part a fair sample."""
    return np.random.default_rng(0).permutation(source.size)[:MAX_REAL]


def _kept_features(source: Source, network: FeatureNetwork, directory: Path, log: Log) -> Features:
    chosen = _chosen(source)
    n = len(chosen)
    identity = source.name, source.version, source.split, sample_digest(source)
    recipe = [_VERSION, *identity, network.name, n]
    path = files.path_of(directory, recipe)
    kept = files.restore(path)
    if kept is not None and len(kept.get("features", ())) == n:
        return Features(kept["features"], kept.get("class_logits"), kept.get("labels"))
    taken = take_features(network, source.read(chosen))
    arrays = {name: x for name, x in taken._asdict().items() if x is not None}
    files.save(path, arrays, log=log)
    return taken
