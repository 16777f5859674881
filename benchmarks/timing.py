"""What the benchmarks share: calls are timed in alternating order, and compared round by round."""

import os
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Ratio(NamedTuple):
    """How many times as long a call takes as another: the median of the rounds, and their range."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f}-{self.highest:.2f})"


def take_cores(count: int) -> None:
    """Keeps the process to so many cores, by which libraries that start later size their pools."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def beside_torch(threads: int) -> None:
    """Prepares jaxgan and PyTorch, neither of which is imported yet, to run on so many cores."""
    take_cores(threads)
    from jaxgan import runtime

    runtime.prepare()
    import torch

    torch.set_num_threads(threads)


def seconds(call: Callable[[], Any], at_least: float = 0.2) -> float:
    """Mean time of a call, over as many as take at least so long together."""
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < at_least or not calls:
        call()
        calls += 1
    return (time.perf_counter() - start) / calls


def alternating(
    calls: Mapping[Name, Callable[[], Any]], rounds: int, at_least: float = 0.2
) -> dict[Name, list[float]]:
    """The time of each call in each round; rounds go forwards and backwards in turn: A B, B A.

    Args:
        calls: By name; they have compiled, and warmed the allocators.
        rounds: How many.
        at_least: Seconds for which a call is repeated in a round; 0: once.
    """
    times: dict[Name, list[float]] = {name: [] for name in calls}
    for index in range(rounds):
        for name in list(calls)[:: -1 if index % 2 else 1]:
            times[name].append(seconds(calls[name], at_least))
    return times


def ratio(times: Sequence[float], over: Sequence[float]) -> Ratio:
    """Of the times of two calls in the same rounds."""
    ratios = [one / other for one, other in zip(times, over, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))
