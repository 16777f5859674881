"""What the entries of a config name: their records, their arguments, and the floats among these."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from jaxgan.augmentations import AUGMENTATIONS, Augmentation
from jaxgan.config import (
    Config,
    PlayerConfig,
    TermConfig,
    player_configs,
    role_of,
    term_configs,
)
from jaxgan.data import record_of
from jaxgan.errors import ConfigError
from jaxgan.games import GAMES
from jaxgan.losses import LOSSES, Loss, check_view
from jaxgan.networks import NETWORKS, module_of, ranges_of
from jaxgan.penalties import PENALTIES, Penalty
from jaxgan.ramp import Ramp
from jaxgan.registry import (
    FROZEN,
    SUPPLIED,
    Ranges,
    as_record,
    asks_for,
    bind,
    check_arguments,
    hyperparameters,
    is_traced,
    lookup,
    unknown,
)
from jaxgan.training.controllers import MEASURES
from jaxgan.training.optimizers import OPTIMIZERS, RANGES
from jaxgan.training.schedules import Path


class Entry(NamedTuple):
    """A registry entry with the arguments that a config gives it.

    Attributes:
        record: What the registry holds.
        path: Where its part of the config is, and of hparams.
        arguments: All of its hyperparameters.
        asks: What it asks the step for, of `jaxgan.registry.ASKABLE`.
        fixed: Floats that are static nevertheless, since something is fitted with them once.
    """

    record: Any
    path: Path
    arguments: dict[str, Any]
    asks: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    @property
    def static(self) -> dict[str, Any]:
        """The hyperparameters that are no floats."""
        floats = self.floats
        return {name: value for name, value in self.arguments.items() if name not in floats}

    @property
    def floats(self) -> dict[str, Any]:
        """The hyperparameters that are floats, ramps or tuples of floats."""
        return {
            name: value
            for name, value in self.arguments.items()
            if is_traced(value) and name not in self.fixed
        }


def bound(
    function: Callable, kwargs: Mapping[str, Any], path: Path, ranges: Ranges, record: Any
) -> Entry:
    """The entry of a function with these arguments."""
    arguments = bind(function, kwargs, ".".join(path), ranges)
    return Entry(record, path, arguments, asks_for(function))


def term_entries(config: Config) -> dict[str, Entry]:
    """The losses of the terms, each on a view that it compares."""
    return {
        label: _loss(term.name, term.kwargs, term.on, path, "loss")
        for label, (path, term) in term_configs(config).items()
    }


def _loss(name: str, kwargs: Mapping[str, Any], on: str, path: Path, kind: str) -> Entry:
    record = as_record(Loss, lookup(LOSSES, name, kind))
    check_view(record, name, on, ".".join(path))
    entry = bound(record.function, kwargs, path, record.ranges, record)
    for fixed in record.fitted:
        if isinstance(entry.arguments[fixed], Ramp):
            raise ConfigError(
                f"{'.'.join(path)}.kwargs.{fixed} is a ramp, and {name} is fitted with it once; "
                "make it a plain value"
            )
    return entry._replace(fixed=record.fitted)


def frozen_networks(config: Config) -> dict[str, str]:
    """The feature networks of the views of such that terms and controllers compare, by view."""
    views = [term.on for _, term in term_configs(config).values()]
    views += [controller.on for controller in config.controllers.values()]
    return {on: on.partition(":")[2] for on in views if on.startswith(FROZEN)}


def penalty_entries(config: Config) -> dict[str, Entry]:
    """The penalties, by label."""
    entries = {}
    for label, penalty in config.penalties.items():
        record = as_record(Penalty, lookup(PENALTIES, penalty.name or label, "penalty"))
        path = ("penalties", label)
        entry = bound(record.function, penalty.kwargs, path, record.ranges, record)
        entries[label] = entry
    return entries


def augmentation_entry(config: Config) -> Entry | None:
    """The augmentation, where there is one."""
    chosen = config.augmentation
    if chosen is None:
        return None
    record = as_record(Augmentation, lookup(AUGMENTATIONS, chosen.name, "augmentation"))
    return bound(record.function, chosen.kwargs, ("augmentation",), record.ranges, record)


def measure_entries(config: Config) -> dict[str, Entry]:
    """What controllers measure, by label; metrics of the game itself are left out."""
    entries = {}
    for label, controller in config.controllers.items():
        name, path = controller.name, ("controllers", label)
        if "/" in name or not takes("measures", config):
            continue  # a metric of the game
        if name in MEASURES:
            entries[label] = bound(MEASURES[name], controller.kwargs, path, {}, MEASURES[name])
        elif name in LOSSES or ":" in name:
            entries[label] = _loss(name, controller.kwargs, controller.on, path, "measure")
        else:
            raise unknown("measure", name, [*MEASURES, *LOSSES])
    return entries


def game_entry(config: Config) -> Entry:
    """The factory of the game, with its own hyperparameters."""
    factory = lookup(GAMES, config.game.name, "game")
    own = {name for name in hyperparameters(factory) if name not in SUPPLIED}
    check_arguments(config.game.kwargs, own, f"game {config.game.name}")
    ranges = getattr(factory, "ranges", {})
    arguments = bind(factory, config.game.kwargs, "game", ranges)
    return Entry(factory, ("game",), {name: arguments[name] for name in arguments if name in own})


def takes(supplied: str, config: Config) -> bool:
    """Whether the game takes this part of the config, of SUPPLIED."""
    return supplied in inspect.signature(lookup(GAMES, config.game.name, "game")).parameters


def has_terms(config: Config) -> bool:
    """Whether a user has set the loss or further terms."""
    return bool(config.terms) or config.loss != TermConfig()


def is_given(supplied: str, config: Config) -> bool:
    """Whether the game gets this part of the config: it takes it, and has no terms of its own.

    Those of a game that can do without any, such as a Wasserstein autoencoder's, stand where the
    config sets none.
    """
    if not takes(supplied, config):
        return False
    if supplied != "terms" or has_terms(config):
        return True
    parameters = inspect.signature(lookup(GAMES, config.game.name, "game")).parameters
    return parameters["terms"].default is not None


def network_entry(name: str, path: Path, player: PlayerConfig) -> Entry:
    """A player's module class, with its fields."""
    chosen, role = player.network, role_of(name, player)
    record = lookup(NETWORKS, chosen.name, "network")
    module = module_of(record, role)
    ranges = ranges_of(record, role)
    return bound(module, chosen.kwargs, (*path, "network"), ranges, module)


