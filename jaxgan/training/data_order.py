"""The order of the data, a pure function of (key, step): a restart needs nothing but the step.

Every epoch visits [0, size) in the order of its own random permutation. Only the batch's part of it
is computed: the swap-or-not shuffle (Hoang, Morris & Rogaway, "An enciphering scheme based on a
card shuffle", CRYPTO 2012, doi:10.1007/978-3-642-32009-5_1) maps each index by itself, on a domain
of any size. All arithmetic is uint32, so NumPy on the host and XLA inside a scanned step give the
same bits.
"""

import zlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Int32, UInt32

from jaxgan.types import Batch

Tree = TypeVar("Tree")
Indices = TypeVar("Indices")
KeyData = UInt32[Array | np.ndarray, "2"]

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
    key_data: KeyData,
    epoch: UInt32[Array | np.ndarray, "2 #n"],
    index: UInt32[Array | np.ndarray, "n"],
    *,
    size: int,
    xp: ModuleType | Any = jnp,
) -> UInt32[Array | np.ndarray, "n"]:
    """The places of `index` under a random permutation of [0, size).

    Args:
        key_data: The key.
        epoch: Which of the key's permutations, as two numbers; a pair for all indices or for each.
        index: Integers in [0, size).
        size: The size of the domain, static, below 2^31.
        xp: jax.numpy or numpy; the bits are the same.
    """
    first = mix(key_data[1:] + mix(key_data[:1] + mix(epoch[1] + mix(epoch[0] + STRIDES[0]))))
    second = mix(key_data[:1] + mix(key_data[1:] + mix(epoch[0] + mix(epoch[1] + STRIDES[1]))))
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
    key_data: KeyData,
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
        key_data: The key, such as `jax.random.key_data(key)`.
        step: The number of the batch, from 0; may be traced.
        batch_size: The rows of a batch, static.
        size: The number of samples, static.
        xp: jax.numpy, or numpy on the host; the bits are the same.
    """
    rows = xp.arange(batch_size, dtype=xp.uint32)
    steps_per_epoch = max(size // batch_size, 1)
    # The offset stays below `size`, and (step, part) names an epoch by two numbers instead of
    # one product, so nothing overflows however long the run.
    offset = (step % steps_per_epoch) * batch_size + rows if batch_size <= size else rows % size
    part = xp.zeros(1, xp.uint32) if batch_size <= size else rows // np.uint32(size)
    number = xp.asarray(step // steps_per_epoch, dtype=xp.uint32)[None]
    epoch = xp.stack(xp.broadcast_arrays(number, part))
    return permute(key_data, epoch, offset.astype(xp.uint32), size=size, xp=xp).astype(xp.int32)


def stream_key_data(key_data: KeyData, name: str) -> KeyData:
    """The key of a stream's order; the same bits on the host (NumPy) and on the device.

    Args:
        key_data: The key of the run's order.
        name: The stream's name; "" is the main one, which has the run's own key.
    """
    if not name:
        return key_data
    digest = np.full(2, zlib.crc32(name.encode()), np.uint32)
    return mix(key_data + mix(digest + np.array(STRIDES)))


def gather(arrays: Tree, indices: Int[Array, "n"]) -> Tree:
    """The samples at `indices` of arrays [size, ...] on the device; for use inside the step.

    Args:
        arrays: A tree of arrays of one size, such as a Batch without streams.
        indices: Integers in [0, size).
    """
    # Indices are in range by construction, and "clip" compiles to a plain gather; the default mode
    # would fill, which costs a comparison and a select over the whole batch.
    return jax.tree.map(lambda x: jnp.take(x, indices, axis=0, mode="clip"), arrays)


def keep_all(indices: Indices) -> Indices:
    """Leaves the indices as they are: what a process or device that takes whole batches takes."""
    return indices


def next_batch(
    data: Batch,
    key_data: KeyData,
    step: int | Int[Array, ""],
    batch_sizes: Mapping[str, int],
    *,
    local: Callable[[Array], Array] = keep_all,
) -> Batch:
    """Batch number `step` of data sets that lie on the device, each in an order of its own.

    Args:
        data: The whole sets: the main one, and those of `data.streams`.
        key_data: The key of the run's order.
        step: The number of the batch, from 0; may be traced.
        batch_sizes: The rows of each stream's batch by its name, over all devices; "" is the main
            one. Static.
        local: Maps the indices of a batch to those that this device takes, such as
            `collectives.local_slice`.
    """

    def samples(name: str, arrays: Batch) -> Batch:
        indices = batch_indices(
            stream_key_data(key_data, name),
            step,
            batch_size=batch_sizes[name],
            size=arrays.real.shape[0],
        )
        return gather(arrays, local(jnp.asarray(indices)))

    streams = {name: samples(name, arrays) for name, arrays in data.streams.items()}
    return samples("", data.replace(streams={})).replace(streams=streams)
