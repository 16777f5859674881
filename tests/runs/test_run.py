"""A run as an object, and its samples as files."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image, ImageSequence
from programs import RING, SGD

import jaxgan
from jaxgan.cli import main
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    PlayerConfig,
)
from jaxgan.data import load as load_data
from jaxgan.errors import CheckpointError, ConfigError
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.exports import write_history

KEY = jax.random.key(3)


def coder(**kwargs):
    network = NetworkConfig(kwargs={"widths": (8,), "conditioning": "concat", **kwargs})
    return PlayerConfig(network=network, optimizer=SGD, learning_rate=0.01)


AUTOENCODER = Config(
    steps=6,
    data=DataConfig(name="digits", batch_size=16),
    latent=LatentConfig(dim=3),
    game=GameConfig(name="vae"),
    generator=coder(),
    networks={"encoder": coder(num_outputs=6)},
    eval_every=3,
    checkpoint_every=3,
    sample_every=2,
    eval_features="pixels",
    eval_metrics=("fid",),
    num_eval_samples=64,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A conditional autoencoder of digits."""
    return jaxgan.train(AUTOENCODER, tmp_path_factory.mktemp("run") / "coder")


@pytest.fixture(scope="module")
def loaded(trained):
    return jaxgan.load(trained.workdir)


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    return jaxgan.train(
        dataclasses.replace(RING, steps=2, num_eval_samples=64),
        tmp_path_factory.mktemp("run") / "ring",
    )


def test_what_is_public_is_shown():
    assert {"load", "train", "Run", "Config", "losses", "LOSSES"} <= set(dir(jaxgan))
    for name in dir(jaxgan):
        assert getattr(jaxgan, name) is not None


def test_a_loaded_run_is_the_trained_one(trained, loaded):
    assert (loaded.config, loaded.step, loaded.workdir) == (AUTOENCODER, 6, trained.workdir)
    assert loaded.summary == trained.summary and loaded.summary["exit_reason"] == "done"
    np.testing.assert_array_equal(loaded.generate(5, key=KEY), trained.generate(5, key=KEY))
    for one, other in zip(*map(jax.tree.leaves, (loaded.state, trained.state)), strict=True):
        assert (one == other).all()


def test_metrics_are_a_table(loaded):
    rows = [json.loads(line) for line in loaded.directory.metrics.read_text().splitlines()]
    assert loaded.metrics["step"].tolist() == [row["step"] for row in rows] == [3, 6]
    np.testing.assert_array_equal(
        loaded.metrics["loss/generator"], [row.get("loss/generator", np.nan) for row in rows]
    )
    assert np.isnan(loaded.metrics["loss/generator"][0])  # logged at the end alone


def test_any_kept_step_can_be_loaded(loaded):
    scores = loaded.metrics["eval/pixels_fid"]
    earlier = jaxgan.load(loaded.workdir, step=3)
    assert earlier.step == 3
    assert not np.array_equal(earlier.generate(2, key=KEY), loaded.generate(2, key=KEY))
    assert jaxgan.load(loaded.workdir, step="best").step == (3, 6)[int(np.argmin(scores))]
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 4; it holds 3, 6"):
        jaxgan.load(loaded.workdir, step=4)


def test_it_is_shown_in_one_line_and_with_a_picture_in_notebooks(loaded):
    fid = f"{loaded.metrics['eval/pixels_fid'][-1]:.4g}"
    mse = f"reconstruction_mse {loaded.metrics['eval/reconstruction_mse'][-1]:.4g}"
    assert repr(loaded) == f"Run({str(loaded.workdir)!r}, step 6 of 6: pixels_fid {fid}, {mse})"
    assert "data:image/png;base64," in loaded._repr_html_() and fid in loaded._repr_html_()


def test_samples_have_the_labels_asked_for(loaded):
    in_turn = loaded.generate(12, key=KEY)
    assert in_turn.shape == (12, 8, 8, 1) and np.abs(in_turn).max() <= 1
    labels = np.arange(12) % 10
    np.testing.assert_array_equal(loaded.generate(12, key=KEY, labels=labels), in_turn)
    threes = loaded.generate(12, key=KEY, labels=3)
    same = [np.array_equal(a, b) for a, b in zip(threes, in_turn, strict=True)]
    assert same == (labels == 3).tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": 10}, r"label is 10; it must be in \[0, 9\]"),
        ({"labels": np.arange(3)}, r"\[3\]; they must be one integer or \[4\]"),
        ({"truncation": 0.0}, "truncation is 0.0; it must be greater than 0"),
        ({"num": 0}, "num is 0"),
    ],
)
def test_wrong_requests_are_refused(loaded, options, message):
    with pytest.raises(ConfigError, match=message):
        loaded.generate(**{"num": 4, "key": KEY} | options)


def test_truncation_draws_less_variety_without_compiling_again(loaded):
    full = loaded.generate(200, key=KEY, labels=1).std(axis=0).mean()
    half, tenth = (
        loaded.generate(200, key=KEY, labels=1, truncation=t).std(axis=0).mean() for t in (1.0, 0.1)
    )
    assert tenth < 0.3 * half < 0.3 * full
    (sampler,) = (loaded._sampler(True, True),)
    assert sampler._cache_size() == 1


