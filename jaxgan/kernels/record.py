"""The registry of kernels, and what their hyperparameters may be."""

from collections.abc import Callable
from typing import Any, TypeVar

from jaxtyping import Array, Float

from jaxgan.registry import Ranges

Function = TypeVar("Function", bound=Callable[..., Any])

# By name: functions of (x, y, *, hyperparameters) that return the matrix of all pairs.
KERNELS: dict[str, Callable[..., Float[Array, "n m"]]] = {}

# By name: the values that the hyperparameters may take.
RANGES: dict[str, Ranges] = {}


def kernel(*, ranges: Ranges | None = None) -> Callable[[Function], Function]:
    """Puts the decorated function into KERNELS, under its own name, and returns it unchanged.

    Args:
        ranges: The values that its hyperparameters may take, by name.
    """

    def register(function: Function) -> Function:
        KERNELS[function.__name__] = function
        RANGES[function.__name__] = ranges or {}
        return function

    return register
