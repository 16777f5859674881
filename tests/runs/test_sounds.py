"""Waveforms as sounds and as curves."""

import dataclasses
import wave

import numpy as np
import pytest
from PIL import Image

from experiments import sines
from jaxgan.cli import main
from jaxgan.data import describe, described, load, whole
from jaxgan.errors import ConfigError
from jaxgan.fields import override_all
from jaxgan.runs.exports import write_paths, write_samples
from jaxgan.runs.loop import train
from jaxgan.runs.pictures import picture_of
from jaxgan.runs.scoring import score_names
from jaxgan.runs.sounds import write_wav

RATE = 8000
WAVES = np.random.default_rng(0).uniform(-1.2, 1.2, (3, 40)).astype(np.float32)


def read(path):
    """Frames as the standard library finds them."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return frames, file.getframerate()


def test_a_wav_is_read_again_by_the_standard_library(tmp_path):
    """Three waveforms of 40 samples, each with a pause of a quarter; clipped to 16 bits."""
    write_wav(tmp_path / "sound.wav", WAVES, RATE)
    frames, rate = read(tmp_path / "sound.wav")
    assert rate == RATE
    frames = frames.reshape(3, 50)
    assert not frames[:, 40:].any()
    expected = np.clip(WAVES, -1, 1)
    np.testing.assert_allclose(frames[:, :40] / 32767, expected, atol=0.5001 / 32767)
    assert frames.max() == 32767 == -frames.min()


def test_samples_of_waveforms_are_written_as_the_suffix_says(tmp_path):
    write_samples(tmp_path / "a.wav", WAVES, None, sample_rate=RATE)
    assert read(tmp_path / "a.wav")[1] == RATE
    write_samples(tmp_path / "a.npz", WAVES, None, sample_rate=RATE)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["points"], WAVES)
    for points in (WAVES, np.zeros((3, 8, 8, 1), np.float32)):
        with pytest.raises(ConfigError, match="is a sound, and these samples are no waveforms"):
            write_samples(tmp_path / "b.wav", points, None)
    assert not (tmp_path / "b.wav").exists()


def test_a_picture_shows_curves_of_both(tmp_path):
    alone, both = (picture_of(WAVES, real, sample_rate=RATE) for real in (None, WAVES))
    assert alone.height == both.height
    assert both.width == 2 * alone.width
    assert picture_of(WAVES, WAVES).size != both.size  # points
    write_paths(tmp_path / "paths.gif", np.stack([WAVES, WAVES], axis=1), sample_rate=RATE)
    with Image.open(tmp_path / "paths.gif") as animation:
        assert animation.size == alone.size


def test_a_source_of_waveforms_says_so_and_is_scored_by_their_sound():
    source = load("sines", kwargs={"size": 50, "sample_rate": 3200})
    assert described(describe(source)).sample_rate == source.sample_rate == 3200
    old = {name: value for name, value in describe(source).items() if name != "sample_rate"}
    assert described(old).sample_rate is None
    assert next(iter(score_names((), source))) == "eval/spectrum_distance"
    assert "eval/spectrum_distance" not in score_names((), load("ring", kwargs={"size": 50}))


def test_tones_are_what_they_are_said_to_be():
    """The float64 formula, refitted: three sines of a known pitch explain each waveform."""
    real = whole(load("sines", kwargs={"size": 30, "length": 400, "harmonics": 3})).real
    assert real.dtype == np.float32 and np.abs(real).max() <= 0.9
    again = whole(load("sines", kwargs={"size": 30, "length": 400, "harmonics": 3})).real
    np.testing.assert_array_equal(real, again)
    other = whole(load("sines", split="test", kwargs={"size": 30, "length": 400})).real
    assert not np.allclose(real, other)
    steady = whole(load("sines", kwargs={"size": 5, "lowest": 250.0, "highest": 250.0})).real
    theta = 2 * np.pi * 250 * np.arange(256) / 4000
    sines_of = np.stack([f(k * theta) for k in (1, 2) for f in (np.sin, np.cos)], axis=1)
    weights, left, *_ = np.linalg.lstsq(sines_of, steady.T.astype(np.float64))
    assert left.max() < 1e-9
    first, second = (np.hypot(*weights[i : i + 2]) for i in (0, 2))
    np.testing.assert_allclose(second, first / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lowest": 500.0}, "sines from 500 to 400 Hz"),
        ({"highest": 1200.0}, r"harmonic 2 of 1200 Hz at 4000 .* lower highest to 1000"),
        ({"harmonics": 0}, "data.kwargs.harmonics is 0; it must be at least 1"),
    ],
)
def test_tones_that_cannot_be_are_refused(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        load("sines", kwargs=kwargs)


@pytest.mark.slow
def test_a_run_leaves_sounds_and_its_samples_are_written_as_one(tmp_path):
    small = {
        "steps": 2,
        "steps_per_call": 2,
        "log_every": 2,
        "data.kwargs": {"size": 200, "length": 20},
        "num_eval_samples": 40,
        "generator.network.kwargs": {"width": 2},
        "discriminator.network.kwargs": {"width": 2},
    }
    config = override_all(sines.config(), small)
    run = train(dataclasses.replace(config), tmp_path / "run")
    assert {"eval/spectrum_distance", "eval/pitch_distance"} <= run.summary["metrics"].keys()
    frames, rate = read(tmp_path / "run" / "samples" / "step_00000002.wav")
    assert rate == 4000 and len(frames) == 8 * 25
    out = tmp_path / "tones.wav"
    assert main(["sample", str(tmp_path / "run"), "--num=3", f"--out={out}"]) == 0
    assert len(read(out)[0]) == 3 * 25
