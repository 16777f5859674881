"""Successive halving: most of the steps go to the members that look best on the way.

Source: Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943; rungs as in Li et al. 2020
(ASHA), https://arxiv.org/abs/1810.05934.
"""

import math
from collections.abc import Mapping

from jaxgan.errors import ConfigError


def rungs(steps: int, num_points: int, factor: int | None, *, multiple: int) -> list[int]:
    """The steps after which only the best one of `factor` points goes on, ascending.

    Args:
        steps: Of the whole run.
        num_points: How many points start.
        factor: At least 2; None: nobody is dropped.
        multiple: Rungs are multiples of it: the length of a call, so that none is cut.

    Raises:
        ConfigError: a factor below 2.

    >>> rungs(900, 9, 3, multiple=10)
    [100, 300]
    """
    if factor is None:
        return []
    if factor < 2:
        raise ConfigError(f"halving is {factor}; it must be at least 2")
    count = math.floor(math.log(num_points) / math.log(factor) + 1e-9)
    found = [steps / factor**power for power in range(count, 0, -1)]
    rounded = {max(round(step / multiple), 1) * multiple for step in found}
    return sorted(step for step in rounded if step < steps)


def survivors(scores: Mapping[int, list[float | None]], factor: int, *, highest: bool) -> list[int]:
    """The points that go on: the best of them, one in `factor`, and at least one; ascending.

    Args:
        scores: Of each point that is left, those of its seeds; None of a diverged one. Points are
            ranked by the mean, those with fewer seeds left behind all others.
        factor: At least 2.
        highest: Whether the highest score is the best.

    >>> survivors({0: [0.1], 1: [0.3], 2: [None]}, 3, highest=True)
    [1]
    """
    ranked = sorted(scores, key=lambda point: (*rank(scores[point], highest=highest), point))
    return sorted(ranked[: math.ceil(len(ranked) / factor)])


def rank(scores: list[float | None], *, highest: bool) -> tuple[int, float]:
    """What points are sorted by, the best first: seeds that are lost, then the mean score."""
    left = [score for score in scores if score is not None and math.isfinite(score)]
    mean = math.fsum(left) / len(left) if left else math.inf
    return len(scores) - len(left), -mean if highest and left else mean
