"""How the sound of waveforms differs: their mean spectra, and their pitches."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_features, check_matrix
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

_LEAST_POWER = 1e-6  # of a full-scale sine, -60 dB: what is below counts as silence
_LEAST_SAMPLES = 2  # of a waveform
_PADDING = 4  # times a waveform's length, for the pitch
_BOOTSTRAP_SAMPLES = 50


class SpectralDistance(NamedTuple):
    """How two sets of waveforms differ in sound.

    Attributes:
        spectrum_distance: In dB: the root mean square, over frequencies, of the difference of the
            mean log power spectra.
        pitch_distance: In Hz: the Wasserstein-1 distance between the distributions of the
            dominant frequency.
    """

    spectrum_distance: float
    pitch_distance: float


def _of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    del key
    assert sides.sample_rate is not None
    real, fake = (np.asarray(side.features) for side in (sides.real, sides.fake))
    check_features(real, fake)
    spectra = [log_power(x) for x in (real, fake)]
    pitches = [dominant_frequency(x, sample_rate=sides.sample_rate) for x in (real, fake)]
    rng = np.random.default_rng(0)
    resampled = np.array(
        [
            _distances(
                [x[r] for x, r in zip(spectra, rows, strict=True)],
                [x[r] for x, r in zip(pitches, rows, strict=True)],
            )
            for rows in (
                [rng.integers(0, len(x), len(x)) for x in (real, fake)]
                for _ in range(_BOOTSTRAP_SAMPLES)
            )
        ]
    )
    errors = resampled.std(axis=0, ddof=1)
    values = _distances(spectra, pitches)._asdict()
    return {
        name: Estimate(value, error)
        for (name, value), error in zip(values.items(), errors, strict=True)
    }


@metric(
    figures=("spectrum_distance", "pitch_distance"),
    needs=("sample_rate",),
    on_features=False,
    compute=_of_sides,
)
def spectral_distance(
    real: Float[AnyArray, "n length"],
    fake: Float[AnyArray, "m _length"],
    *,
    sample_rate: float | int,
) -> SpectralDistance:
    """The distances between mean log power spectra and between distributions of pitch.

    Both are above 0 for finite sets of equal distributions: compare with what real waveforms get.

    Args:
        real: n >= 2 waveforms, in [-1, 1].
        fake: m >= 2 waveforms of the same length, at least 2 samples.
        sample_rate: In Hz.

    Raises:
        ConfigError: Waveforms that are too few, too short, of unequal lengths or not finite.

    Source: Gray and Markel 1976, Distance measures for speech processing,
    https://doi.org/10.1109/TASSP.1976.1162849 (the distance of log spectra)

    >>> tone = 0.5 * np.sin(2 * np.pi * 125 * np.arange(256) / 4000)
    >>> low, high = np.stack([tone, tone]), np.stack([tone[:128].repeat(2), tone[::-1]])
    >>> round(spectral_distance(low, high, sample_rate=4000).pitch_distance)  # (62.5 + 0) / 2
    31
    """
    check_features(real, fake)
    both = [np.asarray(x) for x in (real, fake)]
    return _distances(
        [log_power(x) for x in both], [dominant_frequency(x, sample_rate=sample_rate) for x in both]
    )


def log_power(x: Float[AnyArray, "n length"]) -> Float[np.ndarray, "n bins"]:
    """The power spectrum in dB, of a Hann window: 0 for a sine of amplitude 1, at least -60.

    Args:
        x: Waveforms, of at least 2 samples.

    Raises:
        ConfigError: Waveforms that are too short or not finite.
    """
    amplitudes = np.abs(np.fft.rfft(_windowed(x), axis=1))
    return 10 * np.log10(np.maximum(amplitudes**2, _LEAST_POWER))


def dominant_frequency(
    x: Float[AnyArray, "n length"], *, sample_rate: float | int
) -> Float[np.ndarray, "n"]:
    """The frequency of the largest power, in Hz, but for the mean.

    It is the top of the parabola through the logarithms of the largest value of the spectrum and of
    its neighbours.

    Args:
        x: Waveforms, of at least 2 samples.
        sample_rate: In Hz, positive.

    Raises:
        ConfigError: Waveforms that are too short or not finite.

    Source: Smith, Spectral Audio Signal Processing, "Quadratic Interpolation of Spectral Peaks",
    https://ccrma.stanford.edu/~jos/sasp/Quadratic_Interpolation_Spectral_Peaks.html
    """
    windowed = _windowed(np.asarray(x) - np.mean(x, axis=1, keepdims=True))
    size = _PADDING * windowed.shape[1]
    power = np.log(np.abs(np.fft.rfft(windowed, size, axis=1)) + np.finfo(np.float64).tiny)
    # The window spreads what is left of the mean over the first bins.
    peaks = power[:, 1:-1].argmax(axis=1) + 1
    rows = np.arange(len(peaks))
    before, top, after = (power[rows, peaks + step] for step in (-1, 0, 1))
    bend = before - 2 * top + after
    shift = np.where(bend < 0, (before - after) / (2 * np.where(bend < 0, bend, 1)), 0)
    return (peaks + np.clip(shift, -1, 1)) * sample_rate / size


def _windowed(x: Float[AnyArray, "n length"]) -> Float[np.ndarray, "n length"]:
    """In float64, scaled so that a sine of amplitude 1 has a spectrum of height 1."""
    check_matrix("waveforms", x, at_least=1)
    length = x.shape[1]
    if length < _LEAST_SAMPLES:
        raise ConfigError(
            f"waveforms have {length} samples; a spectrum needs {_LEAST_SAMPLES}: pass longer ones"
        )
    window = np.hanning(length + 1)[:-1]
    return np.asarray(x, np.float64) * (2 * window / window.sum())


def _distances(spectra: list[np.ndarray], pitches: list[np.ndarray]) -> SpectralDistance:
    # Imported here: scipy.stats takes long to import, and most runs do not need it.
    from scipy.stats import wasserstein_distance

    of_real, of_fake = (x.mean(axis=0) for x in spectra)
    gap = np.sqrt(np.mean(np.square(of_real - of_fake)))
    return SpectralDistance(float(gap), float(wasserstein_distance(*pitches)))
