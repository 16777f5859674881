"""Waveforms instead of images: tones of 64 ms by a WaveGAN (Donahue et al. 2019, arXiv:1802.04208).

    python -m experiments.sines
    jaxgan sample runs/sines --out tones.wav

Made data, a sine and its octave of random pitch, loudness and phase (`jaxgan.data.sines`), and
one-dimensional convolutions. A run leaves curves and sounds in samples/, and is scored by the
distance of mean log power spectra, in dB, and of the distributions of pitch, in Hz.

On one of 2 CPU cores (AMD EPYC), 2026-11-21, seed 0: 7.2 Hz between the distributions of pitch
(real tones: 1.0 Hz), 12.3 dB between the mean log spectra (real tones: .11): tones of the right
pitches and shape, whose phase drifts; 63 s of processor time.
"""

from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    LatentConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
)


def player(**fields) -> PlayerConfig:
    """Small networks of one dimension, and large steps."""
    return PlayerConfig(
        network=NetworkConfig(name="wave", kwargs={"width": 16, **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.0, "b2": 0.9}),
        learning_rate=Ramp(2e-3, 2e-4, shape="cosine"),
    )


def config() -> Config:
    """Spectral norm and the hinge loss, as in `experiments.mnist_conditional`."""
    return Config(
        steps=5000,
        data=DataConfig(name="sines", batch_size=64),
        latent=LatentConfig(dim=16),
        generator=player(),
        discriminator=player(spectral_norm=True),
        loss=TermConfig(name="hinge"),
        ema_half_life=100.0,
        steps_per_call=50,
        log_every=500,
        sample_every=2500,
        eval_every=2500,
        checkpoint_every=2500,
        num_eval_samples=5000,
    )


if __name__ == "__main__":
    experiment_main("experiments.sines")
