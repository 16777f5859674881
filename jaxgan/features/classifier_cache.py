"""Keeps a data set's classifier, so that it is trained once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan import files, registry
from jaxgan.errors import ConfigError
from jaxgan.features.classifier import ARCHITECTURE_VERSION, classifier_network, train_classifier
from jaxgan.features.network import FeatureNetwork, ImageData
from jaxgan.files import Log
from jaxgan.types import Batch


def classifier_features(
    data: ImageData, *, seed: int = 0, epochs: int = 5, min_images: int = 32_000
) -> FeatureNetwork:
    """The last hidden layer of a small classifier, trained on the data set once.

    Args:
        data: Images of 8 to 64 pixels, with labels.
        seed: Decides the initial weights, the order and the distortions.
        epochs: Passes over the training images, at least.
        min_images: Small sets are repeated until as many images have been seen.

    Raises:
        ConfigError: The data set has no labels, or as `train_classifier`.
    """
    if data.num_classes is None:
        raise ConfigError(
            "the data set has no labels, which features 'classifier' need; use 'inception', 'pca', "
            "'pixels' or 'random_conv'"
        )
    return load_classifier(
        data.cache_dir,
        fingerprint=data.fingerprint(),
        train_data=data.train,
        test_data=data.test,
        num_classes=data.num_classes,
        log=data.log,
        seed=seed,
        epochs=epochs,
        min_images=min_images,
    )


def load_classifier(
    cache_dir: str | Path | None,
    *,
    fingerprint: str,
    train_data: Callable[[], Batch],
    test_data: Callable[[], Batch],
    num_classes: int,
    log: Log | None = None,
    **training: Any,
) -> FeatureNetwork:
    """The classifier of a data set, from the cache if it is there, else trained and kept.

    Args:
        cache_dir: Holds `classifiers/<hash>.npz`; None keeps nothing. A damaged file is replaced.
        fingerprint: Identifies the content of the data, with its preprocessing.
        train_data: Reads what `train_classifier` trains on; called only to train.
        test_data: Likewise, what it tests on.
        num_classes: How many classes there are.
        log: Receives a few lines on the progress, and the accuracy.
        **training: Other arguments of `train_classifier`.

    Raises:
        ConfigError: As `train_classifier`.
    """
    if cache_dir is None:
        return train_classifier(
            train_data(), test_data(), num_classes=num_classes, log=log, **training
        )
    defaults = registry.hyperparameters(train_classifier)
    recipe = [ARCHITECTURE_VERSION, fingerprint, num_classes, {**defaults, **training}]
    path = files.path_of(Path(cache_dir) / "classifiers", recipe)
    network = _restore(path, num_classes)
    if network is not None:
        return network
    network = train_classifier(
        train_data(), test_data(), num_classes=num_classes, log=log, **training
    )
    arrays: dict[str, Any] = flatten_dict(network.params, sep="/")
    arrays |= {"name": network.name, "accuracy": network.accuracy, "shape": network.shape}
    files.save(path, arrays, log=log)
    return network


def _restore(path: Path, num_classes: int) -> FeatureNetwork | None:
    """The network in the file; None if there is no file, or one that is damaged."""
    arrays: dict[str, Any] | None = files.restore(path)
    if arrays is None or not {"name", "accuracy", "shape"} <= arrays.keys():
        return None
    name, accuracy = str(arrays.pop("name")), float(arrays.pop("accuracy"))
    height, width, channels = arrays.pop("shape").tolist()
    params, shape = unflatten_dict(arrays, sep="/"), (height, width, channels)
    network = classifier_network(params, num_classes, shape, accuracy)
    return network if network.name == name else None
