"""`jaxgan eval RUN --probe`: tables, files, players, anomalies, and what it says of bad input."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from game_configs import whole_run
from PIL import Image
from sklearn.metrics import roc_auc_score

import jaxgan
from jaxgan.cli import main
from jaxgan.data import load
from jaxgan.runs import probing

FIGURES = ["linear_accuracy", "cluster_nmi", "cluster_purity"]


def short(name, workdir):
    every = dict.fromkeys(("steps", "log_every", "checkpoint_every"), 10)
    jaxgan.train(dataclasses.replace(whole_run(name), **every), workdir)
    return workdir


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A VAE-GAN: with an encoder, a discriminator and reconstructions."""
    return short("vae_gan", tmp_path_factory.mktemp("runs") / "vae_gan")


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    """Makes probes short."""
    monkeypatch.setattr(probing, "MAX_REAL", 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of the digits' size, without labels: noise."""
    root = tmp_path_factory.mktemp("images")
    for index, image in enumerate(np.random.default_rng(0).integers(0, 256, (20, 8, 8), "uint8")):
        Image.fromarray(image).save(root / f"{index:02}.png")
    return root


def probed(run, tmp_path, *flags):
    assert main(["eval", str(run), "--probe", "--out", str(tmp_path / "x.json"), *flags]) == 0
    return json.loads((tmp_path / "x.json").read_text())


@pytest.mark.slow
def test_features_stand_beside_untrained_ones_and_pixels(run, capsys):
    assert main(["eval", str(run), "--probe"]) == 0
    printed = capsys.readouterr().out
    result = json.loads((run / "eval.json").read_text())
    assert (result["player"], result["step"], result["real"]) == ("encoder", 10, "digits")
    assert result["num_samples"] == {"train": 120, "test": 120}
    assert list(result["figures"]) == FIGURES
    for name, kinds in result["figures"].items():
        assert list(kinds) == ["encoder", "untrained", "pixels"] and name in printed
        assert all(
            0 <= kind["value"] <= 1 and kind["standard_error"] > 0 for kind in kinds.values()
        )
    # scikit-learn's digits can be told by a line, also from a tenth of them.
    assert result["figures"]["linear_accuracy"]["pixels"]["value"] > 0.7
    assert "120 train, 120 test" in printed and str(run / "eval.json") in printed


def by_hand(workdir, folder):
    """The area under the curve of what reconstructing loses of pixels and of features."""
    run, test = jaxgan.load(workdir), load("digits", split="test")
    rows = np.random.default_rng(0).permutation(test.size)[:120]

    def features(x):
        variables = run.state.variables()["discriminator"]
        module = run.program.setup.players["discriminator"].module
        return module.apply(variables, jnp.asarray(x), train=False).features

    def lost(images):
        x = np.float32(images) / 127.5 - 1
        again = run.reconstruct(images)
        pairs = (x, again), (features(x), features(again))
        return sum(np.square(a - b).reshape(len(x), -1).mean(axis=1) for a, b in pairs)

    normal, anomalous = lost(test.read(rows).real), lost(load(str(folder)).read(np.arange(20)).real)
    return roc_auc_score(np.repeat([0, 1], [120, 20]), np.concatenate([normal, anomalous]))


@pytest.mark.slow
def test_anomalies_are_told_by_features_and_by_reconstructions(run, folder, tmp_path):
    """Noise is unlike digits, in pixels for certain."""
    result = probed(run, tmp_path, "--anomalies", str(folder), "--player", "discriminator")
    assert result["player"] == "discriminator" and result["num_samples"]["anomalies"] == 20
    assert result["anomalies"] == str(folder)
    figures = result["figures"]
    assert list(figures) == [*FIGURES, "anomaly_auc", "reconstruction_anomaly_auc"]
    assert figures["anomaly_auc"]["pixels"]["value"] > 0.99
    found = figures["reconstruction_anomaly_auc"]
    assert found["discriminator"]["value"] == pytest.approx(by_hand(run, folder), abs=1e-3)
    assert found["pixels"] is None
    again = probed(run, tmp_path, "--anomalies", str(folder), "--player", "discriminator")
    assert again == result


@pytest.mark.slow
def test_other_data_can_be_probed_with(run, tmp_path):
    """Of a set without a split "test", every fifth sample is held out."""
    images = load("digits").read(np.arange(100))
    for label, image in zip(images.labels, images.real, strict=True):
        place = tmp_path / "images" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / f"{len([*place.iterdir()])}.png")
    result = probed(run, tmp_path, "--real", str(tmp_path / "images"), "--raw")
    assert result["num_samples"] == {"train": 80, "test": 20} and result["weights"] == "raw"


def test_what_cannot_be_probed_is_told_in_one_line(run, folder, tmp_path, capsys):
    probe = (str(run), "--probe")
    for code, words, arguments in (
        (2, ["name a run"], ["--probe"]),
        (2, ["unknown player 'encodr'", "'encoder'"], [*probe, "--player", "encodr"]),
        (2, ["unknown player 'generator'"], [*probe, "--player", "generator"]),
        (2, ["--player needs --probe"], [str(run), "--player", "encoder"]),
        (2, ["--anomalies needs --probe"], [str(run), "--anomalies", "digits"]),
        (2, ["--metrics does not go with --probe"], [*probe, "--metrics", "fid"]),
        (2, ["(2,)", "(8, 8, 1)"], [*probe, "--anomalies", "ring"]),
        (2, ["no labels"], [*probe, "--real", str(folder)]),
        (3, ["did you mean 'digits'"], [*probe, "--anomalies", "digts"]),
        (2, ["holds no run"], [str(tmp_path), "--probe"]),
    ):
        assert main(["eval", *arguments]) == code
        message = capsys.readouterr().err
        assert message.startswith("jaxgan: ") and message.count("\n") == 1
        for word in words:
            assert word in message


@pytest.mark.slow
def test_a_judge_of_pairs_has_no_features_of_samples(tmp_path, folder, capsys):
    run = short("bigan", tmp_path / "bigan")
    assert main(["eval", str(run), "--probe", "--player", "discriminator"]) == 2
    assert "beside something else" in capsys.readouterr().err
    result = probed(run, tmp_path, "--anomalies", str(folder))
    assert result["player"] == "encoder" and "reconstruction_anomaly_auc" in result["figures"]


@pytest.mark.slow
def test_a_generator_alone_cannot_be_probed(tmp_path, capsys):
    run = short("distribution_matching", tmp_path / "alone")
    assert main(["eval", str(run), "--probe"]) == 2
    assert "neither encoder nor discriminator" in capsys.readouterr().err


@pytest.mark.slow
def test_neither_can_an_algorithm(tmp_path, capsys):
    run = short("algorithm", tmp_path / "algorithm")
    assert main(["eval", str(run), "--probe"]) == 2
    assert "no players" in capsys.readouterr().err
