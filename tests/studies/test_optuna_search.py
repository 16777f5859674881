"""Searches that train a tiny generator on the ring, in this process."""

import dataclasses
import json

import optuna
import pytest
from programs import RING

import jaxgan
from jaxgan.config import override
from jaxgan.errors import ConfigError, DivergedError
from jaxgan.studies import cohort, search_worker, trials
from jaxgan.studies.exporting import export
from jaxgan.studies.search import search

pytestmark = pytest.mark.slow

CONFIG = dataclasses.replace(
    RING,
    data=dataclasses.replace(RING.data, kwargs={"size": 64}),
    steps=6,
    steps_per_call=2,
    log_every=2,
    eval_every=2,
    sample_every=0,
    checkpoint_every=2,
    num_eval_samples=16,
    eval_metrics=("sliced_wasserstein_distance",),
)
SCORE = "eval/sliced_wasserstein_distance"
RATES = {"generator.learning_rate": "log:0.01:0.1"}


def searched(workdir, axes=RATES, config=CONFIG, **options):
    known = {
        "storage": str(workdir / "study.log"),
        "num_trials": 5,
        "study": "ring",
        "population": 3,
        "scores": ("sliced_wasserstein_distance",),
        "executor": "map",
    }
    return search(config, axes, workdir / "sweep", **known | options)


