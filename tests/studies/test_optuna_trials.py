"""Studies that are asked and told without training: against random search, and by several workers.

The quadratic's minimum is known; which trials there must be is counted by hand.
"""

import subprocess
import threading
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.studies import trials, workers
from jaxgan.studies.space import axis
from jaxgan.studies.trial_tables import cells, study_results

CONFIG = Config()
AXES = [
    axis("loss.weight", "linear:-5:5"),
    axis("generator.learning_rate", "log:0.01:100:3"),
    axis("loss.name", ["hinge", "mmd"]),
]
X, Y, LOSS = (axis.path for axis in AXES)
SPACE = trials.distributions(AXES)


def opened(storage=None, sampler="random", seed=0, name="s", highest=(False,), **recipe):
    return trials.open_study(
        storage or optuna.storages.InMemoryStorage(),
        name,
        recipe,
        highest=highest,
        sampler=trials.make_sampler(sampler, population=4, seed=seed),
    )


def ask(study, most=4, total=8, worker="me"):
    return trials.ask(study, SPACE, worker, most=most, total=total)


def finish(study, trial, *values):
    members = [{"index": trial.number, "seed": 0, "step": 5, "scores": values, "directory": "d"}]
    trials.finish(study, trial, values, members=members)


def states(study):
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


@pytest.fixture
def journal(tmp_path):
    return str(tmp_path / "study.log")


def test_a_space_is_ranges_and_choices():
    """A range is drawn from as a whole, whatever the values of its grid."""
    study = opened()
    for trial in ask(study, most=20, total=20):
        values = trials.values_of(AXES, trial.params)
        assert -5 <= values[X] <= 5 and 0.01 <= values[Y] <= 100
        assert values[LOSS] in ("hinge", "mmd")
    assert len({t.params[Y] for t in study.get_trials()}) == 20
    found = trials.values_of([axis("n", [(1, 2), None])], {"n": "(1, 2)"})
    assert found == {"n": (1, 2)}


def test_tpe_beats_random_search_on_a_quadratic():
    """The last 20 of 40 trials in batches of 8, over 3 seeds; the minimum is 0 at (1, .1)."""
    means, best = {}, {}
    for sampler in ("tpe", "random"):
        late, least = [], []
        for seed in range(3):
            study = opened(sampler=sampler, seed=seed)
            while batch := ask(study, most=8, total=40):
                for trial in batch:
                    x, y = trial.params[X], np.log10(trial.params[Y])
                    finish(
                        study, trial, (x - 1) ** 2 + (y + 1) ** 2 + (trial.params[LOSS] == "mmd")
                    )
            costs = [trial.value for trial in study.get_trials(deepcopy=False)]
            late += costs[20:]
            least.append(min(costs))
        means[sampler], best[sampler] = np.mean(late), np.mean(least)
    assert means["tpe"] < 0.5 * means["random"]
    assert best["tpe"] < best["random"]


def test_so_many_trials_and_no_more(journal):
    """Two workers that ask in turn, and again when all is done."""
    studies = [opened(trials.open_storage(journal), seed=seed) for seed in (0, 1)]
    batches = [ask(study, most=3, worker=str(i)) for i, study in enumerate(studies)]
    batches.append(ask(studies[0], most=3))
    assert [[trial.number for trial in batch] for batch in batches] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7],
    ]
    assert not trials.is_done(studies[0], 8)
    for study, batch in zip((*studies, studies[1]), batches, strict=True):
        for trial in batch:
            finish(study, optuna.trial.Trial(study, trial._trial_id), 1.0)
    assert trials.is_done(studies[1], 8) and ask(studies[1]) == []
    assert [trial.number for trial in ask(studies[0], most=9, total=9)] == [8]


def test_what_is_asked_for_too_often_is_not_begun(journal, monkeypatch):
    """Another worker asks between the count and the asking."""
    study, other = (opened(trials.open_storage(journal)) for _ in range(2))
    ask(study, most=3, total=4)

    def asking(*args, ask_first=study.ask):
        monkeypatch.setattr(study, "ask", ask_first)
        ask(other, most=1, total=4, worker="other")
        return ask_first(*args)

    monkeypatch.setattr(study, "ask", asking)
    assert ask(study, most=2, total=4) == []
    assert len(trials.newest(study)) == 4
    assert states(study) == ["RUNNING"] * 4 + ["FAIL"]
    assert len(ask(study, most=9, total=6)) == 2


def test_a_lost_trial_is_repeated_once(journal):
    """By one of two watchers, with its values; a trial that kills its workers is given up."""
    study, other = (opened(trials.open_storage(journal)) for _ in range(2))
    first, second = ask(study, most=2, total=2)
    finish(study, second, 2.0)
    params = first.params
    for repetition in range(3):
        (running,) = study.get_trials(states=(TrialState.RUNNING,))
        for watcher in (study, other):
            trials.repeat(watcher, running)
        assert not trials.is_done(study, 2)
        (again,) = ask(other, total=2)
        assert again.number == 2 + repetition and again.params == params
        assert trials.first_number(again._get_latest_trial()) == 0
    trials.repeat(study, again._get_latest_trial())
    assert trials.is_done(study, 2) and ask(study, total=2) == []
    assert states(study).count("COMPLETE") == 1
    finish(study, again, 0.0)  # it was alive after all: too late
    assert states(study).count("COMPLETE") == 1


