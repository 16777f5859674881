"""What a run is: frozen dataclasses with validation, dotted overrides and a JSON round trip.

This module imports no jax, so that `--help` and a typing error are answered at once. Names of
losses, networks and the like are looked up in their registries by `jaxgan.train.build`.

Every float is traced: changing it never recompiles a train step, and its dotted name, such as
"generator.optimizer.kwargs.b1", is its key in `GANState.hparams`. Everything else is static.
"""

import ast
import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from jaxgan.errors import ConfigError
from jaxgan.registry import unknown

Dataclass = TypeVar("Dataclass")
Keywords = dict[str, Any]

# The fields of a config that hold entries by label.
ENTRIES = ("terms", "penalties", "controllers")

_LOWEST = {
    "seed": 0,
    "steps": 1,
    "data.batch_size": 1,
    "data.resize": 1,
    "data.pad": 1,
    "latent.dim": 1,
    "generator.learning_rate": 0,
    "generator.clip_weights": 0,
    "generator.orthogonal": 0,
    "discriminator.learning_rate": 0,
    "discriminator.clip_weights": 0,
    "discriminator.orthogonal": 0,
    "schedule.warmup_steps": 0,
    "discriminator_steps": 1,
    "ema_half_life": 0,
    "steps_per_call": 1,
    "log_every": 1,
    "sample_every": 0,
    "eval_every": 0,
    "checkpoint_every": 0,
    "num_eval_samples": 2,
    "monitor_every": 0,
    "num_monitor_samples": 2,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which real samples, and how they reach the device."""

    name: str = "digits"
    """A name from `jaxgan list datasets`, or any prepared TFDS image set."""
    split: str = "train"
    """Which split to train on."""
    batch_size: int = 64
    """Real samples in one discriminator step, over all devices."""
    dir: str | None = None
    """Folder of prepared TFDS sets (also --data-dir); default: TFDS_DATA_DIR."""
    resize: int | None = None
    """Resize images to this side, in pixels."""
    pad: int | None = None
    """Zero-pad images to this side, in pixels."""
    placement: Literal["auto", "device", "host"] = "auto"
    """Keep the set on the device, or stream it from the host; auto: on the device if it fits."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """The distribution of z."""

    dim: int = 64
    """Dimensions of z."""
    distribution: Literal["normal", "uniform"] = "normal"
    """Standard normal, or uniform on [-1, 1]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """A network from `jaxgan list networks`."""

    name: str = "mlp"
    """Its name."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its fields: --PLAYER.network.kwargs.FIELD VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """An optax optimiser."""

    name: str = "adam"
    """Its name."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its arguments: --PLAYER.optimizer.kwargs.ARGUMENT VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayerConfig:
    """One of the two players: its network and how it learns."""

    network: NetworkConfig = NetworkConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    learning_rate: float = 2e-4
    """Peak learning rate."""
    clip_weights: float | None = None
    """Largest absolute value of a weight after each update, as in WGAN; None: any."""
    orthogonal: float | None = None
    """Weight of a penalty on kernels whose filters are not orthogonal; BigGAN: 1e-4; None: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """The learning rates over the run, as a factor on both players' peak rates."""

    name: Literal["constant", "linear", "cosine"] = "constant"
    """Shape of the decay from 1 to `final` at the last step."""
    warmup_steps: int = 0
    """Steps of linear warm-up from 0."""
    final: float = 0.0
    """Factor at the last step, in [0, 1]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TermConfig:
    """One term of the objective: a loss, its weight, and what it compares."""

    name: str = "non_saturating"
    """A name from `jaxgan list losses`."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its hyperparameters: --loss.kwargs.HYPERPARAMETER VALUE."""
    weight: float = 1.0
    """Factor on the term."""
    on: Literal["images", "features", "logits"] = "logits"
    """The view that it compares: samples, or the discriminator's features or logits."""
    players: Literal["both", "generator"] = "both"
    """Who minimises it."""
    jacobian_scale: float | None = None
    """c of a factor 1 / (1 + c E |J_D(real)|^2), which makes MMD^2 the scaled MMD; there c = 10."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PenaltyConfig:
    """A regulariser of the discriminator; its key in `Config.penalties` is its name."""

    weight: float = 1.0
    """Factor on the penalty: gamma of R1 and R2, lambda of WGAN-GP."""
    every: int = 1
    """Discriminator steps between its uses, each then that many times as strong."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its hyperparameters: --penalties.NAME.kwargs.HYPERPARAMETER VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ControllerConfig:
    """Adjusts a float of the run, so that a measured similarity stays at a target."""

    name: str = "logit_sign"
    """What is measured: logit_sign, auc, or the generator's value of any loss."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Hyperparameters of the measure: --controllers.LABEL.kwargs.HYPERPARAMETER VALUE."""
    on: Literal["images", "features", "logits"] = "logits"
    """The view that it measures."""
    adjusts: str = "discriminator_share"
    """Dotted name of a float: a weight, a learning rate, discriminator_share, and so on."""
    target: float = 0.6
    """The value of the measure to keep."""
    rate: float = 0.001
    """Growth of the logarithm per step and unit above the target; negative: it shrinks."""
    lower: float = 0.001
    """Least value of the adjusted float, above 0."""
    upper: float = 1.0
    """Largest value of the adjusted float."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """One run, whole: the same config on the same software and devices gives the same bits."""

    seed: int = 0
    """Seed of everything random."""
    steps: int = 10_000
    """Generator steps."""
    data: DataConfig = DataConfig()
    latent: LatentConfig = LatentConfig()
    generator: PlayerConfig = PlayerConfig()
    discriminator: PlayerConfig = PlayerConfig()
    loss: TermConfig = TermConfig()
    terms: dict[str, TermConfig] = dataclasses.field(default_factory=dict)
    """Further terms: --terms.LABEL.name LOSS --terms.LABEL.weight W, and so on."""
    penalties: dict[str, PenaltyConfig] = dataclasses.field(default_factory=dict)
    """Penalties by name: --penalties.NAME.weight W."""
    controllers: dict[str, ControllerConfig] = dataclasses.field(default_factory=dict)
    """Controllers: --controllers.LABEL.name MEASURE --controllers.LABEL.adjusts FLOAT."""
    schedule: ScheduleConfig = ScheduleConfig()
    discriminator_steps: int = 1
    """Discriminator steps per generator step."""
    discriminator_share: float | None = None
    """Probability that a discriminator step is taken, in [0, 1]; None: always."""
    fresh_latents: bool = False
    """Draw new latents for the generator's update instead of sharing its forward pass."""
    ema_half_life: float = 500.0
    """Half-life, in steps, of the averaged generator that is sampled and evaluated; 0: none."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Compute type of the networks; parameters and losses stay float32."""
    parallel: Literal["jit", "pmap"] = "jit"
    """jit: sharded over all local devices; pmap: one program a device."""
    steps_per_call: int = 50
    """Steps in one dispatch to the device."""
    log_every: int = 100
    """Steps between rows of metrics.jsonl."""
    sample_every: int = 1000
    """Steps between pictures of samples; 0: only at the end."""
    eval_every: int = 1000
    """Steps between evaluations; 0: only at the end."""
    checkpoint_every: int = 1000
    """Steps between checkpoints; 0: only at the end."""
    num_eval_samples: int = 2500
    """Generated samples in an evaluation."""
    eval_metrics: tuple[str, ...] = ()
    """Metrics of an evaluation, such as fid, kid, prdc; none: those that suit the data set."""
    eval_features: str = "auto"
    """Feature network of these metrics; auto: classifier where there are labels, or random_conv."""
    best_metric: str | None = None
    """Score that marks the best checkpoint, such as eval/classifier_kid; default: the first one."""
    monitor_every: int = 0
    """Steps between cheap metrics inside the compiled loop; 0: never."""
    num_monitor_samples: int = 512
    """Generated samples of these cheap metrics, over all devices."""

    def __post_init__(self):
        """Raises ConfigError where a value breaks its rule."""
        for path, value, hint in _leaves(self):
            _check_type(path, value, hint)
        for path, lowest in _LOWEST.items():
            value = get(self, path)
            if value is not None and value < lowest:
                raise ConfigError(f"{path} is {value}; it must be at least {lowest}")
        for name, penalty in self.penalties.items():
            if penalty.every < 1:
                raise ConfigError(
                    f"penalties.{name}.every is {penalty.every}; it must be at least 1"
                )
        for path, term in {"loss": self.loss, **self.terms}.items():
            if term.jacobian_scale is not None and term.jacobian_scale < 0:
                raise ConfigError(
                    f"jacobian_scale of {path} is {term.jacobian_scale}; it must be at least 0"
                )
        for name, controller in self.controllers.items():
            if not 0 < controller.lower <= controller.upper:
                raise ConfigError(
                    f"controllers.{name} has lower {controller.lower} and upper "
                    f"{controller.upper}; they must be 0 < lower <= upper"
                )
        for path in ("schedule.final", "discriminator_share"):
            value = get(self, path)
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(f"{path} is {value}; it must lie in [0, 1]")
        if self.schedule.name != "constant" and self.schedule.warmup_steps >= self.steps:
            raise ConfigError(
                f"schedule.warmup_steps is {self.schedule.warmup_steps}; "
                f"it must be less than steps ({self.steps})"
            )
        if self.seed >= 2**32:
            raise ConfigError(f"seed is {self.seed}; it must be less than 2**32")


def _leaves(config: Any, prefix: str = "") -> list[tuple[str, Any, Any]]:
    """(dotted path, value, type hint) of every field that is not itself a dataclass."""
    if isinstance(config, Mapping):
        items = [(key, value, type(value)) for key, value in config.items()]
    else:
        hints = typing.get_type_hints(type(config))
        items = [
            (f.name, getattr(config, f.name), hints[f.name]) for f in dataclasses.fields(config)
        ]
    leaves = []
    for name, value, hint in items:
        nested = dataclasses.is_dataclass(value) or name in ENTRIES
        leaves += _leaves(value, f"{prefix}{name}.") if nested else [(prefix + name, value, hint)]
    return leaves


def _check_type(path: str, value: Any, hint: Any) -> None:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if typing.get_origin(hint) is Literal:
        if value not in typing.get_args(hint):
            raise unknown(path, str(value), typing.get_args(hint))
        return
    allowed = tuple(typing.get_origin(option) or option for option in options)
    if float in allowed:
        allowed += (int,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join(getattr(option, "__name__", str(option)) for option in options)
        raise ConfigError(f"{path} is {value!r}; it must be of type {names}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path} is {value}; it must be finite")


def get(config: Any, path: str) -> Any:
    """The value at a dotted path, such as "loss.kwargs.bandwidth"."""
    for name in path.split("."):
        config = config[name] if isinstance(config, Mapping) else getattr(config, name)
    return config


def override(config: Dataclass, path: str, value: Any) -> Dataclass:
    """The config with the value at a dotted path replaced; text is parsed to the field's type.

    New entries of ENTRIES and `kwargs` are made on the way. Another `name` empties the
    `kwargs` beside it: they were the old entry's.

    Raises:
        ConfigError: no such field, or a value of the wrong type.
    """
    return _override(config, path.split("."), value, path)


def _override(config: Any, names: list[str], value: Any, path: str) -> Any:
    name, *rest = names
    if isinstance(config, Mapping):
        entry = _override(config[name], rest, value, path) if rest else _parse(value)
        return {**config, name: entry}
    hints = typing.get_type_hints(type(config))
    if name not in hints:
        prefix = path.removesuffix(".".join(names))
        raise unknown("field", prefix + name, [prefix + hint for hint in hints])
    current = getattr(config, name)
    if rest and isinstance(current, Mapping) and name in ENTRIES:
        entry_type = typing.get_args(hints[name])[1]
        current = {rest[0]: entry_type(), **current}
    if rest and not (dataclasses.is_dataclass(current) or isinstance(current, Mapping)):
        raise ConfigError(f"unknown field {path!r}; {name!r} holds a single value")
    if not rest:
        is_text = isinstance(value, str) and typing.get_origin(hints[name]) is not Literal
        new = value if not is_text or hints[name] in (str, str | None) else _parse(value)
        takes_float = hints[name] in (float, float | None)
        if takes_float and isinstance(new, int) and not isinstance(new, bool):
            new = float(new)
    else:
        new = _override(current, rest, value, path)
    changes = {name: new}
    if name == "name" and new != current and "kwargs" in hints:
        changes["kwargs"] = {}
    return dataclasses.replace(config, **changes)


def _parse(value: Any) -> Any:
    """Text as a Python literal where it is one ("0.5", "1,2,4", "True"), else as it stands."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(value.lower(), value)


def to_json(config: Config) -> str:
    """The config as indented JSON; `from_json` is its inverse."""
    return json.dumps(dataclasses.asdict(config), indent=2) + "\n"


def from_json(text: str) -> Config:
    """The config that `to_json` wrote.

    Raises:
        ConfigError: text that is no JSON object, an unknown field, or a value that breaks a rule.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"config is no JSON ({error}); restore it or start anew") from error
    return _from_dict(Config, data, "")


def _from_dict(kind: Any, data: Any, prefix: str) -> Any:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{prefix or 'config'} is {data!r}; it must be a JSON object")
    hints = typing.get_type_hints(kind)
    for name in data.keys() - hints.keys():
        raise unknown("field", prefix + name, [prefix + hint for hint in hints])
    return kind(**{name: _decode(hints[name], data[name], f"{prefix}{name}.") for name in data})


def _decode(hint: Any, value: Any, prefix: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _from_dict(hint, value, prefix)
    if typing.get_origin(hint) is dict and dataclasses.is_dataclass(typing.get_args(hint)[1]):
        entry = typing.get_args(hint)[1]
        return {name: _from_dict(entry, item, f"{prefix}{name}.") for name, item in value.items()}
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return _tuples(value)


def _tuples(value: Any) -> Any:
    """JSON has no tuples; every sequence in a config is one."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def differences(one: Config, other: Config) -> list[str]:
    """Dotted paths at which two configs differ."""
    first, second = ({path: value for path, value, _ in _leaves(config)} for config in (one, other))
    paths = [*first, *(path for path in second if path not in first)]
    missing = object()
    return [p for p in paths if first.get(p, missing) != second.get(p, missing)]