def studied(workdir, name="ring"):
    return optuna.load_study(study_name=name, storage=trials.open_storage(f"{workdir}/study.log"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Five trials in populations of three and two; and how often a step was traced."""
    workdir, traced = tmp_path_factory.mktemp("whole"), []

    def counting(run_steps, like, make=cohort.make_advance):
        def advance(*inputs):
            traced.append(None)
            return make(run_steps, like)(*inputs)

        return advance

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "make_advance", counting)
        return workdir, searched(workdir), traced


def test_populations_train_in_one_compilation(whole):
    _, _, traced = whole
    assert len(traced) == 1


def test_trials_are_members_of_a_sweep(whole):
    """The study, the tables and the directories say the same; a member equals a run of its own."""
    workdir, results = whole[:2]
    found = studied(workdir).get_trials()
    assert [trial.state.name for trial in found] == ["COMPLETE"] * 5
    scores = [trial.scores[0] for trial in results.trials]
    assert scores == sorted(trial.value for trial in found)
    kept = json.loads((workdir / "sweep" / "results.json").read_text())
    assert kept["best"] == [results.trials[0].number]
    table = (workdir / "sweep" / "table.md").read_text().splitlines()
    assert len(table) == 7 and f"| {scores[0]:.4g} |" in table[2]
    for trial in found:
        files = workdir / "sweep" / "members" / f"{trial.number:04}"
        summary = json.loads((files / "summary.json").read_text())
        assert summary["metrics"][SCORE] == trial.value


def test_the_best_trial_is_a_run_and_equals_one(whole, tmp_path):
    workdir, results = whole[:2]
    run = jaxgan.load(results.best[0]["directory"])
    assert run.step == 6
    alone = jaxgan.train(run.config, tmp_path)
    assert alone.summary["metrics"][SCORE] == pytest.approx(results.trials[0].scores[0], abs=1e-5)
    other = results.trials[-1].number
    assert export(workdir / "sweep", other).steps() == [6]


def test_the_same_search_again_does_nothing(whole, monkeypatch):
    workdir, results = whole[:2]
    monkeypatch.setattr(search_worker, "Cohort", None)
    monkeypatch.setattr(jaxgan.studies.search, "export", lambda *_: None)
    assert searched(workdir) == results
    assert len(studied(workdir).get_trials()) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"axes": {"discriminator.learning_rate": "log:0.01:0.1"}}, "with another axes"),
        ({"config": override(CONFIG, "steps", 4)}, "with another config"),
        ({"study": "other"}, "another study; choose another --workdir"),
        ({"axes": {}}, "nothing varies"),
        ({"axes": {"seed": "1,2"}}, "--seeds N"),
        ({"sampler": "tpee"}, "did you mean 'tpe'"),
        ({"scores": ("fidd",)}, "unknown score 'fidd'"),
        ({"scores": (SCORE, "sliced_wasserstein_distance")}, "name each one once"),
        ({"scores": ("modes", "kl"), "prunes": True}, "2 objectives"),
        ({"prunes": True, "config": override(CONFIG, "eval_every", 0)}, "pruned at evaluations"),
        ({"num_trials": 0}, "trials is 0"),
        ({"population": 0}, "population is 0"),
        ({"axes": {"loss.name": "hinge,wassrstein"}}, "did you mean 'wasserstein'"),
        ({"storage": "study"}, "ending in .log"),
    ],
)
def test_what_cannot_be(whole, options, words):
    with pytest.raises(ConfigError, match=words):
        searched(whole[0], **options)


def test_the_worse_are_pruned(tmp_path):
    """Against the median of five trials that have ended; what is pruned has a directory, too."""
    searched(tmp_path, num_trials=6, population=6, prunes=True)
    results = searched(tmp_path, num_trials=12, population=6, prunes=True)
    found = studied(tmp_path).get_trials()[6:]
    assert not any(t.state.name == "PRUNED" for t in studied(tmp_path).get_trials()[:6])
    reached = {trial.number: trial.last_step for trial in found}
    pruned = [trial.number for trial in found if trial.state.name == "PRUNED"]
    assert 0 < len(pruned) < 6 and len(results.trials) == 12
    for trial in results.trials:
        if trial.number in pruned:
            assert trial.status == "pruned" and trial.step == reached[trial.number] < 6
            files = tmp_path / "sweep" / "members" / f"{trial.number:04}"
            assert json.loads((files / "summary.json").read_text())["exit_reason"] == "dropped"


def test_several_objectives_and_groups_and_seeds(tmp_path):
    """Losses make groups; the front is Optuna's own."""
    axes = RATES | {"loss.name": ["hinge", "non_saturating"]}
    config = override(CONFIG, "eval_metrics", ("sliced_wasserstein_distance", "mixture_modes"))
    options = {"scores": ("sliced_wasserstein_distance", "modes"), "sampler": "nsgaii"}
    results = searched(tmp_path, axes, config, seeds=2, num_trials=6, **options)
    assert list(results.objectives) == [SCORE, "eval/modes"]
    front = {trial.number for trial in studied(tmp_path).best_trials}
    assert {trial.number for trial in results.trials if trial.is_best} == front
    for trial in results.trials:
        assert [member["index"] for member in trial.members] == [
            2 * trial.number,
            2 * trial.number + 1,
        ]
        assert len({member["scores"][0] for member in trial.members}) == 2


def test_what_diverges_is_told_and_not_repeated(tmp_path):
    axes = {"generator.learning_rate": "0.01,1e30"}
    results = searched(tmp_path, axes, sampler="random", num_trials=8, population=8)
    states = {trial.values["generator.learning_rate"]: trial for trial in results.trials}
    assert states[0.01].status == "done" and states[1e30].status == "failed"
    assert "at step" in states[1e30].reason
    (tmp_path / "all").mkdir()
    with pytest.raises(DivergedError, match=r"no trial has a score .*at step"):
        searched(tmp_path / "all", {"generator.learning_rate": "1e30,1e31"}, num_trials=2)


def test_values_that_do_not_go_together_end_a_trial(tmp_path, monkeypatch):
    """Where that is known when they are built; a value that goes with no other is refused first."""
    axes = {"loss.name": ["hinge", "mmd_gaussian"], "loss.kwargs.bandwidth": "log:0.1:1"}
    with pytest.raises(ConfigError, match="takes no hyperparameters; remove 'bandwidth'"):
        searched(tmp_path, axes)

    def refusing(config, build=search_worker.built):
        if config.loss.name == "hinge":
            raise ConfigError("too wide")
        return build(config)

    monkeypatch.setattr(search_worker, "built", refusing)
    axes = RATES | {"loss.name": ["hinge", "non_saturating"]}
    results = searched(tmp_path, axes, sampler="random", num_trials=6, population=6)
    reasons = {trial.values["loss.name"]: trial.reason for trial in results.trials}
    assert reasons == {"non_saturating": "", "hinge": "too wide"}


class Killed(BaseException):
    """As kill -9 is, for all that is written."""


@pytest.mark.parametrize("same_directory", [True, False])
def test_a_lost_worker_is_made_up_for(tmp_path, monkeypatch, same_directory):
    """From its checkpoint where that is at hand, and by asking again where it is not."""

    def kill(self, step, save=cohort.Cohort.save):
        save(self, step)
        if step == 4:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(cohort.Cohort, "save", kill)
        with pytest.raises(Killed):
            searched(tmp_path)
    steps = []

    def told(self, target, slots, interrupted, run_until=cohort.Cohort.run_until):
        steps.append((self.number, self._least_step(slots)))
        run_until(self, target, slots, interrupted)

    monkeypatch.setattr(cohort.Cohort, "run_until", told)
    workdir = tmp_path if same_directory else tmp_path / "other"
    workdir.mkdir(exist_ok=True)
    results = searched(workdir, storage=str(tmp_path / "study.log"))
    assert [trial.status for trial in results.trials] == ["done"] * 5
    found = studied(tmp_path).get_trials()
    params = [str(trial.params) for trial in found if trial.state.name == "COMPLETE"]
    assert len(params) == len(set(params)) == 5
    if same_directory:
        assert len(found) == 5 and steps[0] == (0, 4)
    else:
        assert [trial.state.name for trial in found[:3]] == ["FAIL"] * 3 and len(found) == 8
        assert steps[0] == (3, 0)
