"""Which metric sees which fault: test images, spoilt in one way each, against other test images.

    TFDS_DATA_DIR=DIR python benchmarks/calibration.py [--data mnist] [--num 4000] [--out FILE]

The classifier of the data set, on whose features the figures are, was trained on neither. Each row
spoils a copy of the same images:

    nothing           the real baseline: real images against real images
    noise             Gaussian, standard deviation 40 of 255
    blur              Gaussian, standard deviation 1 pixel
    dropped class     one of the classes replaced by images of the others
    duplicated        a tenth of the images, each ten times
    copies            half of the images exchanged for some of those that they are compared with

For memorisation, what they are compared with stands for what a generator was trained on, and the
remaining test images for held-out ones. A figure in bold lies further from the baseline, in the
direction that is worse, than MOVED times the standard error of the difference.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from jaxgan import runtime

METRICS = ("fid", "kid", "prdc", "class_coverage", "vendi_score", "memorisation")
SHOWN = (
    *("fid", "kid", "precision", "recall", "density", "coverage", "class_kl", "vendi_score"),
    *("memorisation_near", "memorisation_auc"),
)
MOVED = 5.0
SIGMA_NOISE, SIGMA_BLUR, COPIES = 40.0, 1.0, 10


class Images(NamedTuple):
    """Images with their labels."""

    real: np.ndarray
    labels: np.ndarray


def nothing(images: Images, _others: Images, _rng: np.random.Generator) -> np.ndarray:
    """The images as they are."""
    return images.real


def noise(images: Images, _others: Images, rng: np.random.Generator) -> np.ndarray:
    """With independent noise in every pixel."""
    noisy = images.real + SIGMA_NOISE * rng.standard_normal(images.real.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def blur(images: Images, _others: Images, _rng: np.random.Generator) -> np.ndarray:
    """Smoothed over rows and columns."""
    smooth = ndimage.gaussian_filter(images.real.astype(float), (0, SIGMA_BLUR, SIGMA_BLUR, 0))
    return np.rint(smooth).astype(np.uint8)


def dropped_class(images: Images, _others: Images, _rng: np.random.Generator) -> np.ndarray:
    """Without class 0, whose places the first others take once more."""
    kept = np.flatnonzero(images.labels)
    return images.real[np.resize(kept, len(images.real))]


def duplicated(images: Images, _others: Images, _rng: np.random.Generator) -> np.ndarray:
    """A tenth, ten times."""
    few = images.real[: -(-len(images.real) // COPIES)]
    return np.repeat(few, COPIES, axis=0)[: len(images.real)]


def copies(images: Images, others: Images, rng: np.random.Generator) -> np.ndarray:
    """Half of them from those that they are compared with."""
    half = len(images.real) // 2
    chosen = rng.choice(len(others.real), half, replace=False)
    return np.concatenate([others.real[chosen], images.real[half:]])


FAULTS: dict[str, Callable[[Images, Images, np.random.Generator], np.ndarray]] = {
    "nothing": nothing,
    "noise": noise,
    "blur": blur,
    "dropped class": dropped_class,
    "duplicated": duplicated,
    "copies": copies,
}


def calibrate(data: str, num: int) -> dict[str, dict[str, tuple[float, float]]]:
    """The value and the standard error of every figure for every fault.

    Args:
        data: A labelled image set with a split "test".
        num: Images in a row, and as many to compare with; less than half of the split "test".
    """
    import jax

    from jaxgan.config import DataConfig
    from jaxgan.data import load
    from jaxgan.evaluation import score, take_features
    from jaxgan.metrics import Sides
    from jaxgan.runs.scoring import metrics_of, reference_of
    from jaxgan.types import Batch

    source, test = load(data), load(data, split="test")
    reference = reference_of(DataConfig(name=data), source)
    metrics = metrics_of(METRICS, source)
    order = np.random.default_rng(0).permutation(test.size)
    parts = [test.read(np.sort(part)) for part in np.split(order, (num, 2 * num))]
    images, others, _ = (Images(np.asarray(x.real), np.asarray(x.labels)) for x in parts)
    real, held_out = (take_features(reference.network, part) for part in parts[1:])

    table = {}
    for name, spoil in FAULTS.items():
        spoilt = spoil(images, others, np.random.default_rng(1))
        sides = Sides(
            real, take_features(reference.network, Batch(real=spoilt)), held_out, source.num_classes
        )
        figures = score(sides, metrics, jax.random.key(0))
        table[name] = {figure: (x.value, x.standard_error) for figure, x in figures.items()}
    return table


def worse(table: dict[str, dict[str, tuple[float, float]]], fault: str, figure: str) -> float:
    """How far a figure is worse than its baseline, in standard errors of the difference."""
    from jaxgan import metrics

    records = (metrics.METRICS[name] for name in METRICS)
    higher_is_better = any(figure in record.higher_is_better for record in records)
    (value, error), (baseline, baseline_error) = table[fault][figure], table["nothing"][figure]
    difference = baseline - value if higher_is_better else value - baseline
    scale = math.hypot(error, baseline_error)
    return difference / scale if scale else math.copysign(math.inf, difference) * (difference != 0)


def markdown(table: dict[str, dict[str, tuple[float, float]]]) -> str:
    """The table, a fault a row, with what moved in bold."""
    lines = ["| | " + " | ".join(SHOWN) + " |", "| --- |" + " --- |" * len(SHOWN)]
    for fault, figures in table.items():
        cells = []
        for figure in SHOWN:
            value, error = figures[figure]
            text = f"{value:.3g} +- {error:.1g}"
            moved = fault != "nothing" and worse(table, fault, figure) > MOVED
            cells.append(f"**{text}**" if moved else text)
        lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--num", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    runtime.prepare()
    text = markdown(calibrate(arguments.data, arguments.num))
    print(text)
    if arguments.out:
        arguments.out.write_text(text)


if __name__ == "__main__":
    main()
