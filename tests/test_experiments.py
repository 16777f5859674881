"""Every experiment builds, says what it is, and trains a few steps end to end."""

import dataclasses
import importlib
import json
import pkgutil

import numpy as np
import pytest

import experiments
from jaxgan.cli import main
from jaxgan.config import override

NAMES = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
SMALL = ["--steps=4", "--steps-per-call=2", "--log-every=4", "--num-eval-samples=64"]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_to_run_and_what_to_expect(name):
    module = importlib.import_module(f"experiments.{name}")
    assert f"python -m experiments.{name}" in module.__doc__
    assert "2026" in module.__doc__ and "cores" in module.__doc__
    config = module.config()
    assert config.steps % config.steps_per_call == config.log_every % config.steps_per_call == 0


def check(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 4
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    assert (workdir / "samples" / "step_00000004.png").exists()
    return rows[-1]


@pytest.mark.parametrize("name", ["digits", "ring", "grid"])
def test_it_trains(name, tmp_path):
    assert main(["train", f"experiments.{name}", f"--workdir={tmp_path}", *SMALL]) == 0
    check(tmp_path)


@pytest.mark.parametrize(("side", "channels", "labelled"), [(16, 1, True), (28, 3, False)])
def test_mnist_dcgan_trains_on_any_prepared_set(side, channels, labelled, prepare, tmp_path):
    """Squares in three places, prepared here; there is no split "test"."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    squares = rng.integers(0, 60, (90, side, side, channels), dtype=np.uint8)
    for image, corner in zip(squares, 5 * labels, strict=True):
        image[corner : corner + 5, corner : corner + 5] = 250
    data_dir = prepare("squares", list(squares), labels=labels if labelled else None)
    arguments = ["train", "experiments.mnist_dcgan", *SMALL, "--batch-size=16"]
    arguments += ["--data.name=squares", f"--data-dir={data_dir}", f"--workdir={tmp_path / 'run'}"]
    arguments += [f"--{player}.network.kwargs.width=4" for player in ("generator", "discriminator")]
    assert main(arguments) == 0
    row = check(tmp_path / "run")
    assert ("eval/classes" in row) == labelled
    if labelled:
        assert row["eval/classifier_accuracy"] > 0.9


def test_mnist_dcgan_trains_on_the_genuine_mnist(real_data_dir, tmp_path):
    """All 60,000 images; the scores need a classifier of minutes, and are left out."""
    module = importlib.import_module("experiments.mnist_dcgan")
    from jaxgan.runs.build import build

    config = override(module.config(), "data.dir", str(real_data_dir))
    run = build(dataclasses.replace(config))
    assert (run.source.size, run.source.shape, run.source.num_classes) == (60_000, (28, 28, 1), 10)
