"""The tables of RESULTS.md: what is missing is run, what was run is kept, and shown as it was."""

import importlib
import json
import pathlib
import shlex

import benchmark_scripts
import pytest

from jaxgan.commands.train import TrainOptions
from jaxgan.flags import parse
from jaxgan.runs import names


@pytest.fixture(scope="module")
def tables():
    return benchmark_scripts.load("tables")


@pytest.fixture
def results(monkeypatch, tmp_path):
    """The script with a table of its own, whose runs are not trained."""
    script = benchmark_scripts.load("results")
    rows = script.Row("a", "ring --steps 4"), script.Row("b", "grid", "8 (theirs)")
    scores = (script.FID, script.Score("share, %", "eval/share", 1, 100))
    monkeypatch.setattr(script, "TABLES", {"made": script.Table(scores, rows, "--mirror", 2)})
    monkeypatch.setattr(script, "STORE", tmp_path / "results.json")
    monkeypatch.setattr(script, "DOCUMENT", tmp_path / "RESULTS.md")
    script.DOCUMENT.write_text("before\n<!-- made -->\nold\n<!-- end of made -->\nafter\n")
    script.called = []

    def call(arguments):
        script.called.append(arguments)
        folder = arguments[arguments.index("--workdir") + 1] if "--workdir" in arguments else None
        if folder is None:
            real = {"classifier_fid": {"generated": {"value": 9.0}, "real": {"value": 0.5}}}
            out = arguments[arguments.index("--out") + 1]
            text, path = json.dumps({"figures": real}), pathlib.Path(out)
        else:
            seed = int(arguments[arguments.index("--seed") + 1])
            metrics = {"eval/classifier_fid": 1.0 + seed, "eval/share": 0.25, "loss/generator": 3}
            summary = {"metrics": metrics, "step": 4, "wall_time": 120.0}
            text, path = json.dumps(summary), pathlib.Path(folder) / "summary.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    monkeypatch.setattr(script, "_call", call)
    return script


def run(results, *arguments):
    with pytest.raises(SystemExit) as ended:
        results.main([*arguments, "--folder", str(results.STORE.parent / "runs")])
    return ended.value.code


def test_the_interval_is_students(tables):
    """t(0.975, 4) = 2.776 and a standard deviation of sqrt(2.5), from a table."""
    assert tables.interval([1, 2, 3, 4, 5], 2) == "3.00 +- 1.96"
    assert tables.interval([1.25], 1) == "1.2"


def test_only_what_is_missing_runs_and_first_seeds_come_first(results):
    assert run(results) == 0
    trained = [" ".join(call).partition(" --workdir")[0] for call in results.called]
    assert [words for words in trained if words.startswith("-m experiments")] == [
        "-m experiments.ring --steps 4 --mirror --seed 0",
        "-m experiments.grid --mirror --seed 0",
        "-m experiments.ring --steps 4 --mirror --seed 1",
        "-m experiments.grid --mirror --seed 1",
    ]
    results.called.clear()
    assert run(results) == 0 and results.called == []


def test_the_table_holds_what_was_recorded(results):
    run(results)
    text = results.DOCUMENT.read_text()
    assert text.startswith("before\n<!-- made -->\n") and text.endswith(
        "<!-- end of made -->\nafter\n"
    )
    assert "old" not in text and "Each with `--mirror --seed S`" in text
    row = next(line for line in text.splitlines() if line.startswith("| b |"))
    # Fréchet distances 1 and 2: t(0.975, 1) = 12.706 and a standard deviation of sqrt(.5).
    assert "| 1.50 +- 6.35 | 25.0 +- 0.0 | 8 (theirs) | 2 | 2 |" in row
    assert "| real data |  | 0.50 |" in text


def test_another_command_of_a_row_makes_it_run_again(results, monkeypatch):
    run(results)
    results.called.clear()
    table = results.TABLES["made"]
    changed = table._replace(rows=(table.rows[0]._replace(command="ring --steps 5"), table.rows[1]))
    monkeypatch.setattr(results, "TABLES", {"made": changed})
    assert run(results, "--seeds", "1") == 0
    assert [x for x in results.called if "5" in x] and len(results.called) == 1
    row = next(x for x in results.DOCUMENT.read_text().splitlines() if x.startswith("| a |"))
    assert "| 1.00 |" in row  # of one seed: the other has the old command


def test_a_row_that_fails_is_named_and_the_others_run(results, monkeypatch, capsys):
    call = results._call

    def failing(arguments):
        if "experiments.ring" in arguments:
            raise RuntimeError("no data")
        call(arguments)

    monkeypatch.setattr(results, "_call", failing)
    assert run(results, "--seeds", "1") == 1
    assert "made: a, seed 0: no data" in capsys.readouterr().err
    assert "| b |" in results.DOCUMENT.read_text()


def test_a_document_without_the_markers_is_refused(tables):
    with pytest.raises(ValueError, match="no markers"):
        tables.insert("text", "made", "| a |")


def test_the_document_has_a_place_for_every_table():
    script = benchmark_scripts.load("results")
    for name, table in script.TABLES.items():
        assert script.insert(script.DOCUMENT.read_text(), name, script.rendered(table, {}))


def test_every_command_of_the_tables_is_of_an_experiment():
    """And every flag of it is one: the config is built."""
    script = benchmark_scripts.load("results")
    for table in script.TABLES.values():
        for row in table.rows:
            _, _, module, *words = shlex.split(script.command_of(table, row))
            defaults = TrainOptions(config=importlib.import_module(module).config())
            names.check(parse(defaults, words, usage="train").config)
