"""How the data reaches the compiled steps: it lies on the device, or comes from memory or files."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from jaxgan.config import Config
from jaxgan.data import check_grain, grain_batches, host_batches
from jaxgan.runs.build import Program, batch_sizes
from jaxgan.training import parallel
from jaxgan.types import Batch

_DATA_SHARE = 0.25  # of a device's memory, at most, for the data set
_CPU_BYTES = 4 * 2**30  # stands for the memory of a device that does not tell it


def placement(config: Config, program: Program) -> Literal["device", "host", "grain"]:
    """Where the data sets are: as the config says, or on the device if they fit there.

    Those that do not fit are read by grain where they do not lie in memory, if it is installed.

    Raises:
        ConfigError: grain is asked for, and is not installed.
    """
    sources = (program.source, *program.streams.values())
    if config.data.placement == "grain":
        check_grain()
    if config.data.placement != "auto":
        return config.data.placement
    memory = program.mesh.local_devices[0].memory_stats() or {}
    limit = int(memory.get("bytes_limit", _CPU_BYTES) * _DATA_SHARE)
    if sum(source.nbytes for source in sources) <= limit:
        return "device"
    in_memory = all(source.in_memory for source in sources)
    return "host" if in_memory or find_spec("grain") is None else "grain"


def fits_on_device(config: Config, program: Program) -> bool:
    """Whether the data sets stay on the device, by the config or since they fit there."""
    return placement(config, program) == "device"


@contextmanager
def feed(
    config: Config,
    program: Program,
    key_data: np.ndarray,
    step: int,
    lengths: list[int],
    on_device: bool,
) -> Iterator[Iterator[Batch]]:
    """What each call gets: the whole sets on the device, or its own stacked batches.

    Of several processes, each reads the rows of its own devices.
    """
    if on_device:
        yield itertools.repeat(parallel.replicate(program.data(), program.mesh))
        return
    sizes = batch_sizes(config)
    own = {n: parallel.own_rows(np.arange(n), program.mesh) for n in sizes.values()}
    options: dict[str, Any] = {
        "lengths": lengths,
        "batch_size": sizes[""],
        "streams": {name: (stream, sizes[name]) for name, stream in program.streams.items()},
        "start_step": step,
        "put": lambda batches: parallel.put_batches(batches, program.mode, program.mesh),
        "local": partial(_chosen, own),
    }
    opened = host_batches
    if placement(config, program) == "grain":
        opened = partial(grain_batches, workers=config.data.workers)
    with opened(program.source, key_data, **options) as batches:
        yield batches


def _chosen(
    own: Mapping[int, Int[np.ndarray, "m"]], indices: Int[np.ndarray, "n"]
) -> Int[np.ndarray, "m"]:
    return indices[own[len(indices)]]
