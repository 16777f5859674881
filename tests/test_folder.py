"""`jaxgan train FOLDER`: what is made of a folder of images, and what is said of a bad one."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import folder as recipe
from jaxgan.cli import main
from jaxgan.errors import ConfigError
from jaxgan.networks import DCGANGenerator
from jaxgan.runs.experiments import experiment

SHORT = ["--steps=2", "--num-eval-samples=8", "--log-every=2"]
SHORT += [f"--{player}.network.kwargs.width=4" for player in ("generator", "discriminator")]


def write(folder, shapes):
    """An image file of each shape, in two subfolders."""
    rng = np.random.default_rng(0)
    for i, shape in enumerate(shapes):
        path = folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.mark.parametrize(
    ("shapes", "resize", "batch_size"),
    [
        ([(28, 28)] * 20, None, 16),
        ([(8, 8, 3)] * 70, None, 64),
        ([(30, 50)] * 8 + [(33, 40, 3)] * 8, 16, 16),
        ([(100, 120, 3)] * 40, 64, 32),
        ([(64, 64)] * 15 + [(32, 32)], 32, 16),
        ([(9, 9)] * 16, 16, 16),
    ],
)
def test_sides_and_batches_suit_the_images(shapes, resize, batch_size, here, monkeypatch):
    data = recipe.config(write(here / "images", shapes)).data
    assert (data.resize, data.batch_size) == (resize, batch_size)
    assert recipe.config("images").data.name == str(here / "images")
    assert recipe.config("images").augmentation.name == "diffaugment"
    monkeypatch.setattr(recipe, "AUGMENTED_BELOW", len(shapes))
    assert recipe.config("images").augmentation is None


@pytest.mark.parametrize("side", {*recipe.NATIVE_SIDES, *recipe.SIDES, 128})
def test_the_network_takes_each_side(side):
    network, z = DCGANGenerator(shape=(side, side, 1), width=1), jnp.zeros((2, 3))
    made = jax.eval_shape(lambda: network.init_with_output(jax.random.key(0), z, train=False)[0])
    assert made.shape == (2, side, side, 1)


def test_an_experiment_comes_before_a_folder_of_its_name(here, monkeypatch):
    write(here / "ring", [(8, 8)] * 16)
    write(here / "photos", [(8, 8)] * 16)
    (here / "folder.py").write_text("def config(): raise AssertionError")
    assert experiment("ring").module.__name__ == "experiments.ring"
    for name in ("./ring", str(here / "ring")):
        found = experiment(name)
        assert found.name == "ring" and found.config.data.name == str(here / "ring")
    assert experiment("photos")[:2] == experiment("photos/")[:2] == ("photos", recipe)
    monkeypatch.chdir(here / "photos")
    assert experiment(".").name == "photos"
    monkeypatch.chdir(here)
    (here / "some_package_of_mine").mkdir()
    (here / "some_package_of_mine" / "__init__.py").write_text("")
    with pytest.raises(ConfigError, match="some_package_of_mine has no function config"):
        experiment("some_package_of_mine")


@pytest.mark.slow
def test_it_trains_into_a_directory_of_the_name_of_the_folder(here, capsys):
    write(here / "photos", [(9, 12, 3)] * 10 + [(8, 9)] * 10)
    command = ["train", "photos", *SHORT, "--data.resize", "8", "--data.mirror"]
    assert main(command) == 0
    assert "runs/photos/samples/step_00000002.png" in capsys.readouterr().out
    config = json.loads((here / "runs" / "photos" / "config.json").read_text())
    assert (config["data"]["resize"], config["data"]["mirror"]) == (8, True)
    metrics = json.loads((here / "runs" / "photos" / "summary.json").read_text())["metrics"]
    assert np.isfinite(list(metrics.values())).all()
    assert "eval/random_conv_fid" in metrics  # 40 images teach no classifier
    assert main(command) == 0
    assert "finished at step 2 before" in capsys.readouterr().out


def test_bad_folders_are_told_in_one_line(here, capsys):
    def told(code):
        assert main(["train", "photos", *SHORT]) == code
        message = capsys.readouterr().err
        assert message.startswith("jaxgan: ") and message.count("\n") == 1, message
        return message

    (here / "photos").mkdir()
    (here / "photos" / "notes.txt").write_text("no image")
    assert "holds no images; add files such as .png" in told(3)
    write(here / "photos", [(8, 8)])
    assert "holds 1 images; a GAN needs at least 16" in told(3)
    write(here / "photos", [(8, 8)] * 16)
    (here / "photos" / "a" / "0.png").write_bytes(b"no image at all")
    assert "0.png is not a readable image; remove or replace it" in told(3)
