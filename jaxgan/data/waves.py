"""Made waveforms, of which the spectrum is known."""

import numpy as np

from jaxgan.data.record import dataset
from jaxgan.data.source import Source, from_arrays, unknown_split
from jaxgan.errors import ConfigError
from jaxgan.registry import AT_LEAST_ONE, POSITIVE, Range

SEEDS = {"train": 0, "test": 1}
LOUDNESS = (0.3, 0.9)  # the range of the largest values


@dataset(
    ranges={
        "size": AT_LEAST_ONE,
        "length": Range(low=2),
        "sample_rate": AT_LEAST_ONE,
        "harmonics": AT_LEAST_ONE,
        "lowest": POSITIVE,
        "highest": POSITIVE,
    }
)
def sines(
    *,
    split: str = "train",
    size: int = 20_000,
    length: int = 256,
    sample_rate: int = 4000,
    harmonics: int = 2,
    lowest: float = 100.0,
    highest: float = 400.0,
) -> Source:
    """Tones of 64 ms: a sine and its octave, of random pitch, loudness and phase.

    Waveforms float32 [length] in (-1, 1), without labels: a sum over k of sin(k theta) / k, where
    theta = 2 pi f t + phase, divided so that it stays within the amplitude. f is uniform on a
    logarithmic scale, amplitude on [.3, .9] and phase on the circle.

    Args:
        split: "train" or "test", drawn with different seeds.
        size: The number of waveforms.
        length: Of a waveform, in samples.
        sample_rate: In Hz.
        harmonics: The number of sines: 1 for pure tones.
        lowest: Of the frequencies f, in Hz.
        highest: Of the frequencies f, in Hz.

    Raises:
        ConfigError: Frequencies in the wrong order, or harmonics above half of the sample rate.
    """
    if split not in SEEDS:
        raise unknown_split("sines", split, SEEDS)
    if not lowest <= highest:
        raise ConfigError(
            f"sines from {lowest:g} to {highest:g} Hz; lowest is at most highest: exchange them"
        )
    if 2 * harmonics * highest > sample_rate:
        raise ConfigError(
            f"harmonic {harmonics} of {highest:g} Hz at {sample_rate} samples a second; it must be "
            f"at most half of that: lower highest to {sample_rate / (2 * harmonics):g}, or raise "
            "sample_rate"
        )
    rng = np.random.Generator(np.random.Philox(SEEDS[split]))
    frequency = np.exp(rng.uniform(np.log(lowest), np.log(highest), (size, 1)))
    amplitude = rng.uniform(*LOUDNESS, (size, 1))
    phase = rng.uniform(0, 2 * np.pi, (size, 1))
    theta = 2 * np.pi * frequency * np.arange(length) / sample_rate + phase
    orders = range(1, harmonics + 1)
    waves = sum(np.sin(k * theta) / k for k in orders) / sum(1 / k for k in orders)
    return from_arrays(
        (amplitude * waves).astype(np.float32),
        name="sines",
        split=split,
        version=f"1-size={size}",
        sample_rate=sample_rate,
    )
