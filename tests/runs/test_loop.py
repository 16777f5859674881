"""Whole runs: what a run directory holds, and resumption to the bit after every kind of end."""

import dataclasses
import json
import re
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from PIL import Image
from processes import ROOT, environment

from experiments import digits, ring
from jaxgan import train
from jaxgan.config import override
from jaxgan.data import load
from jaxgan.errors import ConfigError, DivergedError
from jaxgan.features import FEATURES
from jaxgan.runs import loop
from jaxgan.runs.evaluators import needs_training
from jaxgan.runs.loop import _call_lengths
from jaxgan.runs.scoring import score_names


def tiny(**changes):
    """The ring experiment, small: 40 steps with every kind of event."""
    config = ring.config()
    for player in ("generator", "discriminator"):
        config = override(config, f"{player}.network.kwargs.widths", (16,))
    every = {"log_every": 10, "sample_every": 20, "eval_every": 20, "checkpoint_every": 10}
    return dataclasses.replace(config, **({"steps": 40, "steps_per_call": 5} | every | changes))


def rows(workdir):
    """metrics.jsonl without the times."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "time"} for line in lines]


def assert_same_bits(one, other):
    for a, b in zip(*(jax.tree.leaves(s.replace(key=0)) for s in (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(tiny(), tmp_path_factory.mktemp("whole"))


def test_a_run_directory_holds_what_it_promises(uninterrupted):
    summary, workdir = uninterrupted.summary, uninterrupted.workdir
    assert uninterrupted.step == 40
    found = rows(workdir)
    assert [row["step"] for row in found] == [10, 20, 30, 40]
    assert {"loss/generator", "loss/discriminator", "discriminator/r1"} <= set(found[0])
    assert {"eval/modes", "eval/high_quality", "eval/reverse_kl"} <= set(found[1])
    assert "eval/modes" not in found[0]
    assert sorted(p.name for p in (workdir / "samples").iterdir()) == [
        "step_00000020.png",
        "step_00000040.png",
    ]
    assert Image.open(workdir / summary["picture"]).size == (600, 636)
    assert {p.name for p in (workdir / "checkpoints").iterdir()} >= {"20", "30", "40"}
    assert json.loads((workdir / "summary.json").read_text()) == summary
    assert summary["exit_reason"] == "done"
    assert summary["metrics"] == {k: v for k, v in found[-1].items() if k != "step"}
    assert summary["samples_per_second"] > 0
    assert list((workdir / "tensorboard").glob("events*"))
    assert set(json.loads((workdir / "versions.json").read_text())) >= {"jax", "flax", "jaxgan"}
    origin = json.loads((workdir / "origin.json").read_text())
    assert origin["modules"] == [] and origin["data"][""]["name"] == "ring"


def test_a_finished_run_stays_as_it_is(uninterrupted):
    before = (uninterrupted.workdir / "metrics.jsonl").read_bytes()
    again = train(tiny(), uninterrupted.workdir)
    assert again.summary == uninterrupted.summary
    assert (uninterrupted.workdir / "metrics.jsonl").read_bytes() == before


@pytest.mark.slow
def test_steps_per_call_do_not_matter(tmp_path, uninterrupted):
    other = train(tiny(steps_per_call=10), tmp_path)
    np.testing.assert_allclose(
        jax.tree.leaves(other.state.players["generator"].params)[0],
        jax.tree.leaves(uninterrupted.state.players["generator"].params)[0],
        atol=1e-6,
    )


@pytest.mark.parametrize("mode", ["jit", "pmap"])
@pytest.mark.slow
def test_data_from_the_host_is_the_same_data(mode, tmp_path, uninterrupted):
    streamed = train(override(tiny(parallel=mode), "data.placement", "host"), tmp_path)
    for one, other in zip(rows(tmp_path), rows(uninterrupted.workdir), strict=True):
        assert one["loss/discriminator"] == pytest.approx(other["loss/discriminator"], abs=1e-5)
    assert int(streamed.state.step) == 40


@pytest.mark.slow
def test_resume_may_lengthen_a_run(tmp_path, uninterrupted):
    constant = {
        name: dataclasses.replace(getattr(tiny(), name), learning_rate=1e-3)
        for name in ("generator", "discriminator")
    }
    train(tiny(steps=20, **constant), tmp_path / "parts")
    with pytest.raises(ConfigError, match=r"another steps .* pass --resume"):
        train(tiny(**constant), tmp_path / "parts")
    resumed = train(tiny(**constant), tmp_path / "parts", resume=True)
    assert_same_bits(resumed.state, train(tiny(**constant), tmp_path / "whole").state)
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_another_config_is_refused(uninterrupted):
    with pytest.raises(ConfigError, match=r"another seed .* choose another --workdir"):
        train(tiny(seed=1), uninterrupted.workdir)
    with pytest.raises(ConfigError, match="at step 40; raise --steps"):
        train(tiny(steps=30), uninterrupted.workdir, resume=True)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(ConfigError, match="holds no run to resume"):
        train(tiny(), tmp_path, resume=True)


@pytest.mark.slow
def test_the_best_is_marked_by_a_metric_that_is_measured(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'eval/modes'"):
        train(tiny(best_metric="eval/mode"), tmp_path)
    assert train(tiny(best_metric="eval/modes"), tmp_path).summary["best_step"] in (20, 40)


def test_the_scores_are_those_announced(uninterrupted):
    announced = {name for name in uninterrupted.summary["metrics"] if name.startswith("eval/")}
    assert announced == set(score_names((), load("ring")))


def test_only_features_that_are_trained_wait_for_the_first_evaluation(tmp_path, monkeypatch):
    scored = {name: override(digits.config(), "eval_features", name) for name in FEATURES}
    source = load("digits")
    waiting = {name for name, config in scored.items() if needs_training(config, source)}
    assert waiting == {"autoencoder", "classifier", "stacked_classifier"}

    def reference_for(*arguments):
        raise LookupError("the real samples are asked for")

    monkeypatch.setattr(loop, "reference_for", reference_for)
    for waits, steps in ((False, []), (True, [10])):
        monkeypatch.setattr(loop, "needs_training", lambda *arguments, waits=waits: waits)
        with pytest.raises(LookupError):
            train(tiny(), tmp_path / str(waits))
        assert [row["step"] for row in rows(tmp_path / str(waits))] == steps


def test_divergence_stops_the_run_and_says_when(tmp_path):
    config = override(tiny(), "generator.learning_rate", 1e30)
    with pytest.raises(DivergedError, match=r"at step \d+; .*lower the learning rates"):
        train(config, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["exit_reason"] == "diverged"


def test_calls_end_at_events_wherever_they_start():
    config = tiny(steps=47, steps_per_call=8)
    whole = list(_call_lengths(config, 0))
    assert sum(whole) == 47 and max(whole) == 8
    ends = np.cumsum(whole)
    assert {10, 20, 30, 40, 47} <= set(ends)
    for end, index in zip(ends, range(1, len(whole) + 1), strict=True):
        assert list(_call_lengths(config, int(end))) == whole[index:]


def command(workdir):
    """A long enough run of the real command on one device, checkpointing often."""
    experiment = [sys.executable, "-m", "experiments.ring", "--workdir", str(workdir)]
    sizes = [f"--{p}.network.kwargs.widths=16" for p in ("generator", "discriminator")]
    events = ["--log-every=100", "--checkpoint-every=100", "--eval-every=600"]
    return [*experiment, *sizes, *events, "--steps=1200", "--steps-per-call=20"]


def checkpointed(workdir):
    found = (workdir / "checkpoints").glob("[0-9]*")
    return max((int(p.name) for p in found if p.name.isdigit()), default=0)


def interrupt(workdir, number):
    """Starts the command, and sends the signal after two or more new checkpoints."""
    before = checkpointed(workdir)
    process = subprocess.Popen(
        command(workdir),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and checkpointed(workdir) < before + 200:
        time.sleep(0.02)
    process.send_signal(number)
    return process.wait(60), process.stderr.read()


def digests(workdir):
    """Of every leaf of the last state."""
    newest = workdir / "checkpoints" / str(checkpointed(workdir))
    return json.loads((newest / "extra" / "metadata").read_text())["digests"]


@pytest.mark.slow
def test_killed_and_terminated_runs_go_on_to_the_same_bits(tmp_path):
    """kill -9, then SIGTERM, then to the end: equal to a run that nobody touched."""
    touched, untouched = tmp_path / "touched", tmp_path / "untouched"
    assert interrupt(touched, signal.SIGKILL)[0] == -signal.SIGKILL
    code, message = interrupt(touched, signal.SIGTERM)
    assert code == 5
    assert json.loads((touched / "summary.json").read_text())["exit_reason"] == "interrupted"
    assert re.fullmatch(r"jaxgan: interrupted at step \d+ and saved; .*\n", message)
    for workdir in (touched, untouched):
        subprocess.run(
            command(workdir), cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL
        )
    assert checkpointed(touched) == checkpointed(untouched) == 1200
    assert digests(touched) == digests(untouched)
    assert rows(touched) == rows(untouched)
    summaries = [json.loads((w / "summary.json").read_text()) for w in (touched, untouched)]
    assert summaries[0]["metrics"] == summaries[1]["metrics"]


@pytest.mark.slow
def test_images_are_scored_and_pictured(tmp_path):
    config = digits.config()
    for player in ("generator", "discriminator"):
        config = override(config, f"{player}.network.kwargs.width", 4)
    config = dataclasses.replace(config, steps=4, num_eval_samples=200, monitor_every=2)
    run = train(config, tmp_path)
    summary, workdir = run.summary, run.workdir
    announced = {name for name in summary["metrics"] if name.startswith("eval/")}
    assert announced == set(score_names((), load("digits")))
    assert summary["metrics"]["eval/classifier_accuracy"] > 0.95
    assert summary["metrics"]["monitor/kid"] > 0.01
    picture = Image.open(workdir / summary["picture"])
    assert picture.size == (274, 274) and picture.mode == "L"
