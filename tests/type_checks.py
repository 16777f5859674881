"""Beartype, as the import hook of the tests applies it: made where a function is first called.

To make a check takes beartype milliseconds. A process calls only some of the package's functions,
and defines those within other functions anew whenever these are called.
"""

from beartype import beartype

MADE = {}


def checked(function):
    """`function` with its arguments and result checked; definitions of one signature share it."""
    annotations = tuple(function.__annotations__.items())
    names = function.__code__.co_varnames
    signature = (function.__module__, function.__qualname__, names, annotations)

    def check(*args, **kwargs):
        if signature not in MADE:
            MADE[signature] = beartype(function)
        return MADE[signature](*args, **kwargs)

    return check
