"""The members of a sweep: which fields vary, over which values, and how these are drawn."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config import Config, get
from jaxgan.errors import ConfigError
from jaxgan.fields import override_all
from jaxgan.registry import AT_LEAST_ONE, check_range, unknown

# "0.5,1,2", "log:1e-4:1e-2:8", "linear:0:1", or values.
Spec = str | Sequence[Any]

METHODS = ("grid", "random", "sobol", "latin_hypercube")

_SCALES = ("log", "linear")
_DIGITS = 8  # of a number of a range: more than float32 keeps
_MOST = 10_000  # members

# What members have in common, and why.
_TRAINED = "members train side by side, for as many steps"
_SCORED = "members are ranked by one score"
_SHARED = {
    "seed": "--seeds N trains each member with N seeds",
    **dict.fromkeys(("steps", "steps_per_call", "parallel", "fsdp"), _TRAINED),
    **dict.fromkeys(("log_every", "sample_every", "checkpoint_every", "monitor_every"), _TRAINED),
    **dict.fromkeys(("eval_every", "num_eval_samples", "num_monitor_samples"), _SCORED),
    **dict.fromkeys(("eval_metrics", "eval_features", "best_metric"), _SCORED),
    **dict.fromkeys(("data.dir", "data.placement"), _TRAINED),
}


class Axis(NamedTuple):
    """A field that varies.

    Attributes:
        path: Its dotted name.
        values: What it may be, in the grid's order; none of a range without a number of values.
        low: The lower end of a range.
        high: The upper end; that of values that are no range is `low`.
        log: Whether the logarithm is uniform in the range, rather than the number.
    """

    path: str
    values: tuple[Any, ...]
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    def at(self, share: float) -> Any:
        """The value at a share of the range, in [0, 1], or of the values, in [0, 1)."""
        if self.values:
            return self.values[int(share * len(self.values))]
        if self.log:
            return rounded(self.low * (self.high / self.low) ** share)
        return rounded(self.low + (self.high - self.low) * share)


class Member(NamedTuple):
    """One run of a sweep.

    Attributes:
        index: Its number, from 0.
        point: Which of the points of the space; members of one point differ in the seed alone.
        values: The fields that vary, by dotted name, as the config has them.
        config: Its config.
    """

    index: int
    point: int
    values: dict[str, Any]
    config: Config


def axis(path: str, spec: Spec) -> Axis:
    """A field with what it varies over.

    Args:
        path: Its dotted name.
        spec: Values; or text: `A,B,C` (`A;B;C` where values hold commas), or a range `log:LOW:HIGH`
            or `linear:LOW:HIGH`, which `:N` makes N values from end to end.

    Raises:
        ConfigError: no values, one of them twice, or no such range.

    >>> axis("loss.kwargs.bandwidth", "log:0.1:10:3").values
    (0.1, 1.0, 10.0)
    """
    if isinstance(spec, str):
        scale, colon, rest = spec.partition(":")
        if colon and scale in _SCALES:
            return _range(path, spec, scale, rest.split(":"))
        separator = ";" if ";" in spec else ","
        values = tuple(part.strip() for part in spec.split(separator) if part.strip())
    else:
        values = tuple(spec)
    if not values:
        raise ConfigError(f"{path} varies over no values; write {path}=A,B,C or log:LOW:HIGH:N")
    shown = [str(value) for value in values]
    for value in shown:
        if shown.count(value) > 1:
            raise ConfigError(f"{path} varies over {value} twice; name each value once")
    return Axis(path, values)


def _range(path: str, spec: str, scale: str, parts: list[str]) -> Axis:
    try:
        low, high, *counts = float(parts[0]), float(parts[1]), *map(int, parts[2:])
    except (ValueError, IndexError):
        low, high, counts = math.nan, math.nan, []
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or len(counts) > 1:
        raise ConfigError(
            f"{path} varies over {spec!r}; write {scale}:LOW:HIGH or {scale}:LOW:HIGH:N, with "
            "LOW < HIGH"
        )
    if scale == "log" and low <= 0:
        raise ConfigError(f"{path} varies over {spec!r}; the ends of log must be greater than 0")
    found = Axis(path, (), low, high, log=scale == "log")
    if not counts:
        return found
    if not 2 <= counts[0] <= _MOST:
        raise ConfigError(f"{path} varies over {spec!r}; N must be in [2, {_MOST}]")
    shares = np.linspace(0, 1, counts[0]).tolist()
    return found._replace(values=tuple(map(found.at, shares)))


def rounded(value: float) -> float:
    """A number of a range with as many digits as a config shows."""
    return float(f"{value:.{_DIGITS}g}")


def points(
    axes: Sequence[Axis], *, method: str = "grid", num: int | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """The points of a space: of each axis one value.

    Args:
        axes: What varies; without any there is one point.
        method: "grid": all combinations; "random"; "sobol" (scrambled, Owen 1998) or
            "latin_hypercube" (McKay et al. 1979), which fill the space more evenly.
        num: How many are drawn; those of lists that come twice are taken once.
        seed: Of the draws.

    Raises:
        ConfigError: an unknown method, `num` with a grid or missing without one, a grid of a range,
            or too many points.
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if method == "grid":
        if num is not None:
            raise ConfigError(f"num is {num}, and a grid has its own; leave it out or set --method")
        for one in axes:
            if not one.values:
                scale = "log" if one.log else "linear"
                raise ConfigError(
                    f"{one.path} varies over a range; a grid needs {scale}:LOW:HIGH:N, or draw "
                    "from it with --method sobol --num N"
                )
        _check_count(math.prod(len(one.values) for one in axes))
        combinations = itertools.product(*(one.values for one in axes))
    else:
        if num is None:
            raise ConfigError(f"method is {method!r}, which draws; say how many with --num N")
        if not axes:
            raise ConfigError(f"method is {method!r}, and nothing varies; add --vary PATH=SPEC")
        check_range(num, AT_LEAST_ONE, "num")
        _check_count(num)
        shares = _draws(method, num, len(axes), seed).tolist()
        combinations = [tuple(a.at(u) for a, u in zip(axes, row, strict=True)) for row in shares]
    paths = [one.path for one in axes]
    unique = {str(values): values for values in combinations}.values()
    return [dict(zip(paths, values, strict=True)) for values in unique]


