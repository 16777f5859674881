"""Turns a config into functions: here, and only here, names are looked up and values checked."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, NamedTuple

import jax
import optax
from flax import linen as nn
from jax.sharding import Mesh

from jaxgan.training import parallel
from jaxgan.config import Config, PlayerConfig, TermConfig
from jaxgan.training.controllers import MEASURES, Controller, Measure
from jaxgan.data import Source, open_source
from jaxgan.errors import ConfigError
from jaxgan.losses import LOSSES, check_view
from jaxgan.networks import NETWORKS
from jaxgan.games.terms import Objective, Penalty, Term
from jaxgan.training.optimizers import OPTIMIZERS, make_optimizer, schedule_factor
from jaxgan.penalties import PENALTIES
from jaxgan.registry import bind, is_traced, lookup, takes_key, unknown
from jaxgan.training.state import GANState, create
from jaxgan.training.steps import (
    Latents,
    Schedule,
    TrainStep,
    make_train_step,
    normal_latents,
    uniform_latents,
)

# What a network's fields get from the config as a whole rather than from its own kwargs.
_SHARED_FIELDS = ("shape", "dtype", "axis_name")


class Run(NamedTuple):
    """A config, built.

    Attributes:
        source: The data.
        latents: Draws z.
        train_step: See `jaxgan.steps.make_train_step`.
        init: Makes the first state from a key; pure, to be jitted.
        mesh: The devices.
    """

    source: Source
    latents: Latents
    train_step: TrainStep
    init: Callable[[jax.Array], GANState]
    mesh: Mesh


def build(config: Config, mesh: Mesh | None = None) -> Run:
    """The functions of a run, on all local devices or on those of `mesh`.

    Raises:
        ConfigError: an unknown name, or a value that its owner does not take.
        DataError: data that is missing or unreadable.
    """
    mesh = parallel.make_mesh() if mesh is None else mesh
    parallel.check_shares("data.batch_size", config.data.batch_size, mesh)
    if config.monitor_every:
        parallel.check_shares("num_monitor_samples", config.num_monitor_samples, mesh)
    axis_name = parallel.axis_name(config.parallel)
    adversarial = _is_adversarial(config)
    optimizers = [_optimizer("generator", config.generator)]
    if adversarial:
        optimizers.append(_optimizer("discriminator", config.discriminator))
    hparams = make_hparams(config)
    objective = Objective(
        _terms(config), _penalties(config), _controllers(config, hparams), axis_name
    )
    source = open_source(config.data)
    shared = {"shape": source.shape, "dtype": config.dtype, "axis_name": axis_name}
    latents = {"normal": normal_latents, "uniform": uniform_latents}[config.latent.distribution](
        config.latent.dim
    )
    train_step = make_train_step(
        objective,
        latents=latents,
        schedule=_schedule(config),
        discriminator_steps=config.discriminator_steps,
        fresh_latents=config.fresh_latents,
    )
    init = partial(
        create,
        generator=_network("generator", config.generator, shared),
        discriminator=(
            _network("discriminator", config.discriminator, shared) if adversarial else None
        ),
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1] if adversarial else None,
        latent_dim=config.latent.dim,
        hparams=hparams,
    )
    return Run(source, latents, train_step, init, mesh)


def make_hparams(config: Config) -> dict[str, float | tuple[float, ...]]:
    """Every float of the config and of what it names, by dotted path: the traced part of a run."""
    hparams: dict[str, Any] = {
        "schedule.final": config.schedule.final,
        "ema_half_life": config.ema_half_life,
    }
    players = {"generator": config.generator}
    if _is_adversarial(config):
        players["discriminator"] = config.discriminator
        hparams |= _optional("discriminator_share", config.discriminator_share)
    for player, settings in players.items():
        hparams[f"{player}.learning_rate"] = settings.learning_rate
        hparams |= _optional(f"{player}.clip_weights", settings.clip_weights)
        hparams |= _optional(f"{player}.orthogonal", settings.orthogonal)
        hparams |= _traced(f"{player}.optimizer", _optimizer_arguments(player, settings))
    for path, term in _term_configs(config).items():
        hparams[f"{path}.weight"] = term.weight
        hparams |= _optional(f"{path}.jacobian_scale", term.jacobian_scale)
        hparams |= _traced(path, bind(lookup(LOSSES, term.name, "loss"), term.kwargs, path))
    for name, penalty in config.penalties.items():
        path = f"penalties.{name}"
        hparams[f"{path}.weight"] = penalty.weight
        hparams |= _traced(path, bind(lookup(PENALTIES, name, "penalty"), penalty.kwargs, path))
    for label, controller in config.controllers.items():
        path = f"controllers.{label}"
        for name in ("target", "rate", "lower", "upper"):
            hparams[f"{path}.{name}"] = getattr(controller, name)
        hparams |= _traced(path, bind(_measured(controller.name), controller.kwargs, path))
    return hparams


def _optional(path: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {path: value}


def _traced(path: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{path}.kwargs.{k}": v for k, v in arguments.items() if is_traced(v)}


def _is_adversarial(config: Config) -> bool:
    """Whether anything needs a discriminator; GMMN and its like compare images alone."""
    entries = (*_term_configs(config).values(), *config.controllers.values())
    views = {entry.on for entry in entries}
    scaled = any(term.jacobian_scale is not None for term in _term_configs(config).values())
    concerned = config.penalties or scaled or config.discriminator_share is not None
    if views == {"images"} and concerned:
        raise ConfigError(
            "penalties, jacobian_scale and discriminator_share concern the discriminator, and no "
            "term uses one; remove them or set loss.on to logits or features"
        )
    return views != {"images"}


def _term_configs(config: Config) -> dict[str, TermConfig]:
    return {"loss": config.loss, **{f"terms.{label}": t for label, t in config.terms.items()}}


def _terms(config: Config) -> tuple[Term, ...]:
    terms = []
    for path, term in _term_configs(config).items():
        loss = lookup(LOSSES, term.name, "loss")
        check_view(term.name, term.on, path)
        bound, traced = _bound(loss, term.kwargs, path)
        scaled = term.jacobian_scale is not None
        terms.append(Term(path, bound, traced, term.on, term.players, takes_key(loss), scaled))
    return tuple(terms)


def _penalties(config: Config) -> tuple[Penalty, ...]:
    penalties = []
    for name, settings in config.penalties.items():
        path = f"penalties.{name}"
        bound, traced = _bound(lookup(PENALTIES, name, "penalty"), settings.kwargs, path)
        penalties.append(Penalty(path, bound, traced, settings.every))
    return tuple(penalties)


def _controllers(config: Config, hparams: Mapping[str, Any]) -> tuple[Controller, ...]:
    controllers = []
    floats = [name for name, value in hparams.items() if isinstance(value, float)]
    for label, settings in config.controllers.items():
        path, adjusts = f"controllers.{label}", settings.adjusts
        if adjusts == "discriminator_share" and adjusts not in floats:
            raise ConfigError(f"{path} adjusts {adjusts}, which is unset; set it, to 1 for example")
        if adjusts not in floats:
            raise unknown(f"float, as {path}.adjusts,", adjusts, floats)
        if not settings.lower <= hparams[adjusts] <= settings.upper:
            raise ConfigError(
                f"{adjusts} starts at {hparams[adjusts]}, and {path} keeps it between "
                f"{settings.lower} and {settings.upper}; start between, or move the limits"
            )
        measure = _measured(settings.name)
        if settings.name in LOSSES:
            check_view(settings.name, settings.on, path)
        bound, traced = _bound(measure, settings.kwargs, path)
        controllers.append(
            Controller(path, bound, traced, settings.on, takes_key(measure), adjusts)
        )
    return tuple(controllers)


def _measured(name: str) -> Measure:
    """The measure of this name: a statistic, or what the generator minimises in a loss."""
    if name in MEASURES:
        return MEASURES[name]
    if name not in LOSSES:
        raise unknown("measure", name, [*MEASURES, *LOSSES])
    loss = LOSSES[name]

    @wraps(loss)
    def generator_value(*views: jax.Array, **hyperparameters: Any) -> jax.Array:
        return loss(*views, **hyperparameters).generator

    return generator_value


def _bound(
    function: Callable, kwargs: Mapping[str, Any], path: str
) -> tuple[Callable, tuple[str, ...]]:
    """The function with its static hyperparameters bound, and the names of the traced ones."""
    arguments = bind(function, kwargs, path)
    traced = tuple(name for name, value in arguments.items() if is_traced(value))
    static = {name: value for name, value in arguments.items() if name not in traced}
    return partial(function, **static), traced


def _network(player: str, settings: PlayerConfig, shared: Mapping[str, Any]) -> nn.Module:
    path, kwargs = f"{player}.network", settings.network.kwargs
    module = getattr(lookup(NETWORKS, settings.network.name, "network"), player)
    if module is None:
        raise ConfigError(f"network {settings.network.name!r} has no {player}; choose another")
    for name in _SHARED_FIELDS:
        if name in kwargs:
            raise ConfigError(f"{path}.kwargs.{name} follows from the config; remove it")
    arguments = bind(module, kwargs, path)
    for name, value in arguments.items():
        sizes = value if isinstance(value, tuple) else (value,)
        if any(isinstance(size, int) and not isinstance(size, bool) and size < 1 for size in sizes):
            raise ConfigError(f"{path}.kwargs.{name} is {value}; sizes must be at least 1")
    fields = {field.name for field in dataclasses.fields(module)}
    return module(**arguments | {name: v for name, v in shared.items() if name in fields})


def _optimizer_arguments(player: str, settings: PlayerConfig) -> dict[str, Any]:
    function = lookup(OPTIMIZERS, settings.optimizer.name, "optimizer")
    return bind(function, settings.optimizer.kwargs, f"{player}.optimizer")


def _optimizer(player: str, settings: PlayerConfig) -> optax.GradientTransformation:
    arguments = _optimizer_arguments(player, settings)
    return make_optimizer(
        settings.optimizer.name, learning_rate=settings.learning_rate, **arguments
    )


def _schedule(config: Config) -> Schedule:
    def schedule(step: jax.Array, hparams: Mapping[str, jax.Array]) -> jax.Array:
        return schedule_factor(
            step,
            hparams["schedule.final"],
            name=config.schedule.name,
            steps=config.steps,
            warmup_steps=config.schedule.warmup_steps,
        )

    return schedule
