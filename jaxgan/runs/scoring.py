"""How a run is scored: the metrics and features that its config names, or that suit its data."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from jaxgan.config import Config, DataConfig
from jaxgan.data import DATASETS, Source, Unopened, cache_directory, whole
from jaxgan.errors import ConfigError
from jaxgan.evaluation import Reference, make_reference
from jaxgan.evaluation.reference import sample_digest
from jaxgan.features import FEATURES, FeatureNetwork, ImageData
from jaxgan.files import Log
from jaxgan.metrics import METRICS, Metric
from jaxgan.registry import as_record, lookup, unknown
from jaxgan.runs.entries import frozen_networks
from jaxgan.runs.sources import open_source
from jaxgan.types import Batch

# With less a classifier learns the images by heart: "auto" takes none.
_MIN_IMAGES, _MIN_PER_CLASS = 1000, 50

# What stands for the features that suit a data set where a generator is trained on these.
_STAND_INS = ("random_conv", "pixels", "pca")

# Those that read the classes of the data set, and have an accuracy.
_CLASSIFIERS = ("classifier", "stacked_classifier")

# Those that are trained on the data set when they are first asked for, and kept.
TRAINED = (*_CLASSIFIERS, "autoencoder")


def features_of(source: Source, features: str | None = "auto") -> str | None:
    """The feature network that a data set is scored with, where "auto" chooses; None for points."""
    if source.dtype != np.uint8:
        return None
    if features not in (None, "auto"):
        return features
    record = DATASETS.get(source.name)
    if record is not None and record.features is not None:
        return record.features
    enough = max(_MIN_IMAGES, _MIN_PER_CLASS * (source.num_classes or 0))
    labelled = source.num_classes is not None and source.size >= enough
    return "classifier" if labelled else "random_conv"


def scored_by(config: Config, source: Source, features: str = "auto") -> str:
    """The features that a run is scored by: never those that its generator is trained to match.

    Args:
        config: What was run.
        source: What it is compared with.
        features: Those that a user asks for; "auto": those of the config.

    Raises:
        ConfigError: features that a term of the config compares.
    """
    asked = config.eval_features if features == "auto" else features
    trained = set(frozen_networks(config).values())
    if asked in trained:
        raise ConfigError(
            f"the generator is trained to match the features {asked!r}, and would be scored by "
            "them; choose others with --eval-features (in `jaxgan eval`: --features)"
        )
    chosen = features_of(source, asked)
    if asked != "auto" or chosen not in trained:
        return asked
    return next(name for name in _STAND_INS if name not in trained)


def reference_of(
    data: DataConfig, source: Source, features: str = "auto", *, log: Log = print
) -> Reference:
    """The real samples that a run is compared with: its own and those of the split "test".

    Args:
        data: How the data set is opened.
        source: What the generator is trained on.
        features: A name of `jaxgan.features.FEATURES` or MODULE:NAME; "auto": `features_of`. Points
            are compared as they are.
        log: Told when a network is trained, and how good it is.

    Raises:
        ConfigError: An unknown name, or features that the data set cannot have.
        DataError: Data that is missing or unreadable.
    """
    held_out = held_out_of(data, source)
    name = features_of(source, features)
    if name is None:
        if features != "auto":
            raise ConfigError(f"features {features!r} are of images; {source.name!r} has points")
        return make_reference(source, held_out, None, log=log)
    network = network_of(name, data, source, log)
    return make_reference(source, held_out, network, features=_shown(name), log=log)


def held_out_of(data: DataConfig, source: Source) -> Source | None:
    """The whole split "test", unless it is the one trained on or there is none."""
    return None if source.split == "test" else _split(data, "test")


def metrics_of(
    names: Sequence[str],
    source: Source,
    features: str | None = "auto",
    *,
    conditional: bool = False,
    thorough: bool = False,
    held_out: bool = False,
) -> dict[str, Metric]:
    """The metrics of these names, or without any those that suit the data set.

    Args:
        names: Of `jaxgan.metrics.METRICS`, or MODULE:NAME.
        source: The data set.
        features: The feature network, as `features_of` takes it.
        conditional: Whether the generator is asked for classes.
        thorough: Those that an evaluation after training can afford, too.
        held_out: Whether there are held-out samples.

    Raises:
        ConfigError: An unknown name.
    """
    if not names:
        names = _suitable(source, features_of(source, features), conditional, thorough, held_out)
    return {_shown(name): _metric(name) for name in names}


def check_names(names: Sequence[str]) -> None:
    """Raises ConfigError on a name that is no metric."""
    for name in names:
        _metric(name)


def best_metric(config: Config, source: Source, *, conditional: bool) -> tuple[str, bool]:
    """The score that marks the best checkpoint, and whether its highest value does.

    Raises:
        ConfigError: one that is not measured.
    """
    features = scored_by(config, source)
    scores = score_names(config.eval_metrics, source, features, conditional=conditional)
    best = config.best_metric or next(iter(scores))
    if best not in scores:
        raise unknown("best_metric", best, scores)
    return best, scores[best]


def score_names(
    names: Sequence[str],
    source: Source,
    features: str | None = "auto",
    *,
    conditional: bool = False,
) -> dict[str, bool]:
    """The scores of a run, and whether the highest value is the best; the first marks the best.

    A game's own figures are not among them.

    Args:
        names: As in `metrics_of`.
        source: The data set.
        features: As in `metrics_of`.
        conditional: As in `metrics_of`.

    Raises:
        ConfigError: An unknown name.
    """
    network = features_of(source, features)
    prefix = None if network is None else _shown(network)
    scores = {
        f"eval/{full_name}": figure in metric.higher_is_better
        for metric in metrics_of(names, source, network, conditional=conditional).values()
        for full_name, figure in metric.full_names(prefix).items()
    }
    return scores | ({f"eval/{network}_accuracy": True} if network in _CLASSIFIERS else {})


def _suitable(
    source: Source, features: str | None, conditional: bool, thorough: bool, held_out: bool
) -> tuple[str, ...]:
    if features is None:
        distance = "sliced_wasserstein_distance"
        usual = (distance,) if source.mixture is None else ("mixture_modes",)
        usual = usual if source.curve is None else ("curve_coverage",)
        usual = usual if source.sample_rate is None else ("spectral_distance",)
        return tuple(dict.fromkeys((*usual, distance, "two_sample_test"))) if thorough else usual
    names = ("fid", "kid")
    if features in _CLASSIFIERS:
        names += ("class_coverage", "class_agreement") if conditional else ("class_coverage",)
    if thorough:
        names += ("prdc", "memorisation") if held_out else ("prdc",)
    return names


def _metric(name: str) -> Metric:
    entry = lookup(METRICS, name, "metric")
    # A user's module may register a function, of which MODULE:NAME then names the record.
    records = (record for record in METRICS.values() if record.function is entry)
    return next(records, None) or as_record(Metric, entry)


def _shown(name: str) -> str:
    """The name without the module."""
    return name.rpartition(":")[2]


def _split(data: DataConfig, split: str) -> Source | None:
    """The whole of another split; None without one of this name."""
    try:
        source = open_source(dataclasses.replace(data, per_class=None), split)
    except ConfigError:
        return None
    return source if source.split == split else None


def network_of(name: str, data: DataConfig, source: Source, log: Log) -> FeatureNetwork:
    """The feature network of this name, made for a data set; trained on it first, if it must be."""
    return lookup(FEATURES, name, "features")(_image_data(data, source, log))


def _image_data(data: DataConfig, source: Source, log: Log) -> ImageData:
    """What networks are fitted to, opened when the first of it is asked for."""
    splits = cache(partial(_splits, data, source))
    height, width, channels = source.shape
    return ImageData(
        shape=(height, width, channels),
        train=lambda: splits().train(),
        test=lambda: splits().test(),
        num_classes=source.num_classes,
        fingerprint=lambda: splits().fingerprint,
        cache_dir=cache_directory(),
        log=log,
    )


class _Splits(NamedTuple):
    train: Callable[[], Batch]
    test: Callable[[], Batch]
    fingerprint: str


def _splits(data: DataConfig, source: Source) -> _Splits:
    """The split "train", to which networks are fitted; classifiers are tested on "test".

    Where there is no split "train", what is trained on stands for it; where there is no "test",
    every tenth sample.
    """
    if isinstance(source.read, Unopened):  # of a run that is loaded, not trained
        source = open_source(data)
    whole_train = source.split == "train" and data.per_class is None
    train = source if whole_train else _split(data, "train") or source
    test = _split(data, "test")
    if test is not None:
        fitted, tested, version = partial(whole, train), partial(whole, test), test.version
    else:
        is_test = np.arange(train.size) % 10 == 9
        fitted, tested = (partial(train.read, np.flatnonzero(x)) for x in (~is_test, is_test))
        version = "every tenth"
    identity = train.name, train.version, train.split, sample_digest(train), version
    return _Splits(fitted, tested, "/".join(map(str, identity)))
