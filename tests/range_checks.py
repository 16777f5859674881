"""Values that a range refuses, for tests over registries."""

import math


def refused(allowed, default):
    """(bad value, rule): below and above the range, of the default's type; floats for None."""
    bad = []
    if math.isfinite(allowed.low):
        bad.append(allowed.low if allowed.above else allowed.low - 1)
    if math.isfinite(allowed.high):
        bad.append(allowed.high if allowed.below else allowed.high + 1)
    kind = type(default[0]) if isinstance(default, tuple) else type(default)
    kind = float if default is None else kind
    values = [kind(value) for value in bad]
    if isinstance(default, tuple):
        values = [(*default, value) for value in values]
    return [(value, allowed) for value in values]
