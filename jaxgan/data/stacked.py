"""Images made of several images, one in each channel."""

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from jaxgan.data.image_sets import mnist
from jaxgan.data.record import dataset
from jaxgan.data.source import Source
from jaxgan.registry import AT_LEAST_ONE
from jaxgan.types import Batch

_DIGITS = 10


@dataset(ranges={"size": AT_LEAST_ONE}, features="stacked_classifier")
def stacked_mnist(
    *,
    split: str = "train",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resize: int | None = None,
    pad: int | None = None,
    size: int = 128_000,
    seed: int = 0,
) -> Source:
    """Three random MNIST digits as the colours of one image: uint8 [28, 28, 3], 1,000 classes.

    The class is the number that the digits of the channels spell, 100 r + 10 g + b: the modes that
    are counted. A perfect sampler of such stacks does not have uniform classes, for MNIST's are
    not: 26,000 samples of it have KL(classes || uniform) = .0236 +- .0010, where uniform ones have
    .0194.

    Args:
        split: Whose digits; its slices, such as `train[:5000]`, too.
        data_dir: Where `mnist` is prepared; as in `prepared`.
        cache_dir: Where decoded digits are kept.
        resize: The side to resize to.
        pad: The side to pad to with zeros; R3GAN trains on 32.
        size: The number of stacks, drawn once and for all; PacGAN trains on 128,000.
        seed: Of the draws, which differ between splits too.

    Raises:
        ConfigError: An unknown split, or transforms that do not fit the images.
        DataError: `mnist` is not prepared or cannot be read.

    Source: Metz et al. 2017, Unrolled Generative Adversarial Networks,
    https://arxiv.org/abs/1611.02163; Lin et al. 2018, PacGAN, https://arxiv.org/abs/1712.04086.
    """
    single = mnist(split=split, data_dir=data_dir, cache_dir=cache_dir, resize=resize, pad=pad)
    rng = np.random.Generator(np.random.Philox([seed, zlib.crc32(split.encode())]))
    chosen = rng.integers(single.size, size=(size, 3))

    def read(rows: np.ndarray) -> Batch:
        digits = single.read(chosen[rows].reshape(-1))
        images, labels = np.asarray(digits.real), np.asarray(digits.labels)
        height, width, _ = single.shape
        stacks = images.reshape(-1, 3, height, width).transpose(0, 2, 3, 1)
        weights = np.array([_DIGITS**2, _DIGITS, 1], np.int32)
        return Batch(
            real=np.ascontiguousarray(stacks), labels=(labels.reshape(-1, 3) * weights).sum(axis=1)
        )

    return replace(
        single,
        name="stacked_mnist",
        version=f"1-{single.version}-size={size}-seed={seed}",
        shape=(*single.shape[:2], 3),
        size=size,
        num_classes=_DIGITS**3,
        read=read,
    )
