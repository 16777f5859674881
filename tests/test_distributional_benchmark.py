"""The benchmark of generators without adversaries: its settings build, its runs go on."""

import json

import pytest
from benchmark_scripts import load

from jaxgan.runs.build import build


@pytest.fixture(scope="module")
def script():
    return load("distributional")


@pytest.mark.slow
def test_every_setting_builds(script):
    for cells in script.CELLS.values():
        for name, method in script.METHODS.items():
            config = script.make_config(cells[0], method)
            assert config.data.batch_size == cells[0].batch, name
            assert (config.game.name == "adversarial") == bool(method.critic)
            build(config)


@pytest.mark.slow
def test_it_trains_goes_on_and_shows_the_floor(script, tmp_path, capsys):
    out = tmp_path / "table.md"
    arguments = ["--data=spiral", "--batches=8", "--seeds=2", "--steps=20", f"--out={out}"]
    script.main([*arguments, "--methods=score_drift"])
    first = json.loads(out.with_suffix(".json").read_text())["spiral, batch 8"]["score_drift"]
    assert len(first["curve_recall"]) == 2 and all(first["finite"]) and first["steps"] == 20
    script.main([*arguments, "--methods=score_drift,mmd_batch"])
    again = json.loads(out.with_suffix(".json").read_text())["spiral, batch 8"]
    assert again.keys() == {"score_drift", "mmd_batch"} and again["mmd_batch"]["step_time"] == 1
    assert again["score_drift"].pop("step_time") > 0 and again["score_drift"] == first
    table = out.read_text()
    assert "| floor | 1.000 +- 0.000 | 0.03" in table
    assert "| mmd_batch | " in table and " | 1.00 | " in table
    with pytest.raises(Exception, match="unknown data 'sprial'"):
        script.main(["--data=sprial"])
    capsys.readouterr()
