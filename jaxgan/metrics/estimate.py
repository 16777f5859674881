"""A number that was estimated from samples, with its standard error."""

import math


class Estimate(float):
    """An estimated value: a float wherever one is expected, with its standard error beside it.

    Arithmetic on it gives plain floats. It prints as the value and the error to two digits of the
    latter: 2.27 +- 0.10.

    Attributes:
        standard_error: Standard deviation of the value over fresh sets of samples of the same
            sizes; NaN where it is not known.
    """

    __slots__ = ("_standard_error",)
    _standard_error: float

    def __new__(cls, value: float, standard_error: float) -> "Estimate":
        """Returns the value with its error, as floats both."""
        self = super().__new__(cls, value)
        object.__setattr__(self, "_standard_error", float(standard_error))
        return self

    @property
    def standard_error(self) -> float:
        """The standard error, in the units of the value."""
        return self._standard_error

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Estimate is immutable: make a new one instead of setting {name}")

    def __reduce__(self) -> tuple[type["Estimate"], tuple[float, float]]:
        return Estimate, (float(self), self.standard_error)

    def __repr__(self) -> str:
        error = self.standard_error
        if not (math.isfinite(error) and math.isfinite(self) and error > 1e-5 * abs(self)):
            return f"{float(self):.6g} +- {error:.2g}"
        decimals = max(0, 1 - math.floor(math.log10(error)))
        return f"{float(self):.{decimals}f} +- {error:.{decimals}f}"
