"""Every command and every example of the README runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.cli import main
from jaxgan.evaluation import reference
from jaxgan.runs import loop
from jaxgan.runs.build import build

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
# The files that it tells to write, by name.
FILES = dict(re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", README, re.DOTALL))
(PICKED_UP,) = re.findall(r"```python\n([^`]*jaxgan\.load.*?)```", README, re.DOTALL)
# What makes a run short.
SHORT = ["--steps=2", "--num-eval-samples=8", "--log-every=2"]


def test_the_readme_begins_with_the_main_job_and_the_tests():
    assert COMMANDS[:2] == ["make demo", "make test"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the README's files, whose modules are forgotten afterwards, and some photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)):
        (tmp_path / "photos" / str(i % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "photos" / str(i % 2) / f"{i}.png")
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def only_built(config, workdir, **options):
    """In the place of `train`: everything up to the first step."""
    jax.eval_shape(build(config).init, jax.random.key(0))
    workdir.mkdir(parents=True)
    raise SystemExit(0)


@pytest.mark.parametrize("all_train", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_its_commands_run_one_after_the_other(all_train, folder, monkeypatch, capsys):
    """In one process; `python -m experiments.X` is `jaxgan train`.

    What is trained a second time, with other flags, on a grid or on photos, is only built, but for
    the slow test.
    """
    monkeypatch.setattr(reference, "MAX_REAL", 500)  # makes evaluations short
    assert set(FILES) == {"moments.py", "recovery.py", "sweep.py"}
    for line in COMMANDS[2:]:
        program, *arguments = shlex.split(line)
        if program == "python":
            assert arguments.pop(0) == "-m"
            arguments.insert(0, "train")
        again = bool({"--workdir", "experiments.grid", "photos"} & set(arguments))
        if arguments[0] == "train" and "--help" not in arguments:
            arguments += SHORT
        with monkeypatch.context() as patched:
            if again and not all_train:
                patched.setattr(loop, "train", only_built)
            try:
                code = main(arguments)
            except SystemExit as end:  # --help, or built
                code = end.code or 0
        assert code == 0, f"{line}: {capsys.readouterr().err}"
    assert (folder / "ring.png").exists() and (folder / "training.gif").exists()
    exec(PICKED_UP)
    assert re.search(
        r"Run\('runs/ring', step .*\) \(1000, 2\) \(4, 16, 2\) \d", capsys.readouterr().out
    )
    assert {p.name for p in (folder / "runs").iterdir()} == {
        "ring",
        "grid",
        "moments",
        "photos",
        "recovery",
        "ring-hinge",
        "ring-mmd",
        "ring-ramp",
        "ring-balanced",
    }


@pytest.mark.slow
def test_its_sweep_runs(folder, capsys):
    sweep = (folder / "sweep.py").read_text()
    exec(compile(sweep, "sweep.py", "exec"), {"__name__": "sweep"})
    assert len(re.findall(r"\d\.\d+", capsys.readouterr().out)) == 9


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "parity", "lint", "bench"])
def test_the_make_targets_are_there(target):
    plan = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ".venv/bin/" in plan.stdout


@pytest.mark.slow
def test_the_demo_makes_its_own_environment(tmp_path):
    """From a copy without .venv; a few steps of training."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    for name in files:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    flags = " ".join(["--steps=20", "--num-eval-samples=100"])
    made = subprocess.run(
        ["make", "demo", f"FLAGS={flags}", f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert made.returncode == 0, made.stderr
    assert "runs/digits/samples/step_00000020.png" in made.stdout
    assert (tmp_path / "runs" / "digits" / "summary.json").exists()
