"""Sweeps against runs of their own, against themselves after a crash, and against other sizes."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from programs import RING, close

import jaxgan
from jaxgan.config import GameConfig, TermConfig, override
from jaxgan.data import load as load_data
from jaxgan.errors import CheckpointError, ConfigError, DivergedError, InterruptedRun
from jaxgan.runs.signals import interruption
from jaxgan.studies import cohort, executors
from jaxgan.studies import sweep as sweeps
from jaxgan.studies.exporting import export
from jaxgan.studies.space import members
from jaxgan.studies.tables import markdown

pytestmark = pytest.mark.slow

SMALL = dataclasses.replace(
    RING,
    data=dataclasses.replace(RING.data, kwargs={"size": 64}),
    steps=12,
    steps_per_call=2,
    log_every=4,
    eval_every=8,
    sample_every=0,
    checkpoint_every=4,
    num_eval_samples=64,
    eval_metrics=("sliced_wasserstein_distance",),
)
SCORE = "eval/sliced_wasserstein_distance"
RATES = {"generator.learning_rate": "0.01,0.1"}
HUGE = {"generator.learning_rate": "0.01,1e30,0.1"}


def swept(axes, workdir, config=SMALL, **options):
    return sweeps.sweep(config, axes, workdir, **{"executor": "map", **options})


def rows(workdir, index):
    lines = (workdir / "members" / f"{index:04}" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "time"} for line in lines]


def summary(workdir, index):
    return json.loads((workdir / "members" / f"{index:04}" / "summary.json").read_text())


def tables(workdir):
    return [(workdir / name).read_text() for name in ("results.json", "table.md")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two rates with two seeds each, and between them a rate that diverges."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, swept(HUGE, workdir, seeds=2)


def test_a_member_equals_a_run_of_its_own(whole, tmp_path):
    """With SGD, on eight devices instead of one: states, rows and scores."""
    workdir, results = whole
    for index in (1, 4):
        config = members(SMALL, HUGE, seeds=2)[index].config
        alone = jaxgan.train(config, tmp_path / str(index))
        export(workdir, index)
        found = jaxgan.load(workdir / "members" / f"{index:04}")
        assert found.step == 12 and found.config == config
        for name in ("players", "averages", "hparams"):
            pair = (jax.tree.leaves(getattr(run.state, name)) for run in (found, alone))
            close(*pair, atol=1e-5)
        lines = (tmp_path / str(index) / "metrics.jsonl").read_text().splitlines()
        for row, line in zip(rows(workdir, index), lines, strict=True):
            expected = json.loads(line)
            del expected["time"]
            assert row == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert results.members[index].score == pytest.approx(
            alone.summary["metrics"][SCORE], abs=1e-5
        )


def test_a_diverged_member_disturbs_no_other(whole, tmp_path):
    """Others have the bits of a sweep without it; it is reported, and where it stands is kept."""
    workdir, results = whole
    swept(RATES, tmp_path, seeds=2)
    for with_it, without in ((0, 0), (1, 1), (4, 2), (5, 3)):
        assert rows(workdir, with_it) == rows(tmp_path, without)
    lost = results.members[2]
    assert lost.status == "diverged" and lost.score is None and "at step" in lost.reason
    assert summary(workdir, 2)["exit_reason"] == "diverged"
    assert summary(workdir, 0)["exit_reason"] == "done"
    assert results.points[-1].values == {"generator.learning_rate": 1e30}
    with pytest.raises(CheckpointError, match="member 2 diverged"):
        export(workdir, 2)


def test_where_all_diverge(tmp_path):
    with pytest.raises(DivergedError, match="all 2 members diverged"):
        swept({"generator.learning_rate": "1e30,1e32"}, tmp_path)
    assert "diverged" in (tmp_path / "table.md").read_text()


def test_the_table(whole):
    """Means and Student's intervals of the seeds, by SciPy; the best first."""
    from scipy.stats import t

    workdir, results = whole
    assert tables(workdir)[1] == markdown(results)
    for point in results.points[:2]:
        scores = [summary(workdir, i)["metrics"][SCORE] for i in point.members]
        assert point.score == pytest.approx(np.mean(scores))
        low, high = t.interval(0.95, 1, np.mean(scores), np.std(scores, ddof=1) / 2**0.5)
        assert (point.low, point.high) == pytest.approx((low, high))
    assert results.best is not None
    sign = 1 if results.highest else -1
    done = [m.score for m in results.members if m.status == "done"]
    assert results.best.score == sign * max(sign * score for score in done)
    # The best one is exported without being asked for.
    run = jaxgan.load(workdir / results.best.directory)
    assert run.generate(4, key=jax.random.key(0)).shape == (4, 2)


