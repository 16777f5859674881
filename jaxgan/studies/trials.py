"""An Optuna study that any number of workers share: which trials it has, and which are asked for.

Optuna: Akiba et al. 2019, https://arxiv.org/abs/1907.10902; the extra `sweep`. A worker asks for
trials in batches, so that samplers see those that train (TPE: as the worst, the "constant liar" of
Ginsbourger et al. 2010). A trial that is repeated, since its worker was lost, has another number;
`first_number` is what both have in common.
"""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)
from optuna.exceptions import DuplicatedStudyError, StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from jaxgan.errors import ConfigError
from jaxgan.registry import unknown
from jaxgan.studies.space import Axis, rounded

SAMPLERS = ("tpe", "random", "nsgaii")

# Attributes of a study and of its trials.
_RECIPE = "jaxgan"
WORKER, REASON, MEMBERS = "worker", "reason", "members"
_EXCESS = "excess"
_FIRST, _HISTORY = "failed_trial", "retry_history"  # as Optuna's own retries have them

_MAXIMIZE, _MINIMIZE = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
_JOURNALS = (".log", ".journal")
_REPEATS = 3  # of a trial that may be what kills its workers
_TRIES, _PAUSE = 3, 1.0  # seconds: two workers may be making a database's tables
_WAIT = 30.0  # seconds, for the worker that has made a study to say what it is
_REPEATED_WITHIN = timedelta(minutes=10)


def open_storage(text: str) -> BaseStorage:
    """The storage of a study.

    Args:
        text: The path of a journal, which is made if there is none, or the URL of a database.

    Raises:
        ConfigError: neither; or one that cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if "://" not in text and Path(text).suffix not in _JOURNALS:
        raise ConfigError(
            f"storage is {text!r}; name a journal file, ending in .log or .journal, or the URL of "
            "a database, such as sqlite:///study.db or postgresql://USER:PASSWORD@HOST/NAME"
        )
    for remaining in reversed(range(_TRIES)):
        try:
            if "://" not in text:
                path = Path(text).expanduser()
                if path.exists() and not _begins_as_journal(path):
                    raise ValueError("it holds something else")
                return JournalStorage(JournalFileBackend(str(path)))
            is_file = text.startswith("sqlite")
            options = {"connect_args": {"timeout": 60}} if is_file else {"pool_pre_ping": True}
            return RDBStorage(text, engine_kwargs=options)
        except ImportError as error:
            raise ConfigError(
                f"storage {without_password(text)} needs a driver that is not installed; for "
                "PostgreSQL: pip install 'psycopg[binary]'"
            ) from error
        except Exception as error:  # those of files, of JSON, of SQLAlchemy and of drivers
            if remaining and isinstance(error, SQLAlchemyError):
                time.sleep(_PAUSE)
                continue
            raise ConfigError(
                f"storage {without_password(text)} cannot be opened ({_line(error)}); name a "
                "journal of Optuna's, or a database that can be reached"
            ) from error
    raise AssertionError


def _begins_as_journal(path: Path) -> bool:
    """Whether a file is empty or begins as a journal does: Optuna forgives a single bad line."""
    with path.open("rb") as file:
        first = file.readline()
    try:
        return not first or "op_code" in json.loads(first)
    except (ValueError, TypeError):
        return False


@contextmanager
def reachable(text: str) -> Iterator[None]:
    """Turns what a storage that is lost on the way raises into one line.

    Raises:
        ConfigError: the storage is lost.
    """
    try:
        yield
    except (StorageInternalError, SQLAlchemyError, OSError) as error:
        if isinstance(error, OSError) and not _is_of_journal(error, text):
            raise
        raise ConfigError(
            f"storage {without_password(text)} is lost ({_line(error.__cause__ or error)}); when "
            "it is back, the same command goes on"
        ) from error


def _is_of_journal(error: OSError, text: str) -> bool:
    """Whether a file that cannot be used is a journal, or its lock."""
    path = str(Path(text).expanduser())
    return "://" not in text and str(error.filename).startswith(path)


def without_password(text: str) -> str:
    """A URL as it may be shown."""
    return re.sub(r"://([^:/@]*):[^@]*@", r"://\1:***@", text)


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def make_sampler(name: str, *, population: int, seed: int | None = None) -> BaseSampler:
    """What chooses the next points.

    Args:
        name: Of `SAMPLERS`.
        population: How many trials are asked for at a time.
        seed: Of the draws; None: another one in each process, as several workers need.

    Raises:
        ConfigError: an unknown name.
    """
    samplers = optuna.samplers
    if name == "tpe":
        return samplers.TPESampler(constant_liar=True, seed=seed)
    if name == "random":
        return samplers.RandomSampler(seed=seed)
    if name == "nsgaii":
        return samplers.NSGAIISampler(population_size=max(population, 2), seed=seed)
    raise unknown("sampler", name, SAMPLERS)


def open_study(
    storage: BaseStorage,
    name: str,
    recipe: Mapping[str, Any],
    *,
    highest: Sequence[bool],
    sampler: BaseSampler,
    prunes: bool = False,
) -> Study:
    """The study of this name, made by the first worker that asks for it.

    Args:
        storage: Where it is.
        name: Its name there.
        recipe: What is searched, as JSON.
        highest: Of each objective, whether its highest value is the best.
        sampler: What chooses points.
        prunes: Whether trials below the median of those before end early.

    Raises:
        ConfigError: a study of this name is of something else.
    """
    pruner = optuna.pruners.MedianPruner() if prunes else optuna.pruners.NopPruner()
    options = {"study_name": name, "storage": storage, "sampler": sampler, "pruner": pruner}
    try:
        directions = [_MAXIMIZE if of_one else _MINIMIZE for of_one in highest]
        study = optuna.create_study(**options, directions=directions)
    except DuplicatedStudyError:
        study = optuna.load_study(**options)
    else:
        study.set_user_attr(_RECIPE, {**recipe, "id": uuid.uuid4().hex})
    wanted, end = json.loads(json.dumps(recipe)), time.monotonic() + _WAIT
    while (known := study.user_attrs.get(_RECIPE)) is None:
        if study.get_trials(deepcopy=False) or time.monotonic() > end:
            raise ConfigError(f"study {name!r} was not made by jaxgan; choose another --study")
        time.sleep(0.1)
    for part in wanted:
        if wanted[part] != known.get(part):
            raise ConfigError(
                f"study {name!r} is a search with another {part}; choose another --study"
            )
    return study


def identity(study: Study) -> str:
    """What no other study has in common with this one."""
    return study.user_attrs[_RECIPE]["id"]


def distributions(axes: Sequence[Axis]) -> dict[str, BaseDistribution]:
    """What varies, as Optuna has it: ranges, whatever their number of values, and choices."""
    return {
        axis.path: FloatDistribution(axis.low, axis.high, log=axis.log)
        if axis.low < axis.high
        else CategoricalDistribution(_labels(axis))
        for axis in axes
    }


def values_of(axes: Sequence[Axis], params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that vary, by dotted name, of what Optuna has chosen."""
    return {
        axis.path: rounded(params[axis.path])
        if axis.low < axis.high
        else axis.values[_labels(axis).index(params[axis.path])]
        for axis in axes
    }


