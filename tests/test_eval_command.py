"""`jaxgan eval` on a run and on images of any program, and what it says of bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import ring
from jaxgan import train
from jaxgan.cli import main
from jaxgan.config import override
from jaxgan.data import load
from jaxgan.evaluation import reference

FIGURES = "reverse_kl modes high_quality std_ratio"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run on the ring."""
    config = override(ring.config(), "steps", 20)
    for path, value in {
        "generator.network.kwargs.widths": (8,),
        "discriminator.network.kwargs.widths": (8,),
        "data.batch_size": 64,
        "num_eval_samples": 100,
        "steps_per_call": 20,
        "generator.learning_rate": 1e-3,
        "discriminator.learning_rate": 1e-3,
    }.items():
        config = override(config, path, value)
    workdir = tmp_path_factory.mktemp("runs") / "ring"
    train(config, workdir)
    return workdir


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder and an .npz of real digits, and one with an image that is cut short."""
    root = tmp_path_factory.mktemp("images")
    images = load("digits").read(np.arange(60)).real
    for name, chosen in (("real", images[:40]), ("fake", images[40:])):
        (root / name).mkdir()
        for index, image in enumerate(chosen):
            Image.fromarray(image[..., 0]).save(root / name / f"{index:02}.png")
    np.savez(root / "fake.npz", images[40:])
    (root / "empty").mkdir()
    (root / "cut").mkdir()
    whole = (root / "fake" / "00.png").read_bytes()
    for name, content in (("a.png", whole), ("b.png", whole[: len(whole) // 2])):
        (root / "cut" / name).write_bytes(content)
    return root


@pytest.fixture
def few_real(monkeypatch):
    """Makes evaluations short."""
    monkeypatch.setattr(reference, "MAX_REAL", 1000)


def refused(capsys, *arguments):
    """The exit code and the one line of a command that fails."""
    code = main(["eval", *map(str, arguments)])
    message = capsys.readouterr().err
    assert message.startswith("jaxgan: ") and message.count("\n") == 1
    return code, message


def test_a_run_gets_a_table_and_a_file(run, few_real, capsys):
    assert main(["eval", str(run), "--metrics", "mixture_modes", "prdc"]) == 0
    printed = capsys.readouterr().out
    result = json.loads((run / "eval.json").read_text())
    assert list(result["figures"]) == [
        *FIGURES.split(),
        "precision",
        "recall",
        "density",
        "coverage",
    ]
    assert (result["step"], result["num_samples"], result["weights"]) == (20, 100, "averaged")
    quality = result["figures"]["high_quality"]
    assert quality["real"]["value"] > 0.9 > quality["generated"]["value"]
    assert quality["real"]["standard_error"] > 0
    for name in result["figures"]:
        assert name in printed
    assert str(run / "eval.json") in printed and "+-" in printed


def test_a_further_evaluation_keeps_the_one_before(run, capsys):
    """The tables say which values are better."""
    written = []
    for seed in ("1", "2"):
        assert main(["eval", str(run), "--metrics", "mixture_modes", "--seed", seed]) == 0
        *lines, path = capsys.readouterr().out.splitlines()
        written.append(Path(path))
        better = {line.split()[0]: line.split()[1] for line in lines[2:]}
        assert (better["modes"], better["reverse_kl"]) == ("higher", "lower")
    first, second = (int(path.stem.partition("-")[2] or 1) for path in written)
    assert second == first + 1 and written[0].parent == run
    assert [json.loads(path.read_text())["seed"] for path in written] == [1, 2]


def test_weights_samples_and_file_can_be_chosen(run, tmp_path, capsys):
    flags = ["--metrics", "mixture_modes", "--num-samples", "50"]
    for name, extra in (("a", []), ("b", ["--raw"]), ("c", [])):
        assert main(["eval", str(run), *flags, *extra, "--out", str(tmp_path / name)]) == 0
    a, b, c = (json.loads((tmp_path / name).read_text()) for name in "abc")
    assert a["num_samples"] == 50 and b["weights"] == "raw"
    assert a == c != b


@pytest.mark.parametrize("fake", ["fake", "fake.npz"])
def test_images_of_any_program(folders, tmp_path, capsys, monkeypatch, fake):
    monkeypatch.chdir(tmp_path)
    flags = ["--real", str(folders / "real"), "--fake", str(folders / fake), "--metrics", "fid,kid"]
    assert main(["eval", *flags]) == 0
    result = json.loads((tmp_path / "eval.json").read_text())
    assert list(result["figures"]) == ["random_conv_fid", "random_conv_kid"]
    assert (result["num_samples"], result["num_real"]) == (20, 20)
    value, floor = (result["figures"]["random_conv_kid"][side] for side in ("generated", "real"))
    spread = value["standard_error"] + floor["standard_error"]
    assert abs(value["value"] - floor["value"]) < 5 * spread  # both are real digits


def test_copies_of_the_training_images_are_found(folders, tmp_path, monkeypatch, capsys):
    """The folder's images are training images of the data set."""
    monkeypatch.chdir(tmp_path)
    flags = ["--features", "pixels", "--metrics", "memorisation"]
    assert main(["eval", "--real", "digits", "--fake", str(folders / "fake"), *flags]) == 0
    figures = json.loads((tmp_path / "eval.json").read_text())["figures"]
    auc = figures["pixels_memorisation_auc"]
    assert auc["generated"]["value"] == 1.0 and abs(auc["real"]["value"] - 0.5) < 0.2


def test_what_cannot_be_scored_is_told_in_one_line(run, folders, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAXGAN_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("JAXGAN_INCEPTION_WEIGHTS", raising=False)
    real, fake = ("--real", folders / "real"), ("--fake", folders / "fake")
    for code, words, arguments in (
        (2, ["name a run"], []),
        (2, ["--real and --fake"], fake),
        (2, ["'fidd'", "'fid'"], [run, "--metrics", "fidd"]),
        (2, ["metric 'memorisation'", "held-out"], [*real, *fake, "--metrics", "memorisation"]),
        (2, ["metric 'inception_score'"], [*real, *fake, "--metrics", "inception_score"]),
        (2, ["holds no run"], [tmp_path]),
        (2, ["--num-samples is 1"], [run, "--num-samples", 1]),
        (2, ["--num-samples is 30", "holds 20"], [*real, *fake, "--num-samples", 30]),
        (2, ["'ring' has points"], [run, "--features", "pca"]),
        (2, ["no Inception weights", "pt_inception"], [*real, *fake, "--features", "inception"]),
        (2, ["no labels"], [*real, *fake, "--features", "classifier"]),
        (3, ["holds no images"], [*real, "--fake", folders / "empty"]),
        (3, ["b.png is damaged"], [*real, "--fake", folders / "cut"]),
        (3, ["there is no folder"], [*real, "--fake", folders / "missing"]),
        (2, ["cannot be written"], [*real, *fake, "--metrics", "kid", "--out", "/proc/eval.json"]),
    ):
        found, message = refused(capsys, *arguments)
        assert found == code, message
        for word in words:
            assert word in message


def test_images_of_another_shape_are_told(folders, tmp_path, capsys):
    rgb = np.zeros((10, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "rgb.npz", rgb)
    code, message = refused(
        capsys, "--real", folders / "real", "--fake", tmp_path / "rgb.npz", "--metrics", "fid"
    )
    assert code == 2 and "(10, 8, 8, 3)" in message and "[n, 8, 8, 1]" in message
