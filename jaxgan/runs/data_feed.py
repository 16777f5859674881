"""How the data reaches the compiled steps: all of it on the device, or streamed from the host."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from jaxgan.config import Config
from jaxgan.data import host_batches
from jaxgan.runs.build import Program, batch_sizes
from jaxgan.training import parallel
from jaxgan.types import Batch

_DATA_SHARE = 0.25  # of a device's memory, at most, for the data set
_CPU_BYTES = 4 * 2**30  # stands for the memory of a device that does not tell it


def fits_on_device(config: Config, program: Program) -> bool:
    """Whether the data sets stay on the device, by the config or since they fit there."""
    if config.data.placement != "auto":
        return config.data.placement == "device"
    memory = program.mesh.local_devices[0].memory_stats() or {}
    limit = int(memory.get("bytes_limit", _CPU_BYTES) * _DATA_SHARE)
    return sum(s.nbytes for s in (program.source, *program.streams.values())) <= limit


@contextmanager
def feed(
    config: Config,
    program: Program,
    key_data: np.ndarray,
    step: int,
    lengths: list[int],
    on_device: bool,
) -> Iterator[Iterator[Batch]]:
    """What each call gets: the whole sets on the device, or its own stacked batches."""
    if on_device:
        yield itertools.repeat(parallel.replicate(program.data(), program.mesh))
        return
    sizes = batch_sizes(config)
    with host_batches(
        program.source,
        key_data,
        lengths=lengths,
        batch_size=sizes[""],
        streams={name: (stream, sizes[name]) for name, stream in program.streams.items()},
        start_step=step,
        put=lambda batches: parallel.put_batches(batches, config.parallel, program.mesh),
        local=lambda rows: parallel.own_rows(rows, program.mesh),
    ) as batches:
        yield batches
