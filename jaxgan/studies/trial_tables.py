"""What a study came to: its trials, the best first, as JSON and as a table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from jaxgan.config import Config
from jaxgan.studies.space import Axis, members_of
from jaxgan.studies.statistics import student_interval
from jaxgan.studies.tables import shown
from jaxgan.studies.trials import MEMBERS, REASON, WORKER, newest, values_of

_STATUSES = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "training",
    TrialState.WAITING: "waiting",
}


class TrialResult(NamedTuple):
    """How one trial ended.

    Attributes:
        number: Its number; that of its repetition, if its worker was lost.
        values: The fields that vary.
        status: "done", "pruned", "failed" (see `reason`), "training" or "waiting".
        step: How far it came.
        scores: Of each objective the mean over its seeds; None where it has none.
        members: Of each seed, its "index", "seed", "scores" and "directory".
        worker: Which one trained it.
        reason: Why it failed.
        is_best: Whether it is the best, or on the Pareto front of several objectives.
    """

    number: int
    values: dict[str, Any]
    status: str
    step: int
    scores: list[float] | None
    members: list[dict[str, Any]]
    worker: str
    reason: str
    is_best: bool


class StudyResults(NamedTuple):
    """What a study came to.

    Attributes:
        objectives: Of each score, such as "eval/fid", whether its highest value is the best.
        trials: The best first: of several objectives, the Pareto front, by the first of them.
    """

    objectives: dict[str, bool]
    trials: list[TrialResult]

    @property
    def best(self) -> list[dict[str, Any]]:
        """Of each best trial the member whose first score is the best."""
        sign = -1 if next(iter(self.objectives.values())) else 1
        return [
            min(trial.members, key=lambda member: sign * member["scores"][0])
            for trial in self.trials
            if trial.is_best
        ]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "objectives": self.objectives,
            "best": [member["index"] for member in self.best],
            "trials": [trial._asdict() for trial in self.trials],
        }


def study_results(
    study: Study, config: Config, axes: Sequence[Axis], objectives: Mapping[str, bool]
) -> StudyResults:
    """The results of a study so far.

    Args:
        study: With its trials.
        config: What all trials have in common.
        axes: What varies.
        objectives: Of each score, whether its highest value is the best.
    """
    trials = list(newest(study).values())
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    signs = np.where(list(objectives.values()), -1.0, 1.0)
    costs = {trial.number: signs * np.array(trial.values, np.float64) for trial in done}
    best = _front(costs) if len(objectives) > 1 else _least(costs)

    def order(result: TrialResult) -> tuple[Any, ...]:
        is_done, has_scores = result.status == "done", result.scores is not None
        costs = (signs * result.scores).tolist() if result.scores is not None else []
        further = len(objectives) > 1 and not result.is_best
        return not is_done, further, not has_scores, -result.step * (not is_done), costs

    found = [_result(trial, config, axes, trial.number in best) for trial in trials]
    return StudyResults(dict(objectives), sorted(found, key=lambda r: (*order(r), r.number)))


def _least(costs: Mapping[int, np.ndarray]) -> set[int]:
    return {min(costs, key=lambda number: (costs[number][0], number))} if costs else set()


def _front(costs: Mapping[int, np.ndarray]) -> set[int]:
    """Those that no other one is better than in one objective and as good as in all."""
    return {
        number
        for number, cost in costs.items()
        if not any((other <= cost).all() and (other < cost).any() for other in costs.values())
    }


def _result(trial: FrozenTrial, config: Config, axes: Sequence[Axis], is_best: bool) -> TrialResult:
    members = trial.user_attrs.get(MEMBERS, [])
    scores = [member["scores"] for member in members if member["scores"] is not None]
    all_scored = bool(scores) and len(scores) == len(members)
    values = {}
    if all(axis.path in trial.params for axis in axes):  # not so of one just asked for
        (member,) = members_of(config, values_of(axes, trial.params), trial.number, 1)
        values = member.values
    return TrialResult(
        number=trial.number,
        values=values,
        status=_STATUSES[trial.state] if REASON not in trial.user_attrs else "failed",
        step=max((member["step"] for member in members), default=0),
        scores=np.mean(scores, axis=0).tolist() if all_scored else None,
        members=members,
        worker=trial.user_attrs.get(WORKER, ""),
        reason=trial.user_attrs.get(REASON, ""),
        is_best=is_best,
    )


def cells(results: StudyResults, axes: Sequence[Axis]) -> tuple[list[str], list[list[str]]]:
    """The headings and the cells of the table of trials."""
    several = len(results.objectives) > 1
    heads = [axis.path for axis in axes]
    heads += [name.removeprefix("eval/") for name in results.objectives]
    heads += ["step", "state", *(["front"] if several else []), "trial", "members"]
    rows = []
    for trial in results.trials:
        row = [shown(trial.values.get(axis.path, "-")) for axis in axes]
        row += [_score(trial, place) for place in range(len(results.objectives))]
        row += [f"{trial.step:,}", trial.status]
        row += [["", "yes"][trial.is_best]] if several else []
        numbers = [member["index"] for member in trial.members]
        spread = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else "".join(map(str, numbers))
        rows.append([*row, str(trial.number), spread or "-"])
    return heads, rows


def _score(trial: TrialResult, place: int) -> str:
    """The mean of a score over seeds, with half the width of its 95 % interval by Student's t."""
    if trial.scores is None:
        return "-"
    text = f"{trial.scores[place]:.4g}"
    if len(trial.members) > 1:
        scores = np.array([member["scores"][place] for member in trial.members], np.float64)
        interval = student_interval(scores)
        if not math.isnan(interval.low):  # all are equal
            text += f" +- {interval.high - trial.scores[place]:.2g}"
    return text
