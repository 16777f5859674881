"""What is told of the runs in a folder; their files are written here, as runs write them."""

import io
import json
import os
import subprocess
import sys
import time

import pytest
import rich.console

from jaxgan.cli import main
from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.runs.directory import RunDirectory, in_use, locked
from jaxgan.runs.overview import RunState, runs_in, table_of


def write_run(root, *, steps=1000, reason=None, step=0, rows=(), best=("eval/fid", False)):
    directory = RunDirectory(root)
    root.mkdir(parents=True)
    directory.describe(Config(steps=steps), {}, [], best)
    directory.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if reason is not None:
        directory.summary.write_text(json.dumps({"exit_reason": reason, "step": step}))
    return root


@pytest.fixture
def folder(tmp_path):
    rows = [{"step": 100, "eval/fid": 3.0}, {"step": 200, "eval/fid": 2.0}, {"step": 300, "x": 1.0}]
    rows += [{"step": 400, "eval/fid": 2.5}]
    write_run(tmp_path / "done", reason="done", step=1000, rows=rows)
    write_run(tmp_path / "group" / "killed", rows=rows[:2], best=("eval/fid", True))
    write_run(tmp_path / "group" / "diverged", reason="diverged", step=340, rows=rows[:3])
    write_run(tmp_path / "longer", steps=2000, reason="done", step=1000)
    write_run(tmp_path / "held", reason="interrupted", step=250, rows=rows[:1])
    # Of no run: neither are the files that lie in one.
    (tmp_path / "done" / "checkpoints" / "0").mkdir(parents=True)
    for name in ("config.json", "versions.json"):
        (tmp_path / "done" / "checkpoints" / "0" / name).write_text("{}")
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_states_steps_and_best_scores(folder):
    with locked(folder / "held"):
        found = {run.name: run[1:6] for run in runs_in(folder)}
    assert found == {
        "done": ("done", 1000, 1000, "eval/fid", 2.0),
        "group/killed": ("interrupted", 200, 1000, "eval/fid", 3.0),
        "group/diverged": ("diverged", 340, 1000, "eval/fid", 2.0),
        "longer": ("interrupted", 1000, 2000, None, None),
        "held": ("running", 250, 1000, "eval/fid", 3.0),
    }
    assert not in_use(folder / "held")


def test_the_last_written_comes_first_and_damaged_files_do_not_matter(folder):
    now = time.time()
    for age, name in ((30, "held"), (7300, "done"), (200_000, "longer")):
        for file in (folder / name).glob("*.json*"):
            os.utime(file, (now - age, now - age))
    (folder / "held" / "summary.json").write_text("{")
    (folder / "held" / "origin.json").unlink()
    runs = runs_in(folder)
    assert [run.name for run in runs][-2:] == ["done", "longer"]
    held = next(run for run in runs if run.name == "held")
    assert held[1:6] == ("interrupted", 100, 1000, None, None)
    assert 7300 <= runs[-2].seconds < 7400


def test_the_command_prints_a_table_without_jax(folder):
    code = (
        "import sys; from jaxgan.cli import main\n"
        f"assert main(['runs', {str(folder)!r}]) == 0\n"
        "assert 'jax' not in sys.modules"
    )
    environment = {**os.environ, "COLUMNS": "100"}
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert process.returncode == 0, process.stderr
    lines = [line.split() for line in process.stdout.splitlines()]
    assert ["run", "state", "step", "of", "best", "score", "written"] in lines
    assert ["done", "done", "1,000", "1,000", "2", "fid"] in [line[:6] for line in lines]
    assert ["longer", "interrupted", "1,000", "2,000"] in [line[:4] for line in lines]


def test_no_name_is_cut_in_80_columns():
    names = ("mnist_wgan_gp-compared/weight-decay/seed-3", "eval/stacked_classifier_accuracy")
    run = RunState(names[0], "interrupted", 20_000, 200_000, names[1], 1.234e-5, 100.0)
    with io.StringIO() as printed:
        rich.console.Console(file=printed, width=80).print(table_of([run]))
        lines = printed.getvalue().splitlines()[3:]
    assert "interrupted  20,000  200,000  1.234e-05" in lines[0]
    start = lines[0].index("stacked")
    assert "".join(line[:13].strip() for line in lines) == names[0]
    assert "".join(line[start : start + 12].strip() for line in lines) == names[1][5:]


def test_a_run_itself_no_runs_and_no_folder(folder, capsys):
    assert [run.name for run in runs_in(folder / "done")] == ["done"]
    assert main(["runs", str(folder / "notes")]) == 0
    assert capsys.readouterr().out.startswith("no runs in")
    with pytest.raises(ConfigError, match="there is no folder"):
        runs_in(folder / "nowhere")