def _check_count(count: int) -> None:
    if count > _MOST:
        raise ConfigError(f"the sweep has {count:,} members; at most {_MOST:,}: vary less")


def _draws(method: str, num: int, dim: int, seed: int) -> np.ndarray:
    """Points [num, dim] in [0, 1)."""
    if method == "random":
        return np.random.default_rng(seed).random((num, dim))
    from scipy.stats import qmc  # half a second

    if method == "latin_hypercube":
        return qmc.LatinHypercube(dim, rng=seed).random(num)
    # The first points of a longer sequence, which is balanced.
    return qmc.Sobol(dim, rng=seed).random_base2(math.ceil(math.log2(num)))[:num]


def members(
    config: Config,
    axes: Mapping[str, Spec],
    *,
    method: str = "grid",
    num: int | None = None,
    seeds: int = 1,
) -> list[Member]:
    """The members of a sweep: every point with each of the seeds `config.seed`, ... in turn.

    Args:
        config: What all of them have in common.
        axes: What varies: specs by dotted name (`axis`).
        method: See `points`, as `num`.
        num: How many points are drawn.
        seeds: Seeds of each point, at least 1.

    Raises:
        ConfigError: see `axis` and `points`; a field that there is not or that must not vary, a
            value that breaks a rule of its field, or too many members.
    """
    check_range(seeds, AT_LEAST_ONE, "seeds")
    drawn = points(
        varying(axes),
        method=method,
        num=num,
        seed=config.seed,
    )
    _check_count(len(drawn) * seeds)
    found = (members_of(config, point, number, seeds) for number, point in enumerate(drawn))
    return [member for of_point in found for member in of_point]


def varying(axes: Mapping[str, Spec]) -> list[Axis]:
    """The fields that vary.

    Raises:
        ConfigError: see `axis`; or a field that members have in common.
    """
    for path in axes:
        if path in _SHARED:
            raise ConfigError(f"{path} cannot vary ({_SHARED[path]}); leave it out")
    return [axis(path, spec) for path, spec in axes.items()]


def members_of(config: Config, point: Mapping[str, Any], number: int, seeds: int) -> list[Member]:
    """The members of a point, one a seed.

    Args:
        config: What all points have in common.
        point: What varies, by dotted name.
        number: Of the point; members are numbered in the order of points.
        seeds: How many.

    Raises:
        ConfigError: a field that there is not, or a value that breaks a rule of its field.
    """
    chosen = override_all(config, point)
    values = {path: get(chosen, path) for path in point}
    return [
        Member(
            number * seeds + place,
            number,
            values,
            override_all(chosen, {"seed": config.seed + place}),
        )
        for place in range(seeds)
    ]
