"""pix2pix (Isola et al. 2017, https://arxiv.org/abs/1611.07004): from edges to digits, in pairs.

    python -m experiments.digits_translate
    python -c "from experiments.digits_translate import report; report('runs/digits_translate')"

The conditional GAN with an L1 term of weight 100, on the data set `digit_edges`. The networks are
dense: 8 x 8 pixels are few for the paper's U-Net and patches (`unet` and `patch` of
`jaxgan list networks`).

On one of 2 CPU cores (AMD EPYC), 2026-11-21, seed 0, 40 s: mean absolute error of the 360 held-out
digits, in pixels of [-1, 1], .155; by linear least squares on the edges .180, of the median digit
.366. A logistic regression on pixels reads 85.6 % of the translations right, 84.2 % of those by
least squares, and 91.1 % of real digits. FID .05 (classifier features).
"""

from pathlib import Path

import jax
import numpy as np

import jaxgan
from jaxgan.cli import experiment_main
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
)
from jaxgan.data import digit_edges, model_batch, whole
from jaxgan.types import Batch


def player(**fields) -> PlayerConfig:
    """A dense network and its optimiser."""
    return PlayerConfig(
        network=NetworkConfig(kwargs={"widths": (256, 256), **fields}),
        optimizer=OptimizerConfig(kwargs={"b1": 0.5}),
        learning_rate=5e-4,
    )


def config() -> Config:
    """The generator sees edges in the place of z, the discriminator a digit beside its edges."""
    return Config(
        steps=3000,
        data=DataConfig(name="digit_edges", batch_size=64),
        game=GameConfig(name="paired_translation", kwargs={"l1": 100.0}),
        generator=player(norm="batch"),
        discriminator=player(conditioning="concat", spectral_norm=True),
        ema_half_life=100.0,
        steps_per_call=100,
        log_every=500,
        sample_every=1500,
        eval_every=1500,
        checkpoint_every=1500,
    )


def report(workdir: str | Path) -> dict[str, float]:
    """Prints how the held-out translations of a run compare with what is simpler.

    Errors are means of absolute differences of pixels in [-1, 1]: of the run, of the mean digit, of
    the median digit, and of linear least squares on the edges. Shares are those of digits that a
    logistic regression on pixels reads as their class: translated by the run, by least squares, and
    real ones.
    """
    from sklearn.linear_model import LinearRegression, LogisticRegression

    run = jaxgan.load(workdir)
    train, test = (whole(digit_edges(split=split)) for split in ("train", "test"))
    x, y, edges_x, edges_y = (
        _rows(model_batch(batch), part) for part in ("real", "condition") for batch in (train, test)
    )
    fakes = jax.jit(run.program.sample)(run.state, jax.random.key(0), model_batch(test))
    translated = np.asarray(fakes).reshape(len(y), -1)
    linear = np.clip(LinearRegression().fit(edges_x, x).predict(edges_y), -1, 1)
    reader = LogisticRegression(max_iter=1000).fit(x, np.asarray(train.labels))
    found = {
        "error": np.abs(translated - y).mean(),
        "error of the mean": np.abs(x.mean(axis=0)[None] - y).mean(),
        "error of the median": np.abs(np.median(x, axis=0)[None] - y).mean(),
        "error of least squares": np.abs(linear - y).mean(),
        "read right": reader.score(translated, test.labels),
        "read right of least squares": reader.score(linear, test.labels),
        "read right of real digits": reader.score(y, test.labels),
    }
    for name, value in found.items():
        print(f"{name:<28} {value:.4f}")
    return {name: float(value) for name, value in found.items()}


def _rows(batch: Batch, part: str) -> np.ndarray:
    """The digits or their edges, in [-1, 1], as rows."""
    images = np.asarray(getattr(batch, part))
    return images.reshape(len(images), -1)


if __name__ == "__main__":
    experiment_main("experiments.digits_translate")
