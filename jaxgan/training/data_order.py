"""The order of the data, a pure function of (key, step): after a restart the step says it all.

Every epoch is visited in the order of its own random permutation of [0, size), of which only the
batch's part is computed: the swap-or-not shuffle (Hoang, Morris & Rogaway, "An enciphering scheme
based on a card shuffle", CRYPTO 2012) maps each index alone, on a domain of any size. All is uint32
arithmetic, so NumPy on the host and XLA inside a scanned step give the same bits.
"""

from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Int32, UInt32

# A round leaves an index in place with probability 1/2, so the deviation from a uniformly random
# permutation that pairs of indices show is of the order of 2^-ROUNDS.
ROUNDS = 24

# Odd constants from the bits of the golden ratio and of sqrt(3): multiples of them, and so the
# inputs of the hash for successive rounds, differ in many bits.
STRIDES = (np.uint32(0x9E3779B1), np.uint32(0xBB67AE85))


def mix(x: UInt32[Array | np.ndarray, "..."]) -> UInt32[Array | np.ndarray, "..."]:
    """A bijective integer hash with nearly no bias: `lowbias32` of Wellons' hash-prospector."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def permute(
    words: UInt32[Array | np.ndarray, "2"],
    epoch: UInt32[Array | np.ndarray, "2 #n"],
    index: UInt32[Array | np.ndarray, "n"],
    *,
    size: int,
    xp: ModuleType | Any = jnp,
) -> UInt32[Array | np.ndarray, "n"]:
    """The places of `index` under a random permutation of [0, size).

    Args:
        words: The key.
        epoch: Which of the key's permutations, as two words; one for all indices or one for each.
        index: Integers in [0, size).
        size: The size of the domain, static, below 2^31.
        xp: jax.numpy or numpy; the bits are the same.
    """
    first = mix(words[1:] + mix(words[:1] + mix(epoch[1] + mix(epoch[0] + STRIDES[0]))))
    second = mix(words[:1] + mix(words[1:] + mix(epoch[0] + mix(epoch[1] + STRIDES[1]))))
    counter = xp.arange(1, ROUNDS + 1, dtype=xp.uint32)[:, None]
    salts = mix(first[None] + counter * STRIDES[0])
    pivots = mix(second[None] + counter * STRIDES[1]) % np.uint32(size)
    for pivot, salt in zip(pivots, salts, strict=True):
        partner = xp.where(pivot < index, pivot + np.uint32(size), pivot) - index
        # Both of a pair hash the same number and so agree on whether they swap.
        swap = mix(xp.maximum(index, partner) ^ salt) >> np.uint32(31)
        index = xp.where(swap == 1, partner, index)
    return index


def batch_indices(
    words: UInt32[Array | np.ndarray, "2"],
    step: int | Int[Array, ""],
    *,
    batch_size: int,
    size: int,
    xp: ModuleType | Any = jnp,
) -> Int32[Array | np.ndarray, "{batch_size}"]:
    """The indices of the samples of batch number `step`, without replacement within an epoch.

    An epoch is `size // batch_size` batches and leaves out a remainder that differs from epoch to
    epoch. If the batch is larger than the data, each run of `size` rows is an epoch of its own.

    Args:
        words: The key, such as `jax.random.key_data(key)`.
        step: The number of the batch, from 0; may be traced.
        batch_size: The rows of a batch, static.
        size: The number of samples, static.
        xp: jax.numpy, or numpy on the host; the bits are the same.
    """
    rows = xp.arange(batch_size, dtype=xp.uint32)
    steps_per_epoch = max(size // batch_size, 1)
    # The offset stays below `size`, and (step, part) names an epoch as two words instead of as one
    # product, so nothing overflows however long the run.
    offset = (step % steps_per_epoch) * batch_size + rows if batch_size <= size else rows % size
    part = xp.zeros(1, xp.uint32) if batch_size <= size else rows // np.uint32(size)
    number = xp.asarray(step // steps_per_epoch, dtype=xp.uint32)[None]
    epoch = xp.stack(xp.broadcast_arrays(number, part))
    return permute(words, epoch, offset.astype(xp.uint32), size=size, xp=xp).astype(xp.int32)
