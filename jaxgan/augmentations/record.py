"""What the registry knows of an augmentation."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import registry
from jaxgan.registry import Function, Ranges, refusing


class AugmentationFn(Protocol):
    """A random change of samples, differentiable in them; each sample draws its own.

    `probability` and further floats are traced. Random numbers are drawn for the global batch and
    sliced (`collectives.local_slice`), so that a sample's change does not depend on the number of
    devices. With probability 0 the samples come back as they are.
    """

    def __call__(
        self,
        x: Float[Array, "n ..."],
        /,
        *,
        key: PRNGKeyArray,
        axis_name: str | None,
        probability: ScalarLike = ...,
    ) -> Float[Array, "n ..."]:
        """Returns the augmented samples, in the type of `x`."""
        ...


class Augmentation(NamedTuple):
    """An entry of AUGMENTATIONS. It is called as its function is.

    Attributes:
        function: See `AugmentationFn`.
        ranges: The values that its hyperparameters may take.
    """

    function: Callable[..., Array]
    ranges: Ranges = MappingProxyType({})

    def __call__(self, x: Float[Array, "n ..."], **options: Any) -> Float[Array, "n ..."]:
        """What the function returns."""
        return self.function(x, **options)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The function's hyperparameters, with their defaults."""
        return registry.hyperparameters(self.function)


AUGMENTATIONS: dict[str, Augmentation] = {}


def augmentation(*, ranges: Ranges | None = None) -> Callable[[Function], Function]:
    """Puts the decorated function into AUGMENTATIONS, under its own name; returns it `refusing`.

    Args:
        ranges: As in `Augmentation`.
    """

    def register(function: Function) -> Function:
        checked = refusing(function, ranges or {})
        AUGMENTATIONS[function.__name__] = Augmentation(checked, ranges or {})
        return checked

    return register
