"""The sides of square images that a network can halve or double to."""

from jaxgan.errors import ConfigError

# The sides that halving leads to: odd, or at most 4.
BASES = (3, 4, 5, 7)


def base_side(shape: tuple[int, ...], network: str) -> tuple[int, int]:
    """The base side of an image and the number of halvings, at least one, that lead to it.

    The side is halved until it is odd or at most 4.

    Args:
        shape: Of one image.
        network: Its name, for messages.

    Raises:
        ConfigError: a shape that is not (side, side, channels), or a side that is no base doubled.
    """
    base, halvings = square_side(shape, network), 0
    while base > 4 and base % 2 == 0:
        base, halvings = base // 2, halvings + 1
    if base not in BASES or halvings == 0:
        raise ConfigError(
            f"image side {shape[0]}; {network}'s is 3, 4, 5 or 7 doubled at least once: "
            f"use {_sides_near(shape[0])}"
        )
    return base, halvings


def halved_side(shape: tuple[int, ...], halvings: int, network: str, field: str) -> int:
    """The side of an image after so many halvings.

    Args:
        shape: Of one image.
        halvings: How many.
        network: Its name, for messages.
        field: Of the network, which decides on their number.

    Raises:
        ConfigError: a shape that is not (side, side, channels), or a side that is odd on the way.
    """
    side = square_side(shape, network)
    if side % 2**halvings:
        raise ConfigError(
            f"image side {side} is halved {halvings} times in {network}; it must be a multiple of "
            f"{2**halvings}: change {field}, or the side with data.resize or data.pad"
        )
    return side // 2**halvings


def square_side(shape: tuple[int, ...], network: str) -> int:
    """The side of square images; ConfigError for a shape that is not (side, side, channels)."""
    if len(shape) != 3 or shape[0] != shape[1]:
        raise ConfigError(
            f"image shape {shape}; {network} makes square images: use a shape "
            "(side, side, channels)"
        )
    return shape[0]


def _sides_near(side: int) -> str:
    sides = [base << i for base in BASES for i in range(1, side.bit_length() + 2)]
    below = max((s for s in sides if s < side), default=None)
    above = min(s for s in sides if s > side)
    return str(above) if below is None else f"{below} or {above}"
