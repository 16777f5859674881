"""Networks that a run does not train, and what its losses are fitted to once, kept on disk."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from jaxgan import files
from jaxgan.config import Config
from jaxgan.data import Source, cache_directory, whole
from jaxgan.errors import ConfigError
from jaxgan.evaluation.reference import sample_digest
from jaxgan.features import FeatureNetwork, extract, scales
from jaxgan.games import Frozen, LabelCode
from jaxgan.pixels import to_model
from jaxgan.runs.entries import frozen_networks
from jaxgan.runs.scoring import network_of
from jaxgan.types import PyTree

# Part of a cached file's name: raise it when what is kept changes.
_VERSION = 1


def networks_of_views(
    config: Config, source: Callable[[], Source]
) -> dict[str, Callable[[], FeatureNetwork]]:
    """The networks that the views of frozen networks are of, by name.

    Each is made once, and when it is first used, since some are trained on the data first.

    Args:
        config: What to run.
        source: The data set, opened.
    """
    names = set(frozen_networks(config).values())
    return {name: cache(partial(_network, config, name, source)) for name in names}


def frozen_views(
    config: Config, networks: Mapping[str, Callable[[], FeatureNetwork]]
) -> dict[str, Frozen]:
    """The views of frozen networks that the terms compare."""
    return {on: _frozen(on, name, networks[name]) for on, name in frozen_networks(config).items()}


def _frozen(on: str, name: str, network: Callable[[], FeatureNetwork]) -> Frozen:
    def apply(weights: PyTree, samples: Any) -> Any:
        made = network()
        if on.startswith("frozen:"):
            return made.apply(weights or None, samples)[0]
        if made.maps is None:
            raise ConfigError(f"{name} has no feature maps; set the term's `on` to frozen:{name}")
        return scales(made.maps(weights or None, samples))

    def load(_: Source) -> dict[str, PyTree]:
        params = network().params
        return {} if params is None else params

    return Frozen(name, apply, load)


def _network(config: Config, name: str, source: Callable[[], Source]) -> FeatureNetwork:
    data = source()
    if data.dtype != np.uint8:
        raise ConfigError(
            f"features {name!r} are of images, and {data.name!r} has points; set `on` to images"
        )
    with jax.ensure_compile_time_eval():  # a loaded run makes it while its state is traced
        return network_of(name, config.data, data, print)


def fitted(
    fit: Callable[..., dict[str, Any]],
    networks: Mapping[str, Callable[[], FeatureNetwork]],
    on: str,
    arguments: Mapping[str, Any],
    code: LabelCode | None,
    source: Source,
    key: PRNGKeyArray,
) -> dict[str, Any]:
    """What a loss is fitted to: computed once for a data set, view, key and arguments.

    Args:
        fit: See `jaxgan.losses.Loss`.
        networks: As `networks_of_views` makes them.
        on: The view that the loss compares: images, or the features of a frozen network.
        arguments: Of `fit`.
        code: Appends labels to the view; None: does not.
        source: The data set.
        key: For what is drawn.

    Raises:
        ConfigError: Another view, which changes in training.
    """
    prefix, _, name = on.partition(":")
    if on != "images" and prefix != "frozen":
        raise ConfigError(
            f"{fit.__name__} fits to the whole training set once, and {on} change; compare images "
            "or the features of a frozen network"
        )
    network = None if on == "images" else networks[name]()
    identity = source.name, source.version, source.split, source.size, sample_digest(source)
    settings = sorted((name, repr(value)) for name, value in arguments.items())
    seed = hashlib.blake2b(np.asarray(jax.random.key_data(key)).tobytes()).hexdigest()
    of_view = "images" if network is None else network.name
    recipe = [
        _VERSION,
        *identity,
        of_view,
        code,
        f"{fit.__module__}.{fit.__name__}",
        settings,
        seed,
    ]
    path = files.path_of(cache_directory() / "fits", recipe)
    kept = files.restore(path)
    if kept is None:
        kept = fit(_whole_features(source, network, code), key=key, **arguments)
        files.save(path, kept, log=print)
    return dict(kept)


def _whole_features(
    source: Source, network: FeatureNetwork | None, code: LabelCode | None
) -> Float[np.ndarray, "n d"]:
    batch = whole(source)
    if network is None:
        features = np.asarray(to_model(batch.real), np.float32).reshape(source.size, -1)
    else:
        features = np.asarray(extract(network, batch.real)[0], np.float32)
    if code is None:
        return features
    assert batch.labels is not None
    return np.concatenate([features, np.asarray(code(batch.labels))], axis=1)
