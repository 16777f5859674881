"""From the entries of a config to the game, its players and the controllers."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import optax
from flax import linen as nn

from jaxgan.config import Config, PlayerConfig, TermConfig, player_configs, term_configs
from jaxgan.data import Source
from jaxgan.errors import ConfigError
from jaxgan.features import FeatureNetwork
from jaxgan.games import Algorithm, Game, LabelCode, Measure, Penalty, Term, measured
from jaxgan.ramp import Ramp
from jaxgan.registry import unknown
from jaxgan.runs.entries import (
    Entry,
    augmentation_entry,
    floats,
    game_entry,
    has_terms,
    is_given,
    measure_entries,
    network_entry,
    optimizer_entry,
    penalty_entries,
    takes,
    term_entries,
)
from jaxgan.runs.frozen import fitted, frozen_views, networks_of_views
from jaxgan.training.controllers import Controller
from jaxgan.training.optimizers import make_optimizer
from jaxgan.training.schedules import Path, value_at
from jaxgan.training.state import Player
from jaxgan.types import Hparams

# What a network's fields get from the config as a whole rather than from its own kwargs.
_SHARED_FIELDS = ("shape", "dtype", "axis_name")


def make_game(
    config: Config, source: Callable[[], Source]
) -> Callable[[Hparams], Game | Algorithm]:
    """The game as a function of its floats.

    Args:
        config: What to run.
        source: The data set, opened; called when something is fitted to it.

    Raises:
        ConfigError: an unknown name, a value that its owner does not take, or a part of the config
            that this game does not use.
    """
    entry = game_entry(config)
    _check_supplied(config)
    terms, penalties = term_entries(config), penalty_entries(config)
    augmentation, measures = augmentation_entry(config), measure_entries(config)
    networks = networks_of_views(config, source)
    frozen = frozen_views(config, networks)

    def game(hparams: Hparams) -> Game | Algorithm:
        supplied = {
            "terms": lambda: {
                label: _term(term, label, config, source, networks, hparams)
                for label, term in terms.items()
            },
            "penalties": lambda: {
                label: _penalty(penalty, label, config, hparams)
                for label, penalty in penalties.items()
            },
            "augmentation": lambda: augmentation and _function(augmentation, hparams),
            "measures": lambda: {
                label: _measure(measure, config.controllers[label].on, hparams)
                for label, measure in measures.items()
            },
            "frozen": lambda: frozen,
        }
        parts = {name: make() for name, make in supplied.items() if is_given(name, config)}
        return entry.record(**parts, **entry.static, **_floats_of(entry, hparams))

    return game


def _check_supplied(config: Config) -> None:
    set_by_user = {
        "terms": has_terms(config),
        "penalties": config.penalties,
        "augmentation": config.augmentation is not None,
    }
    for name, is_set in set_by_user.items():
        if is_set and not takes(name, config):
            what = "loss and terms" if name == "terms" else name
            raise ConfigError(
                f"{what} are set, and the game {config.game.name!r} does not use them; remove them"
            )


def _floats_of(entry: Entry, hparams: Hparams) -> dict[str, Any]:
    """The floats of an entry as they are now."""
    if not entry.floats:
        return {}
    now = value_at(hparams, (*entry.path, "kwargs"))
    return {name: now[name] for name in entry.floats}


def _function(entry: Entry, hparams: Hparams) -> Callable[..., Any]:
    """What the entry names, with all of its hyperparameters bound."""
    function = entry.record if callable(entry.record) else entry.record.function
    return partial(function, **entry.static, **_floats_of(entry, hparams))


def _term(
    entry: Entry,
    label: str,
    config: Config,
    source: Callable[[], Source],
    networks: Mapping[str, Callable[[], FeatureNetwork]],
    hparams: Hparams,
) -> Term:
    own, record = value_at(hparams, entry.path), entry.record
    _, term = term_configs(config)[label]
    function, fit, code = _function(entry, hparams), None, _label_code(term, entry, source)
    if record.network is not None:
        function = partial(_of_network, **entry.static, **_floats_of(entry, hparams))
    if record.fit is not None:
        arguments = {name: entry.arguments[name] for name in record.fitted}
        fit = partial(fitted, record.fit, networks, term.on, arguments, code)
    return Term(
        function,
        weight=own["weight"],
        on=term.on,
        players=term.players,
        asks=entry.asks,
        jacobian_scale=own.get("jacobian_scale"),
        normalized=term.normalized,
        label_code=code,
        fit=fit,
        network=None if record.network is None else _state_of(label),
    )


def _label_code(term: TermConfig, entry: Entry, source: Callable[[], Source]) -> LabelCode | None:
    if not term.label_scale:
        return None
    classes = source().num_classes
    if classes is None:
        path = ".".join(entry.path)
        raise ConfigError(
            f"{path}.label_scale is {term.label_scale}, and {source().name!r} has no labels; "
            "leave it out"
        )
    return LabelCode(term.label_scale, classes)


def _state_of(label: str) -> str:
    """The name of the network that keeps a term's state."""
    return f"state_of_{label}"