def _labels(axis: Axis) -> list[str]:
    return [str(value) for value in axis.values]


def first_number(trial: FrozenTrial) -> int:
    """The number that a trial had when it was asked for first."""
    return trial.system_attrs.get(_FIRST, trial.number)


def newest(study: Study) -> dict[int, FrozenTrial]:
    """The trials by their first numbers, those that are repeated in their newest form."""
    found = {}
    for trial in study.get_trials(deepcopy=False):
        if _EXCESS not in trial.user_attrs:
            found[first_number(trial)] = trial
    return dict(sorted(found.items()))


def has_ended(trial: FrozenTrial) -> bool:
    """Whether the newest form of a trial is its last: not one that is about to be repeated."""
    if trial.state != TrialState.FAIL:
        return trial.state.is_finished()
    if REASON in trial.user_attrs or len(trial.system_attrs.get(_HISTORY, ())) >= _REPEATS:
        return True
    # Nor one whose repetition was lost together with the worker that was to ask for it.
    ended = trial.datetime_complete
    return ended is not None and datetime.now() - ended > _REPEATED_WITHIN


def is_done(study: Study, total: int) -> bool:
    """Whether so many trials have ended."""
    return sum(map(has_ended, newest(study).values())) >= total


def ask(
    study: Study, space: dict[str, BaseDistribution], worker: str, *, most: int, total: int
) -> list[Trial]:
    """New trials for a worker, and those to be repeated.

    Args:
        study: Which may be asked by others at the same time.
        space: What varies.
        worker: Whose they are.
        most: How many, at most.
        total: Of the study; what is more than these is not begun.
    """
    batch: list[Trial] = []
    while len(batch) < most:
        known = newest(study)
        waiting = any(trial.state == TrialState.WAITING for trial in known.values())
        if len(known) >= total and not waiting:
            break
        trial = study.ask(space)
        trial.set_user_attr(WORKER, worker)
        numbers = [known.number for known in newest(study).values()]
        if numbers.index(trial.number) >= total:  # another worker has asked at the same time
            trial.set_user_attr(_EXCESS, True)
            tell(study, trial, TrialState.FAIL)
            break
        batch.append(trial)
    return batch


def tell(
    study: Study, trial: Trial | int, state: TrialState, values: Sequence[float] | None = None
) -> bool:
    """Ends a trial; False if another worker has ended it before."""
    try:
        study.tell(trial, values, state)
    except (UpdateFinishedTrialError, ValueError):
        return False
    return True


def finish(
    study: Study,
    trial: Trial,
    values: Sequence[float] | None,
    *,
    members: Sequence[Mapping[str, Any]] = (),
    reason: str = "",
) -> None:
    """Tells what became of a trial, unless another worker has: then this one was taken for lost.

    Args:
        study: Its study.
        trial: It.
        values: Of the objectives; None of a trial that is pruned, or that has a reason.
        members: Its members, as JSON.
        reason: Why it has no values. It is not repeated, and of one objective counts as pruned, by
            which samplers take it for bad; of several there is nothing of the kind.
    """
    with suppress(UpdateFinishedTrialError):
        trial.set_user_attr(MEMBERS, [dict(member) for member in members])
        if reason:
            trial.set_user_attr(REASON, reason)
        if values is not None:
            tell(study, trial, TrialState.COMPLETE, values)
        elif reason and len(study.directions) > 1:
            tell(study, trial, TrialState.FAIL)
        else:
            tell(study, trial, TrialState.PRUNED)


def repeat(study: Study, trial: FrozenTrial) -> None:
    """Marks the trial of a lost worker as failed and asks for it again; of many, one succeeds."""
    if not tell(study, trial.number, TrialState.FAIL):
        return
    history = [*trial.system_attrs.get(_HISTORY, ()), trial.number]
    if len(history) > _REPEATS:
        return
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs={_FIRST: first_number(trial), _HISTORY: history},
        )
    )
