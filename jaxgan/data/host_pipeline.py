"""Batches for data that is too large for the device: read in threads while the device works."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice, starmap

import jax
import numpy as np
from jaxtyping import UInt32

from jaxgan.data.source import Source
from jaxgan.training.data_order import batch_indices, keep_all, stream_key_data
from jaxgan.types import Batch


@contextmanager
def host_batches(
    source: Source,
    key_data: UInt32[np.ndarray, "2"],
    *,
    lengths: Iterable[int],
    batch_size: int,
    streams: Mapping[str, tuple[Source, int]] | None = None,
    start_step: int = 0,
    put: Callable[[Batch], Batch] = jax.device_put,
    depth: int = 2,
    local: Callable[[np.ndarray], np.ndarray] = keep_all,
) -> Iterator[Iterator[Batch]]:
    """Opens an iterator over the batches of successive dispatches; leaving it stops the reading.

        with host_batches(source, key_data, lengths=[100, 100, 40], batch_size=64) as batches:
            for batch in batches:  # real is [100, 64, ...], [100, 64, ...], [40, 64, ...]

    The batches are those that `next_batch` takes from data sets on the device.

    Args:
        source: The data.
        key_data: The key of the order, as in `batch_indices`.
        lengths: The number of steps of each dispatch; may be endless.
        batch_size: The rows of a batch, over all processes.
        streams: Further data sets by name, each with the rows of its batches: `Batch.streams`.
        start_step: The step of the first batch.
        put: Places a stacked batch [steps, rows, ...] on the device; called in a thread.
        depth: The number of dispatches that are read, or wait, ahead of the consumer.
        local: Maps the indices of a batch to those that this process reads.

    Raises:
        Exception: What `source.read` or `put` raised, from the next batch on.
    """
    stop = threading.Event()
    opened = {"": (source, batch_size), **(streams or {})}

    def read(start: int, length: int) -> Batch:
        steps = []
        for step in range(start, start + length):
            if stop.is_set():
                raise CancelledError
            steps.append(read_step(opened, key_data, local, step))
        return put(stacked(steps))

    pool = ThreadPoolExecutor(depth, thread_name_prefix="host-batches")
    try:
        submitted = starmap(partial(pool.submit, read), _spans(start_step, lengths))
        yield _in_order(deque(islice(submitted, depth)), submitted)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def read_step(
    opened: Mapping[str, tuple[Source, int]],
    key_data: UInt32[np.ndarray, "2"],
    local: Callable[[np.ndarray], np.ndarray],
    step: int,
) -> Batch:
    """The batch of a step: of each data set so many rows; "" is the main one, others its streams.

    Args:
        opened: The data sets by name, each with the rows of its batches over all processes.
        key_data: The key of the order, as in `batch_indices`.
        local: Maps the indices of a batch to those that this process reads.
        step: The number of the batch, from 0.
    """

    def samples(name: str) -> Batch:
        source, batch_size = opened[name]
        stream_key = stream_key_data(key_data, name)
        order = batch_indices(stream_key, step, batch_size=batch_size, size=source.size, xp=np)
        return source.read(local(np.asarray(order)))

    return samples("").replace(streams={name: samples(name) for name in opened if name})


def stacked(steps: Sequence[Batch]) -> Batch:
    """The batches of several steps as one, [steps, rows, ...]."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *steps)


def _spans(start: int, lengths: Iterable[int]) -> Iterator[tuple[int, int]]:
    for length in lengths:
        yield start, length
        start += length


def _in_order(pending: deque[Future[Batch]], more: Iterator[Future[Batch]]) -> Iterator[Batch]:
    """The results in order, starting one more for each; any failure is raised at once."""
    while pending:
        failed = (future for future in pending if future.done() and future.exception())
        batch = next(failed, pending[0]).result()
        pending.popleft()
        pending.extend(islice(more, 1))
        yield batch
