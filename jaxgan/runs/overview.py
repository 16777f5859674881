"""What runs there are in a folder, and how far each is; read from their files, without jax."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import rich.box
import rich.console
import rich.table

from jaxgan.errors import ConfigError
from jaxgan.files import read_json
from jaxgan.runs.directory import RunDirectory, in_use
from jaxgan.runs.rows import read_rows

_NAME_WIDTH = 12  # at least, of a column of names
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


class RunState(NamedTuple):
    """How far a run is.

    Attributes:
        name: Its directory, relative to the folder.
        state: "running", "done", "interrupted" (it can go on; also after a crash) or "diverged".
        step: The last step that it wrote figures of.
        steps: The step at which it ends.
        metric: The score that marks its best checkpoint; None before the first evaluation.
        score: The best value of this score so far.
        seconds: Since it last wrote something.
    """

    name: str
    state: str
    step: int
    steps: int
    metric: str | None
    score: float | None
    seconds: float


def runs_in(folder: Path) -> list[RunState]:
    """The runs in a folder and its subfolders, those that wrote last first.

    Raises:
        ConfigError: there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {str(folder)!r}; name one that holds runs")
    found = [_state_of(root, folder) for root in _directories(folder)]
    return sorted(found, key=lambda run: run.seconds)


def print_runs(folder: Path) -> None:
    """Prints the runs in a folder as a table, or that there are none."""
    runs = runs_in(folder)
    console = rich.console.Console(highlight=False)
    console.print(table_of(runs) if runs else f"no runs in {folder}", markup=False)


def table_of(runs: list[RunState]) -> rich.table.Table:
    """The runs as a table, one a line."""
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("run", "state", "step", "of", "best", "score", "written"):
        is_name = heading in ("run", "score")
        table.add_column(
            heading,
            justify="left" if is_name or heading == "state" else "right",
            overflow="fold",  # in a narrow terminal a name goes on in the next line
            no_wrap=not is_name,
            min_width=_NAME_WIDTH if is_name else None,
        )
    for run in runs:
        score = "" if run.score is None else f"{run.score:.4g}"
        metric = (run.metric or "").removeprefix("eval/")
        written = f"{_shown(run.seconds)} ago"
        table.add_row(
            run.name, run.state, f"{run.step:,}", f"{run.steps:,}", score, metric, written
        )
    return table


def _directories(folder: Path) -> Iterator[Path]:
    """The run directories in a folder; what is in one of them is not looked at."""
    for path, folders, files in os.walk(folder):
        if {"config.json", "versions.json"} <= set(files):
            folders.clear()
            yield Path(path)


def _state_of(root: Path, folder: Path) -> RunState:
    directory = RunDirectory(root)
    steps = _content(directory.config).get("steps", 0)
    summary, rows = _content(directory.summary), read_rows(directory.metrics)
    step = max([summary.get("step", 0), *(row["step"] for row in rows[-1:])])
    state = summary.get("exit_reason", "interrupted")
    if state == "done" and step < steps:
        state = "interrupted"  # it was made longer since
    metric, score = _best(_content(directory.origin).get("best"), rows)
    files = (directory.config, directory.metrics, directory.summary)
    written = max(file.stat().st_mtime for file in files if file.exists())
    return RunState(
        name=root.name if root == folder else str(root.relative_to(folder)),
        state="running" if in_use(root) else state,
        step=step,
        steps=steps,
        metric=metric,
        score=score,
        seconds=max(0.0, time.time() - written),
    )


def _best(marked: Any, rows: list[dict[str, Any]]) -> tuple[str | None, float | None]:
    """The score that marks the best checkpoint, and its best value; None and None without one."""
    metric = marked["metric"] if marked else None
    scores = [row[metric] for row in rows if metric in row]
    if not scores:
        return None, None
    return metric, (max if marked["highest"] else min)(scores)


def _content(path: Path) -> dict[str, Any]:
    """The content of a JSON file; empty where it is missing or damaged."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}


def _shown(seconds: float) -> str:
    """A time in its largest unit: 90 is "1 min"."""
    unit, size = next((u for u in _UNITS if seconds >= u[1]), _UNITS[-1])
    return f"{seconds // size:.0f} {unit}"
