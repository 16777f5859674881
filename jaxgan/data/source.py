"""What a data set is to the rest of jaxgan: a shape, a size and a function from indices to samples.

Images stay uint8 until they are inside the train step: four times less memory and traffic.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, Int, Shaped, UInt8

from jaxgan.errors import ConfigError, DataError
from jaxgan.types import Batch

# The bytes of the samples that are read at a time for their labels.
_PART_BYTES = 64 << 20


class Mixture(NamedTuple):
    """The modes of a synthetic mixture of k isotropic Gaussians, for metrics that count modes."""

    centers: Float32[np.ndarray, "k 2"]
    sigma: float


class Curve(NamedTuple):
    """The curve that a synthetic data set follows, for metrics that look how well it is met.

    Attributes:
        plane: Orthonormal axes of the plane that it lies in.
        points: k of its points in that plane, evenly along its parameter.
    """

    plane: Float32[np.ndarray, "d 2"]
    points: Float32[np.ndarray, "k 2"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One split of a data set.

    Attributes:
        name: The data set's name.
        split: The split's name.
        version: Identifies the content, for caches.
        shape: The shape of a sample: (height, width, channels) or (dimensions,).
        size: The number of samples, at least 1.
        num_classes: The number of classes, or None without labels.
        dtype: np.uint8 for images, np.float32 for points and waveforms.
        read: Maps indices in [0, size) to a Batch of NumPy arrays: `real` [n, *shape] of `dtype`,
            `labels` int32 [n] or None, `condition` [n, *condition_shape] or None. Safe to call from
            several threads.
        condition_shape: The shape of one sample's condition; None without conditions.
        condition_dtype: np.uint8 for images, np.float32 for other arrays.
        mixture: The true modes, where they are known.
        curve: The curve that it follows, where it is known.
        sample_rate: Of waveforms, in Hz; None where samples are none.
        in_memory: Whether samples lie decoded in memory, or in a file that is mapped into it; else
            every `read` decodes them, and grain may do so ahead of the steps.
    """

    name: str
    split: str
    version: str
    shape: tuple[int, ...]
    size: int
    num_classes: int | None
    dtype: type[np.generic]
    read: Callable[[np.ndarray], Batch] = field(repr=False)
    condition_shape: tuple[int, ...] | None = None
    condition_dtype: type[np.generic] | None = None
    mixture: Mixture | None = None
    curve: Curve | None = None
    sample_rate: int | None = None
    in_memory: bool = True

    @property
    def nbytes(self) -> int:
        """The bytes of all decoded samples, labels and conditions."""
        sample = _nbytes(self.shape, self.dtype) + (0 if self.num_classes is None else 4)
        return self.size * (sample + _nbytes(self.condition_shape, self.condition_dtype))


def _nbytes(shape: tuple[int, ...] | None, dtype: type[np.generic] | None) -> int:
    return 0 if shape is None else math.prod(shape) * np.dtype(dtype).itemsize


def take(arrays: Batch, indices: np.ndarray) -> Batch:
    """The samples at `indices` of arrays in the host's memory."""
    return jax.tree.map(lambda x: x[indices], arrays)


def from_arrays(
    real: Shaped[np.ndarray, "n ..."],
    labels: Int[np.ndarray, "..."] | None = None,
    *,
    condition: Shaped[np.ndarray, "..."] | None = None,
    name: str,
    split: str = "train",
    version: str = "1",
    num_classes: int | None = None,
    mixture: Mixture | None = None,
    curve: Curve | None = None,
    sample_rate: int | None = None,
) -> Source:
    """A source of n samples held in memory.

    Args:
        real: uint8 images [n, h, w, c], or float32 points or waveforms [n, d].
        labels: The classes [n], from 0.
        condition: What a generator is to translate into `real`, row by row: uint8 images or float32
            arrays.
        name: The data set's name.
        split: The split's name.
        version: Identifies the content, for caches.
        num_classes: The number of classes; default: one more than the largest label.
        mixture: The true modes, where they are known.
        curve: The curve that it follows, where it is known.
        sample_rate: Of waveforms in [-1, 1], in Hz.

    Raises:
        DataError: No samples, or not one label or condition for each.
    """
    size = len(real)
    if size == 0:
        raise DataError(f"data set {name!r} has no samples; give at least one")
    for kind, array in (("labels", labels), ("conditions", condition)):
        if array is not None and len(array) != size:
            raise DataError(
                f"data set {name!r} has {size} samples and {len(array)} {kind}; give one for each"
            )
    if labels is not None and num_classes is None:
        num_classes = int(labels.max()) + 1
    labels = None if labels is None else labels.astype(np.int32)
    return Source(
        name=name,
        split=split,
        version=version,
        shape=real.shape[1:],
        size=size,
        num_classes=num_classes,
        dtype=real.dtype.type,
        read=partial(take, Batch(real=real, labels=labels, condition=condition)),
        condition_shape=None if condition is None else condition.shape[1:],
        condition_dtype=None if condition is None else condition.dtype.type,
        mixture=mixture,
        curve=curve,
        sample_rate=sample_rate,
    )


