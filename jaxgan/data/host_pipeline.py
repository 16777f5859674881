"""Batches for data that is too large for the device: read in threads while the device works."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice, starmap

import jax
import numpy as np
from jaxtyping import UInt32

from jaxgan.data.source import Source
from jaxgan.training.data_order import batch_indices
from jaxgan.types import Batch


@contextmanager
def host_batches(
    source: Source,
    words: UInt32[np.ndarray, "2"],
    *,
    lengths: Iterable[int],
    batch_size: int,
    start_step: int = 0,
    put: Callable[[Batch], Batch] = jax.device_put,
    depth: int = 2,
    rows: slice = slice(None),
) -> Iterator[Iterator[Batch]]:
    """Opens an iterator over the batches of successive dispatches; leaving it stops the reading.

        with host_batches(source, words, lengths=[100, 100, 40], batch_size=64) as batches:
            for batch in batches:  # real is [100, 64, ...], [100, 64, ...], [40, 64, ...]

    What is read is what `batch_indices` says, so the batches are those of a run that
    gathers on the device.

    Args:
        source: The data.
        words: The key of the order, as in `batch_indices`.
        lengths: The number of steps of each dispatch; may be endless.
        batch_size: The rows of a batch, over all processes.
        start_step: The step of the first batch.
        put: Places a stacked batch [steps, rows, ...] on the device; called in a thread.
        depth: The number of dispatches that are read, or lie ready, ahead of the consumer.
        rows: The rows of every batch that this process reads.

    Raises:
        Exception: What `source.read` or `put` raised, from the next batch on.
    """
    stop = threading.Event()

    def read(start: int, length: int) -> Batch:
        steps = []
        for step in range(start, start + length):
            if stop.is_set():
                raise CancelledError
            indices = batch_indices(words, step, batch_size=batch_size, size=source.size, xp=np)
            steps.append(source.read(np.asarray(indices)[rows]))
        return put(jax.tree.map(lambda *leaves: np.stack(leaves), *steps))

    pool = ThreadPoolExecutor(depth, thread_name_prefix="host-batches")
    try:
        submitted = starmap(partial(pool.submit, read), _spans(start_step, lengths))
        yield _in_order(deque(islice(submitted, depth)), submitted)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _spans(start: int, lengths: Iterable[int]) -> Iterator[tuple[int, int]]:
    for length in lengths:
        yield start, length
        start += length


def _in_order(pending: deque[Future[Batch]], more: Iterator[Future[Batch]]) -> Iterator[Batch]:
    """The results in order, another one begun for each; a failure of a pending one comes first."""
    while pending:
        failed = (future for future in pending if future.done() and future.exception())
        batch = next(failed, pending[0]).result()
        pending.popleft()
        pending.extend(islice(more, 1))
        yield batch
