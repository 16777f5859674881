"""Trains a run: the loop around the compiled steps, its events, and exact resumption."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config import Config
from jaxgan.errors import ConfigError, DivergedError, InterruptedRun
from jaxgan.evaluation import (
    Evaluator,
    Reference,
    conditions,
    draw,
    make_monitor,
    monitored,
)
from jaxgan.fields import to_dict
from jaxgan.games import Algorithm
from jaxgan.pixels import model_batch
from jaxgan.purposes import EVALUATION, PICTURE
from jaxgan.runs.build import Program, batch_sizes, build
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.data_feed import feed, fits_on_device
from jaxgan.runs.directory import RunDirectory, check_shared, held, written
from jaxgan.runs.entries import user_modules
from jaxgan.runs.evaluators import evaluator_for, needs_training, reference_for
from jaxgan.runs.memory import check_memory
from jaxgan.runs.pictures import in_rows
from jaxgan.runs.profiling import Profiler
from jaxgan.runs.resuming import resumed
from jaxgan.runs.run import Run
from jaxgan.runs.scoring import best_metric
from jaxgan.runs.signals import interruption
from jaxgan.runs.writer import open_writer
from jaxgan.training import parallel, processes
from jaxgan.training.state import compiled_once
from jaxgan.training.steps import TrainStep
from jaxgan.types import PyTree

_NUM_IMAGES, _NUM_POINTS = 64, 2500  # in a picture


def train(
    config: Config,
    workdir: str | Path,
    *,
    resume: bool = False,
    profile: int = 0,
    experiment: ModuleType | None = None,
) -> Run:
    """Trains until `config.steps`, going on where an earlier run of the same config stopped.

    Where `jax.distributed` has joined several processes, all of them call this alike, and train one
    run on the devices of all; the first writes.

    The run directory gets config.json, versions.json, origin.json, metrics.jsonl, samples/,
    checkpoints/ and, in the end, summary.json.

    Args:
        config: What to run.
        workdir: The run directory; it may hold an earlier run.
        resume: Require an earlier run, which may have had another number of steps.
        profile: Trace at least so many steps, after those of the first call, into profile/: a file
            that Perfetto opens, and TensorBoard's; 0: none.
        experiment: The module of the config, which is kept with the run, as are other modules of
            the user's that the config names.

    Returns:
        The run, as `jaxgan.load` would find it.

    Raises:
        ConfigError: see `build`; or the directory holds another run, or cannot be used; or a number
            of steps to trace below 0.
        DataError: data that is missing or unreadable.
        DivergedError: a loss or a parameter is no longer finite.
        InterruptedRun: SIGINT or SIGTERM came; the state is saved.
        RunInUseError: another process trains here.
        CheckpointError: there are checkpoints, and none can be used.
        RunDirectoryError: the disk is full, or the directory was removed.
    """
    if profile < 0:
        raise ConfigError(f"profile is {profile}; it must be at least 0: how many steps to trace")
    directory = RunDirectory(Path(workdir).expanduser(), writes=processes.is_first())
    with written(directory), interruption() as interrupted, ExitStack() as lock:
        with processes.together():
            lock.enter_context(held(directory))
            config = resumed(directory, config, resume)
        with processes.together():
            check_shared(directory)
            program = build(config)
            # Before the directory is touched, as is all that can be refused.
            key = jax.random.key(config.seed)
            reference = None if directory.steps() else program.fit(key)
            check_memory(config, program, reference)
            best, highest = best_metric(config, program.source, conditional=program.conditional)
            modules = user_modules(config, experiment)
            data = program.described_data()
            directory.describe(config, data, modules, best_metric=(best, highest))
        checkpoints = Checkpointer(directory.checkpoints, best_metric=best, highest=highest)
        with closing(checkpoints) as checkpointer:
            loop = _Loop(config, program, directory, checkpointer, reference, profile)
            with closing(loop.writer):
                return loop.run_to_the_end(interrupted)


class _Loop:
    """A run in progress: its state on the device, and what the host keeps beside it.

    `window` holds the metrics of every step since the last row, `pending` those of the newest call
    of the compiled steps, still on the device: the host reads them one call late, so that the
    device never waits for it.
    """

    def __init__(
        self,
        config: Config,
        program: Program,
        directory: RunDirectory,
        checkpointer: Checkpointer,
        reference: PyTree,
        profile: int,
    ) -> None:
        key = jax.random.key(config.seed)
        restored = checkpointer.restore(partial(jax.eval_shape, program.init, key))
        split = partial(parallel.state_sharding, mesh=program.mesh, fsdp=config.fsdp)
        if restored is None:
            reference = processes.from_first(reference)
            self.sharding = split(jax.eval_shape(program.init, key, reference))
            self.state = compiled_once(program.init, out_shardings=self.sharding)(key, reference)
            extra: dict[str, Any] = {"window": {}, "metrics": {}}
        else:
            state, extra = restored
            self.sharding = split(state)
            self.state = parallel.put(state, self.sharding)
        self.config, self.program, self.directory = config, program, directory
        self.profile = profile
        self.checkpointer = checkpointer
        self.key = key
        self.step = int(self.state.step)
        if self.step > config.steps:
            raise ConfigError(
                f"steps is {config.steps}, and {directory.root} is at step {self.step}; "
                "raise --steps"
            )
        self.window: dict[str, list[float]] = extra["window"]
        self.metrics: dict[str, float] = extra["metrics"]
        self.pending: parallel.StackedMetrics = {}
        self.samples_per_step = batch_sizes(config)[""]
        self.devices = parallel.described(program.mesh, fsdp=config.fsdp)
        self.earlier_devices = extra.get("devices", self.devices)
        self.writer = open_writer(directory, self.step, config.steps, self.samples_per_step)
        self.rate = _Rate()

    def run_to_the_end(self, interrupted: threading.Event) -> Run:
        config, program = self.config, self.program
        if self.step == config.steps and self.directory.summary.exists():
            self.writer.line(f"finished at step {self.step} before; --workdir starts another run")
            return self.run()
        if config.dtype == "bfloat16" and program.mesh.devices.flat[0].platform == "cpu":
            self.writer.line("bfloat16 is slower than float32 on most CPUs (1.1 to 1.7 times)")
        if self.step:
            self.writer.line(f"going on from step {self.step}{self.other_devices()}")
        if not needs_training(config, program.source):
            _ = self.evaluate  # what is missing is told before the first step
        self.conditions = conditions(program.source, _NUM_POINTS)
        on_device = fits_on_device(config, program)
        run_steps = parallel.compiled(
            self.steps(on_device),
            mode=program.mode,
            mesh=program.mesh,
            stacked=not on_device,
            sharding=self.sharding,
        )
        asked_to_stop = processes.Anywhere(interrupted.is_set)
        lengths = list(_call_lengths(config, self.step))
        key_data, started = np.asarray(jax.random.key_data(self.key)), self.step
        traced = self.profile if self.directory.writes else 0
        with (
            closing(Profiler(self.directory.profile, traced, self.writer.line)) as profiler,
            feed(config, program, key_data, self.step, lengths, on_device) as fed,
        ):
            for length, data in zip(lengths, fed, strict=False):
                profiler.before(self.state)
                self.state, metrics = run_steps(self.state, data, length)
                profiler.after(self.state, length)
                self.collect()
                self.step, self.pending = self.step + length, metrics
                if length == self.step - started:  # time starts after the compilation
                    self.collect()
                    self.rate.start(self.step)
                stop = asked_to_stop()
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
        with processes.together():
            self.summarise("done")
        return self.run()

    def other_devices(self) -> str:
        """What is to be said of a run that goes on elsewhere than it was."""
        if self.earlier_devices == self.devices:
            return ""
        return (
            f" on {self.devices}, after {self.earlier_devices}: the same numbers to rounding, not "
            "to the bit"
        )

    @cached_property
    def reference(self) -> Reference:
        """What the run is scored against, from the first evaluation on: the user does not wait."""
        return reference_for(self.config, self.program.source, self.writer.line)

    @cached_property
    def evaluate(self) -> Evaluator:
        return evaluator_for(self.config, self.program, self.reference)

    def run(self) -> Run:
        return Run(self.directory, self.config, self.program, self.state)

    def steps(self, on_device: bool) -> parallel.RunSteps:
        """K steps, with the metrics that are taken inside the compiled loop."""
        config, program = self.config, self.program
        if on_device and not config.monitor_every:
            return program.run_steps
        return parallel.make_run_steps(
            self.monitored_step() if config.monitor_every else program.device_step,
            mode=program.mode,
            mesh=program.mesh,
            batch_sizes=batch_sizes(config) if on_device else None,
        )

    def monitored_step(self) -> TrainStep:
        config, program = self.config, self.program
        axis_name = parallel.axis_name(program.mode)
        sample = (
            program.sample if axis_name is None else partial(program.sample, axis_name=axis_name)
        )
        monitor = make_monitor(
            self.reference,
            sample,
            num_samples=config.num_monitor_samples,
            shard=partial(parallel.shard, mode=program.mode, mesh=program.mesh),
            axis_name=axis_name,
        )
        return monitored(program.device_step, monitor, every=config.monitor_every)

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
        if not _all_finite(self.state):
            self.diverged(f"a parameter is not finite at step {self.step}")
        if self.due(config.log_every):
            row |= {name: float(np.mean(values)) for name, values in self.window.items() if values}
            self.window.clear()
        if self.due(config.eval_every):
            row |= self.evaluate(self.state, jax.random.fold_in(self.key, EVALUATION))
        if row:
            self.metrics = row
            self.writer.row(self.step, row, self.rate.per_second())
        if self.due(config.sample_every):
            self.picture()
        if stop or self.due(config.checkpoint_every):
            extra = {
                "window": self.window,
                "metrics": self.metrics,
                "config": to_dict(self.config),
                "devices": self.devices,
            }
            self.checkpointer.save(self.state, extra=extra, metrics=row)

    def picture(self) -> None:
        program, source = self.program, self.program.source
        num = _NUM_IMAGES if len(source.shape) == 3 else _NUM_POINTS
        key, asked, columns = jax.random.fold_in(self.key, PICTURE), self.conditions, None
        if program.conditional:
            asked, columns = in_rows(asked, num)
        sampler = parallel.readable(program.sample, program.mesh)
        samples, _ = draw(sampler, self.state, key, min(num, len(asked.real)), conditions=asked)
        given = source.read(np.arange(min(num, source.size)))
        real = np.asarray(given.real) if samples.ndim == 2 else None
        save = partial(self.writer.picture, self.step, real=real, sample_rate=source.sample_rate)
        save(samples, columns=columns)
        if isinstance(program.game, Algorithm):
            return
        for name in program.game.pictures:
            play = partial(program.play, lambda game, name=name: game.pictures[name])
            made = parallel.readable(play, program.mesh)(self.state, model_batch(given), key)
            save(np.asarray(made), name=name)

    def diverged(self, what: str) -> NoReturn:
        self.summarise("diverged")
        steps = self.checkpointer.steps()
        kept = f"the last checkpoint is of step {steps[-1]}" if steps else "there is no checkpoint"
        raise DivergedError(
            f"{what}; {kept}; lower the learning rates, or add a penalty such as r1"
        )

    def summarise(self, exit_reason: str) -> None:
        per_second = self.rate.per_second()
        summary = {
            "exit_reason": exit_reason,
            "step": self.step,
            "metrics": self.metrics,
            "best_step": self.checkpointer.best_step(),
            "samples_per_second": per_second and per_second * self.samples_per_step,
            "wall_time": self.writer.elapsed(),
        }
        self.writer.summary(summary)


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


def _events(config: Config) -> tuple[int, ...]:
    return config.log_every, config.eval_every, config.sample_every, config.checkpoint_every


def _call_lengths(config: Config, step: int) -> Iterator[int]:
    """Steps of each call from `step` on: `steps_per_call`, cut at the next event."""
    return call_lengths(step, config.steps, most=config.steps_per_call, events=_events(config))


def call_lengths(step: int, stop: int, *, most: int, events: Iterable[int]) -> Iterator[int]:
    """Steps of each call from `step` to `stop`: `most`, cut at the next event.

    Args:
        step: The step to begin with.
        stop: The last one.
        most: Of one call.
        events: Each happens every so many steps; 0: never.
    """
    while step < stop:
        to_events = [every - step % every for every in events if every]
        length = min(most, stop - step, *to_events)
        yield length
        step += length


@jax.jit
def _finite(tree: PyTree) -> jax.Array:
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in floats]).all()


def _all_finite(state: Any) -> bool:
    """Whether all weights and averages are finite."""
    return bool(_finite((getattr(state, "players", state), getattr(state, "averages", ()))))
