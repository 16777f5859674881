"""The record of a data set: a function that opens a split of it, and what its values may be."""

import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

from jaxgan.data.source import Source
from jaxgan.registry import DATA_OPTIONS as OPTIONS
from jaxgan.registry import Ranges, hyperparameters


class Dataset(NamedTuple):
    """A data set.

    Attributes:
        function: Opens a split: `(*, split, ...) -> Source`. It may take the other OPTIONS too.
            Keyword-only arguments of other names, with defaults, are its hyperparameters.
        ranges: The values that hyperparameters may take.
        features: The feature network that it is scored with, where a user leaves the choice; None:
            one that suits such data as it is.
    """

    function: Callable[..., Source]
    ranges: Ranges = MappingProxyType({})
    features: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """Which of OPTIONS the function takes."""
        parameters = inspect.signature(self.function).parameters
        return tuple(option for option in OPTIONS if option in parameters)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters, with their defaults."""
        arguments = hyperparameters(self.function).items()
        return {name: default for name, default in arguments if name not in OPTIONS}

    def __call__(self, **arguments: Any) -> Source:
        """Opens a split."""
        return self.function(**arguments)


DATASETS: dict[str, Dataset] = {}

Opens = Callable[..., Source]


def dataset(
    *, ranges: Ranges | None = None, features: str | None = None
) -> Callable[[Opens], Opens]:
    """Registers a function in DATASETS under its own name.

    Args:
        ranges: The values that its hyperparameters may take.
        features: The feature network that it is scored with, where a user leaves the choice.
    """

    def register(function: Opens) -> Opens:
        DATASETS[function.__name__] = Dataset(function, ranges or {}, features)
        return function

    return register
