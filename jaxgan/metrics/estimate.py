"""A number that was estimated from samples, with its standard error."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

_ROUNDING = float(np.finfo(np.float32).eps)  # relative, of values that were computed in float32
_LEAST_EXPONENT = -6  # of an error that is printed without one


@dataclass(frozen=True, eq=False, slots=True)
class Estimate(NDArrayOperatorsMixin):
    """An estimated value with its standard error.

    It compares and calculates as its value does, also in NumPy's functions; what comes out is a
    plain number, without an error. It prints as the value and the error to two digits of the
    latter; an error below float32's rounding of the value prints as 0.

    >>> fid = Estimate(2.2712, 0.1)
    >>> print(fid)
    2.27 +- 0.10
    >>> bool(fid < 3), f"{fid:.1f}", round(float(fid + 1), 4)
    (True, '2.3', 3.2712)

    Attributes:
        value: The number.
        standard_error: Standard deviation of the value over fresh sets of samples of the same
            sizes; NaN where it is not known.
    """

    value: float
    standard_error: float

    def __post_init__(self):
        """Makes both plain floats."""
        for name in ("value", "standard_error"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def __float__(self) -> float:
        return self.value

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __round__(self, digits: int | None = None) -> float | int:
        return round(self.value, digits)

    def __hash__(self) -> int:
        return hash(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        numbers = (x.value if isinstance(x, Estimate) else x for x in inputs)
        return getattr(ufunc, method)(*numbers, **options)

    def __format__(self, specification: str) -> str:
        return format(self.value, specification) if specification else str(self)

    def __str__(self) -> str:
        value, error = self.value, self.standard_error
        if not (math.isfinite(error) and math.isfinite(value)):
            return f"{value:.6g} +- {error:.2g}"
        if error <= _ROUNDING * abs(value):
            return f"{value:.6g} +- 0"
        exponent = int(f"{error:.1e}".partition("e")[2])  # of the error, rounded to two digits
        if exponent < _LEAST_EXPONENT:
            scale = 10.0**-exponent
            return f"({value * scale:.1f} +- {error * scale:.1f})e{exponent}"
        # Adding 0 takes the sign from a value that rounds to 0.
        value, error = (round(x, 1 - exponent) + 0.0 for x in (value, error))
        decimals = max(0, 1 - exponent)
        return f"{value:.{decimals}f} +- {error:.{decimals}f}"