def test_paths_go_from_one_draw_to_another(loaded):
    paths = loaded.interpolate(4, 9, key=KEY, labels=2)
    assert paths.shape == (4, 9, 8, 8, 1)
    steps = np.abs(np.diff(paths, axis=1)).max(axis=(2, 3, 4))
    assert (steps > 0).all()
    # No step is as far as the whole way.
    whole = np.abs(paths[:, -1] - paths[:, 0]).max(axis=(1, 2, 3))
    assert (steps.max(axis=1) < 0.6 * whole).all()
    with pytest.raises(ConfigError, match="steps is 1"):
        loaded.interpolate(4, 1, key=KEY)


@pytest.mark.slow
def test_reconstructions_follow_the_samples(loaded, points):
    batch = load_data("digits").read(np.arange(20))
    made = loaded.reconstruct(batch.real, labels=batch.labels)
    assert made.shape == (20, 8, 8, 1)
    floats = batch.real.astype(np.float32) / 127.5 - 1
    np.testing.assert_array_equal(loaded.reconstruct(floats, labels=batch.labels), made)
    order = np.arange(20)[::-1]
    turned = loaded.reconstruct(batch.real[order], labels=batch.labels[order])
    np.testing.assert_allclose(turned[order], made, atol=1e-6)
    with pytest.raises(ConfigError, match=r"shape \(2, 4, 4, 1\); it must be \[n, 8, 8, 1\]"):
        loaded.reconstruct(np.zeros((2, 4, 4, 1), np.float32))
    with pytest.raises(ConfigError, match="has no encoder"):
        points.reconstruct(np.zeros((2, 2), np.float32))


def sample(run, out, *flags):
    code = main(["sample", str(run.workdir), f"--out={out}", *flags])
    assert code == 0


def test_samples_are_written_as_the_suffix_says(loaded, tmp_path):
    sample(loaded, tmp_path / "arrays.npz", "--num=23", "--seed=4")
    sample(loaded, tmp_path / "folder", "--num=23", "--seed=4")
    sample(loaded, tmp_path / "new" / "grid.png", "--num=9", "--label=2")
    with np.load(tmp_path / "arrays.npz") as arrays:
        images, labels = arrays["images"], arrays["labels"]
    assert images.shape == (23, 8, 8, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(labels, np.arange(23) % 10)
    made = load_data(str(tmp_path / "folder"))
    read = made.read(np.arange(23))
    assert made.num_classes == 10
    order = np.argsort(labels, kind="stable")
    np.testing.assert_array_equal(read.labels, labels[order])
    np.testing.assert_array_equal(read.real, images[order])
    with Image.open(tmp_path / "new" / "grid.png") as picture:
        assert picture.size == (3 * 34 + 2,) * 2


def test_what_is_sampled_can_be_scored(loaded, tmp_path, capsys):
    for name in ("arrays.npz", "folder"):
        sample(loaded, tmp_path / name, "--num=40")
        flags = ["--features=pixels", "--metrics=fid", f"--out={tmp_path / 'eval.json'}"]
        assert main(["eval", "--real=digits", f"--fake={tmp_path / name}", *flags]) == 0
        assert "pixels_fid" in capsys.readouterr().out


def test_paths_and_training_are_animated(loaded, points, tmp_path):
    sample(loaded, tmp_path / "paths.gif", "--num=4", "--frames=5", "--interpolate")
    sample(points, tmp_path / "points.gif", "--num=50", "--frames=3", "--interpolate")
    sample(loaded, tmp_path / "training.gif", "--history")
    sample(loaded, tmp_path / "rows.png", "--num=3", "--frames=5", "--interpolate")
    frames = {"paths.gif": 8, "points.gif": 4, "training.gif": 3}
    for name, count in frames.items():
        with Image.open(tmp_path / name) as animation:
            assert animation.n_frames == count
    with Image.open(tmp_path / "rows.png") as picture:
        assert picture.size == (5 * 34 + 2, 3 * 34 + 2)


@pytest.mark.parametrize("count", [2, 30, 300])
def test_a_training_is_shown_in_some_seconds(count, tmp_path):
    pictures = RunDirectory(tmp_path / "run")
    pictures.picture(0).parent.mkdir(parents=True)
    for step in range(count):
        colour = (step % 256, 255 * (step // 256), 0)
        Image.new("RGB", (2, 2), colour).save(pictures.picture(step))
    write_history(tmp_path / "training.gif", pictures.root)
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == count
        frames = ImageSequence.Iterator(animation)
        milliseconds = [frame.info["duration"] for frame in frames]
    assert 2500 <= sum(milliseconds) <= 10_000
    assert milliseconds[-1] == 1500


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--out=a.jpg"], "suffix '.jpg'"),
        (["--out=a.png", "--history"], "a.png is no .gif"),
        (["--out=full"], "holds files already"),
        (["--step=last"], "--step is 'last'"),
        (["--num=0"], "num is 0"),
    ],
)
def test_a_mistake_in_sampling_is_one_line(loaded, flags, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert main(["sample", str(loaded.workdir), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
