"""`jaxgan sweep` as a user meets it, in processes of its own where these matter."""

import json
import signal
import subprocess
import sys
import time

import pytest
from processes import ROOT, environment

from jaxgan.cli import main
from jaxgan.runs.directory import RunDirectory

SIZES = [f"--{p}.network.kwargs.widths=8" for p in ("generator", "discriminator")]
SGD = [f"--{p}.optimizer.name=sgd" for p in ("generator", "discriminator")]
EVENTS = ["--log-every=10", "--eval-every=20", "--checkpoint-every=10", "--num-eval-samples=64"]
SMALL = [
    "--data.kwargs.size=64",
    *SIZES,
    *SGD,
    *EVENTS,
    "--steps-per-call=5",
    "--steps=20",
    "--executor=map",
]
RATES = "--vary=generator.learning-rate=.01,.1"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("sweep")
    options = [*SMALL, RATES, "--seeds", "2", "--workdir", str(workdir)]
    assert main(["sweep", "experiments.ring", *options]) == 0
    return workdir


def test_a_sweep_says_where_everything_is(workdir, capsys):
    options = [*SMALL, RATES, "--seeds", "2", "--workdir", str(workdir)]
    assert main(["sweep", "experiments.ring", *options]) == 0
    printed = capsys.readouterr().out
    best = json.loads((workdir / "results.json").read_text())["best"]
    assert f"table     {workdir / 'table.md'}" in printed
    assert f"best run  {workdir}/members/000{best}" in printed
    assert "2 of 2" in printed


def test_a_sweep_is_looked_at_and_exported(workdir, tmp_path, capsys):
    assert main(["sweep", str(workdir)]) == 0
    assert capsys.readouterr().out == (workdir / "table.md").read_text()
    assert main(["sweep", str(workdir), "--export", "3"]) == 0
    run = workdir / "members" / "0003"
    assert capsys.readouterr().out == f"{run}\n"
    assert RunDirectory(run).steps() == [20]
    out = tmp_path / "points.png"
    assert main(["sample", str(run), "--num", "8", "--out", str(out)]) == 0
    assert out.exists()
    assert main(["sweep", str(workdir), "--steps", "3"]) == 2
    assert "takes --export N alone" in capsys.readouterr().err
    assert main(["runs", str(workdir)]) == 0
    assert "members/0003" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--vary", "generator.learning_rat=1,2"], "did you mean 'generator.learning_rate'"),
        (["--vary", "lr=1,2"], "use --generator.learning-rate"),
        (["--vary", "loss.weight"], "write PATH=A,B,C"),
        (["--vary", "loss.weight=1", "--vary=loss.weight=2"], "given twice"),
        (["--vary", "loss.weight=1,heavy"], "must be of type float"),
        (["--vary", "loss.name=hinge,wassrstein"], "did you mean 'wasserstein'"),
        (["--vary", "loss.kwargs.margin=1"], "takes no hyperparameters"),
        (["--vary", "seed=1,2"], "--seeds N"),
        (["--vary", "steps=1,2"], "as many steps"),
        (["--seeds", "2", "--executor", "pmap"], "unknown executor 'pmap'"),
        (["--seeds", "2", "--halving", "1"], "must be at least 2"),
        (["--vary", "loss.weight=linear:0:1"], "a grid needs linear:LOW:HIGH:N"),
        (["--export", "1"], "name its directory"),
    ],
)
def test_what_cannot_be_is_one_line(options, words, tmp_path, capsys):
    """Before anything is trained or written."""
    workdir = tmp_path / "none"
    assert main(["sweep", "experiments.ring", f"--workdir={workdir}", *options]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
    assert not (workdir / "members").exists()


def test_without_anything_that_varies(tmp_path, capsys):
    """Of an experiment without SWEEP."""
    assert main(["sweep", "experiments.spiral", f"--workdir={tmp_path}/none"]) == 2
    assert "nothing varies" in capsys.readouterr().err


@pytest.mark.slow
def test_an_experiment_may_say_what_varies(tmp_path, monkeypatch):
    (tmp_path / "swept_ring.py").write_text(
        "from experiments import ring\n\n"
        "config = ring.config\n"
        "SWEEP = {'loss.name': ['hinge'], 'generator.learning_rate': 'log:1e-3:1e-2:2'}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    workdir = tmp_path / "swept"
    assert main(["sweep", "swept_ring", *SMALL, f"--workdir={workdir}"]) == 0
    results = json.loads((workdir / "results.json").read_text())
    varied = [{"loss.name": "hinge", "generator.learning_rate": rate} for rate in (1e-3, 1e-2)]
    assert [member["values"] for member in results["members"]] == varied
    assert (workdir / "members" / "0001" / "code" / "swept_ring.py").exists()


def command(workdir, *options):
    events = ["--log-every=50", "--eval-every=200", "--checkpoint-every=50"]
    options = [*SIZES, *SGD, *events, "--steps-per-call=10", "--num-eval-samples=64", *options]
    sweep = [sys.executable, "-m", "jaxgan", "sweep", "experiments.ring", "--workdir", str(workdir)]
    return [*sweep, *options, RATES, "--vary", "loss.name=hinge,relativistic_pairing"]


def results(workdir):
    return [(workdir / name).read_text() for name in ("results.json", "table.md")]


@pytest.mark.slow
def test_a_killed_sweep_comes_to_the_same_table(tmp_path):
    """kill -9 in the first group, and again in the second."""
    options = ["--steps=600", "--executor=shard", "--halving=2"]
    environ = environment(JAX_NUM_CPU_DEVICES="2")
    quiet = {"cwd": ROOT, "env": environ, "stdout": subprocess.DEVNULL}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for group in ("00", "01"):
        process = subprocess.Popen(command(killed, *options), **quiet)
        folder = killed / "groups" / group / "checkpoints"
        while process.poll() is None and not list(folder.glob("[0-9]*/")):
            time.sleep(0.02)
        time.sleep(0.3)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
    for workdir in (killed, whole):
        subprocess.run(command(workdir, *options), **quiet, check=True)
    assert results(killed) == results(whole)


@pytest.mark.slow
def test_one_and_eight_devices_give_the_same_results(tmp_path):
    """Forced host devices, with SGD; the members of each device one after the other."""
    found = {}
    for count in ("1", "8"):
        workdir = tmp_path / count
        options = ["--steps=50", "--executor=shard", "--seeds=4"]
        environ = environment(JAX_NUM_CPU_DEVICES=count)
        subprocess.run(command(workdir, *options), cwd=ROOT, env=environ, check=True)
        executor = json.loads((workdir / "groups" / "00" / "executor.json").read_text())
        assert executor == {"inner": "map", "devices": int(count)}
        found[count] = json.loads((workdir / "results.json").read_text())["members"]
    for one, eight in zip(found["1"], found["8"], strict=True):
        assert one["score"] == pytest.approx(eight["score"], abs=1e-5)
        assert one | {"score": 0} == eight | {"score": 0}
