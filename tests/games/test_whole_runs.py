"""Games of the registry and a user's own through the loop: killed, resumed, sampled, scored."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import user_game
from game_configs import CONFIGS, whole_run
from processes import environment

from jaxgan.cli import main
from jaxgan.config import override
from jaxgan.errors import ConfigError
from jaxgan.runs.build import build
from jaxgan.runs.loop import train

TESTS = Path(__file__).parent.parent


def process(name, workdir):
    """The run, in a process of its own, on one device."""
    return subprocess.Popen(
        [sys.executable, TESTS / "game_configs.py", name, workdir],
        cwd=TESTS.parent,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def checkpoints(workdir):
    return sorted(int(p.name) for p in (workdir / "checkpoints").glob("*") if p.name.isdigit())


def rows(workdir):
    """metrics.jsonl without the times."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "time"} for line in lines]


def digests(workdir):
    """Of every leaf of the last state."""
    newest = workdir / "checkpoints" / str(checkpoints(workdir)[-1])
    return json.loads((newest / "extra" / "metadata").read_text())["digests"]


DEFAULT = ("user",)


@pytest.mark.parametrize(
    "name",
    [
        name if name in DEFAULT else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted(CONFIGS)
    ],
)
@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits(name, tmp_path):
    """kill -9, and then to the end: equal to a run that nobody touched."""
    killed, untouched = tmp_path / "killed", tmp_path / "untouched"
    running = process(name, killed)
    while running.poll() is None and len(checkpoints(killed)) < 2:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait(60) == -signal.SIGKILL, running.stderr.read()
    assert 20 <= checkpoints(killed)[-1] < 200
    for workdir in (killed, untouched):
        running = process(name, workdir)
        _, message = running.communicate(timeout=300)
        assert running.returncode == 0, message
        assert checkpoints(workdir)[-1] == 200
    assert digests(killed) == digests(untouched)
    assert rows(killed) == rows(untouched)


@pytest.mark.slow
def test_flags_reach_a_users_own_game(tmp_path, capsys):
    """Its floats and flags on the command line; then samples and scores of the run."""
    run = str(tmp_path / "run")
    flags = ["--game.kwargs.margin=0.5", "--game.kwargs.squared=True", "--steps=10"]
    assert main(["train", "user_game", f"--workdir={run}", *flags]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["game"]["kwargs"] == {"margin": 0.5, "squared": True}
    assert "eval/distance" in rows(tmp_path / "run")[-1]
    assert main(["sample", run, "--num=7", f"--out={tmp_path / 'samples.png'}"]) == 0
    assert (tmp_path / "samples.png").exists()
    assert main(["eval", run, "--num-samples=64"]) == 0
    assert "distance" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("game", "name", "value", "message"),
    [
        ("user", "margin", 0.0, r"game\.kwargs\.margin is 0.0; it must be greater than 0"),
        ("vae", "beta", -1.0, "game.kwargs.beta is -1.0; it must be at least 0"),
        ("began", "diversity", 2.0, r"it must be in \[0, 1\]"),
        ("infogan", "num_codes", 1, "it must be at least 2"),
        ("cycle_gan", "cycles", 1.0, "did you mean 'cycle'"),
        ("bigan", "stochastic", 1.0, "it must be of type bool"),
    ],
)
def test_a_value_out_of_range_is_named_before_anything_compiles(game, name, value, message):
    config = override(CONFIGS[game], f"game.kwargs.{name}", value)
    with pytest.raises(ConfigError, match=message):
        build(config)


def test_a_missing_network_is_named():
    config = dataclasses.replace(CONFIGS["vae_gan"], networks={})
    program = build(config)
    with pytest.raises(ConfigError, match=r"'encoder'.* add it as networks\.encoder"):
        jax.eval_shape(program.init, jax.random.key(0))


@pytest.mark.slow
def test_a_train_step_of_ones_own_runs_in_the_same_loop(tmp_path):
    """Gradient descent on the mean, against the data's own; pmap is not its concern."""
    config = dataclasses.replace(whole_run("algorithm"), steps=160)
    run = train(config, tmp_path / "run", experiment=user_game)
    state, summary = run.state, run.summary
    real = user_game.line().read(np.arange(64)).real
    np.testing.assert_allclose(state.mean, real.mean(axis=0), atol=0.2)
    assert summary["metrics"]["loss"] > 0
    assert {"eval/sliced_wasserstein_distance"} <= summary["metrics"].keys()
    assert main(["sample", str(tmp_path / "run"), f"--out={tmp_path / 'samples.png'}"]) == 0
