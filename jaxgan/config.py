"""What a run is: frozen dataclasses with validation, dotted overrides and a JSON round trip.

This module imports no jax, so that `--help` and a typing error are answered at once. Names of
losses, networks and the like are looked up in their registries by `jaxgan.runs.build`.

Every float is traced: changing it never recompiles a train step, and it stands in
`GANState.hparams` where it stands in the config. Any float may be a `Ramp`. All else is static.
"""

import dataclasses
import json
from typing import Any, Literal

from jaxgan.errors import ConfigError
from jaxgan.fields import (
    check_ramp,
    check_type,
    from_dict,
    get,
    leaves,
    override,
    parts,
    to_dict,
)
from jaxgan.ramp import Ramp
from jaxgan.registry import AT_LEAST_ONE, FRACTION, NON_NEGATIVE, Range, check_range

__all__ = [
    "AugmentationConfig",
    "Config",
    "ControllerConfig",
    "DataConfig",
    "GameConfig",
    "LatentConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "PenaltyConfig",
    "PlayerConfig",
    "Ramp",
    "TermConfig",
    "differences",
    "from_json",
    "get",
    "override",
    "player_configs",
    "role_of",
    "term_configs",
    "to_json",
]

Keywords = dict[str, Any]
Path = tuple[str, ...]  # the names of a dotted path
Schedulable = float | Ramp


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which real samples, and how they reach the device."""

    name: str = "digits"
    """A name from `jaxgan list datasets`, any prepared TFDS image set, or MODULE:FUNCTION."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its arguments: --data.kwargs.ARGUMENT VALUE."""
    split: str = "train"
    """Which split to train on."""
    per_class: int | None = None
    """Only the first so many samples of each class; None: all."""
    batch_size: int = 64
    """Real samples in one discriminator step, over all devices."""
    dir: str | None = None
    """Folder of prepared TFDS sets (also --data-dir); default: TFDS_DATA_DIR."""
    resize: int | None = None
    """Resize images to this side, in pixels."""
    pad: int | None = None
    """Zero-pad images to this side, in pixels."""
    mirror: bool = False
    """Add the mirror image of each image, left and right exchanged."""
    placement: Literal["auto", "device", "host", "grain"] = "auto"
    """Keep the set on the device, stream it from the host's memory, or let grain read it from files
    ahead of the steps; auto: on the device if it fits, else as it is stored."""
    workers: int = 0
    """Processes in which grain reads; 0: in threads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentConfig:
    """The distribution of z."""

    dim: int = 64
    """Dimensions of z."""
    distribution: Literal["normal", "uniform"] = "normal"
    """Standard normal, or uniform on [-1, 1]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """A network from `jaxgan list networks`, or MODULE:CLASS."""

    name: str = "mlp"
    """Its name."""
    role: Literal["auto", "generator", "discriminator"] = "auto"
    """Which network of this name: z to samples, or samples to outputs; auto: a generator for
    players named generator... or decoder..."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its fields: --PLAYER.network.kwargs.FIELD VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """An optax optimiser."""

    name: str = "adam"
    """Its name, or MODULE:FUNCTION."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its arguments: --PLAYER.optimizer.kwargs.ARGUMENT VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayerConfig:
    """A player: its network and how it learns."""

    network: NetworkConfig = NetworkConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    learning_rate: Schedulable = 2e-4
    """Learning rate."""
    clip_norm: Schedulable | None = None
    """Largest norm of a gradient, to which larger ones are scaled down; None: any."""
    clip_weights: Schedulable | None = None
    """Largest absolute value of a weight after each update, as in WGAN; None: any."""
    orthogonal: Schedulable | None = None
    """Weight of a penalty on kernels whose filters are not orthogonal; BigGAN: 1e-4; None: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GameConfig:
    """What is trained: a game from `jaxgan list games`, or MODULE:FUNCTION that makes a Game."""

    name: str = "adversarial"
    """Its name; adversarial is the sum of `loss`, `terms` and `penalties`."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its hyperparameters: --game.kwargs.HYPERPARAMETER VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """What is done to the images that the discriminator sees, real and fake."""

    name: str = "diffaugment"
    """A name from `jaxgan list augmentations`, or MODULE:FUNCTION."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its hyperparameters: --augmentation.kwargs.HYPERPARAMETER VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TermConfig:
    """One term of the objective: a loss, its weight, and what it compares."""

    name: str = "non_saturating"
    """A name from `jaxgan list losses`, or MODULE:FUNCTION."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its hyperparameters: --loss.kwargs.HYPERPARAMETER VALUE."""
    weight: Schedulable = 1.0
    """Factor on the term."""
    on: str = "logits"
    """What it compares: images; features, logits or class_logits of the discriminator; frozen:NAME,
    features of a network that is not trained, or patches:NAME, its maps at several scales; codes,
    of the game wae."""
    normalized: bool = False
    """Whether it is divided by its own size, so that terms on several encoders count alike."""
    label_scale: float = 0.0
    """Appends each label to what is compared, as a vector with one such entry; 0: does not."""
    players: Literal["both", "generator"] = "both"
    """Who minimises it."""
    jacobian_scale: Schedulable | None = None
    """c of a factor 1 / (1 + c E |J_D(real)|^2), which makes MMD^2 the scaled MMD; there c = 10."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PenaltyConfig:
    """A regulariser of the discriminator, on the first view that both players compare."""

    name: str | None = None
    """A name from `jaxgan list penalties`, or MODULE:FUNCTION; None: its key in `penalties`."""
    weight: Schedulable | None = None
    """Factor on the penalty: gamma of R1 and R2, lambda of WGAN-GP. None: that of its source."""
    every: int = 1
    """Discriminator steps between its uses, each then that many times as strong."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Its hyperparameters: --penalties.NAME.kwargs.HYPERPARAMETER VALUE."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ControllerConfig:
    """Adjusts a float of the run, so that a measured similarity stays at a target."""

    name: str = "logit_sign"
    """What is measured: logit_sign, auc, the generator's value of any loss, or a game's metric."""
    kwargs: Keywords = dataclasses.field(default_factory=dict)
    """Hyperparameters of the measure: --controllers.LABEL.kwargs.HYPERPARAMETER VALUE."""
    on: Literal["images", "features", "logits", "class_logits"] = "logits"
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
    streams: dict[str, DataConfig] = dataclasses.field(default_factory=dict)
    """Further data sets of a game, such as labelled samples: --streams.NAME.name DATASET."""
    latent: LatentConfig = LatentConfig()
    game: GameConfig = GameConfig()
    generator: PlayerConfig = PlayerConfig()
    discriminator: PlayerConfig = PlayerConfig()
    networks: dict[str, PlayerConfig] = dataclasses.field(default_factory=dict)
    """Further players of a game, such as an encoder: --networks.NAME.network.name NETWORK."""
    loss: TermConfig = TermConfig()
    terms: dict[str, TermConfig] = dataclasses.field(default_factory=dict)
    """Further terms: --terms.LABEL.name LOSS --terms.LABEL.weight W, and so on."""
    penalties: dict[str, PenaltyConfig] = dataclasses.field(default_factory=dict)
    """Penalties by name: --penalties.NAME.weight W."""
    controllers: dict[str, ControllerConfig] = dataclasses.field(default_factory=dict)
    """Controllers: --controllers.LABEL.name MEASURE --controllers.LABEL.adjusts FLOAT."""
    augmentation: AugmentationConfig | None = None
    """What is done to the images that the discriminator sees: --augmentation.name NAME."""
    discriminator_steps: int = 1
    """Discriminator steps per generator step."""
    discriminator_share: Schedulable | None = None
    """Probability that a discriminator step is taken, in [0, 1]; None: always."""
    fresh_latents: bool = False
    """Draw new latents for the generator's update instead of sharing its forward pass."""
    ema_half_life: Schedulable = 500.0
    """Half-life, in steps, of the averaged weights that are sampled and evaluated; 0: none."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Compute type of the networks; parameters and losses stay float32."""
    parallel: Literal["auto", "jit", "shard_map", "pmap"] = "auto"
    """jit: one program that XLA partitions over all devices of all processes; shard_map: one a
    device, with written-out collectives; pmap: the same, of one process; auto: shard_map on CPUs,
    where XLA partitions badly, else jit."""
    fsdp: int | None = None
    """Split arrays of the state that have at least so many numbers over the devices, along their
    largest axis that divides; None: every device holds all of it."""
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
    """Feature network of these metrics; auto: classifier where labels are many, or random_conv."""
    best_metric: str | None = None
    """Score that marks the best checkpoint, such as eval/classifier_kid; default: the first one."""
    monitor_every: int = 0
    """Steps between cheap metrics inside the compiled loop; 0: never."""
    num_monitor_samples: int = 512
    """Generated samples of these cheap metrics, over all devices."""

    def __post_init__(self):
        """Raises ConfigError where a value breaks its rule."""
        for path, value, hint in leaves(self):
            check_type(path, value, hint)
        for prefix, part in parts(self):
            for name, allowed in _RANGES.get(type(part), {}).items():
                check_range(getattr(part, name), allowed, prefix + name)
        for path, value, _ in leaves(self):
            for inner, number in value.items() if isinstance(value, dict) else [("", value)]:
                if isinstance(number, Ramp):
                    check_ramp(f"{path}.{inner}".rstrip("."), number, self.steps, single=not inner)
        for name, controller in self.controllers.items():
            if not 0 < controller.lower <= controller.upper:
                raise ConfigError(
                    f"controllers.{name} has lower {controller.lower} and upper "
                    f"{controller.upper}; they must be 0 < lower <= upper"
                )
        for name in self.networks:
            if name in ("generator", "discriminator"):
                raise ConfigError(f"networks.{name} is the player {name!r} itself; set it there")


