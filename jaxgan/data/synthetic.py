"""Made data of which the truth is known: mixtures of Gaussians, a spiral.

The ring and the grid of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761, section 4.1) with the
parameters of PacGAN (Lin et al. 2018, arXiv:1712.04086, section 4.1).
"""

import numpy as np
from jaxtyping import Float

from jaxgan.data.record import dataset
from jaxgan.data.source import Curve, Mixture, Source, from_arrays, unknown_split
from jaxgan.registry import AT_LEAST_ONE, Range

SEEDS = {"train": 0, "test": 1}


@dataset(ranges={"size": AT_LEAST_ONE})
def ring(*, split: str = "train", size: int = 100_000) -> Source:
    """Eight Gaussians on the unit circle, sigma 0.01; points float32 [2], labels are the modes.

    Args:
        split: "train" or "test", drawn with different seeds.
        size: The number of points; PacGAN trains on 100,000.
    """
    angles = 2 * np.pi * np.arange(8) / 8
    return _sample("ring", np.stack([np.cos(angles), np.sin(angles)], 1), 0.01, split, size)


@dataset(ranges={"size": AT_LEAST_ONE})
def grid(*, split: str = "train", size: int = 100_000) -> Source:
    """25 Gaussians at {-4, -2, 0, 2, 4}^2, sigma 0.05; points float32 [2], labels are the modes.

    Args:
        split: "train" or "test", drawn with different seeds.
        size: The number of points; PacGAN trains on 100,000.
    """
    ticks = np.arange(-4.0, 5.0, 2.0)
    return _sample(
        "grid", np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2), 0.05, split, size
    )


@dataset(ranges={"size": AT_LEAST_ONE, "dimensions": Range(low=2)})
def spiral(*, split: str = "train", size: int = 2000, dimensions: int = 64) -> Source:
    """A spiral of two turns, radius .5 to 2.5, with noise of .05 in its plane, in 64 dimensions.

    Points float32 [dimensions], without labels: (r cos th, r sin th) with th = 4 pi t, r = .5 + 2 t
    and t uniform, embedded by orthonormal axes.

    Args:
        split: "train" or "test", drawn with different seeds on the same plane.
        size: The number of points.
        dimensions: Of the space, at least 2.

    Source: the spiral diagnostic of representation distribution matching,
    https://arxiv.org/abs/2607.02375
    """
    if split not in SEEDS:
        raise unknown_split("spiral", split, SEEDS)
    rng = np.random.Generator(np.random.Philox(SEEDS[split]))
    points = _on_spiral(rng.uniform(size=size)) + 0.05 * rng.standard_normal((size, 2))
    axes = np.random.Generator(np.random.Philox(len(SEEDS))).standard_normal((dimensions, 2))
    plane = np.linalg.qr(axes)[0]
    curve = Curve(plane.astype(np.float32), _on_spiral(np.linspace(0, 1, 1500)).astype(np.float32))
    return from_arrays(
        (points @ plane.T).astype(np.float32),
        name="spiral",
        split=split,
        version=f"1-size={size}-dimensions={dimensions}",
        curve=curve,
    )


def _on_spiral(t: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n 2"]:
    angle, radius = 4 * np.pi * t, 0.5 + 2 * t
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _sample(name: str, centers: np.ndarray, sigma: float, split: str, size: int) -> Source:
    if split not in SEEDS:
        raise unknown_split(name, split, SEEDS)
    rng = np.random.Generator(np.random.Philox(SEEDS[split]))
    labels = rng.integers(len(centers), size=size)
    real = centers[labels] + sigma * rng.standard_normal((size, 2))
    return from_arrays(
        real.astype(np.float32),
        labels,
        name=name,
        split=split,
        version=f"1-size={size}",
        num_classes=len(centers),
        mixture=Mixture(centers.astype(np.float32), sigma),
    )
