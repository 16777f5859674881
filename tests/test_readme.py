"""Every command and every example of the README runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from benchmark_scripts import load
from PIL import Image

from jaxgan.cli import main
from jaxgan.evaluation import reference
from jaxgan.runs import loop
from jaxgan.runs.build import build

ROOT = Path(__file__).parent.parent
readme = load("readme")
README = readme.read((ROOT / "README.md").read_text())
COMMANDS = [command.line for command in README.commands]
(PICKED_UP,) = README.code
# What makes a run short.
SHORT = ["--steps=2", "--num-eval-samples=8", "--log-every=2"]
BUILT = ("experiments.grid", "experiments.ring_mmd", "photos", "recovery")


def test_the_readme_begins_with_the_main_job_and_the_tests():
    assert COMMANDS[:2] == ["make demo", "make test"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the README's files, whose modules are forgotten afterwards, and some photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, content in README.files.items():
        (tmp_path / name).write_text(content)
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)):
        (tmp_path / "photos" / str(i % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "photos" / str(i % 2) / f"{i}.png")
    yield tmp_path
    for name in README.files:
        sys.modules.pop(name.removesuffix(".py"), None)


def only_built(config, workdir, **options):
    """In the place of `train`: everything up to the first step; a game of one's own is traced."""
    program = build(config)
    state = jax.eval_shape(program.init, jax.random.key(0))
    if ":" in config.game.name:
        batch = program.source.read(np.arange(config.data.batch_size))
        jax.eval_shape(program.train_step, state, batch)
    workdir.mkdir(parents=True)
    raise SystemExit(0)


def test_its_commands_run_one_after_the_other(folder, monkeypatch, capsys):
    """In one process, for a few steps; `python -m experiments.X` is `jaxgan train`.

    What is trained a second time, with other flags, or on a grid or images, is only built.
    """
    monkeypatch.setattr(reference, "MAX_REAL", 500)  # makes evaluations short
    for line in COMMANDS[2:]:
        program, *arguments = shlex.split(line)
        if program == "python":
            assert arguments.pop(0) == "-m"
            arguments.insert(0, "train")
        again = bool({"--workdir", *BUILT} & set(arguments))
        if arguments[0] in ("train", "sweep") and "--help" not in arguments:
            arguments += SHORT
        if arguments[0] == "sweep":
            arguments += ["--executor=map", "--seeds=1"]
        with monkeypatch.context() as patched:
            if again:
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
    trained = {Path(run).name for line in COMMANDS[2:] if (run := readme.run_of(line))}
    assert {p.name for p in (folder / "runs").iterdir()} == trained | {"ring-sweep"}


@pytest.mark.slow
def test_its_figures_hold(tmp_path):
    """At full length, as a user would do: `python benchmarks/readme.py`."""
    assert {line: wrong for line, wrong, _ in readme.repeat(tmp_path, README) if wrong} == {}


def test_each_training_command_promises_a_figure():
    """But those whose result is a controller's, which is checked too, and on one's own photos."""
    silent = [
        command.line
        for command in README.commands
        if readme.run_of(command.line) and not readme.kept(command.comment)
    ]
    assert silent == ["jaxgan train photos --data.mirror"]


ROW = {"eval/modes": 8.0, "eval/high_quality": 0.95, "loss/encoder": 0.3}


@pytest.mark.parametrize(
    ("comment", "wrong"),
    [
        ("8 of 8 modes, 94 %, and loss/encoder falls below 0.4", []),
        ("8 of 8 modes, 91 %", ["eval/high_quality near 0.91: it ended at 0.95"]),
        ("7 of 8 modes", ["eval/modes is 7: it ended at 8"]),
        ("loss/encoder falls below 0.2", ["loss/encoder falls below 0.2: it ended at 0.3"]),
        ("loss/encoder falls below 2", ["loss/encoder falls below 2: it ended at 0.3"]),
    ],
)
def test_a_broken_promise_is_seen(comment, wrong):
    rows = [ROW | {"loss/encoder": 1.0}, ROW]
    assert list(readme.broken(readme.kept(comment), {"controllers": {}}, rows)) == wrong


@pytest.mark.parametrize(
    ("measured", "adjusted", "wrong"),
    [
        (0.715, 0.5, []),
        (0.75, 0.5, ["auc is 0.750 in the second half, not 0.72"]),
        (0.72, 1.0, ["penalties.r1.weight is at its limit: 1 to 1"]),
        (0.72, 0.1, ["penalties.r1.weight is at its limit: 0.1 to 0.1"]),
    ],
)
def test_a_controller_that_does_not_hold_is_seen(measured, adjusted, wrong):
    config = {"name": "auc", "target": 0.72, "lower": 0.1, "upper": 1.0}
    config["adjusts"] = "penalties.r1.weight"
    row = {"controllers/balance/measured": measured, "controllers/balance/adjusted": adjusted}
    assert list(readme.broken([], {"controllers": {"balance": config}}, [row] * 2)) == wrong


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


def test_it_names_every_experiment():
    names = {path.stem for path in (ROOT / "experiments").glob("*.py")} - {"__init__", "folder"}
    table = (ROOT / "README.md").read_text().partition("| system | experiments |")[2]
    assert set(re.findall(r"`(\w+)`", table.partition("\n\n")[0])) == names
