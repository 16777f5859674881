"""The registry of kernels, and what their hyperparameters may be."""

from collections.abc import Callable

from jaxtyping import Array, Float

from jaxgan.registry import Function, Ranges, refusing

# By name: functions of (x, y, *, hyperparameters) that return the matrix of all pairs.
KERNELS: dict[str, Callable[..., Float[Array, "n m"]]] = {}

# By name: the values that the hyperparameters may take.
RANGES: dict[str, Ranges] = {}


def kernel(*, ranges: Ranges | None = None) -> Callable[[Function], Function]:
    """Puts the decorated function into KERNELS, under its own name, and returns it `refusing`.

    Args:
        ranges: The values that its hyperparameters may take, by name.
    """

    def register(function: Function) -> Function:
        RANGES[function.__name__] = ranges or {}
        KERNELS[function.__name__] = checked = refusing(function, ranges or {})
        return checked

    return register