_RANGES: dict[type, dict[str, Range]] = {
    DataConfig: {
        **dict.fromkeys(("batch_size", "per_class", "resize", "pad"), AT_LEAST_ONE),
        "workers": NON_NEGATIVE,
    },
    LatentConfig: {"dim": AT_LEAST_ONE},
    PlayerConfig: dict.fromkeys(
        ("learning_rate", "clip_norm", "clip_weights", "orthogonal"), NON_NEGATIVE
    ),
    TermConfig: dict.fromkeys(("jacobian_scale", "label_scale"), NON_NEGATIVE),
    PenaltyConfig: {"every": AT_LEAST_ONE, "weight": NON_NEGATIVE},
    Config: {
        "seed": Range(low=0, high=2**32, below=True),
        **dict.fromkeys(
            ("steps", "discriminator_steps", "steps_per_call", "log_every", "fsdp"), AT_LEAST_ONE
        ),
        **dict.fromkeys(
            ("ema_half_life", "sample_every", "eval_every", "checkpoint_every", "monitor_every"),
            NON_NEGATIVE,
        ),
        **dict.fromkeys(("num_eval_samples", "num_monitor_samples"), Range(low=2)),
        "discriminator_share": FRACTION,
    },
}


def term_configs(config: Config) -> dict[str, tuple[Path, TermConfig]]:
    """Every term by its label, with its path; "loss" is the main one."""
    if "loss" in config.terms:
        raise ConfigError("terms.loss has the name of the main term; rename it")
    further = {label: (("terms", label), term) for label, term in config.terms.items()}
    return {"loss": (("loss",), config.loss), **further}


