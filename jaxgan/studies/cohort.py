"""The members of one group in training: their states on the host, chunks of them on the devices."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config import Config
from jaxgan.errors import InterruptedRun
from jaxgan.files import Log, read_json, write_json
from jaxgan.purposes import EVALUATION
from jaxgan.runs.build import Program, batch_sizes
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.loop import call_lengths
from jaxgan.runs.rows import keep_rows
from jaxgan.studies.executors import Executor, Run, chunks, compiled, fastest, put, put_everywhere
from jaxgan.studies.groups import alone
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.outcomes import (
    Outcome,
    Scoring,
    Status,
    append_row,
    write_summary,
)
from jaxgan.studies.population import (
    Population,
    chosen,
    first_infinite,
    initial,
    joined,
    make_advance,
    members_that_fit,
    population_like,
    state_like,
    typed,
)
from jaxgan.studies.space import Member
from jaxgan.types import PyTree


class Executables(NamedTuple):
    """The compiled programs of one static configuration; several cohorts in turn may share them.

    Attributes:
        run: Members as one program, by executor.
        data: The data on its devices, by executor.
        sizes: The numbers of members that programs were compiled for.
    """

    run: Callable[[Executor], Run]
    data: Callable[[Executor], PyTree]
    sizes: set[int]


def executables_of(program: Program, like: PyTree) -> Executables:
    """Those of a program, none of which is compiled yet.

    Args:
        program: Of the members.
        like: The shapes of a state of one.
    """
    run = partial(compiled, make_advance(program.run_steps, like))
    return Executables(cache(run), cache(partial(put_everywhere, program.data())), set())


class Cohort:
    """The members of a group, which one program trains.

    Members are known by their slots, 0, 1, ... in the group. `states` are theirs, raw and stacked,
    on the host; those of chunks are on the devices between two events that need them here. `sums`
    and `counts` are of the metrics since the last row of each.

    Args:
        number: Of the group.
        members: Its members, of one static configuration.
        program: It, built on one device.
        directory: Of the sweep.
        scoring: How members are scored.
        executor: How they run; None measures it, unless an earlier part of the sweep did.
        log: Told what happens.
        executables: Those of an earlier cohort of this program, to be used again.
        fills_up: Whether what was compiled for more members, but less than twice as many, is filled
            up rather than compiled anew for fewer.
    """

    def __init__(
        self,
        number: int,
        members: Sequence[Member],
        program: Program,
        directory: SweepDirectory,
        scoring: Scoring,
        *,
        executor: Executor | None,
        log: Log,
        executables: Executables | None = None,
        fills_up: bool = False,
    ) -> None:
        self.number, self.members, self.program = number, members, program
        self.config: Config = members[0].config
        self.directory, self.scoring, self.log = directory, scoring, log
        self.executor = executor
        self.checkpointer = Checkpointer(directory.checkpoints(number))
        found = self.checkpointer.restore(partial(population_like, program, len(members)))
        if found is None:
            population, kept = initial(program, members), {}
        else:
            population, kept = found
        self.states = jax.tree.map(np.array, joined(population))  # copies, to be written to
        reference = chosen(population.reference, 0)
        self.like = state_like(program, reference)
        self.most = members_that_fit(alone(self.config), program, reference)
        self.outcomes = [Outcome(**o) for o in kept.get("outcomes", [{}] * len(members))]
        self.sums = {name: np.array(values) for name, values in kept.get("sums", {}).items()}
        self.counts = np.array(kept.get("counts", [0] * len(members)))
        self.rows = {int(slot): row for slot, row in kept.get("rows", {}).items()}
        self.elapsed = max(map(self._keep_rows, range(len(members))))
        self.started, self.seconds, self.trained = time.monotonic(), 0.0, 0
        self.compiled: set[int] = set()
        self.fills_up = fills_up
        self.executables = executables or executables_of(program, self.like)

    def close(self) -> None:
        """Waits for pending writes."""
        self.checkpointer.close()

    def run_until(self, target: int, slots: Sequence[int], interrupted: threading.Event) -> None:
        """Trains these members to a step, at which they are evaluated and saved.

        Raises:
            InterruptedRun: the event is set; the states are saved.
        """
        while (start := self._least_step(slots)) < target:
            executor = self._executor(len(slots))
            parts, size = chunks(slots, executor, self.most)
            if self.fills_up:
                fitting = (s for s in self.executables.sizes if size <= s < 2 * size)
                size = min(fitting, default=size)
            self._tell(executor, size, len(parts))
            stop = _next_event(self.config, start, target)
            for part in parts:
                self._advance(part, size, stop, executor, interrupted)
            finished = self._least_step(slots) >= stop
            if finished:
                self._hold(stop, slots, target)
            if interrupted.is_set() and self._least_step(slots) < self.config.steps:
                self.save(self._least_step(slots))
                raise InterruptedRun(
                    f"interrupted at step {self._least_step(slots)} and saved; the same command "
                    "goes on"
                )

    def drop(self, slots: Sequence[int]) -> None:
        """Ends these members, unless they have ended."""
        for slot in slots:
            if self.outcomes[slot].status == "training":
                self._end(slot, "dropped")

    def state(self, slot: int) -> PyTree:
        """The state of a member."""
        return typed(chosen(self.states, slot), self.like)

    def save(self, step: int) -> None:
        """Writes a checkpoint."""
        reference = getattr(self.states, "reference", None)
        states = self.states
        if reference is not None:
            states = states.replace(reference=None)
        extra = {
            "outcomes": [outcome._asdict() for outcome in self.outcomes],
            "sums": {name: values.tolist() for name, values in self.sums.items()},
            "counts": self.counts.tolist(),
            "rows": {str(slot): row for slot, row in self.rows.items()},
        }
        population = Population(np.asarray(step, np.int32), states, reference)
        self.checkpointer.save(population, extra=extra, metrics=None)

    def _least_step(self, slots: Sequence[int]) -> int:
        """The step of these members that has come least far; after the last one if none trains."""
        steps = [int(self.states.step[s]) for s in slots if self._is_training(s)]
        return min(steps, default=self.config.steps)

    def _is_training(self, slot: int) -> bool:
        return self.outcomes[slot].status == "training"

    def _executor(self, count: int) -> Executor:
        """How so many members run: as before, or else as a measurement says."""
        path = self.directory.executor(self.number)
        if self.executor is None and path.exists():
            self.executor = Executor(**read_json(path))
        if self.executor is None:
            advance = make_advance(self.program.run_steps, self.like)
            self.executor = fastest(advance, self.states, self.program.data(), self.log)
        if not path.exists():
            write_json(path, self.executor._asdict())
        devices = min(self.executor.devices, len(jax.local_devices()))
        if not self.fills_up:
            devices = min(devices, count)
        return self.executor._replace(devices=devices)

    def _tell(self, executor: Executor, size: int, count: int) -> None:
        if size in self.executables.sizes:
            return
        self.executables.sizes.add(size)
        several = f"{count} chunks of {size}" if count > 1 else str(size)
        self.log(f"group {self.number}: a program for {several} members, {executor}")

    def _advance(
        self,
        part: list[int],
        size: int,
        stop: int,
        executor: Executor,
        interrupted: threading.Event,
    ) -> None:
        """Trains a chunk up to the next event, if it is not there, or until an interruption."""
        step = self._least_step(part)
        if step >= stop or interrupted.is_set():
            return
        run: Run = self.executables.run(executor)
        # Repetitions fill the chunk up; they stand still.
        slots = part + part[:1] * (size - len(part))
        alive = np.array([self._is_training(slot) for slot in part] + [False] * (size - len(part)))
        start, first = time.monotonic(), step
        states, alive = put(chosen(self.states, np.array(slots)), executor), put(alive, executor)
        pending = None
        # Cut where rows are written.
        most, events = self.config.steps_per_call, (self.config.log_every,)
        for length in call_lengths(step, stop, most=most, events=events):
            states, alive, metrics = run(states, alive, self.executables.data(executor), length)
            if pending is not None:
                self._collect(part, stop, *pending)
            step += length
            if size not in self.compiled:  # which takes no part in the rate
                jax.block_until_ready(alive)
                self.compiled.add(size)
                start, first = time.monotonic(), step
            pending = step, length, metrics, alive
            if interrupted.is_set():
                break
        if pending is not None:
            self._collect(part, stop, *pending)
        jax.tree.map(
            partial(_assign, np.array(part)), self.states, jax.tree.map(np.asarray, states)
        )
        self.seconds += time.monotonic() - start
        self.trained += (step - first) * len(part)

    def _collect(
        self,
        part: list[int],
        stop: int,
        step: int,
        length: int,
        metrics: Mapping[str, Any],
        alive: Any,
    ) -> None:
        """Takes the metrics of a call: into sums, into rows, or as the end of a member."""
        values = {name: np.asarray(x)[: len(part)] for name, x in metrics.items()}
        for place, is_alive in enumerate(np.asarray(alive)[: len(part)].tolist()):
            slot = part[place]
            if not is_alive and self._is_training(slot):
                found = first_infinite({name: x[place] for name, x in values.items()})
                self._diverged(slot, step, length, found)
        left = [place for place, slot in enumerate(part) if self._is_training(slot)]
        slots = np.array([part[place] for place in left], int)
        for name, x in values.items():
            sums = self.sums.setdefault(name, np.zeros(len(self.members)))
            sums[slots] += x[left].sum(axis=1, dtype=np.float64)
        self.counts[slots] += length
        if step % self.config.log_every and step != self.config.steps:
            return
        for slot in slots.tolist():
            row = {name: float(sums[slot] / self.counts[slot]) for name, sums in self.sums.items()}
            self.rows[slot] = row
            if step < stop:  # else an evaluation may join it
                self._write(slot, step)
        for sums in self.sums.values():
            sums[slots] = 0
        self.counts[slots] = 0

    def _diverged(
        self, slot: int, step: int, length: int, found: tuple[str, int, float] | None
    ) -> None:
        if found is None:
            where, reason = step, f"a parameter is not finite at step {step}"
        else:
            name, place, value = found
            where = step - length + place + 1
            reason = f"{name} is {value} at step {where}"
        for sums in (*self.sums.values(), self.counts):
            sums[slot] = 0
        self.outcomes[slot] = self.outcomes[slot]._replace(step=where, reason=reason)
        self._end(slot, "diverged")
        self.log(f"member {self.members[slot].index} diverged: {reason}")

    def _hold(self, step: int, slots: Sequence[int], target: int) -> None:
        """What is due after a step that all of these members have reached."""
        config = self.config
        training = [slot for slot in slots if self._is_training(slot)]
        for slot in training:
            if step == target or _is_due(config.eval_every, step):
                key = jax.random.fold_in(jax.random.key(self.members[slot].config.seed), EVALUATION)
                scores = self.scoring.evaluate(self.state(slot), key)
                self.outcomes[slot] = self.outcomes[slot]._replace(scores=scores)
                self.rows[slot] = self.rows.get(slot, {}) | scores
            if slot in self.rows:
                self._write(slot, step)
            if step == config.steps:
                self._end(slot, "done")
        if step == target or _is_due(config.checkpoint_every, step):
            self.save(step)
        self.log(self._shown(step, slots))

    def _shown(self, step: int, slots: Sequence[int]) -> str:
        scores = {slot: self.outcomes[slot].score(self.scoring.best) for slot in slots}
        known = {slot: score for slot, score in scores.items() if score is not None}
        best = ""
        if known:
            slot = (max if self.scoring.highest else min)(known, key=known.__getitem__)
            name = self.scoring.best.removeprefix("eval/")
            best = f"  best {name} {known[slot]:.4g} (member {self.members[slot].index})"
        rate = f"  {self.trained / self.seconds:,.0f} steps/s in all" if self.trained else ""
        return f"group {self.number}  step {step}/{self.config.steps}{best}{rate}"

    def _write(self, slot: int, step: int) -> None:
        """Writes the row of a member."""
        row = self.rows.pop(slot)
        append_row(self._files(slot), step, self._seconds(), row)
        self.outcomes[slot] = self.outcomes[slot]._replace(step=step, metrics=row)

    def _end(self, slot: int, status: Status) -> None:
        """Writes how a member ended."""
        outcome = self.outcomes[slot] = self.outcomes[slot]._replace(status=status)
        rate = self.trained / self.seconds / len(self.members) if self.seconds else None
        write_summary(
            self._files(slot),
            outcome,
            seconds=self._seconds(),
            samples_per_second=rate and rate * batch_sizes(self.config)[""],
        )

    def _seconds(self) -> float:
        """That the group has taken, over all parts of the sweep."""
        return self.elapsed + time.monotonic() - self.started

    def _files(self, slot: int) -> RunDirectory:
        return self.directory.member(self.members[slot].index)

    def _keep_rows(self, slot: int) -> float:
        step = int(self.states.step[slot]) if self._is_training(slot) else self.config.steps
        return keep_rows(self._files(slot).metrics, step)


def _assign(slots: np.ndarray, all_of: np.ndarray, some: np.ndarray) -> None:
    all_of[slots] = some[: len(slots)]


def _is_due(every: int, step: int) -> bool:
    return bool(every) and step % every == 0


def _next_event(config: Config, step: int, target: int) -> int:
    """The next step, at most `target`, after which states are needed on the host."""
    every = (config.eval_every, config.checkpoint_every)
    return min([target, *(step - step % n + n for n in every if n)])
