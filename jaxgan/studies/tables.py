"""What a sweep came to: its members and points, the best first, as JSON and as tables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import rich.box
import rich.console
import rich.table

from jaxgan.studies.halving import rank
from jaxgan.studies.outcomes import Outcome
from jaxgan.studies.space import Member
from jaxgan.studies.statistics import student_interval

_ORDER = ("done", "training", "dropped", "diverged")
_WIDTH = 160  # of a table in a file or a pipe
_SHOWN = 30  # rows of a table on the console


class MemberResult(NamedTuple):
    """How one member ended.

    Attributes:
        index: Its number.
        point: Its point.
        seed: Its seed.
        values: The fields that vary.
        status: "done", "dropped" (at a rung), "diverged", or "training".
        step: The step of its newest figures; of a diverged one the first that was not finite.
        score: Its newest score; None of a diverged one.
        reason: Why it diverged.
        directory: Its run directory, relative to the sweep's.
    """

    index: int
    point: int
    seed: int
    values: dict[str, Any]
    status: str
    step: int
    score: float | None
    reason: str
    directory: str


class PointResult(NamedTuple):
    """How the seeds of one point ended.

    Attributes:
        point: Its number.
        values: The fields that vary.
        members: Those of its seeds.
        status: The worst of theirs.
        step: That of the score: the last step, or the rung that it was dropped at.
        finished: How many seeds have a score.
        score: Their mean; None where all diverged.
        low: The lower end of its 95 % interval, by Student's t; None where a single score, or equal
            ones, tell nothing of their spread.
        high: The upper end.
    """

    point: int
    values: dict[str, Any]
    members: list[int]
    status: str
    step: int
    finished: int
    score: float | None
    low: float | None
    high: float | None


class Results(NamedTuple):
    """What a sweep came to.

    Attributes:
        metric: The score, such as "eval/modes".
        highest: Whether its highest value is the best.
        members: In the order of their numbers.
        points: The best first.
    """

    metric: str
    highest: bool
    members: list[MemberResult]
    points: list[PointResult]

    @property
    def best(self) -> MemberResult | None:
        """The best member of those that trained to the end; None where there is none."""
        done = [m for m in self.members if m.status == "done" and m.score is not None]
        sign = -1 if self.highest else 1
        return min(done, key=lambda m: (sign * (m.score or 0.0), m.index), default=None)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "metric": self.metric,
            "highest": self.highest,
            "best": None if self.best is None else self.best.index,
            "points": [point._asdict() for point in self.points],
            "members": [member._asdict() for member in self.members],
        }


def results_of(
    members: Sequence[Member],
    outcomes: Mapping[int, Outcome],
    directories: Mapping[int, str],
    *,
    metric: str,
    highest: bool,
) -> Results:
    """The results of members.

    Args:
        members: All of them.
        outcomes: Of each, by index.
        directories: Of each, by index, relative to the sweep's.
        metric: The score that they are ranked by.
        highest: Whether its highest value is the best.
    """
    found = []
    for member in members:
        outcome = outcomes[member.index]
        found.append(
            MemberResult(
                member.index,
                member.point,
                member.config.seed,
                member.values,
                outcome.status,
                outcome.step,
                outcome.score(metric),
                outcome.reason,
                directories[member.index],
            )
        )
    by_point: dict[int, list[MemberResult]] = {}
    for result in found:
        by_point.setdefault(result.point, []).append(result)
    points = [_point(of_point) for of_point in by_point.values()]

    def order(point: PointResult) -> tuple[Any, ...]:
        scores = [found[index].score for index in point.members]
        lost = point.score is None
        return lost, 0 if lost else -point.step, *rank(scores, highest=highest), point.point

    return Results(metric, highest, found, sorted(points, key=order))


def _point(members: list[MemberResult]) -> PointResult:
    scored = [m for m in members if m.score is not None and math.isfinite(m.score)]
    scores = np.array([m.score for m in scored], np.float64)
    low = high = None
    if len(scores) > 1:
        interval = student_interval(scores)
        if not math.isnan(interval.low):  # all are equal
            low, high = interval.low, interval.high
    return PointResult(
        point=members[0].point,
        values=members[0].values,
        members=[member.index for member in members],
        status=max((member.status for member in members), key=_ORDER.index),
        step=max((m.step for m in scored), default=max(m.step for m in members)),
        finished=len(scored),
        score=float(scores.mean()) if len(scores) else None,
        low=low,
        high=high,
    )


def markdown(results: Results) -> str:
    """The points as a Markdown table, the best first."""
    return as_markdown(*cells(results))


def as_markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def show(heads: list[str], rows: list[list[str]]) -> None:
    """Prints a table."""
    console = rich.console.Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(_console_table(heads, rows))


def _console_table(heads: list[str], rows: list[list[str]]) -> rich.table.Table:
    left = len(rows) - _SHOWN
    table = rich.table.Table(
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
        caption=f"and {left} more, in table.md" if left > 0 else None,
    )
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows[:_SHOWN]:
        table.add_row(*row)
    return table


def cells(results: Results) -> tuple[list[str], list[list[str]]]:
    """The headings and the cells of the table of points, the best first."""
    paths = list(results.points[0].values)
    several = any(len(point.members) > 1 for point in results.points)
    heads = [*paths, results.metric.removeprefix("eval/"), *(["seeds"] if several else [])]
    heads += ["step", "state", "members"]
    rows = []
    for point in results.points:
        row = [shown(point.values[path]) for path in paths]
        score = "-" if point.score is None else f"{point.score:.4g}"
        if point.high is not None and point.score is not None:
            score += f" +- {point.high - point.score:.2g}"
        row += [score, *([f"{point.finished} of {len(point.members)}"] if several else [])]
        row += [f"{point.step:,}", point.status, _range(point.members)]
        rows.append(row)
    return heads, rows


def _range(members: list[int]) -> str:
    return f"{members[0]}" if len(members) == 1 else f"{members[0]}-{members[-1]}"


def shown(value: Any) -> str:
    """The value of a field that varies, in a table."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