def player_configs(config: Config) -> dict[str, tuple[Path, PlayerConfig]]:
    """Every player by name, with its path."""
    further = {name: (("networks", name), player) for name, player in config.networks.items()}
    return {
        "generator": (("generator",), config.generator),
        "discriminator": (("discriminator",), config.discriminator),
        **further,
    }


def role_of(name: str, player: PlayerConfig) -> Literal["generator", "discriminator"]:
    """Which network of its record's a player of this name is."""
    if player.network.role != "auto":
        return player.network.role
    return "generator" if name.startswith(("generator", "decoder")) else "discriminator"


def from_json(text: str) -> Config:
    """The config that `to_json` wrote.

    Raises:
        ConfigError: text that is no JSON object, an unknown field, or a value that breaks a rule.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"config is no JSON ({error}); restore it or start anew") from error
    return from_dict(Config, data)


def to_json(config: Config) -> str:
    """The config as indented JSON; `from_json` is its inverse."""
    return json.dumps(to_dict(config), indent=2) + "\n"


def differences(one: Config, other: Config) -> list[str]:
    """Dotted paths at which two configs differ."""
    first, second = ({path: value for path, value, _ in leaves(config)} for config in (one, other))
    paths = [*first, *(path for path in second if path not in first)]
    missing = object()
    return [p for p in paths if first.get(p, missing) != second.get(p, missing)]
