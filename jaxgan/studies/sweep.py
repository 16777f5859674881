"""Sweeps: many configs and seeds in few programs, resumable, ranked in the end."""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from types import ModuleType

import rich.console

from jaxgan.config import Config
from jaxgan.errors import ConfigError, DivergedError
from jaxgan.fields import to_dict
from jaxgan.files import Log, read_json, write_json, write_text
from jaxgan.games import Algorithm
from jaxgan.runs.build import Program
from jaxgan.runs.directory import RunDirectory, locked, written
from jaxgan.runs.scoring import best_metric
from jaxgan.runs.signals import interruption
from jaxgan.studies.cohort import Cohort
from jaxgan.studies.executors import named
from jaxgan.studies.exporting import export
from jaxgan.studies.groups import grouped, whole
from jaxgan.studies.halving import rungs, survivors
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.outcomes import Scoring
from jaxgan.studies.population import state_bytes
from jaxgan.studies.preparation import built, check_same, describe, evaluator
from jaxgan.studies.space import Member, Spec, members
from jaxgan.studies.tables import Results, cells, markdown, results_of, show

_COPIES = 3  # of all states: on the host, on CPU devices, in a checkpoint that is being written


def sweep(
    config: Config,
    axes: Mapping[str, Spec],
    workdir: str | Path,
    *,
    method: str = "grid",
    num: int | None = None,
    seeds: int = 1,
    executor: str = "auto",
    halving: int | None = None,
    experiment: ModuleType | None = None,
    log: Log | None = None,
) -> Results:
    """Trains every combination of what varies, and ranks them.

    Configs that differ in floats and seeds alone train in one program, which is compiled once
    whatever their number; others make groups. The directory gets sweep.json, members/NNNN/ (the
    run directory of each, which without checkpoints is read but not loaded), groups/NN/
    (checkpoints of all members of a group), results.json and table.md. The best member is exported:
    its directory is then that of a run (`export` makes more of them so). The same call goes on
    where an earlier one stopped. CPU cores are so many devices only where JAX was told so before it
    started (`jax_num_cpu_devices`), as the command `jaxgan sweep` does.

    Args:
        config: What members have in common; `config.seed` is the first seed.
        axes: What varies: by dotted name values, or text such as "0.5,1,2", "log:1e-4:1e-2:8".
        workdir: The directory; it may hold the same sweep.
        method: "grid", or how points are drawn: "random", "sobol", "latin_hypercube".
        num: How many are drawn.
        seeds: Seeds of each point.
        executor: "vmap", "map", "shard", or "auto", which measures them.
        halving: Of the points of each rung only the best one in so many goes on; None: all.
        experiment: The module of the config, which is kept with each member.
        log: Told how it goes; None: that is printed, and the table of what came of it.

    Raises:
        ConfigError: what cannot vary so, cannot be run, or another sweep in the directory.
        DataError: data that is missing or unreadable.
        DivergedError: all members have diverged.
        InterruptedRun: SIGINT or SIGTERM came; the states are saved.
        RunInUseError: another process sweeps here.
        CheckpointError: there are checkpoints, and none can be used.
        RunDirectoryError: the disk is full, or the directory was removed.
    """
    silent = log is not None
    log = log or partial(rich.console.Console(highlight=False, soft_wrap=True).print, markup=False)
    found = members(config, axes, method=method, num=num, seeds=seeds)
    named(executor, len(found))  # before anything is written
    num_points = found[-1].point + 1
    stops = rungs(config.steps, num_points, halving, multiple=config.steps_per_call)
    recipe = {
        "config": to_dict(config),
        "axes": {p: s if isinstance(s, str) else to_dict(list(s)) for p, s in axes.items()},
        "method": method,
        "num": num,
        "seeds": seeds,
        "halving": halving,
    }
    directory = SweepDirectory(Path(workdir).expanduser())
    files = RunDirectory(directory.root)
    with written(files), locked(directory.root), interruption() as interrupted:
        check_same(directory, recipe)
        programs = _programs(found, log)
        best, highest = _best(programs)
        _check_host(programs)
        for number, (group, program) in enumerate(programs):
            describe(directory, number, group, program, experiment, (best, highest))
        write_json(directory.sweep, recipe)
        with ExitStack() as stack:
            cohorts = []
            for number, (group, program) in enumerate(programs):
                scoring = Scoring(evaluator(group[0].config, program, log), best, highest)
                cohort = Cohort(
                    number,
                    group,
                    program,
                    directory,
                    scoring,
                    executor=named(executor, len(group)),
                    log=log,
                )
                cohorts.append(stack.enter_context(closing(cohort)))
            _train(cohorts, directory, stops, halving, interrupted, log)
            results = _results(cohorts, directory)
            write_json(directory.results, results.to_json())
            write_text(directory.table, markdown(results))
        if results.best is not None:
            export(directory.root, results.best.index)
    if not silent:
        show(*cells(results))
    if results.best is None:
        raise DivergedError(
            f"all {len(found)} members diverged; {directory.table} tells when; lower the learning "
            "rates, or add a penalty such as r1"
        )
    return results


