"""What a data set is to the rest of jaxgan: a shape, a size and a function from indices to samples.

Images stay uint8 until they are inside the train step: four times less memory and traffic.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Shaped, UInt8

from jaxgan.errors import ConfigError
from jaxgan.types import Batch


class Mixture(NamedTuple):
    """The modes of a synthetic mixture of k isotropic Gaussians, for metrics that count modes."""

    centers: Float32[np.ndarray, "k 2"]
    sigma: float


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
        dtype: np.uint8 for images, np.float32 for points.
        read: Maps indices in [0, size) to a Batch of NumPy arrays: `real` [n, *shape] of `dtype`,
            `labels` int32 [n] or None. Safe to call from several threads.
        mixture: The true modes, where they are known.
    """

    name: str
    split: str
    version: str
    shape: tuple[int, ...]
    size: int
    num_classes: int | None
    dtype: type[np.generic]
    read: Callable[[np.ndarray], Batch] = field(repr=False)
    mixture: Mixture | None = None

    @property
    def nbytes(self) -> int:
        """The bytes of all decoded samples and labels."""
        sample = math.prod(self.shape) * np.dtype(self.dtype).itemsize
        return self.size * (sample + (0 if self.num_classes is None else 4))


def take(arrays: Batch, indices: np.ndarray) -> Batch:
    """The samples at `indices` of arrays in the host's memory."""
    return jax.tree.map(lambda x: x[indices], arrays)


def from_arrays(
    real: Shaped[np.ndarray, "n ..."],
    labels: Int[np.ndarray, "n"] | None = None,
    *,
    name: str,
    split: str = "train",
    version: str = "1",
    num_classes: int | None = None,
    mixture: Mixture | None = None,
) -> Source:
    """A source of samples held in memory: uint8 images [n, h, w, c] or float32 points [n, d].

    `num_classes` is one more than the largest label unless it is given.
    """
    if labels is not None and num_classes is None:
        num_classes = int(labels.max()) + 1
    arrays = Batch(real=real, labels=None if labels is None else labels.astype(np.int32))
    return Source(
        name=name,
        split=split,
        version=version,
        shape=real.shape[1:],
        size=len(real),
        num_classes=num_classes,
        dtype=real.dtype.type,
        read=partial(take, arrays),
        mixture=mixture,
    )


def unknown_split(name: str, split: str, splits: Iterable[str]) -> ConfigError:
    """The error for a split that a data set does not have."""
    return ConfigError(f"data set {name!r} has no split {split!r}; use one of: {', '.join(splits)}")


def whole(source: Source) -> Batch:
    """All samples of a source, in order, as NumPy arrays."""
    return source.read(np.arange(source.size))


def fits_on_device(source: Source, limit_bytes: int) -> bool:
    """Whether all samples and labels together take at most `limit_bytes`."""
    return source.nbytes <= limit_bytes


def gather(dataset: Batch, indices: Int[Array, "n"]) -> Batch:
    """The samples at `indices` of a data set that lies on the device; for use inside the step."""
    # Indices are in range by construction, and "clip" compiles to a plain gather; the default mode
    # would fill, which costs a comparison and a select over the whole batch.
    return jax.tree.map(lambda x: jnp.take(x, indices, axis=0, mode="clip"), dataset)


def to_model(real: Shaped[Array | np.ndarray, "n ..."]) -> Float[Array | np.ndarray, "n ..."]:
    """What networks see: uint8 images scaled to [-1, 1] as float32; float points unchanged."""
    return real.astype(np.float32) / 127.5 - 1 if real.dtype == np.uint8 else real


def to_uint8(samples: Float[Array | np.ndarray, "n ..."]) -> UInt8[np.ndarray, "n ..."]:
    """The inverse of `to_model` for images: [-1, 1] to 0..255, rounded, clipped; on the host."""
    return np.rint(np.clip((np.asarray(samples) + 1) * 127.5, 0, 255)).astype(np.uint8)
