"""What the benchmarks share: the time of a call."""

import time
from collections.abc import Callable
from typing import Any


def seconds(call: Callable[[], Any], at_least: float = 0.2) -> float:
    """Mean time of a call, over as many as take at least so long together."""
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < at_least or not calls:
        call()
        calls += 1
    return (time.perf_counter() - start) / calls
