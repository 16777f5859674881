"""`jaxgan sweep --optuna` as users meet it: one line for what cannot be, and several workers."""

import collections
import json
import signal
import subprocess
import sys
import time

import pytest
from processes import ROOT, environment

from jaxgan.cli import main
from jaxgan.commands import sweep
from jaxgan.studies import trials

RATES = "--vary=generator.learning-rate.start=log:1e-3:1e-1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--optuna=study.log", RATES], "how many trials with --trials N"),
        (["--optuna=study.log", "--trials=4", "--vary=loss.weight"], "write PATH=A,B,C"),
        (["--optuna=study", "--trials=4", RATES], "ending in .log or .journal"),
        (["--optuna=/proc/none/study.log", "--trials=4", RATES], "no such file"),
        (["--optuna=study.log", "--trials=0", RATES], "trials is 0"),
        (["--optuna=study.log", "--trials=4", "--sampler=tpee", RATES], "did you mean 'tpe'"),
        (["--optuna=study.log", "--trials=4", "--score=fidd", RATES], "unknown score 'fidd'"),
        (["--optuna=study.log", "--trials=4", "--score=a,b", "--prune", RATES], "2 objectives"),
        (["--optuna=study.log", "--trials=4", "--halving=2", RATES], "--halving has no meaning"),
        (["--optuna=study.log", "--trials=4", "--num=2", RATES], "--num has no meaning"),
        (["--trials=4", RATES], "--trials is of a study; add --optuna STORAGE"),
        (["--prune", RATES], "--prune is of a study"),
        (["--optuna=study.log", "--trials=4", "--vary=lr=1,2"], "use --generator.learning-rate"),
        (["--optuna=study.log", "--trials=4", "--vary=seed=1,2"], "--seeds N"),
        (["--optuna=study.log", "--trials=4", "--vary=loss.weight=1,heavy"], "of type float"),
        (
            ["--optuna=study.log", "--trials=4", "--vary=loss.name=hinge,hing"],
            "did you mean 'hinge'",
        ),
        (["--optuna=study.log", "--trials=4", "--executor=pmap", RATES], "unknown executor"),
    ],
)
def test_what_cannot_be_is_one_line(options, words, tmp_path, capsys, monkeypatch):
    """Before anything is trained or written."""
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "experiments.ring", "--workdir=none", *options]) == 2
    message = capsys.readouterr().err
    assert words in message.lower() or words in message
    assert message.count("\n") == 1
    assert not (tmp_path / "none" / "members").exists()


def test_without_optuna_the_extra_is_named(capsys, monkeypatch):
    find = sweep.importlib.util.find_spec
    hidden = lambda name, *of: None if name == "optuna" else find(name, *of)  # noqa: E731
    monkeypatch.setattr(sweep.importlib.util, "find_spec", hidden)
    options = ["--optuna=study.log", "--trials=4", RATES]
    assert main(["sweep", "experiments.ring", *options]) == 2
    assert "pip install 'jaxgan[sweep]'" in capsys.readouterr().err


def command(workdir, number):
    sizes = [f"--{p}.network.kwargs.widths=8" for p in ("generator", "discriminator")]
    events = ["--log-every=100", "--eval-every=200", "--checkpoint-every=100"]
    events += ["--eval-metrics=sliced_wasserstein_distance", "--num-eval-samples=64"]
    search = [f"--optuna={workdir}/study.log", f"--trials={number}", "--population=3", RATES]
    options = ["--steps=600", "--steps-per-call=20", "--executor=map", "--data.kwargs.size=64"]
    options += [*sizes, *events, *search, f"--workdir={workdir}/sweep"]
    return [sys.executable, "-m", "jaxgan", "sweep", "experiments.ring", *options]


@pytest.mark.slow
def test_three_workers_one_of_which_is_killed(tmp_path):
    """kill -9: all trials end, none twice, and each worker tells the same results."""
    quiet = {"cwd": ROOT, "env": environment(JAX_NUM_CPU_DEVICES="1"), "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command(tmp_path, 12), text=True, **quiet) for _ in range(3)]
    victim = processes[0]

    def has_saved():
        study = load(tmp_path)
        if study is None:
            return False
        own = [t for t in study.get_trials() if f"-{victim.pid}-" in t.user_attrs.get("worker", "")]
        saved = tmp_path / "sweep" / "groups"
        return any(list(saved.glob(f"{t.number:02}/checkpoints/[0-9]*/")) for t in own)

    end = time.monotonic() + 240
    while not has_saved() and time.monotonic() < end:
        time.sleep(0.2)
    victim.kill()
    assert victim.wait(60) == -signal.SIGKILL
    printed = [process.communicate(timeout=500)[0] for process in processes[1:]]
    assert [process.returncode for process in processes[1:]] == [0, 0]
    found = load(tmp_path).get_trials()
    assert collections.Counter(trial.state.name for trial in found) == {"COMPLETE": 12}
    assert [trial.number for trial in found] == list(range(12))
    assert len({str(trial.params) for trial in found}) == 12
    assert "of a lost worker" in printed[0] + printed[1]
    victims = [t.number for t in found if f"-{victim.pid}-" in t.user_attrs["worker"]]
    assert len(victims) < 12
    results = json.loads((tmp_path / "sweep" / "results.json").read_text())
    assert len(results["trials"]) == 12
    for trial in results["trials"]:
        rows = (
            tmp_path / "sweep" / "members" / f"{trial['number']:04}" / "metrics.jsonl"
        ).read_text()
        assert [json.loads(row)["step"] for row in rows.splitlines()] == list(range(100, 700, 100))


def load(workdir):
    """The study, once there is one."""
    import optuna

    if not (workdir / "study.log").exists():
        return None
    try:
        return optuna.load_study(
            study_name="ring", storage=trials.open_storage(f"{workdir}/study.log")
        )
    except KeyError:
        return None
