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
from jaxgan.runs.loop import train

NAMES = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
PREPARED = ("mnist", "cifar10", "stacked_mnist")  # sets that TFDS prepares
SMALL = ["--steps=4", "--steps-per-call=2", "--log-every=4", "--num-eval-samples=64"]
# Batches of 100 do not divide over eight devices.
DIVIDED = {
    "digits_semi_supervised": ["--batch-size=96", "--streams.labelled.batch-size=96"],
}


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


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(PREPARED)])
@pytest.mark.slow
def test_it_trains(name, tmp_path):
    flags = [*SMALL, *DIVIDED.get(name, ())]
    assert main(["train", f"experiments.{name}", f"--workdir={tmp_path}", *flags]) == 0
    check(tmp_path)


@pytest.fixture
def squares(prepare):
    """Prepares squares in three places, as a data set of this size without a split "test"."""

    def prepared(side, channels, labelled):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, 90)
        images = rng.integers(0, 60, (90, side, side, channels), dtype=np.uint8)
        for image, corner in zip(images, 5 * labels, strict=True):
            image[corner : corner + 5, corner : corner + 5] = 250
        return prepare("squares", list(images), labels=labels if labelled else None)

    return prepared


@pytest.mark.parametrize(
    ("side", "channels", "labelled"),
    [pytest.param(16, 1, True, marks=pytest.mark.slow), (28, 3, False)],
)
@pytest.mark.slow
def test_mnist_dcgan_trains_on_any_prepared_set(side, channels, labelled, squares, tmp_path):
    data_dir = squares(side, channels, labelled)
    arguments = ["train", "experiments.mnist_dcgan", *SMALL, "--batch-size=16"]
    arguments += ["--data.name=squares", f"--data-dir={data_dir}", f"--workdir={tmp_path / 'run'}"]
    arguments += [f"--{player}.network.kwargs.width=4" for player in ("generator", "discriminator")]
    arguments += ["--eval-features=classifier"] if labelled else []
    assert main(arguments) == 0
    row = check(tmp_path / "run")
    assert ("eval/classes" in row) == labelled
    if labelled:
        assert row["eval/classifier_accuracy"] > 0.9


def narrow(player):
    """The player with few units."""
    kwargs = dict(player.network.kwargs)
    kwargs |= {"width": 2} if "width" in kwargs else {}
    kwargs |= {"widths": (8,) * len(kwargs["widths"])} if "widths" in kwargs else {}
    return dataclasses.replace(player, network=dataclasses.replace(player.network, kwargs=kwargs))


def small(config, data_dir):
    """Two steps of an experiment, with narrow networks, on the squares."""
    here = {"name": "squares", "dir": str(data_dir)}
    streams = {
        name: dataclasses.replace(stream, per_class=stream.per_class and 2, batch_size=8, **here)
        for name, stream in config.streams.items()
    }
    return dataclasses.replace(
        config,
        steps=2,
        steps_per_call=2,
        log_every=2,
        data=dataclasses.replace(config.data, batch_size=16, **here),
        streams=streams,
        generator=narrow(config.generator),
        discriminator=narrow(config.discriminator),
        networks={name: narrow(player) for name, player in config.networks.items()},
        eval_features="pixels",
        eval_metrics=("sliced_wasserstein_distance",),
        best_metric=None,
        num_eval_samples=16,
    )


@pytest.mark.parametrize(
    "name",
    [
        name if name == "mnist_mlp" else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
        if name.startswith("mnist")
    ],
)
def test_every_mnist_experiment_trains_on_any_prepared_set(name, squares, tmp_path):
    """Without the genuine digits, and in seconds."""
    module = importlib.import_module(f"experiments.{name}")
    run = train(small(module.config(), squares(16, 1, True)), tmp_path / "run", experiment=module)
    assert run.step == 2
    assert all(np.isfinite(value) for value in run.summary["metrics"].values())
    assert (run.workdir / "samples" / "step_00000002.png").exists()


@pytest.mark.parametrize(
    "flag",
    [
        "terms.classes.weight=0",
        pytest.param("discriminator.network.kwargs.conditioning='none'", marks=pytest.mark.slow),
        pytest.param("discriminator.network.kwargs.conditioning=concat", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_mnist_conditional_takes_one_flag_for_each_kind(flag, squares, tmp_path):
    data_dir, run = squares(16, 1, True), str(tmp_path / "run")
    arguments = ["train", "experiments.mnist_conditional", *SMALL, "--batch-size=16", f"--{flag}"]
    arguments += ["--eval-features=classifier"]  # the images are few
    arguments += ["--data.name=squares", f"--data-dir={data_dir}", f"--workdir={run}"]
    arguments += [f"--{player}.network.kwargs.width=4" for player in ("generator", "discriminator")]
    assert main(arguments) == 0
    assert 0 <= check(tmp_path / "run")["eval/class_agreement"] <= 1
    picture = tmp_path / "twos.png"
    assert main(["sample", run, "--label=2", "--num=9", f"--out={picture}"]) == 0
    assert picture.exists()


@pytest.mark.slow
def test_mnist_conditional_makes_the_digits_that_are_asked_for(real_data_dir, tmp_path):
    arguments = ["train", "experiments.mnist_conditional", "--steps=2000", "--eval-every=0"]
    assert main([*arguments, f"--data-dir={real_data_dir}", f"--workdir={tmp_path}"]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["metrics"]["eval/class_agreement"] >= 0.95


@pytest.mark.slow
def test_mnist_dcgan_trains_on_the_genuine_mnist(real_data_dir, tmp_path):
    """All 60,000 images; the scores need a classifier of minutes, and are left out."""
    module = importlib.import_module("experiments.mnist_dcgan")
    from jaxgan.runs.build import build

    config = override(module.config(), "data.dir", str(real_data_dir))
    run = build(dataclasses.replace(config))
    assert (run.source.size, run.source.shape, run.source.num_classes) == (60_000, (28, 28, 1), 10)
