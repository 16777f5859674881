"""Waveforms as sound files."""

import wave
from pathlib import Path

import numpy as np
from jaxtyping import Float

NUM_WAVES = 8  # in a picture, and in the file beside it
_PAUSE = 0.25  # of silence after each waveform, as a share of its length
_LARGEST = 32767  # of 16 bits


def write_wav(path: Path, waves: Float[np.ndarray, "n length"], sample_rate: int) -> None:
    """Writes waveforms one after another, with pauses, as a WAV file of 16 bits and one channel.

    Args:
        path: The file.
        waves: In [-1, 1]; what is beyond is clipped.
        sample_rate: In Hz.

    Source: the format is that of the standard library's `wave`,
    https://docs.python.org/3/library/wave.html
    """
    pause = round(_PAUSE * waves.shape[1])
    sound = np.pad(waves, ((0, 0), (0, pause))).ravel()
    frames = np.rint(np.clip(sound, -1, 1) * _LARGEST).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(frames.tobytes())