def optimizer_entry(path: Path, player: PlayerConfig) -> Entry:
    """A player's optimiser, with its arguments besides the learning rate."""
    function = lookup(OPTIMIZERS, player.optimizer.name, "optimizer")
    ranges = RANGES if player.optimizer.name in OPTIMIZERS else {}
    return bound(function, player.optimizer.kwargs, (*path, "optimizer"), ranges, function)


def floats(config: Config) -> dict[Path, Any]:
    """Every float, tuple of floats and ramp of a config and of what it names, by path."""
    return {path: value for path, value in _floats(config) if value is not None}


def _floats(config: Config) -> Iterator[tuple[Path, Any]]:
    yield ("ema_half_life",), config.ema_half_life
    yield ("discriminator_share",), config.discriminator_share
    entries = [game_entry(config)]
    for name, (path, player) in player_configs(config).items():
        for field in ("learning_rate", "clip_norm", "clip_weights", "orthogonal"):
            yield (*path, field), getattr(player, field)
        entries += [optimizer_entry(path, player), network_entry(name, path, player)]
    if is_given("terms", config):
        for path, term in term_configs(config).values():
            yield (*path, "weight"), term.weight
            yield (*path, "jacobian_scale"), term.jacobian_scale
        entries += term_entries(config).values()
    if takes("penalties", config):
        of_penalties = penalty_entries(config)
        for label, penalty in config.penalties.items():
            weight = penalty.weight
            weight = of_penalties[label].record.weight if weight is None else weight
            yield ("penalties", label, "weight"), weight
        entries += of_penalties.values()
    augmentation = augmentation_entry(config)
    entries += [] if augmentation is None else [augmentation]
    for label, controller in config.controllers.items():
        for field in ("target", "rate", "lower", "upper"):
            yield ("controllers", label, field), getattr(controller, field)
    entries += measure_entries(config).values()
    for entry in entries:
        for name, value in entry.floats.items():
            yield (*entry.path, "kwargs", name), value


def nested_floats(config: Config) -> dict[str, Any]:
    """The traced part of a config: its floats, nested as it is; of a ramp, both ends."""
    nested: dict[str, Any] = {}
    for path, value in floats(config).items():
        inner = nested
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        is_ramp = isinstance(value, Ramp)
        inner[path[-1]] = {"start": value.start, "end": value.end} if is_ramp else value
    return nested


def make_ramps(config: Config) -> dict[Path, Ramp]:
    """The floats that change over the steps, by path; those without an end go on to the last."""
    return {
        path: value._replace(steps=value.steps or config.steps)
        for path, value in floats(config).items()
        if isinstance(value, Ramp)
    }


def user_modules(config: Config, experiment: ModuleType | None) -> list[ModuleType]:
    """The modules of the user's that a config needs: the experiment's, and those of its entries."""
    functions = [game_entry(config).record]
    for name, (path, player) in player_configs(config).items():
        functions += [
            network_entry(name, path, player).record,
            optimizer_entry(path, player).record,
        ]
    entries = [*term_entries(config).values(), *penalty_entries(config).values()]
    entries += [*measure_entries(config).values()]
    augmentation = augmentation_entry(config)
    entries += [] if augmentation is None else [augmentation]
    functions += [getattr(entry.record, "function", entry.record) for entry in entries]
    functions += [record_of(data.name).function for data in (config.data, *config.streams.values())]
    names = [] if experiment is None else [experiment.__name__]
    names += [getattr(function, "__module__", "") or "" for function in functions]
    of_user = [n for n in dict.fromkeys(names) if n.partition(".")[0] not in ("", *_PACKAGES)]
    return [sys.modules[name] for name in of_user if name in sys.modules]


# What is installed with jaxgan, and needs no copy.
_PACKAGES = ("jaxgan", "jax", "flax", "optax", "functools")