@pytest.mark.skipif(workers.machine() is None, reason="processes are found in /proc")
def test_a_worker_that_is_killed_is_lost_at_once(journal):
    """A process of this machine: while it lives nothing is lost; nor does another one with its
    number stand for it."""
    study, process = opened(trials.open_storage(journal)), subprocess.Popen(["sleep", "60"])
    start = workers.started(process.pid)
    record = {"pid": process.pid, "started": start, "machine": workers.machine()}
    study.set_user_attr("worker it", record)
    ask(study, most=2, worker="it")
    assert workers.lost(study, {}, 0.0) == []
    study.set_user_attr("worker it", record | {"started": "1"})
    assert len(workers.lost(study, {}, 1e9)) == 2
    study.set_user_attr("worker it", record)
    process.kill()
    process.wait()
    assert [trial.number for trial in workers.lost(study, {}, 1e9)] == [0, 1]


def test_signs_of_life_of_other_machines(journal, monkeypatch):
    """By the clock of whoever watches: a counter that goes on is alive, one that stands is not."""
    study = opened(trials.open_storage(journal))
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(workers.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(workers, "machine", lambda: None)
    beaten, seen = threading.Event(), {}
    with workers.alive(study, print, beat=0.01) as name:
        ask(study, most=1, worker=name)
        for clock.now in (0.0, 90.0, 180.0):
            before = study.user_attrs[f"worker {name}"]
            assert workers.lost(study, seen, 100.0) == []
            while study.user_attrs[f"worker {name}"] == before:
                beaten.wait(0.005)
        record = study.user_attrs[f"worker {name}"]
    seen.clear()
    study.set_user_attr(f"worker {name}", record)  # as if it had been killed
    for clock.now, count in ((200.0, 0), (299.0, 0), (301.0, 1)):
        assert len(workers.lost(study, seen, 100.0)) == count


def test_a_worker_that_leaves_says_so(journal):
    study = opened(trials.open_storage(journal))
    with workers.alive(study, print) as name:
        ask(study, most=1, worker=name)
        assert workers.lost(study, {}, 100.0) == []
    assert len(workers.lost(study, {}, 100.0)) == 1


def test_another_study_is_refused(journal):
    opened(trials.open_storage(journal), axes=[1], seeds=1)
    opened(trials.open_storage(journal), axes=[1], seeds=1)
    with pytest.raises(ConfigError, match="study 's' is a search with another axes"):
        opened(trials.open_storage(journal), axes=[2], seeds=1)
    optuna.create_study(storage=trials.open_storage(journal), study_name="own").ask()
    with pytest.raises(ConfigError, match="study 'own' was not made by jaxgan"):
        opened(trials.open_storage(journal), name="own")


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("study", "journal file, ending in"),
        ("{tmp}/none/study.log", "No such file"),
        ("{tmp}/text.log", "holds something else"),
        ("sqlite:////proc/none/study.db", "unable to open database file"),
        ("nosuchdb://host/name", "nosuchdb"),
    ],
)
def test_storages_that_cannot_be_opened(storage, words, tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "_PAUSE", 0.0)
    (tmp_path / "text.log").write_text("no journal\n")
    with pytest.raises(ConfigError, match=words) as caught:
        trials.open_storage(storage.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)


def test_passwords_are_not_shown():
    assert (
        trials.without_password("postgresql://me:pw@host:1/db") == "postgresql://me:***@host:1/db"
    )
    assert trials.without_password("sqlite:///a@b.db") == "sqlite:///a@b.db"


@pytest.mark.slow
def test_a_database_serves_as_well(tmp_path):
    study = opened(trials.open_storage(f"sqlite:///{tmp_path}/study.db"), sampler="tpe")
    with workers.alive(study, print, beat=0.01) as name:
        batch = ask(study, most=3, total=3, worker=name)
        finish(study, batch[0], 1.0)
        trials.repeat(study, study.get_trials()[1])
        (again,) = ask(study, total=3, worker=name)
    assert states(study) == ["COMPLETE", "FAIL", "RUNNING", "RUNNING"]
    assert again.params == batch[1].params


def test_the_front_of_several_objectives():
    """Costs and their front by hand; the second score is best where it is highest."""
    study = opened(sampler="nsgaii", highest=(False, True))
    for trial, values in zip(
        ask(study, most=5, total=5), [(1, 1), (2, 3), (2, 2), (3, 3), None], strict=True
    ):
        if values is None:
            trials.finish(study, trial, None, reason="diverged")
        else:
            finish(study, trial, *map(float, values))
    results = study_results(study, CONFIG, AXES, {"eval/fid": False, "eval/recall": True})
    assert [trial.number for trial in results.trials] == [0, 1, 2, 3, 4]
    assert [trial.is_best for trial in results.trials] == [True, True, False, False, False]
    assert [member["index"] for member in results.best] == [0, 1]
    assert results.trials[-1].status == "failed" and results.trials[-1].reason == "diverged"
    heads, rows = cells(results, AXES)
    assert heads == [
        *(X, Y, LOSS),
        "fid",
        "recall",
        "step",
        "state",
        "front",
        "trial",
        "members",
    ]
    assert rows[0][3:] == ["1", "1", "5", "done", "yes", "0", "0"]
    assert trials.is_done(study, 5)


def test_one_objective_ranks_by_the_mean_of_seeds():
    study = opened()
    for trial, scores in zip(ask(study, most=2, total=2), [(4, 2), (1, 3)], strict=True):
        members = [
            {"index": 2 * trial.number + i, "seed": i, "step": 5, "scores": [s], "directory": "d"}
            for i, s in enumerate(scores)
        ]
        trials.finish(study, trial, [float(np.mean(scores))], members=members)
    results = study_results(study, CONFIG, AXES, {"eval/fid": False})
    assert [trial.number for trial in results.trials] == [1, 0]
    assert [member["index"] for member in results.best] == [2]
    # t(.975, 1) = 12.706, of a standard error of 1
    assert cells(results, AXES)[1][0][3:] == ["2 +- 13", "5", "done", "1", "2-3"]
