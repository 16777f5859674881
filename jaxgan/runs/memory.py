"""What a run needs of memory at least, by the shapes of its arrays: told before any is made."""

import dataclasses
import math
import os
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jaxgan.config import Config, get, override
from jaxgan.data import Source
from jaxgan.errors import ConfigError
from jaxgan.fields import leaves
from jaxgan.games import Game
from jaxgan.runs.build import Program, batch_sizes, build
from jaxgan.runs.data_feed import fits_on_device
from jaxgan.training import parallel
from jaxgan.types import PyTree

_SIZES = ("data.batch_size", "data.resize", "data.pad", "latent.dim", "steps_per_call")
_LARGE = 256  # a size that may be to blame
_HALVINGS, _REFINEMENTS = 40, 4  # of a size that does not fit
_FLOAT_BYTES = 4


def check_memory(config: Config, program: Program, reference: PyTree = None) -> None:
    """Raises ConfigError if a device cannot hold what it must, by a count that is too low.

    Args:
        config: What is to be run.
        program: The same, built.
        reference: What the game was fitted to; None of one that is not, or is not yet.
    """
    available, needed = device_bytes(program), needed_bytes(config, program, reference)
    if needed <= available:
        return
    message = (
        f"the run needs at least {_shown(needed)} on each device, which has {_shown(available)}"
    )
    large = [(path, value) for path, value in _sizes(config) if np.max(value) > _LARGE]
    for path, value in sorted(large, key=lambda size: -np.max(size[1])):
        fitting = _fitting(config, program, reference, path, int(np.max(value)), available)
        if fitting is not None:
            raise ConfigError(f"{message}; {path} is {value}: about {fitting} fits; lower it")
    raise ConfigError(f"{message}; make the networks or the batch smaller")


def device_bytes(program: Program) -> int:
    """The memory of one device; CPU devices share that of the machine."""
    local = program.mesh.local_devices
    stats = local[0].memory_stats() or {}
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // len(local)
    return int(stats.get("bytes_limit", machine))


def needed_bytes(config: Config, program: Program, reference: PyTree = None) -> int:
    """Bytes of a device for the state, one batch as floats, its latents, and the data it holds.

    The state is parameters, statistics, optimisers and averages. Of the forward pass, half of the
    outputs of matrix products and convolutions: the first state is made with samples that a step
    does without. A game that is not yet fitted to the data has neither counted.
    """
    fitted = isinstance(program.game, Game) and program.game.fit is not None
    needed = 0
    if reference is not None or not fitted:
        # Called as it will be, so that it is traced once.
        traced = jax.jit(program.init).trace(jax.random.key(config.seed), reference)
        split = parallel.state_sharding(traced.out_info, program.mesh, fsdp=config.fsdp)
        needed = parallel.shard_bytes(traced.out_info, split)
        needed += sum(_products(traced.jaxpr.jaxpr)) // 2 // program.mesh.size
    rows = batch_sizes(config)
    sources = {"": program.source, **program.streams}
    floats = sum(rows[name] * math.prod(source.shape) for name, source in sources.items())
    floats += config.data.batch_size * config.latent.dim
    needed += floats * _FLOAT_BYTES // program.mesh.size
    if fits_on_device(config, program):
        return needed + sum(source.nbytes for source in sources.values())
    stacked = sum(rows[name] * source.nbytes / source.size for name, source in sources.items())
    return needed + int(config.steps_per_call * stacked) // program.mesh.size


def _products(jaxpr: Any) -> Iterator[int]:
    """The bytes of each product's output, in a program and those that it calls."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield _nbytes(equation.outvars[0].aval)
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_program):
            if _is_program(inner):
                yield from _products(getattr(inner, "jaxpr", inner))


def _is_program(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def _nbytes(array: Any) -> int:
    return math.prod(array.shape) * array.dtype.itemsize


def _sizes(config: Config) -> Iterator[tuple[str, Any]]:
    """The integers, and tuples of integers, that decide on shapes, by dotted name."""
    for path, value, _ in leaves(config):
        if path in _SIZES and value is not None:
            yield path, value
        if path.endswith("network.kwargs"):
            for name, size in (value or {}).items():
                if size and all(type(x) is int for x in _numbers(size)):
                    yield f"{path}.{name}", size


def _numbers(size: Any) -> tuple[Any, ...]:
    return size if isinstance(size, tuple) else (size,)


def _fitting(
    config: Config, program: Program, reference: PyTree, path: str, largest: int, available: int
) -> int | None:
    """About the largest limit of a size with which the run fits; None if no limit helps."""

    def fits(limit: int) -> bool:
        value = get(config, path)
        limited = tuple(min(x, limit) for x in _numbers(value))
        smaller = override(config, path, limited if isinstance(value, tuple) else limited[0])
        source = _with_side(program.source, limit) if path == "data.resize" else program.source
        try:
            built = build(smaller, program.mesh, source=source, streams=program.streams)
            return needed_bytes(smaller, built, reference) <= available
        except ConfigError:  # too small for something else, or no multiple of it
            return False

    if reference is not None and path in ("data.resize", "data.pad"):
        return None  # which would need another reference
    halves = (largest >> n for n in range(1, _HALVINGS) if largest >> n)
    low = next((limit for limit in halves if fits(limit)), None)
    if low is None:
        return None
    high = 2 * low
    for _ in range(_REFINEMENTS):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _with_side(source: Source, side: int) -> Source:
    return dataclasses.replace(source, shape=(side, side, *source.shape[2:]))


def _shown(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
