"""The benchmark of all losses on the ring: it covers the registry, and its runs go on."""

import json
import subprocess
import sys

import pytest
from benchmark_scripts import BENCHMARKS, load

from jaxgan.losses import LOSSES
from jaxgan.runs.build import build

SCRIPT = BENCHMARKS / "ring_losses.py"


@pytest.fixture(scope="module")
def ring_losses():
    return load("ring_losses")


@pytest.mark.slow
def test_every_loss_has_a_row_that_builds_or_a_reason(ring_losses):
    rows = ring_losses.settings()
    assert rows.keys() >= LOSSES.keys()
    excluded = {label for label, row in rows.items() if isinstance(row, str)}
    of_images = {"ssim", "ms_ssim"}
    of_labels = {"auxiliary_classifier", "conditional_mmd", "conditional_drifting"}
    of_latents = {"hsic_infogan", "mode_seeking", "sinkhorn_drift"}
    fitted = {"frechet", "mmd_reference", "mmd_nystroem", "mmd_fourier"}
    assert excluded == of_images | of_labels | of_latents | fitted
    for label in rows.keys() - excluded:
        config = ring_losses.make_config(rows[label], 20)
        assert (config.data.name, config.data.batch_size, config.steps) == ("ring", 128, 20)
        build(config)


def test_results_of_other_settings_are_not_mixed(ring_losses, tmp_path):
    out = tmp_path / "ring.md"
    ring_losses.write(out, {}, {"steps": 20, "seeds": 2})
    assert ring_losses.read(out, {"steps": 20, "seeds": 2}) == {}
    with pytest.raises(SystemExit, match="name another --out"):
        ring_losses.read(out, {"steps": 40, "seeds": 2})


@pytest.mark.slow
def test_it_trains_two_losses_and_goes_on(tmp_path):
    out = tmp_path / "ring.md"

    def run(losses):
        command = [sys.executable, SCRIPT, "--losses", losses, "--steps=20", "--seeds=2"]
        done = subprocess.run(
            [*command, "--out", out],
            cwd=BENCHMARKS.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, json.loads(out.with_suffix(".json").read_text())["results"]

    _, first = run("mmd_gaussian")
    printed, both = run("mmd_gaussian,l2_nearest")
    assert both["mmd_gaussian"] == first["mmd_gaussian"]
    for label in ("mmd_gaussian", "l2_nearest"):
        assert f"| {label} |" in printed
        figures = both[label]
        assert figures["diverged"] == [None, None]
        assert figures["step_time"] > 0
        assert all(0 <= modes <= 8 for modes in figures["modes"])
        assert all(0 <= share <= 1 for share in figures["high_quality"])
    assert "not applicable" in out.read_text()
