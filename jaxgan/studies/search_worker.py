"""A worker of a search: asks for trials, trains them side by side, takes over those of others."""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from types import ModuleType
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from jaxgan.config import Config
from jaxgan.errors import ConfigError, InterruptedRun, RunInUseError
from jaxgan.files import Log, read_json
from jaxgan.games import Algorithm
from jaxgan.registry import unknown
from jaxgan.runs.build import Program
from jaxgan.runs.directory import locked
from jaxgan.runs.scoring import score_names, scored_by
from jaxgan.studies import trials, workers
from jaxgan.studies.cohort import Cohort, Executables
from jaxgan.studies.executors import Executor, named
from jaxgan.studies.groups import grouped, static_part, whole
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.outcomes import Scoring
from jaxgan.studies.preparation import built, describe, evaluator
from jaxgan.studies.space import Axis, Member, members_of

_POLL = 1.0  # seconds between two looks at trials of others


def measured_by(config: Config, program: Program) -> dict[str, bool]:
    """The scores of runs of this config, and whether their highest values are the best."""
    features = scored_by(config, program.source)
    return score_names(
        config.eval_metrics, program.source, features, conditional=program.conditional
    )


class _Group(NamedTuple):
    """What members of one static configuration share, over all batches.

    Attributes:
        program: Theirs.
        scoring: How they are scored.
        executor: How they run; None before it was measured.
        executables: What was compiled for them; None before.
    """

    program: Program
    scoring: Scoring
    executor: Executor | None = None
    executables: Executables | None = None


