"""Batches of data sets that outgrow memory: grain reads them from files, ahead of the steps.

The order is that of all other batches (`jaxgan.training.data_order`), a function of the key and the
step. So grain needs no shuffle, shards or state of its own: its index is the number of the step,
and a run that goes on begins with its step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import islice

import jax
import numpy as np
from absl import flags
from jaxtyping import UInt32

from jaxgan.data.host_pipeline import read_step, stacked
from jaxgan.data.source import Source
from jaxgan.errors import ConfigError
from jaxgan.training.data_order import keep_all
from jaxgan.types import Batch

# Steps that are read at a time, each of as many files as it has samples.
_THREADS = 4


def check_grain() -> None:
    """Raises ConfigError unless grain is installed."""
    if find_spec("grain") is None:
        raise ConfigError(
            "data.placement is 'grain', which is not installed; pip install 'jaxgan[grain]', or "
            "use --data.placement host"
        )


@contextmanager
def grain_batches(
    source: Source,
    key_data: UInt32[np.ndarray, "2"],
    *,
    lengths: Sequence[int],
    batch_size: int,
    streams: Mapping[str, tuple[Source, int]] | None = None,
    start_step: int = 0,
    put: Callable[[Batch], Batch] = jax.device_put,
    depth: int = 2,
    local: Callable[[np.ndarray], np.ndarray] = keep_all,
    workers: int = 0,
) -> Iterator[Iterator[Batch]]:
    """As `host_batches`, the same batches, read by grain; leaving it stops the reading.

    Args:
        source: The data.
        key_data: The key of the order, as in `batch_indices`.
        lengths: The number of steps of each dispatch.
        batch_size: The rows of a batch, over all processes.
        streams: Further data sets by name, each with the rows of its batches: `Batch.streams`.
        start_step: The step of the first batch.
        put: Places a stacked batch [steps, rows, ...] on the device.
        depth: The number of dispatches that are read ahead of the consumer.
        local: Maps the indices of a batch to those that this process reads; can be pickled, where
            there are workers.
        workers: Processes that read; 0: threads of this one.

    Raises:
        ConfigError: grain is not installed.
        Exception: What `source.read` or `put` raised.
    """
    check_grain()
    import grain  # pyright: ignore[reportMissingImports]

    opened = {"": (source, batch_size), **(streams or {})}
    ahead = depth * max(lengths, default=1)
    numbers = grain.MapDataset.range(start_step, start_step + sum(lengths))
    options = grain.ReadOptions(num_threads=_THREADS, prefetch_buffer_size=ahead)
    steps = numbers.map(partial(read_step, opened, key_data, local)).to_iter_dataset(options)
    if workers:
        flags.FLAGS.mark_as_parsed()  # grain's workers ask for absl's flags, which jaxgan has not
        buffered = -(-ahead // workers)
        steps = steps.mp_prefetch(grain.MultiprocessingOptions(workers, buffered))
    reading = iter(steps)
    try:
        yield (put(stacked(list(islice(reading, length)))) for length in lengths)
    finally:
        reading.close()
