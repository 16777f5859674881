"""Searches: trials of an Optuna study, a population at a time in one program, by many workers."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import rich.console

from jaxgan.config import Config
from jaxgan.errors import CheckpointError, ConfigError, DivergedError, RunInUseError
from jaxgan.fields import to_dict
from jaxgan.files import read_json, write_json, write_text
from jaxgan.registry import AT_LEAST_ONE, check_range, unknown
from jaxgan.runs.build import Program
from jaxgan.runs.directory import RunDirectory, locked, written
from jaxgan.runs.scoring import best_metric
from jaxgan.runs.signals import interruption
from jaxgan.studies import trial_tables, trials, workers
from jaxgan.studies.executors import named
from jaxgan.studies.exporting import export
from jaxgan.studies.groups import static_part
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.preparation import built, check_same
from jaxgan.studies.search_worker import SearchWorker, measured_by
from jaxgan.studies.space import Axis, Spec, members_of, varying
from jaxgan.studies.tables import as_markdown, show

PATIENCE = 120.0  # seconds without a sign of life after which a worker is lost

_CHECKED = 1000  # combinations of values, at most, before anything is trained


def search(
    config: Config,
    axes: Mapping[str, Spec],
    workdir: str | Path,
    *,
    storage: str,
    num_trials: int,
    study: str,
    population: int = 8,
    seeds: int = 1,
    sampler: str = "tpe",
    scores: Sequence[str] = (),
    prunes: bool = False,
    executor: str = "auto",
    patience: float = PATIENCE,
    experiment: ModuleType | None = None,
) -> trial_tables.StudyResults:
    """Trains the trials of an Optuna study until so many have ended, those of other workers too.

    Trials are asked for a population at a time; those of one static configuration train in one
    program, which is compiled once. Any number of processes and hosts may call this for one study.
    The trials of a worker that was lost go on from their last checkpoint where their directory is
    at hand, and are asked for again where it is not. Directories are those of a sweep
    (`jaxgan.sweep`), in which the members of trial T are T x seeds and those that follow; workers
    may share one or have their own. The best trials are exported.

    Args:
        config: What trials have in common; `config.seed` is the first seed.
        axes: What varies: by dotted name values, or a range such as "log:1e-4:1e-2", of which a
            number of values is left aside.
        workdir: The directory; it may hold the same search.
        storage: A journal file, or the URL of a database.
        num_trials: Of the study, with those that are pruned or diverged.
        study: Its name in the storage.
        population: How many trials are asked for at a time.
        seeds: Seeds of each trial, whose mean score is told.
        sampler: Of `jaxgan.studies.trials.SAMPLERS`.
        scores: Objectives, such as "fid"; default: the score that marks the best checkpoint.
        prunes: Whether trials end at an evaluation where they are below the median of those that
            have ended. With one objective.
        executor: See `jaxgan.sweep`.
        patience: Seconds without a sign of life after which a worker of another machine is lost.
        experiment: The module of the config, which is kept with each member.

    Raises:
        ConfigError: what cannot vary so or cannot be run; a storage that cannot be opened; a study,
            or a directory, of another search.
        DataError: data that is missing or unreadable.
        DivergedError: no trial has a score.
        InterruptedRun: SIGINT or SIGTERM came; the states are saved.
        CheckpointError: there are checkpoints, and none can be used.
        RunDirectoryError: the disk is full, or the directory was removed.
    """
    log = partial(rich.console.Console(highlight=False, soft_wrap=True).print, markup=False)
    _check(config, axes, num_trials, population, seeds, sampler, scores, prunes)
    space = varying(axes)
    _check_values(config, space)
    named(executor, population * seeds)
    program = built(config)
    objectives = _objectives(config, program, scores)
    recipe = {
        "method": "optuna",
        # Where the data is differs from host to host.
        "config": to_dict(
            dataclasses.replace(config, data=dataclasses.replace(config.data, dir=None))
        ),
        "axes": [to_dict(axis._asdict()) for axis in space],
        "seeds": seeds,
        "score": list(objectives),
    }
    directory = SweepDirectory(Path(workdir).expanduser())
    files = RunDirectory(directory.root)
    opened = trials.open_storage(storage)
    with written(files), trials.reachable(storage), interruption() as interrupted:
        found = trials.open_study(
            opened,
            study,
            recipe,
            highest=list(objectives.values()),
            sampler=trials.make_sampler(sampler, population=population),
            prunes=prunes,
        )
        recipe |= {"study": trials.identity(found)}
        check_same(directory, recipe)
        with suppress(RunInUseError), locked(directory.root):  # else another worker writes it
            write_json(directory.sweep, recipe)
        with workers.alive(found, log) as worker:
            SearchWorker(
                study=found,
                worker=worker,
                config=config,
                axes=space,
                seeds=seeds,
                objectives=objectives,
                prunes=prunes,
                directory=directory,
                executor=executor,
                patience=patience,
                experiment=experiment,
                interrupted=interrupted,
                log=log,
            ).run(num_trials, population)
        results = trial_tables.study_results(found, config, space, objectives)
        _keep(directory, results, space)
    show(*trial_tables.cells(results, space))
    if not results.best:
        reasons = [trial.reason for trial in results.trials if trial.reason]
        raise DivergedError(
            f"no trial has a score ({reasons[0] if reasons else 'all were lost'}); "
            "vary over other values, such as lower learning rates"
        )
    return results


def _check(
    config: Config,
    axes: Mapping[str, Spec],
    num_trials: int,
    population: int,
    seeds: int,
    sampler: str,
    scores: Sequence[str],
    prunes: bool,
) -> None:
    for name, value in (("trials", num_trials), ("population", population), ("seeds", seeds)):
        check_range(value, AT_LEAST_ONE, name)
    if not axes:
        raise ConfigError("nothing varies; add --vary PATH=log:LOW:HIGH or --vary PATH=A,B,C")
    if sampler not in trials.SAMPLERS:
        raise unknown("sampler", sampler, trials.SAMPLERS)
    if prunes and len(scores) > 1:
        raise ConfigError(
            f"there are {len(scores)} objectives, and trials are pruned by one; leave out --prune"
        )
    if prunes and not 0 < config.eval_every < config.steps:
        raise ConfigError(
            f"eval_every is {config.eval_every}, and trials are pruned at evaluations on the way; "
            f"set it below {config.steps}"
        )


def _check_values(config: Config, axes: Sequence[Axis]) -> None:
    """Raises ConfigError on a value that goes together with no values of the other fields."""
    for axis in axes:
        for value in axis.values or (axis.low, axis.high):
            members_of(config, {axis.path: value}, 0, 1)
    choices = [axis.values if axis.low == axis.high else (axis.low,) for axis in axes]
    if math.prod(map(len, choices)) > _CHECKED:
        return
    refused: dict[tuple[str, str], ConfigError] = {}
    fitting: set[tuple[str, str]] = set()
    for combination in itertools.product(*choices):
        point = {axis.path: value for axis, value in zip(axes, combination, strict=True)}
        parts = {(path, str(value)) for path, value in point.items()}
        try:
            static_part(members_of(config, point, 0, 1)[0].config)
        except ConfigError as error:
            refused |= dict.fromkeys(parts, error) | refused
        else:
            fitting |= parts
    for part, error in refused.items():
        if part not in fitting:
            raise error


def _objectives(config: Config, program: Program, asked: Sequence[str]) -> dict[str, bool]:
    """The scores that are searched for, and whether their highest values are the best."""
    if not asked:
        name, highest = best_metric(config, program.source, conditional=program.conditional)
        return {name: highest}
    known = measured_by(config, program)
    found = {}
    for name in asked:
        fitting = [of for of in known if of == name or of == f"eval/{name}"]
        fitting = fitting or [of for of in known if of.endswith(f"/{name}")]
        if len(fitting) != 1:
            raise unknown("score", name, [of.removeprefix("eval/") for of in known])
        found[fitting[0]] = known[fitting[0]]
    if len(found) < len(asked):
        raise ConfigError(f"scores are {', '.join(asked)}; name each one once")
    return found


def _keep(
    directory: SweepDirectory, results: trial_tables.StudyResults, axes: Sequence[Axis]
) -> None:
    """Writes the results and exports the best; where another worker does it, that will do."""
    with suppress(RunInUseError), locked(directory.root):
        write_json(directory.results, results.to_json())
        write_text(directory.table, as_markdown(*trial_tables.cells(results, axes)))
        here = {i for group in directory.groups() for i in read_json(directory.members(group))}
        for member in results.best:
            if member["index"] in here:
                with suppress(CheckpointError):  # it was begun here, and repeated elsewhere
                    export(directory.root, member["index"])
