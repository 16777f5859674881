"""The record of a network: the modules of its players and the values that their fields may take."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from flax import linen as nn

from jaxgan.errors import ConfigError
from jaxgan.registry import AT_LEAST_ONE, NON_NEGATIVE, Range, hyperparameters

Role = Literal["generator", "discriminator"]


class Network(NamedTuple):
    """The players of one registry entry.

    Attributes:
        generator: The module of generators, (z, condition, train) -> samples, or None.
        discriminator: The module of discriminators and encoders, (x, condition, train) -> Outputs,
            or None.
        ranges: The values that fields of either module may take, where they differ from those of
            `ranges_of`.
    """

    generator: type[nn.Module] | None = None
    discriminator: type[nn.Module] | None = None
    ranges: Mapping[str, Range] = {}


# Filled by the modules that define networks.
NETWORKS: dict[str, Network] = {}

# The fields that the networks here share.
SHARED_RANGES: dict[str, Range] = {
    "num_classes": AT_LEAST_ONE,
    "num_auxiliary": AT_LEAST_ONE,
    "noise": NON_NEGATIVE,
    "input_noise": NON_NEGATIVE,
    "dropout": Range(low=0, high=1, below=True),
}


def module_of(entry: Any, role: Role) -> type[nn.Module]:
    """The module of an entry that plays this role; a bare module plays any.

    Args:
        entry: A Network, or a linen module of a user's own.
        role: "generator" or "discriminator".

    Raises:
        ConfigError: a record without such a player, or what is neither record nor module.
    """
    if _is_module(entry):
        return entry
    if not isinstance(entry, Network):
        raise ConfigError(
            f"{entry!r} is no network; name a class of flax.linen.Module or a "
            "jaxgan.networks.Network"
        )
    module = getattr(entry, role)
    if module is None:
        names = [player.__name__ for player in entry[:2] if player is not None]
        raise ConfigError(
            f"the network of {' and '.join(names) or 'no player'} has no {role}; choose another"
        )
    return module


def ranges_of(entry: Any, role: Role) -> dict[str, Range]:
    """The values that the fields of a player may take, for `registry.bind`.

    Sizes are at least 1: every field whose default is such a number, or a tuple of such numbers.
    What the record says comes before that.

    Raises:
        ConfigError: see `module_of`.
    """
    defaults = hyperparameters(module_of(entry, role))
    stated = entry.ranges if isinstance(entry, Network) else {}
    sizes = {name: AT_LEAST_ONE for name, default in defaults.items() if _is_size(default)}
    return sizes | {name: allowed for name, allowed in stated.items() if name in defaults}


def _is_module(entry: Any) -> bool:
    return isinstance(entry, type) and issubclass(entry, nn.Module)


def _is_size(default: Any) -> bool:
    sizes = default if isinstance(default, tuple) else (default,)
    return bool(sizes) and all(
        isinstance(size, int) and not isinstance(size, bool) and size >= 1 for size in sizes
    )
