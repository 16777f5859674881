"""Spectra and pitches against closed forms and scipy.signal."""

import jax
import numpy as np
import pytest
from scipy import signal

from jaxgan.data import load, whole
from jaxgan.errors import ConfigError
from jaxgan.metrics import METRICS, Features, Sides, log_power, spectral_distance
from jaxgan.metrics import dominant_frequency as pitch

RATE, LENGTH = 4000, 256
TIME = np.arange(LENGTH) / RATE


def tone(frequency, amplitude=1.0, phase=0.3):
    return amplitude * np.sin(2 * np.pi * np.asarray(frequency)[..., None] * TIME + phase)


def test_the_pitch_of_a_pure_tone_is_its_frequency():
    """Between the bins of 15.6 Hz too, to half a hertz; loudness and an offset do not matter."""
    frequencies = np.linspace(100, 1900, 61)
    np.testing.assert_allclose(pitch(tone(frequencies), sample_rate=RATE), frequencies, atol=0.5)
    quiet = tone(frequencies, amplitude=0.01) + 0.4
    np.testing.assert_allclose(pitch(quiet, sample_rate=RATE), frequencies, atol=0.5)
    assert pitch(tone([440.0]), sample_rate=2 * RATE) == pytest.approx(880, abs=1)


def test_the_loudest_of_several_tones_is_the_pitch():
    waves = 0.5 * tone(300) + 0.4 * tone(600) + 0.3 * tone(900)
    assert pitch(waves[None], sample_rate=RATE) == pytest.approx(300, abs=0.5)


def test_a_full_sine_has_0_decibels_and_silence_60_less():
    on_a_bin = tone([500.0, 1000.0]) * np.array([[1.0], [0.1]])
    power = log_power(on_a_bin)
    np.testing.assert_allclose(power.max(axis=1), [0, -20], atol=1e-9)
    assert power.argmax(axis=1).tolist() == [32, 64]
    np.testing.assert_array_equal(log_power(np.zeros((1, LENGTH))), -60)


def test_the_power_is_that_of_scipy():
    x = np.random.default_rng(0).normal(size=(5, LENGTH))
    _, expected = signal.periodogram(x, window="hann", scaling="spectrum", detrend=False)
    expected[:, 1:-1] /= 2  # one-sided in scipy
    np.testing.assert_allclose(log_power(x), 10 * np.log10(4 * expected), atol=1e-8)


def test_half_the_loudness_is_six_decibels_where_there_is_sound():
    noise = np.random.default_rng(0).normal(size=(200, LENGTH))
    distance = spectral_distance(noise, noise / 2, sample_rate=RATE)
    assert distance.spectrum_distance == pytest.approx(20 * np.log10(2), abs=0.01)
    assert distance.pitch_distance == pytest.approx(0, abs=1e-9)


def test_the_pitch_distance_is_the_shift():
    low, high = tone(np.linspace(200, 400, 21)), tone(np.linspace(250, 450, 31))
    assert spectral_distance(low, high, sample_rate=RATE).pitch_distance == pytest.approx(50, abs=1)


def test_its_floor_is_that_of_real_waveforms():
    """And noise of the same power is far above it."""
    real, held_out = (
        whole(load("sines", split=split, kwargs={"size": 2000})).real for split in ("train", "test")
    )
    rate = load("sines").sample_rate
    floor = spectral_distance(real, held_out, sample_rate=rate)
    assert floor.spectrum_distance < 0.5
    assert floor.pitch_distance < 25
    noise = real.std() * np.random.default_rng(0).normal(size=real.shape)
    distance = spectral_distance(real, noise, sample_rate=rate)
    assert distance.spectrum_distance > 20
    assert distance.pitch_distance > 300


def test_its_errors_are_those_of_fresh_sets():
    """Bootstrapped standard errors against the deviation over 20 sets."""
    rng = np.random.default_rng(0)

    def sides():
        real, fake = (tone(rng.uniform(low, low + 200, 100)) for low in (200, 300))
        return Sides(Features(real), Features(fake), sample_rate=RATE)

    found = [METRICS["spectral_distance"].measure(sides(), jax.random.key(0)) for _ in range(20)]
    for name in ("spectrum_distance", "pitch_distance"):
        deviation = np.std([figures[name].value for figures in found], ddof=1)
        assert 0.5 < found[0][name].standard_error / deviation < 2


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 1)), "have 1 samples; a spectrum needs 2"),
        (np.full((3, 8), np.nan), "24 NaN or infinite values"),
    ],
)
def test_what_has_no_spectrum_is_refused(x, message):
    with pytest.raises(ConfigError, match=message):
        log_power(x)
    with pytest.raises(ConfigError, match=message):
        pitch(x, sample_rate=RATE)