def test_the_same_call_again_changes_nothing(whole):
    workdir, results = whole
    before = tables(workdir), rows(workdir, 0), rows(workdir, 2)
    assert swept(HUGE, workdir, seeds=2) == results
    assert (tables(workdir), rows(workdir, 0), rows(workdir, 2)) == before


def test_another_sweep_is_refused(whole, tmp_path):
    with pytest.raises(ConfigError, match="another seeds; choose another --workdir"):
        swept(HUGE, whole[0], seeds=3)
    with pytest.raises(ConfigError, match="another axes"):
        swept(RATES, whole[0], seeds=2)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds a run"):
        swept(RATES, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("crash_at", [pytest.param(4, marks=pytest.mark.slow), 8, 12])
def test_a_crash_changes_nothing(whole, tmp_path, crash_at):
    """Before the checkpoint of a step is written; rows of later steps are there, and come again."""
    workdir, _ = whole

    def crashing(self, step):
        if step == crash_at:
            raise ConnectionAbortedError
        save(self, step)

    with pytest.MonkeyPatch.context() as patch:
        save = cohort.Cohort.save
        patch.setattr(cohort.Cohort, "save", crashing)
        with pytest.raises(ConnectionAbortedError):
            swept(HUGE, tmp_path, seeds=2)
    swept(HUGE, tmp_path, seeds=2)
    assert tables(tmp_path) == tables(workdir)
    for index in range(6):
        assert rows(tmp_path, index) == rows(workdir, index)


def test_an_interruption_is_saved(whole, tmp_path, monkeypatch):
    """Between two events, with a chunk that has not begun: the same command goes on."""
    workdir, _ = whole
    monkeypatch.setattr(cohort, "members_that_fit", lambda *_: 4)
    calls = []

    def interrupting(*args, run=cohort.compiled):
        def counted(*inputs):
            calls.append(None)
            if len(calls) == 3:
                event.set()
            return run(*args)(*inputs)

        return counted

    with interruption() as event, monkeypatch.context() as patch:
        patch.setattr(cohort, "compiled", interrupting)
        patch.setattr(sweeps, "interruption", lambda: _Given(event))
        with pytest.raises(InterruptedRun, match="the same command goes on"):
            swept(HUGE, tmp_path, seeds=2)
    assert len(calls) == 3
    swept(HUGE, tmp_path, seeds=2)
    assert tables(tmp_path) == tables(workdir)
    for index in range(6):
        assert rows(tmp_path, index) == rows(workdir, index)


class _Given:
    """A context manager that yields what it is given."""

    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        return None


@pytest.mark.slow
def test_one_compilation_a_group_whatever_the_number_of_members(tmp_path, monkeypatch):
    """Of the training; and all else that JAX compiles in a sweep does not grow with it either."""
    traced, built = [], []

    def counting(run_steps, like, make=cohort.make_advance):
        def advance(*inputs):
            traced.append(None)
            return make(run_steps, like)(*inputs)

        return advance

    def listen(event, _, **__):
        if event == "/jax/core/compile/backend_compile_duration":
            built.append(event)

    monkeypatch.setattr(cohort, "make_advance", counting)
    jax.monitoring.register_event_duration_secs_listener(listen)
    config, counts = dataclasses.replace(SMALL, steps=4), []
    for axes, seeds in ((RATES, 1), (RATES, 1), (RATES, 8)):
        traced.clear(), built.clear()
        swept(axes, tmp_path / str(len(counts)), config, seeds=seeds)
        counts.append((len(traced), len(built)))
    assert counts[1] == counts[2]
    assert counts[2][0] == 1 <= counts[2][1]
    traced.clear()
    swept({"loss.name": "hinge,wasserstein", **RATES}, tmp_path / "groups", config)
    assert len(traced) == 2


@pytest.mark.parametrize(
    "executor", ["vmap", "shard", pytest.param("auto", marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_every_executor_gives_the_same_figures(whole, tmp_path, executor):
    workdir, expected = whole
    found = swept(HUGE, tmp_path, seeds=2, executor=executor)
    for one, other in zip(found.members, expected.members, strict=True):
        assert one.status == other.status and one.step == other.step
        assert one.score == pytest.approx(other.score, abs=1e-5)
    for row, other in zip(rows(tmp_path, 0), rows(workdir, 0), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-5)
    kept = json.loads((tmp_path / "groups" / "00" / "executor.json").read_text())
    assert kept["devices"] == {"vmap": 1, "shard": 6}.get(executor, kept["devices"])


def test_chunks_change_nothing(whole, tmp_path, monkeypatch):
    """Six members, four of which fit: two chunks of three, bit by bit as one of six."""
    monkeypatch.setattr(cohort, "members_that_fit", lambda *_: 4)
    swept(HUGE, tmp_path, seeds=2)
    assert tables(tmp_path) == tables(whole[0])


def test_without_events_there_is_still_the_end(tmp_path):
    config = dataclasses.replace(SMALL, steps=4, eval_every=0, checkpoint_every=0)
    results = swept(RATES, tmp_path, config)
    assert [member.status for member in results.members] == ["done", "done"]
    assert [row["step"] for row in rows(tmp_path, 0)] == [4]


def test_chunks_are_equal():
    two = executors.Executor("map", 2)
    assert executors.chunks(range(5), executors.Executor("map"), 2) == ([[0, 1], [2, 3], [4]], 2)
    assert executors.chunks(range(5), two, 9) == ([[0, 1, 2, 3, 4]], 6)
    assert executors.chunks([3, 5, 7], two, 1) == ([[3, 5], [7]], 2)


def test_halving_drops_the_worse(tmp_path):
    """Four points, a half at each of two rungs; resumed, the same go on."""
    axes = {"generator.learning_rate": "0.01,0.1,1e30,0.2"}
    config = dataclasses.replace(SMALL, steps=16)
    results = swept(axes, tmp_path, config, halving=2)
    statuses = {m.index: (m.status, m.step) for m in results.members}
    assert statuses[2][0] == "diverged"
    ends = sorted(status for status, _ in statuses.values())
    assert ends == ["diverged", "done", "dropped", "dropped"]
    decided = json.loads((tmp_path / "rungs.json").read_text())
    assert {step: len(points) for step, points in decided.items()} == {"4": 2, "8": 1}
    assert results.points[0].status == "done" and results.points[-1].status == "diverged"
    before = tables(tmp_path)
    for point, (status, step) in statuses.items():
        if status == "dropped":
            assert str(step) in decided and point not in decided[str(step)]
            assert summary(tmp_path, point)["exit_reason"] == "dropped"
            assert export(tmp_path, point).steps() == [step]
    swept(axes, tmp_path, config, halving=2)
    assert tables(tmp_path) == before


@pytest.mark.slow
def test_what_is_fitted_is_each_members_own(tmp_path):
    """A game that is fitted to the data once: landmarks differ from seed to seed."""
    config = dataclasses.replace(
        SMALL,
        game=GameConfig(name="distribution_matching"),
        loss=TermConfig(name="mmd_reference", on="images"),
    )
    swept(RATES, tmp_path, config, seeds=2)
    export(tmp_path, 1)
    found = jaxgan.load(tmp_path / "members" / "0001").state
    alone = jaxgan.train(override(override(config, "seed", 1), *_first(RATES)), tmp_path / "run")
    close(found.reference["terms"], alone.state.reference["terms"])
    close(jax.tree.leaves(found.players), jax.tree.leaves(alone.state.players), atol=1e-5)


def _first(axes):
    ((path, spec),) = axes.items()
    return path, spec.partition(",")[0]


@pytest.mark.slow
def test_an_algorithm_has_its_floats_compiled_in(tmp_path):
    config = dataclasses.replace(SMALL, game=GameConfig(name="user_game:running_mean"))
    results = swept({"game.kwargs.rate": "0.1,0.2"}, tmp_path, config, seeds=2)
    assert len(list((tmp_path / "groups").iterdir())) == 2
    assert results.points[0].score != results.points[1].score


def test_an_exported_member_goes_on_as_a_run(whole, tmp_path):
    workdir, _ = whole
    files = export(workdir, 0)
    config = dataclasses.replace(files.read_config(), steps=16)
    run = jaxgan.train(config, files.root, resume=True)
    assert run.step == 16
    assert [row["step"] for row in rows(workdir, 0)] == [4, 8, 12, 16]


def test_data_from_the_host_is_refused(tmp_path):
    config = override(SMALL, "data.placement", "host")
    with pytest.raises(ConfigError, match=r"set --data\.placement device"):
        swept(RATES, tmp_path / "none", config)
    assert not (tmp_path / "none" / "sweep.json").exists()
    assert load_data("ring").size


def test_more_members_than_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "state_bytes", lambda _: 2**50)
    with pytest.raises(ConfigError, match=r"2 members need at least .* GiB on the host"):
        swept(RATES, tmp_path)
    assert not (tmp_path / "members").exists()


def test_exports_that_cannot_be(whole, tmp_path):
    with pytest.raises(ConfigError, match="holds no sweep"):
        export(tmp_path, 0)
    with pytest.raises(ConfigError, match=r"member is 6; it must be in \[0, 5\]"):
        export(whole[0], 6)
