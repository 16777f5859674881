"""Images as bytes and as networks see them: uint8 from 0 to 255, float32 in [-1, 1]."""

import numpy as np
from jaxtyping import Array, Float, Shaped, UInt8

from jaxgan.types import Batch


def to_model(x: Shaped[Array | np.ndarray, "n ..."]) -> Shaped[Array | np.ndarray, "n ..."]:
    """What networks see: uint8 images scaled to [-1, 1] as float32; anything else unchanged."""
    return x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x


def to_uint8(samples: Float[Array | np.ndarray, "n ..."]) -> UInt8[np.ndarray, "n ..."]:
    """The inverse of `to_model` for images: [-1, 1] to 0..255, rounded, clipped; on the host."""
    return np.rint(np.clip((np.asarray(samples) + 1) * 127.5, 0, 255)).astype(np.uint8)


def model_batch(batch: Batch) -> Batch:
    """The batch as networks see it: `to_model` of samples and conditions, in every stream."""
    return batch.replace(
        real=to_model(batch.real),
        condition=None if batch.condition is None else to_model(batch.condition),
        streams={name: model_batch(stream) for name, stream in batch.streams.items()},
    )
