"""What a run tells: rows of metrics.jsonl, TensorBoard where it is installed, and the console."""

import errno
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import rich.console
import rich.progress

from jaxgan.files import write_json
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.pictures import save_samples
from jaxgan.runs.rows import keep_rows, row_line

# Shown on the console, where the row has them; metrics.jsonl has everything.
_SHOWN = ("loss/generator", "loss/discriminator", "eval/")
_FLUSH_SECONDS = 10  # between moments at which TensorBoard sees what is new


def open_writer(
    directory: RunDirectory, start: int, steps: int, samples_per_step: int
) -> "Writer | Silent":
    """What a run tells in this process: all, or nothing where another one writes."""
    if directory.writes:
        return Writer(directory, start, steps, samples_per_step)
    return Silent()


class Silent:
    """Tells nothing of a run, in a process that does not write: see `Writer`."""

    def elapsed(self) -> float:
        """No seconds, of which nobody is told."""
        return 0.0

    def row(self, *_: Any) -> None:
        """Writes no row."""

    def advance(self, *_: Any) -> None:
        """Moves no progress bar."""

    def line(self, *_: Any) -> None:
        """Prints nothing."""

    def picture(self, *_: Any, **__: Any) -> None:
        """Saves no picture."""

    def summary(self, *_: Any) -> None:
        """Writes no summary."""

    def close(self) -> None:
        """Has nothing to close."""


class Writer:
    """Writes the metrics of a run from step `start` on; later rows of an earlier run are dropped.

    Args:
        directory: The run directory.
        start: The step from which the run goes on.
        steps: The step at which it ends.
        samples_per_step: Real samples seen in one step.
    """

    def __init__(
        self, directory: RunDirectory, start: int, steps: int, samples_per_step: int
    ) -> None:
        path = directory.metrics
        self._directory = directory
        self._elapsed = keep_rows(path, start)
        self._file = path.open("a")
        self._started = time.monotonic()
        self._start, self._steps = start, steps
        self._samples_per_step = samples_per_step
        self._tensorboard = _tensorboard(directory.tensorboard, start)
        self._console = rich.console.Console(highlight=False, soft_wrap=True)
        self._progress = _progress(self._console) if self._console.is_terminal else None
        if self._progress:
            self._task = self._progress.add_task("compiling", total=steps, completed=start, rate="")
            self._progress.start()

    def elapsed(self) -> float:
        """Seconds that the run has taken, over all its parts."""
        return self._elapsed + time.monotonic() - self._started

    def row(self, step: int, values: Mapping[str, float], steps_per_second: float | None) -> None:
        """Writes one row: `step`, `time` in seconds, then the values.

        Raises:
            OSError: The disk is full, or the file was removed.
        """
        if not os.fstat(self._file.fileno()).st_nlink:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._file.name)
        self._file.write(row_line(step, self.elapsed(), values))
        self._file.flush()
        if self._tensorboard:
            self._tensorboard.row(step, values)
        shown = "  ".join(
            f"{name.removeprefix('eval/')} {value:.4g}"
            for name, value in values.items()
            if name.startswith(_SHOWN)
        )
        rate = self._rate(step, steps_per_second)
        self.line(f"step {step}/{self._steps}  {shown}  {rate}".rstrip())

    def advance(self, step: int, steps_per_second: float | None) -> None:
        """Moves the progress bar, where there is one."""
        if self._progress:
            rate = self._rate(step, steps_per_second)
            doing = "training" if step > self._start else "compiling"
            self._progress.update(self._task, description=doing, completed=step, rate=rate)

    def line(self, text: str) -> None:
        """Prints one line, above the progress bar where there is one."""
        self._console.print(text, markup=False)

    def picture(self, step: int, samples: np.ndarray, *, name: str = "step", **shown: Any) -> None:
        """Saves a picture of a step: see `jaxgan.runs.pictures.save_samples`."""
        save_samples(self._directory.picture(step, name), samples, **shown)

    def summary(self, values: Mapping[str, Any]) -> None:
        """Writes how the run ended, and its newest picture."""
        picture = self._directory.newest_picture()
        shown = {"picture": None if picture is None else str(picture)}
        write_json(self._directory.summary, {**values, **shown})

    def close(self) -> None:
        """Closes the files and the progress bar."""
        if self._progress:
            self._progress.stop()
        if self._tensorboard:
            self._tensorboard.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _rate(self, step: int, steps_per_second: float | None) -> str:
        if not steps_per_second:
            return ""
        left = int((self._steps - step) / steps_per_second)
        eta = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        return f"{_plain(steps_per_second * self._samples_per_step)} samples/s  ETA {eta}"


def _plain(rate: float) -> str:
    """Three digits at least, without an exponent: 46,000 or 0.312."""
    return f"{rate:,.0f}" if rate >= 99.95 else f"{rate:.3g}"


def _progress(console: rich.console.Console) -> rich.progress.Progress:
    return rich.progress.Progress(
        rich.progress.SpinnerColumn(),
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TextColumn("{task.fields[rate]}"),
        console=console,
        transient=True,
    )


class _TensorBoard:
    """Writes figures as events of TensorBoard, at once and in this thread.

    `tensorboardX.SummaryWriter` has a thread of its own, which prints a traceback when the disk is
    full, and leaves its queue to fill up.
    """

    def __init__(self, folder: Path, start: int) -> None:
        with _without_torch():
            from tensorboardX.event_file_writer import EventsWriter  # pyright: ignore[reportMissingImports]
            from tensorboardX.proto import event_pb2  # pyright: ignore[reportMissingImports]
            from tensorboardX.summary import scalar  # pyright: ignore[reportMissingImports]

        folder.mkdir(exist_ok=True)
        self._protocol: Any = event_pb2
        self._scalar = scalar
        self._file = EventsWriter(str(folder / "events"))
        # What an earlier part of the run wrote of later steps is not shown.
        log = self._protocol.SessionLog(status=self._protocol.SessionLog.START)
        self._file.write_event(self._protocol.Event(step=start + 1, session_log=log))
        self._flushed = 0.0

    def row(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            event = self._protocol.Event(
                wall_time=time.time(), step=step, summary=self._scalar(name, value)
            )
            self._file.write_event(event)
        if time.monotonic() > self._flushed + _FLUSH_SECONDS:
            self._file.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        self._file.close()


@contextmanager
def _without_torch() -> Iterator[None]:
    """Spares the seconds in which tensorboardX imports torch, where that is installed."""
    absent = "torch" not in sys.modules
    if absent:
        sys.modules["torch"] = None  # pyright: ignore[reportArgumentType]: "not to be found"
    try:
        yield
    finally:
        if absent:
            del sys.modules["torch"]


def _tensorboard(folder: Path, start: int) -> _TensorBoard | None:
    return _TensorBoard(folder, start) if find_spec("tensorboardX") else None