def labelled_few(source: Source, per_class: int) -> Source:
    """The first samples of each class, in their order: the labelled few of semi-supervised games.

    Args:
        source: A data set with labels, which are read once.
        per_class: How many samples of each class.

    Raises:
        ConfigError: `per_class` is below 1, or above what a class has; or there are no labels.

    Source: Salimans et al. 2016, arXiv:1606.03498, section 5.
    """
    if per_class < 1:
        raise ConfigError(f"per_class={per_class} must be at least 1")
    if source.num_classes is None:
        raise ConfigError(f"data set {source.name!r} has no labels; leave out per_class")
    labels = _labels(source)
    chosen = [np.flatnonzero(labels == c)[:per_class] for c in range(source.num_classes)]
    fewest = min(range(source.num_classes), key=lambda c: len(chosen[c]))
    if len(chosen[fewest]) < per_class:
        raise ConfigError(
            f"class {fewest} of data set {source.name!r} ({source.split}) has "
            f"{len(chosen[fewest])} samples, fewer than per_class={per_class}; lower it"
        )
    indices = np.sort(np.concatenate(chosen))
    return replace(
        source,
        version=f"{source.version}-per_class={per_class}",
        size=len(indices),
        read=lambda rows: source.read(indices[rows]),
    )


def mirrored(source: Source) -> Source:
    """The images, and after them the mirror image of each, left and right exchanged.

    Conditions that are images are mirrored with them.

    Raises:
        ConfigError: samples that are not images.

    Source: the amplification by x-flips of Karras et al. 2020, Training Generative Adversarial
    Networks with Limited Data, https://arxiv.org/abs/2006.06676, section 4.
    """
    if source.dtype != np.uint8:
        raise ConfigError(f"data set {source.name!r} has no images; leave out mirror")

    read = partial(_read_mirrored, source)
    return replace(source, version=f"{source.version}-mirror", size=2 * source.size, read=read)


def _read_mirrored(source: Source, rows: np.ndarray) -> Batch:
    batch, is_mirror = source.read(rows % source.size), rows >= source.size

    def mirror(images: Any) -> UInt8[np.ndarray, "n h w c"]:
        return np.where(is_mirror[:, None, None, None], images[:, :, ::-1], images)

    paired = source.condition_dtype == np.uint8
    condition = mirror(batch.condition) if paired else batch.condition
    return batch.replace(real=mirror(batch.real), condition=condition)


def _labels(source: Source) -> Int[np.ndarray, "n"]:
    """All labels, read in parts so that the samples need not be in memory at once."""
    parts = np.array_split(np.arange(source.size), -(-source.nbytes // _PART_BYTES))
    labels = [source.read(rows).labels for rows in parts if len(rows)]
    return np.concatenate([part for part in labels if part is not None])


def unknown_split(name: str, split: str, splits: Iterable[str]) -> ConfigError:
    """The error for a split that a data set does not have."""
    return ConfigError(f"data set {name!r} has no split {split!r}; use one of: {', '.join(splits)}")


def whole(source: Source) -> Batch:
    """All samples of a source, in order, as NumPy arrays."""
    return source.read(np.arange(source.size))


def fits_on_device(source: Source, limit_bytes: int) -> bool:
    """Whether all samples and labels together take at most `limit_bytes`."""
    return source.nbytes <= limit_bytes