def _train(
    cohorts: Sequence[Cohort],
    directory: SweepDirectory,
    stops: Sequence[int],
    factor: int | None,
    interrupted: threading.Event,
    log: Log,
) -> None:
    """Trains all groups from rung to rung; what was decided at a rung before is kept."""
    steps = cohorts[0].config.steps
    decided = read_json(directory.rungs) if directory.rungs.exists() else {}
    left = {member.point for cohort in cohorts for member in cohort.members}
    for stop in (*stops, steps):
        for cohort in cohorts:
            cohort.run_until(stop, _slots(cohort, left), interrupted)
        if stop == steps:
            return
        assert factor is not None
        if str(stop) not in decided:
            scores: dict[int, list[float | None]] = {point: [] for point in left}
            for cohort in cohorts:
                for slot in _slots(cohort, left):
                    point = cohort.members[slot].point
                    score = cohort.outcomes[slot].score(cohort.scoring.best)
                    scores[point].append(score)
            decided[str(stop)] = survivors(scores, factor, highest=cohorts[0].scoring.highest)
            write_json(directory.rungs, decided)
            log(f"rung at step {stop}: {len(decided[str(stop)])} of {len(left)} points go on")
        for cohort in cohorts:
            cohort.drop(_slots(cohort, left - set(decided[str(stop)])))
        left &= set(decided[str(stop)])


def _slots(cohort: Cohort, points: set[int]) -> list[int]:
    return [slot for slot, member in enumerate(cohort.members) if member.point in points]


def _programs(found: Sequence[Member], log: Log) -> list[tuple[list[Member], Program]]:
    """The groups, each with its program on one device; what can be refused is."""
    programs = []
    for group in grouped(found):
        program = built(group[0].config)
        if isinstance(program.game, Algorithm):  # which has its floats compiled in
            parts = grouped(group, whole)
            programs += [(part, built(part[0].config)) for part in parts]
        else:
            programs.append((group, program))
    if any(group[0].config.monitor_every for group, _ in programs):
        log("monitors are left out of sweeps; evaluations are not")
    if len(programs) > 1:
        log(f"{len(found)} members in {len(programs)} groups, each compiled by itself")
    return programs


def _best(programs: Sequence[tuple[list[Member], Program]]) -> tuple[str, bool]:
    """The score that all groups are ranked by."""
    scores = {
        best_metric(group[0].config, program.source, conditional=program.conditional)
        for group, program in programs
    }
    if len(scores) > 1:
        names = " and ".join(sorted(name for name, _ in scores))
        raise ConfigError(f"members would be ranked by {names}; set --best-metric to one score")
    return scores.pop()


def _check_host(programs: Sequence[tuple[list[Member], Program]]) -> None:
    """Raises ConfigError where the host cannot hold all members."""
    needed = sum(_COPIES * len(group) * state_bytes(program) for group, program in programs)
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > available:
        count = sum(len(group) for group, _ in programs)
        raise ConfigError(
            f"{count:,} members need at least {needed / 2**30:,.1f} GiB on the host, which has "
            f"{available / 2**30:,.1f}: about {count * available // needed:,} fit; vary less"
        )


def _results(cohorts: Sequence[Cohort], directory: SweepDirectory) -> Results:
    everyone = [
        (member, outcome)
        for cohort in cohorts
        for member, outcome in zip(cohort.members, cohort.outcomes, strict=True)
    ]
    outcomes = {member.index: outcome for member, outcome in everyone}
    roots = {i: directory.member(i).root.relative_to(directory.root) for i in outcomes}
    return results_of(
        sorted((member for member, _ in everyone), key=lambda member: member.index),
        outcomes,
        {index: str(root) for index, root in roots.items()},
        metric=cohorts[0].scoring.best,
        highest=cohorts[0].scoring.highest,
    )
