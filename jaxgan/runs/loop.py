"""Trains a run: the loop around the dispatched steps, its events, and exact resumption."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.training import parallel
from jaxgan.runs.build import Run, build
from jaxgan.runs.checkpoint import Checkpointer, locked
from jaxgan.config import Config, differences, from_json, to_json
from jaxgan.data import fits_on_device, host_batches, whole
from jaxgan.errors import ConfigError, DivergedError, InterruptedRun
from jaxgan.evaluation import draw, make_evaluator, make_monitor, monitored, score_names
from jaxgan.runs.pictures import save_samples
from jaxgan.registry import unknown
from jaxgan.training.state import GANState
from jaxgan.training.steps import TrainStep
from jaxgan.types import Batch, PyTree
from jaxgan.runs.writer import Writer, read_json, write_json

# What an explicit resume may change: how long a run is and how it is watched.
_CHANGEABLE = {
    "steps",
    "steps_per_call",
    "log_every",
    "sample_every",
    "eval_every",
    "checkpoint_every",
    "monitor_every",
    "data.dir",
    "data.placement",
}
_VERSIONED = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
_NUM_IMAGES, _NUM_POINTS = 64, 2500  # in a picture
_DATA_SHARE = 0.25  # of a device's memory, at most, for the data set
_CPU_BYTES = 4 * 2**30  # stands for the memory of a device that does not tell it
# Steps fold 0, 1, 2, ... into the run's key; these are out of their reach.
_EVALUATION, _PICTURE = 2**32 - 2, 2**32 - 3


class Result(NamedTuple):
    """What a run came to.

    Attributes:
        state: The last state.
        summary: The content of summary.json.
        workdir: The run directory.
    """

    state: GANState
    summary: dict[str, Any]
    workdir: Path


def train(config: Config, workdir: str | Path, *, resume: bool = False) -> Result:
    """Trains until `config.steps`, going on where an earlier try of the same config stopped.

    The run directory gets config.json, versions.json, metrics.jsonl, samples/, checkpoints/ and,
    in the end, summary.json.

    Args:
        config: What to run.
        workdir: The run directory; it may hold an earlier try.
        resume: Require an earlier try, which may have had another number of steps.

    Raises:
        ConfigError: see `build`; or the directory holds another run, or cannot be used.
        DataError: data that is missing or unreadable.
        DivergedError: a loss or a parameter is no longer finite.
        InterruptedRun: SIGINT or SIGTERM came; the state is saved.
        RunInUseError: another process trains here.
        CheckpointError: there are checkpoints, and none can be used.
    """
    workdir = Path(workdir).expanduser()
    with locked(workdir), _signals() as interrupted:
        _check_directory(workdir, config, resume)
        run = build(config)
        best, highest = _best_metric(config, run)
        (workdir / "config.json").write_text(to_json(config))
        write_json(workdir / "versions.json", {name: version(name) for name in _VERSIONED})
        checkpoints = Checkpointer(workdir / "checkpoints", best_metric=best, highest=highest)
        with closing(checkpoints) as checkpointer:
            loop = _Loop(config, run, workdir, checkpointer)
            with closing(loop.writer):
                return loop.run_to_the_end(interrupted)


class _Loop:
    """A run in progress: its state on the device, and what the host keeps beside it.

    `window` holds the metrics of every step since the last row, `pending` those of the newest
    dispatch, still on the device: the host reads them one dispatch late, so that the device never
    waits for it.
    """

    def __init__(self, config: Config, run: Run, workdir: Path, checkpointer: Checkpointer) -> None:
        key = jax.random.key(config.seed)
        restored = checkpointer.restore(jax.eval_shape(run.init, key))
        state, extra = restored or (jax.jit(run.init)(key), {"window": {}, "metrics": {}})
        self.config, self.run, self.workdir, self.checkpointer = config, run, workdir, checkpointer
        self.state = parallel.replicate(state, run.mesh)
        self.key = key
        self.step = int(state.step)
        if self.step > config.steps:
            raise ConfigError(
                f"steps is {config.steps}, and {workdir} is at step {self.step}; raise --steps"
            )
        self.window: dict[str, list[float]] = extra["window"]
        self.metrics: dict[str, float] = extra["metrics"]
        self.pending: parallel.StackedMetrics = {}
        self.samples_per_step = config.data.batch_size * config.discriminator_steps
        self.writer = Writer(workdir, self.step, config.steps, self.samples_per_step)
        self.rate = _Rate()

    def run_to_the_end(self, interrupted: threading.Event) -> Result:
        config, run = self.config, self.run
        summary = self.workdir / "summary.json"
        if self.step == config.steps and summary.exists():
            self.writer.line(f"finished at step {self.step} before; --workdir starts another run")
            return Result(self.state, read_json(summary), self.workdir)
        if self.step:
            self.writer.line(f"going on from step {self.step}")
        self.evaluate = make_evaluator(config, run.source, run.latents, log=self.writer.line)
        on_device = _on_device(config, run)
        dispatch = parallel.make_dispatch(
            self.step_function(),
            mode=config.parallel,
            mesh=run.mesh,
            batch_size=self.samples_per_step if on_device else None,
        )
        lengths = list(_dispatch_lengths(config, self.step))
        words, started = np.asarray(jax.random.key_data(self.key)), self.step
        with _feed(config, run, words, self.step, lengths, on_device) as feed:
            for length, data in zip(lengths, feed, strict=False):
                self.state, metrics = dispatch(self.state, data, length)
                self.collect()
                self.step, self.pending = self.step + length, metrics
                if length == self.step - started:  # time starts after the compilation
                    self.collect()
                    self.rate.start(self.step)
                stop = interrupted.is_set()
                if stop or any(self.due(every) for every in _events(config)):
                    self.collect()
                    self.rate.stop(self.step)
                    self.hold_events(stop)
                    self.rate.start(self.step)
                if stop and self.step < config.steps:
                    self.summarise("interrupted")
                    raise InterruptedRun(
                        f"interrupted at step {self.step} and saved; the same command goes on"
                    )
        return Result(self.state, self.summarise("done"), self.workdir)

    def step_function(self) -> TrainStep:
        """The train step, with the metrics that are taken inside the compiled loop."""
        config, run = self.config, self.run
        if not config.monitor_every:
            return run.train_step
        place = partial(parallel.spread, mode=config.parallel, mesh=run.mesh)
        monitor = make_monitor(
            config,
            run.source,
            run.latents,
            place=place,
            axis_name=parallel.axis_name(config.parallel),
            log=self.writer.line,
        )
        return monitored(run.train_step, monitor, every=config.monitor_every)

    def due(self, every: int) -> bool:
        """Whether an event that happens every so many steps, and at the end, happens now."""
        return self.step == self.config.steps or bool(every and self.step % every == 0)

    def collect(self) -> None:
        """Moves the pending metrics to the host, and raises DivergedError if one is not finite."""
        metrics = {name: np.asarray(values) for name, values in self.pending.items()}
        self.pending = {}
        every = self.config.monitor_every
        for name, values in metrics.items():
            steps = np.arange(self.step - len(values), self.step) + 1
            taken = steps % every == 0 if name.startswith("monitor/") else steps > 0
            values, steps = values[taken], steps[taken]
            self.window.setdefault(name, []).extend(values.tolist())
            if not np.isfinite(values).all():
                first = int(np.argmin(np.isfinite(values)))
                self.diverged(f"{name} is {values[first]} at step {steps[first]}")
        self.writer.advance(self.step, self.rate.per_second())

    def hold_events(self, stop: bool) -> None:
        """What is due after this step: a row, an evaluation, a picture, a checkpoint."""
        config, row = self.config, {}
        if not _all_finite(self.state.ema_params, self.state.generator.params):
            self.diverged(f"a parameter is not finite at step {self.step}")
        if self.due(config.log_every):
            row |= {name: float(np.mean(values)) for name, values in self.window.items() if values}
            self.window.clear()
        if self.due(config.eval_every):
            row |= self.evaluate(self.state, jax.random.fold_in(self.key, _EVALUATION))
        if row:
            self.metrics = row
            self.writer.row(self.step, row, self.rate.per_second())
        if self.due(config.sample_every):
            self.picture()
        if stop or self.due(config.checkpoint_every):
            extra = {"window": self.window, "metrics": self.metrics}
            self.checkpointer.save(self.state, extra=extra, metrics=row)

    def picture(self) -> None:
        num = _NUM_IMAGES if len(self.run.source.shape) == 3 else _NUM_POINTS
        key = jax.random.fold_in(self.key, _PICTURE)
        samples = draw(self.state, key, num, self.run.latents)
        path = self.workdir / "samples" / f"step_{self.step:08}.png"
        save_samples(path, samples, self.run.source)

    def diverged(self, what: str) -> NoReturn:
        self.summarise("diverged")
        steps = self.checkpointer.steps()
        kept = f"the last checkpoint is of step {steps[-1]}" if steps else "there is no checkpoint"
        raise DivergedError(
            f"{what}; {kept}; lower the learning rates, or add a penalty such as r1"
        )

    def summarise(self, exit_reason: str) -> dict[str, Any]:
        per_second = self.rate.per_second()
        pictures = list((self.workdir / "samples").glob("step_*.png"))
        summary = {
            "exit_reason": exit_reason,
            "step": self.step,
            "metrics": self.metrics,
            "picture": str(max(pictures).relative_to(self.workdir)) if pictures else None,
            "best_step": self.checkpointer.best_step(),
            "samples_per_second": per_second and per_second * self.samples_per_step,
            "wall_time": self.writer.elapsed(),
        }
        write_json(self.workdir / "summary.json", summary)
        return summary


class _Rate:
    """Steps a second between moments at which the device has nothing left to do."""

    def __init__(self) -> None:
        self._steps, self._seconds = 0, 0.0
        self._start: tuple[int, float] | None = None

    def start(self, step: int) -> None:
        self._start = step, time.monotonic()

    def stop(self, step: int) -> None:
        if self._start is not None:
            self._steps += step - self._start[0]
            self._seconds += time.monotonic() - self._start[1]

    def per_second(self) -> float | None:
        return self._steps / self._seconds if self._steps else None


def _best_metric(config: Config, run: Run) -> tuple[str, bool]:
    """The score that marks the best checkpoint, and whether its highest value does.

    Raises:
        ConfigError: one that is not measured.
    """
    scores = score_names(config, run.source)
    best = config.best_metric or next(iter(scores))
    if best not in scores:
        raise unknown("best_metric", best, scores)
    return best, scores[best]


def _check_directory(workdir: Path, config: Config, resume: bool) -> None:
    """Raises ConfigError unless the directory is new or holds a try of this very config."""
    path = workdir / "config.json"
    if not path.exists():
        if resume:
            raise ConfigError(f"{workdir} holds no run to resume; leave out --resume")
        return
    earlier = from_json(path.read_text())
    differing = [
        name for name in differences(earlier, config) if not (resume and name in _CHANGEABLE)
    ]
    if differing:
        name = differing[0]
        raise ConfigError(
            f"{workdir} holds a run with another {name} ({len(differing)} differences); choose "
            "another --workdir" + (", or pass --resume" if set(differing) <= _CHANGEABLE else "")
        )


def _events(config: Config) -> tuple[int, ...]:
    return config.log_every, config.eval_every, config.sample_every, config.checkpoint_every


def _dispatch_lengths(config: Config, step: int) -> Iterator[int]:
    """Steps of each dispatch from `step` on: `steps_per_call`, cut at the next event."""
    while step < config.steps:
        to_events = [every - step % every for every in _events(config) if every]
        length = min(config.steps_per_call, config.steps - step, *to_events)
        yield length
        step += length


def _on_device(config: Config, run: Run) -> bool:
    if config.data.placement != "auto":
        return config.data.placement == "device"
    memory = run.mesh.devices.flat[0].memory_stats() or {}
    limit = int(memory.get("bytes_limit", _CPU_BYTES) * _DATA_SHARE)
    return fits_on_device(run.source, limit)


@contextmanager
def _feed(
    config: Config, run: Run, words: np.ndarray, step: int, lengths: list[int], on_device: bool
) -> Iterator[Iterator[Batch]]:
    """What each dispatch gets: the whole set on the device, or its own stacked batches."""
    if on_device:
        yield itertools.repeat(parallel.replicate(whole(run.source), run.mesh))
        return
    with host_batches(
        run.source,
        words,
        lengths=lengths,
        batch_size=config.data.batch_size * config.discriminator_steps,
        start_step=step,
        put=lambda batches: parallel.put_batches(batches, config.parallel, run.mesh),
    ) as batches:
        yield batches


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """Sets the event at the first SIGINT or SIGTERM; a second one acts as if nobody listened."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    listened = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in listened}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def listen(number: int, frame: Any) -> None:
        del number, frame
        interrupted.set()
        restore()

    for number in listened:
        signal.signal(number, listen)
    try:
        yield interrupted
    finally:
        restore()


@jax.jit
def _finite(tree: PyTree) -> jax.Array:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()


def _all_finite(*trees: PyTree) -> bool:
    return bool(_finite(trees))
