"""What becomes of the members of a sweep, and what each leaves in its run directory."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from jaxgan.files import write_json
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.rows import row_line

Status = Literal["training", "done", "dropped", "diverged"]


class Outcome(NamedTuple):
    """How far a member has come.

    Attributes:
        status: "dropped" is one that a rung has ended.
        step: The step of its newest row; of a diverged one the first that was not finite.
        metrics: Its newest row.
        scores: Its newest evaluation.
        reason: Why it diverged.
    """

    status: Status = "training"
    step: int = 0
    metrics: Mapping[str, float] = {}
    scores: Mapping[str, float] = {}
    reason: str = ""

    def score(self, name: str) -> float | None:
        """Its newest score of this name; None of a diverged one, or before the first."""
        return None if self.status == "diverged" else self.scores.get(name)


class Scoring(NamedTuple):
    """How members are scored.

    Attributes:
        evaluate: (state, key) -> scores, of one member.
        best: The score that members are ranked by.
        highest: Whether its highest value is the best.
    """

    evaluate: Callable[[Any, Any], dict[str, float]]
    best: str
    highest: bool


def append_row(files: RunDirectory, step: int, seconds: float, row: Mapping[str, float]) -> None:
    """Writes a row of metrics.jsonl."""
    with files.metrics.open("a") as file:
        file.write(row_line(step, seconds, row))


def write_summary(
    files: RunDirectory, outcome: Outcome, *, seconds: float, samples_per_second: float | None
) -> None:
    """Writes summary.json, as a run of its own does.

    Args:
        files: Of the member.
        outcome: How it ended.
        seconds: That all members have taken.
        samples_per_second: Real samples that it has seen, over the time of all members.
    """
    summary = {
        "exit_reason": outcome.status,
        "step": outcome.step,
        "metrics": dict(outcome.metrics),
        "picture": None,
        "best_step": None,
        "samples_per_second": samples_per_second,
        "wall_time": seconds,
    }
    write_json(files.summary, summary)
