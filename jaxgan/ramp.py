"""A float that changes over the steps of a run. The float itself is computed by `training`."""

from typing import Literal, NamedTuple

SHAPES = ("constant", "linear", "cosine", "exponential")


class Ramp(NamedTuple):
    """A float that goes from `start` to `end`, in the place of any float of a config.

    The ends are traced, so that they can be swept; all else is static. In the place of a tuple of
    floats, such as bandwidths, its ends are tuples of one length, or numbers for tuples of one.

    Attributes:
        start: The value after the warm-up, and for as long as it is held.
        end: The value after `steps`, and from then on.
        steps: The step at which `end` is reached; None: the last of the run.
        shape: "constant" (stays at `start`), "linear", "cosine" (Loshchilov and Hutter 2017), or
            "exponential" (a straight line of the logarithm: both ends above 0).
        warmup: The first steps, during which the value grows linearly from 0 to `start`.
        hold: The share of the steps after the warm-up during which it stays at `start`, in [0, 1).
    """

    start: float | tuple[float, ...]
    end: float | tuple[float, ...] = 0.0
    steps: int | None = None
    shape: Literal["constant", "linear", "cosine", "exponential"] = "linear"
    warmup: int = 0
    hold: float = 0.0


def ends(end: float | int | tuple) -> tuple:
    """The numbers at one end of a ramp.

    >>> ends(0.1), ends((0.1, 0.2))
    ((0.1,), (0.1, 0.2))
    """
    return end if isinstance(end, tuple) else (end,)
