"""The record of a loss: the function, and what the rest of the framework must know of it."""

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan import registry
from jaxgan.errors import ConfigError
from jaxgan.losses.common import at_least, zero_sum
from jaxgan.numerics import pairs
from jaxgan.registry import FROZEN, Function, Ranges, refusing, unknown
from jaxgan.types import Losses

# What a loss may compare, beside views of FROZEN networks: samples, and the fields of a
# discriminator's outputs.
VIEWS = ("images", "features", "logits", "class_logits")

# Losses of samples flattened to vectors take these; class logits mean something only with labels.
VECTOR_VIEWS = ("images", "features", "logits")

# Codes of an encoder, which a game of autoencoders may compare with draws from the prior; losses of
# samples and of features take them.
CODES = "codes"

# Losses of verdicts on a sample take these: features too may be trained as verdicts.
VERDICT_VIEWS = ("logits", "features")


@dataclasses.dataclass(eq=False)
class Loss:
    """An entry of LOSSES. It is called as its function is, and always returns `Losses`.

    It has its function's name, module, docstring and signature, and is hashed by identity, so that
    `jax.jit` takes it. (`jax.jit` takes no tuple, hence no NamedTuple.)

    Attributes:
        function: (real, fake, *, hyperparameters) -> `Losses`, or a scalar: a distance, which makes
            the game zero-sum. Keyword-only arguments without default ask the step for what it has:
            `key`, `labels`, `z` or `reference` (`jaxgan.registry.ASKABLE`).
        views: What it compares, of VIEWS. A loss of any view may still ask for a width.
        paired: Whether it always compares real i with fake i. The record then repeats the shorter
            batch, so that the function gets as many of each.
        ranges: The values that its hyperparameters may take, by name.
        similarity: Whether the scalar is a similarity s of at most 1. Then the distance is 1 - s.
        objective: What the players play for where it is not the function's own value: another
            function of the same arguments, such as a distance without the root that is not smooth.
        fit: What is fitted once to the features of the whole training set, before the first step:
            (features [N, d], *, key, hyperparameters) -> a dict of arrays, which the function then
            gets as `reference`. Hyperparameters of the loss that it takes are static, since a
            change of one would need another fit.
        network: Makes the linen module that keeps a loss's state from step to step, in the
            collection "batch_stats". It is called in the function's place, with the same arguments
            and `train`, on whole batches (it has the attribute `whole_batch = True`).
    """

    function: Callable[..., Any]
    views: tuple[str, ...] = VECTOR_VIEWS
    paired: bool = False
    ranges: Ranges = dataclasses.field(default_factory=dict)
    similarity: bool = False
    objective: Callable[..., Any] | None = None
    fit: Callable[..., dict[str, Any]] | None = None
    network: Callable[[], nn.Module] | None = None

    def __post_init__(self):
        """Takes over the function's name, docstring and signature."""
        functools.update_wrapper(self, self.function, updated=())

    def __call__(
        self, real: Float[Array, "n ..."], fake: Float[Array, "m ..."], **hyperparameters: Any
    ) -> Losses:
        """Both players' losses.

        Raises:
            ConfigError: The function returns neither `Losses` nor a scalar.
        """
        if self.paired:
            real, fake = pairs(real, fake)
        value = (self.objective or self.function)(real, fake, **hyperparameters)
        if isinstance(value, Losses):
            return value
        if jnp.shape(value) != ():
            name = getattr(self.function, "__name__", self.function)
            raise ConfigError(
                f"the loss {name} returned an array of shape {jnp.shape(value)}; "
                "it must return Losses or a scalar: take the mean over samples"
            )
        return zero_sum(1 - value if self.similarity else value)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The function's hyperparameters, with their defaults."""
        return registry.hyperparameters(self.function)

    @property
    def fitted(self) -> tuple[str, ...]:
        """The hyperparameters that `fit` takes."""
        if self.fit is None:
            return ()
        return tuple(n for n in inspect.signature(self.fit).parameters if n in self.hyperparameters)


LOSSES: dict[str, Loss] = {}


def loss(
    *,
    views: tuple[str, ...] = VECTOR_VIEWS,
    paired: bool = False,
    ranges: Ranges | None = None,
    similarity: bool = False,
    objective: Callable[..., Any] | None = None,
    fit: Callable[..., dict[str, Any]] | None = None,
    network: Callable[[], nn.Module] | None = None,
) -> Callable[[Function], Function]:
    """Puts the decorated function into LOSSES, under its own name, and returns it guarded.

    It raises ConfigError on an empty batch, and on a hyperparameter out of its range.

    Args:
        views: As in `Loss`.
        paired: As in `Loss`.
        ranges: As in `Loss`.
        similarity: As in `Loss`.
        objective: As in `Loss`.
        fit: As in `Loss`.
        network: As in `Loss`.
    """

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def checked(*batches: Any, **options: Any) -> Any:
            counts = [len(batch) for batch in batches]
            at_least(1, f"{function.__name__} of batches", "give samples of both", *counts)
            return in_range(*batches, **options)

        in_range = refusing(function, ranges or {})
        record = Loss(
            checked, views, paired, ranges or {}, similarity, objective, fit=fit, network=network
        )
        LOSSES[function.__name__] = record
        return typing.cast(Function, checked)

    return register


def check_view(record: Loss, name: str, on: str, path: str) -> None:
    """Raises ConfigError unless the loss compares the view `on`.

    Args:
        record: The loss.
        name: Its name, for the message.
        on: One of VIEWS, CODES, or a view of a frozen network, which a loss of features compares.
        path: Dotted name of the term in the config, for the message.
    """
    needed = {"features" if on.startswith(FROZEN) else on}
    if on == CODES:
        needed = {"images", "features"}
    if not needed.issubset(VIEWS):
        known = [*VIEWS, CODES, *(f"{prefix}NAME" for prefix in FROZEN)]
        raise unknown(f"view, as {path}.on,", on, known)
    if not needed.issubset(record.views):
        choice = " or ".join(record.views)
        raise ConfigError(
            f"{path}.on is {on!r}; {name} compares {choice} alone: set it to {choice}"
        )


def needs_pairs(record: Loss, **hyperparameters: Any) -> bool:
    """Whether the loss compares real i with fake i, rather than set with set.

    Then the order within a batch counts, and of batches of unequal sizes the shorter one starts
    again at its end.

    Args:
        record: The loss.
        **hyperparameters: Those that differ from their defaults.
    """
    settings = record.hyperparameters | hyperparameters
    return record.paired or settings.get("match") == "paired" or settings.get("paired") is True