class SearchWorker:
    """Trains trials of a study until enough have ended: see `search` for what it is made of."""

    def __init__(
        self,
        *,
        study: Study,
        worker: str,
        config: Config,
        axes: Sequence[Axis],
        seeds: int,
        objectives: Mapping[str, bool],
        prunes: bool,
        directory: SweepDirectory,
        executor: str,
        patience: float,
        experiment: ModuleType | None,
        interrupted: threading.Event,
        log: Log,
    ) -> None:
        self.study, self.worker, self.log = study, worker, log
        self.config, self.axes, self.seeds = config, axes, seeds
        self.space = trials.distributions(axes)
        self.objectives, self.prunes = objectives, prunes
        self.directory, self.executor, self.experiment = directory, executor, experiment
        self.patience, self.interrupted = patience, interrupted
        self.groups: dict[Any, _Group] = {}
        self.reported: dict[int, int] = {}
        self.seen: workers.Seen = {}

    def run(self, total: int, population: int) -> None:
        """Trains until so many trials have ended, and waits for those of other workers."""
        told = False
        while not self.interrupted.is_set():
            self._take_over()
            batch = trials.ask(self.study, self.space, self.worker, most=population, total=total)
            if batch:
                numbers = f"{batch[0].number}" + f" to {batch[-1].number}" * (len(batch) > 1)
                self.log(f"trials {numbers} of {total}")
                self._begin(batch)
                told = False
            elif trials.is_done(self.study, total):
                return
            else:
                if not told:
                    self.log("waiting for the trials of other workers")
                told = True
                self.interrupted.wait(_POLL)
        raise InterruptedRun("interrupted; the same command goes on")

    def _begin(self, batch: Sequence[Trial]) -> None:
        """Trains new trials, a group after the other."""
        members: list[Member] = []
        for trial in batch:
            try:
                own = self._members(trial.number, trial.params)
                self._group(own[0].config)
            except ConfigError as error:  # the values do not go together
                trials.finish(self.study, trial, None, reason=str(error))
            else:
                members += own
        parts = [part for group in grouped(members) for part in self._parts(group)]
        for part in parts:  # all of them before the first: another worker may take them over
            self._describe(part)
        for part in parts:
            own = {trial.number: trial for trial in batch if trial.number in _points(part)}
            with locked(self.directory.group(part[0].index)):
                self._train(part, own)

    def _take_over(self) -> None:
        """Goes on with the trials of lost workers, or asks for them again."""
        lost = {trial.number: trial for trial in self._lost()}
        if not lost:
            return
        found = self._groups_of(lost)
        for number, trial in lost.items():
            if not any(number in numbers for numbers in found.values()):
                self.log(f"trial {number} lost its worker, and is asked for again")
                trials.repeat(self.study, trial)
        for first, numbers in found.items():
            # Whoever holds the directory is alive, or has taken the trials over.
            with suppress(RunInUseError), locked(self.directory.group(first)):
                left = {trial.number: trial for trial in self._lost() if trial.number in numbers}
                if left:
                    self._go_on(numbers, left)

    def _lost(self) -> list[FrozenTrial]:
        return workers.lost(self.study, self.seen, self.patience)

    def _groups_of(self, numbers: Iterable[int]) -> dict[int, list[int]]:
        """The trials of the groups in this directory that have some of these."""
        found = {}
        for group in self.directory.groups():
            members = read_json(self.directory.members(group))
            of_group = list(dict.fromkeys(index // self.seeds for index in members))
            if set(of_group) & set(numbers):
                found[group] = of_group
        return found

    def _go_on(self, numbers: Sequence[int], left: Mapping[int, FrozenTrial]) -> None:
        """Trains what is left of a group from its last checkpoint."""
        self.log(f"going on with trials {', '.join(map(str, left))} of a lost worker")
        own = {}
        for number, frozen in left.items():
            own[number] = Trial(self.study, frozen._trial_id)
            own[number].set_user_attr(trials.WORKER, self.worker)
            self.reported[number] = frozen.last_step or 0
        everyone = self.study.get_trials(deepcopy=False)
        part = [m for number in numbers for m in self._members(number, everyone[number].params)]
        self._describe(part)
        self._train(part, own)

    def _members(self, number: int, params: Mapping[str, Any]) -> list[Member]:
        point = trials.values_of(self.axes, params)
        return members_of(self.config, point, number, self.seeds)

    def _describe(self, part: Sequence[Member]) -> None:
        group = self._group(part[0].config)
        best = group.scoring.best, group.scoring.highest
        number = part[0].index
        describe(self.directory, number, part, group.program, self.experiment, best)

    def _group(self, config: Config) -> _Group:
        """What members of this config share with those of before."""
        for key in (static_part(config), whole(config)):
            if key in self.groups:
                return self.groups[key]
        program = built(config)
        measured = measured_by(config, program)
        for name in self.objectives:
            if name not in measured:
                raise unknown("score", name, measured)
        best, highest = next(iter(self.objectives.items()))
        scoring = Scoring(evaluator(config, program, self.log), best, highest)
        # An algorithm has its floats compiled in.
        key = (whole if isinstance(program.game, Algorithm) else static_part)(config)
        self.groups[key] = _Group(program, scoring)
        return self.groups[key]

    def _parts(self, group: list[Member]) -> list[list[Member]]:
        """A group of equal static configurations, in parts that have one program each."""
        program = self._group(group[0].config).program
        return grouped(group, whole) if isinstance(program.game, Algorithm) else [group]

    def _train(self, part: Sequence[Member], own: dict[int, Trial]) -> None:
        """Trains members of one program, and tells what becomes of these trials of theirs."""
        group = self._group(part[0].config)
        cohort = Cohort(
            part[0].index,
            part,
            group.program,
            self.directory,
            group.scoring,
            executor=group.executor or named(self.executor, len(part)),
            log=self.log,
            executables=group.executables,
            fills_up=True,
        )
        with closing(cohort):
            steps = self.config.steps
            stops = range(self.config.eval_every, steps, self.config.eval_every)
            for stop in (*(stops if self.prunes else ()), steps):
                if slots := [slot for slot, m in enumerate(part) if m.point in own]:
                    cohort.run_until(stop, slots, self.interrupted)
                if stop < steps:
                    self._prune(cohort, own, stop)
            for trial in own.values():
                self._finish(cohort, trial)
        measured = cohort.executor if len(part) > 1 else group.executor
        kept = group._replace(executor=measured, executables=cohort.executables)
        key = next(key for key, known in self.groups.items() if known is group)
        self.groups[key] = kept

    def _prune(self, cohort: Cohort, own: dict[int, Trial], step: int) -> None:
        """Reports what is known at an evaluation, and ends those that are not worth going on."""
        for number, trial in list(own.items()):
            values = self._values(cohort, number)
            if self.reported.get(number, 0) >= step:  # by the worker that was lost
                continue
            if values is None:
                cohort.drop(_slots(cohort, number))
                self._finish(cohort, own.pop(number))
                continue
            trial.report(values[0], step)
            if trial.should_prune():
                cohort.drop(_slots(cohort, number))
                self._finish(cohort, own.pop(number), pruned=True)

    def _values(self, cohort: Cohort, number: int) -> list[float] | None:
        """The means of the newest scores over the seeds of a trial; None where one has none."""
        rows = [self._scores(cohort, slot) for slot in _slots(cohort, number)]
        found = [row for row in rows if row is not None]
        if len(found) < len(rows):
            return None
        return [math.fsum(column) / len(column) for column in zip(*found, strict=True)]

    def _scores(self, cohort: Cohort, slot: int) -> list[float] | None:
        scores = [cohort.outcomes[slot].score(name) for name in self.objectives]
        found = [score for score in scores if score is not None and math.isfinite(score)]
        return found if len(found) == len(scores) else None

    def _finish(self, cohort: Cohort, trial: Trial, *, pruned: bool = False) -> None:
        """Tells what became of a trial."""
        values, told, reason = self._values(cohort, trial.number), [], ""
        for slot in _slots(cohort, trial.number):
            member, outcome = cohort.members[slot], cohort.outcomes[slot]
            root = self.directory.member(member.index).root
            told.append(
                {
                    "index": member.index,
                    "seed": member.config.seed,
                    "step": outcome.step,
                    "scores": self._scores(cohort, slot),
                    "directory": str(root.absolute()),
                }
            )
            reason = reason or outcome.reason
        if values is None:
            reason = reason or "a score is not finite"
        trials.finish(
            self.study,
            trial,
            None if pruned else values,
            members=told,
            reason=reason,
        )


def _points(part: Sequence[Member]) -> set[int]:
    return {member.point for member in part}


def _slots(cohort: Cohort, number: int) -> list[int]:
    return [slot for slot, member in enumerate(cohort.members) if member.point == number]