def _penalty(entry: Entry, label: str, config: Config, hparams: Hparams) -> Penalty:
    record = entry.record
    function = _function(entry, hparams)
    if record.network is not None:
        function = partial(_of_network, **entry.static, **_floats_of(entry, hparams))
    return Penalty(
        function,
        weight=value_at(hparams, entry.path)["weight"],
        every=config.penalties[label].every,
        network=label if record.network is not None else None,
        of_generator=record.of_generator,
    )


def _of_network(network: Callable[..., Any], real: Any, fake: Any, **hyperparameters: Any) -> Any:
    return network(real, fake, **hyperparameters)


def _measure(entry: Entry, on: str, hparams: Hparams) -> Measure:
    function = _function(entry, hparams)

    def measure(*views: Any, **asked: Any) -> Any:
        value = function(*views, **asked)
        return getattr(value, "generator", value)  # of a loss, what the generator minimises

    return Measure(measure, on, entry.asks)


def make_players(config: Config, source: Source, axis_name: str | None) -> dict[str, Player]:
    """Every network that the config has, by name, and what keeps the state of a penalty.

    Raises:
        ConfigError: an unknown name, or a value that its owner does not take.
    """
    shared = {
        "shape": source.shape,
        "dtype": config.dtype,
        "axis_name": axis_name,
        "num_classes": source.num_classes,
    }
    players = {
        name: _player(name, path, player, shared)
        for name, (path, player) in player_configs(config).items()
    }
    for label, entry in penalty_entries(config).items():
        if entry.record.network is not None:
            if label in players:
                raise ConfigError(
                    f"penalties.{label} keeps its state in a network of that name, which a player "
                    "has; rename the penalty"
                )
            players[label] = _keeper(entry)
    for label, entry in term_entries(config).items():
        if entry.record.network is not None:
            players[_state_of(label)] = _keeper(entry)
    return players


def share_statistics(config: Config) -> bool:
    """Whether every player's network can share its statistics over a named device axis."""
    records = [network_entry(n, path, p).record for n, (path, p) in player_configs(config).items()]
    return all("axis_name" in {f.name for f in dataclasses.fields(record)} for record in records)


def _keeper(entry: Entry) -> Player:
    """Of a penalty's or a loss's state: statistics alone, and so nothing to optimise."""
    return Player(entry.record.network(), lambda _: optax.identity(), optax.identity())


def _player(name: str, path: Path, player: PlayerConfig, shared: Mapping[str, Any]) -> Player:
    entry = network_entry(name, path, player)
    fields = {field.name for field in dataclasses.fields(entry.record)}
    for field in _SHARED_FIELDS:
        if field in player.network.kwargs:
            where = ".".join((*entry.path, "kwargs", field))
            raise ConfigError(f"{where} follows from the config; remove it")
    given = {n: v for n, v in shared.items() if n in fields and n not in player.network.kwargs}
    arguments = {n: _start(v) for n, v in entry.arguments.items()}
    module: nn.Module = entry.record(**arguments | given)
    optimizer = optimizer_entry(path, player)
    make = partial(make_optimizer, function=optimizer.record, static=optimizer.static)
    initial = {
        "learning_rate": _start(player.learning_rate),
        "optimizer": {"kwargs": {n: _start(v) for n, v in optimizer.floats.items()}},
    }
    if player.clip_norm is not None:
        initial["clip_norm"] = _start(player.clip_norm)
    return Player(module, make, make(initial))


def _start(value: Any) -> Any:
    return value.start if isinstance(value, Ramp) else value


def make_controllers(config: Config) -> tuple[Controller, ...]:
    """The controllers.

    Raises:
        ConfigError: a float that is unknown, unset, a ramp or out of its limits, or a measure that
            is unknown.
    """
    every = {".".join(path): (path, value) for path, value in floats(config).items()}
    adjustable = {name: value for name, (_, value) in every.items() if isinstance(value, float)}
    measures = measure_entries(config)
    controllers = []
    for label, settings in config.controllers.items():
        path, adjusts = f"controllers.{label}", settings.adjusts
        if adjusts == "discriminator_share" and adjusts not in every:
            raise ConfigError(f"{path} adjusts {adjusts}, which is unset; set it, to 1 for example")
        if isinstance(every.get(adjusts, (None, None))[1], Ramp):
            raise ConfigError(f"{path} adjusts {adjusts}, which is a ramp; make it a plain float")
        if adjusts not in adjustable:
            raise unknown(f"float, as {path}.adjusts,", adjusts, adjustable)
        if not settings.lower <= adjustable[adjusts] <= settings.upper:
            raise ConfigError(
                f"{adjusts} starts at {adjustable[adjusts]}, and {path} keeps it between "
                f"{settings.lower} and {settings.upper}; start between, or move the limits"
            )
        metric = measured(label) if label in measures else settings.name
        controllers.append(Controller(label, metric, every[adjusts][0]))
    return tuple(controllers)
