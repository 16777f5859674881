"""How the members of a group run in one program, and which way is the fastest here.

On accelerators `vmap` fills the device. On CPUs it batches small matrix products and is often
slower than one member after the other (`lax.map`), and best are members spread over as many host
devices as there are cores, each taking its own in turn.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.registry import unknown
from jaxgan.studies.population import Advance, Raw, chosen
from jaxgan.types import PyTree

CHOICES = ("auto", "vmap", "map", "shard")

_AXIS = "members"
_STEPS = 4  # of each member in a measurement
_CALLS, _SECONDS = 5, 2.0  # of each way, at most


class Executor(NamedTuple):
    """A way to run members.

    Attributes:
        inner: What a device does with its members: all at once, or one after the other.
        devices: Over how many devices they are spread.
    """

    inner: Literal["vmap", "map"]
    devices: int = 1

    def __str__(self) -> str:
        return self.inner if self.devices == 1 else f"{self.inner} on {self.devices} devices"


# (states [m], alive [m], data, K) -> the same after K steps, and metrics [m, K]; m is a multiple of
# the number of devices. Donates the states.
Run = Callable[[Raw, Any, Any, int], tuple[Raw, Any, dict[str, Any]]]


def compiled(advance: Advance, executor: Executor) -> Run:
    """The members as one program: it is compiled once for each number of members and of steps."""
    axis = PartitionSpec(_AXIS)

    def run(states: Raw, alive: Any, data: Any, length: int) -> Any:
        def members(states: Raw, alive: Any, data: Any) -> Any:
            one = partial(_one, advance, data, length)
            if executor.inner == "vmap":
                return jax.vmap(one)((states, alive))
            return jax.lax.map(one, (states, alive))

        return jax.shard_map(
            members,
            mesh=_mesh(executor),
            in_specs=(axis, axis, PartitionSpec()),
            out_specs=axis,
            check_vma=False,
        )(states, alive, data)

    return jax.jit(run, static_argnums=3, donate_argnums=0)


def _one(advance: Advance, data: Any, length: int, member: tuple[Raw, Any]) -> Any:
    return advance(*member, data, length)


def put(tree: PyTree, executor: Executor) -> PyTree:
    """Stacked arrays of the host, each member on its device."""
    return jax.device_put(tree, NamedSharding(_mesh(executor), PartitionSpec(_AXIS)))


def put_everywhere(tree: PyTree, executor: Executor) -> PyTree:
    """Arrays of the host on each of the devices."""
    return jax.device_put(tree, NamedSharding(_mesh(executor), PartitionSpec()))


def _mesh(executor: Executor) -> Mesh:
    devices = jax.local_devices()[: executor.devices]
    return jax.make_mesh((len(devices),), (_AXIS,), axis_types=(AxisType.Auto,), devices=devices)


def named(name: str, num_members: int) -> Executor | None:
    """The executor of a choice; None of "auto" where there is something to choose.

    Args:
        name: Of `CHOICES`; "shard" spreads members over all local devices, each of which takes its
            own in turn on CPUs and all at once elsewhere.
        num_members: How many members there are.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in CHOICES:
        raise unknown("executor", name, CHOICES)
    if name == "shard":
        inner = "map" if jax.default_backend() == "cpu" else "vmap"
        return Executor(inner, min(len(jax.local_devices()), num_members))
    if name == "auto":
        return Executor("map") if num_members == 1 else None
    return Executor("vmap" if name == "vmap" else "map")


def fastest(advance: Advance, states: Raw, data: Any, log: Callable[[str], None]) -> Executor:
    """The fastest way to run members, by a few steps of a few of them.

    Both ways on one device are timed, and the better of them on all devices.

    Args:
        advance: The program of one member.
        states: Their raw states on the host, at least two.
        data: The whole data, on the host.
        log: Told what was measured.
    """
    total = len(jax.tree.leaves(states)[0])
    devices = min(len(jax.local_devices()), total)
    some = chosen(states, np.arange(max(2 * devices, 2)) % total)
    times = {e: _seconds(advance, e, some, data) for e in (Executor("vmap"), Executor("map"))}
    if devices > 1:
        spread = Executor(_least(times).inner, devices)
        times[spread] = _seconds(advance, spread, some, data)
    shown = ", ".join(f"{executor} {1e3 * seconds:.3g}" for executor, seconds in times.items())
    log(f"executor: {_least(times)} (ms for a step of a member: {shown})")
    return _least(times)


def _least(times: dict[Executor, float]) -> Executor:
    return min(times, key=times.__getitem__)


def _seconds(advance: Advance, executor: Executor, states: Raw, data: Any) -> float:
    """Of a step of a member: the least of a few calls, without the compilation."""
    run, data = compiled(advance, executor), put_everywhere(data, executor)
    count = len(jax.tree.leaves(states)[0])
    alive = put(np.ones(count, bool), executor)

    def call() -> float:
        placed = jax.block_until_ready(put(states, executor))
        start = time.perf_counter()
        jax.block_until_ready(run(placed, alive, data, _STEPS))
        return time.perf_counter() - start

    call()  # compiles
    found: list[float] = []
    while not found or (len(found) < _CALLS and sum(found) < _SECONDS):
        found.append(call())
    return min(found) / (count * _STEPS)


def chunks(slots: Sequence[int], executor: Executor, most: int) -> tuple[list[list[int]], int]:
    """The members in parts that fit on the devices, and the size to which each is to be filled up.

    Args:
        slots: The members, at least one.
        executor: How they run.
        most: Members that one device can hold.
    """
    limit = max(most, 1) * executor.devices
    parts = -(-len(slots) // limit)
    size = -(-len(slots) // (parts * executor.devices)) * executor.devices
    return [list(slots[start : start + size]) for start in range(0, len(slots), size)], size
