"""The record of a penalty: the function, and what the rest of the framework must know of it."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

from flax import linen as nn

from jaxgan import registry
from jaxgan.registry import Function, Ranges, refusing


class Penalty(NamedTuple):
    """An entry of PENALTIES. It is called as its function is.

    Attributes:
        function: See `jaxgan.types.PenaltyFn`; where `network` or `of_generator` is set, see there.
        ranges: The values that its hyperparameters may take.
        network: Makes the linen module that keeps a penalty's state from step to step, in the
            collection "batch_stats", for a penalty of logits that has one. Instead of the function,
            the module is called: `(logits of real samples, logits of fake samples, *, train,
            **hyperparameters) -> penalty`, with the logits of the whole batch.
        of_generator: Whether the generator minimises a part of it too. Then the function is
            `(critic, generate, z, fake, *, key, axis_name, **hyperparameters) -> Losses`, where
            `generate` maps z to samples and `fake` is generate(z), all on this device's slice.
        weight: Its factor where the config gives none: that of its source.
    """

    function: Callable[..., Any]
    ranges: Ranges = MappingProxyType({})
    network: Callable[[], nn.Module] | None = None
    of_generator: bool = False
    weight: float = 1.0

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """What the function returns."""
        return self.function(*inputs, **options)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The function's hyperparameters, with their defaults."""
        return registry.hyperparameters(self.function)


PENALTIES: dict[str, Penalty] = {}


def penalty(
    *,
    ranges: Ranges | None = None,
    network: Callable[[], nn.Module] | None = None,
    of_generator: bool = False,
    weight: float = 1.0,
) -> Callable[[Function], Function]:
    """Puts the decorated function into PENALTIES, under its own name, and returns it `refusing`.

    Args:
        ranges: As in `Penalty`.
        network: As in `Penalty`.
        of_generator: As in `Penalty`.
        weight: As in `Penalty`.
    """

    def register(function: Function) -> Function:
        checked = refusing(function, ranges or {})
        record = Penalty(checked, ranges or {}, network, of_generator, weight)
        PENALTIES[function.__name__] = record
        return checked

    return register
