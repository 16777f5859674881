"""Runs a train step K times in one program, on one device or on all of them.

Modes: "jit" shards the batch over a mesh of all devices, of all processes, and lets XLA partition
the step (one device needs no mesh); "shard_map" runs one program a device of the same mesh and
averages by collectives; "pmap" does so on the devices of one process. All give the same numbers to
rounding.

Under "jit" the state may be sharded too: see `state_sharding`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Shaped

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.training.data_order import next_batch
from jaxgan.training.steps import TrainStep
from jaxgan.types import Batch, Metrics, PyTree

AXIS = "data"

StackedMetrics = dict[str, Float[Array, "k"]]
RunSteps = Callable[[Any, Any, int], tuple[Any, StackedMetrics]]


def chosen_mode(mode: str, mesh: Mesh, *, fsdp: int | None, mappable: bool) -> str:
    """The mode itself, or what "auto" stands for on these devices.

    Over two devices that share a CPU's cores, a step that XLA partitions takes 1.6 to 1.8 times as
    long as on one, and under "shard_map" .95 to 1.1 times where convolutions or large products make
    it up, 1.8 times where it is small (`benchmarks/devices.py`).

    Args:
        mode: "auto", "jit", "shard_map" or "pmap".
        mesh: The devices.
        fsdp: See `state_sharding`; of "jit" alone.
        mappable: Whether the step's networks share their statistics over a named axis.
    """
    if mode != "auto":
        return mode
    on_cpus = mesh.size > 1 and mesh.devices.flat[0].platform == "cpu"
    return "shard_map" if on_cpus and mappable and fsdp is None else "jit"


def axis_name(mode: str) -> str | None:
    """The axis name with which the networks and the game of this mode are built."""
    return None if mode == "jit" else AXIS


def make_mesh(devices: Sequence[Any] | None = None) -> Mesh:
    """A one-dimensional mesh over the devices, by default all devices of all processes."""
    devices = jax.devices() if devices is None else devices
    # Auto axes: on explicit ones the kernel matrix of a sharded batch raises ShardingTypeError.
    return jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)


def check_shares(name: str, count: int, mesh: Mesh) -> None:
    """Raises ConfigError unless every device gets an equal share of `count`, a config field."""
    if count % mesh.size:
        nearest = max(round(count / mesh.size), 1) * mesh.size
        raise ConfigError(f"{name} {count} does not divide over {mesh.size} devices; try {nearest}")


def check_mode(mode: str, mesh: Mesh, *, fsdp: int | None) -> None:
    """Raises ConfigError where the mode cannot do what is asked for."""
    if mode == "pmap" and spans_processes(mesh):
        raise ConfigError(
            "--parallel pmap runs the devices of one process, and there are "
            f"{jax.process_count()} processes; use --parallel jit"
        )
    if mode in ("pmap", "shard_map") and fsdp is not None:
        raise ConfigError(
            f"fsdp is {fsdp}, and under --parallel {mode} every device holds the whole state; use "
            "--parallel jit"
        )


def spans_processes(mesh: Mesh) -> bool:
    """Whether some of the devices belong to other processes."""
    return len(mesh.local_devices) < mesh.size


def described(mesh: Mesh, *, fsdp: int | None = None) -> str:
    """Where a run is computed, in words: its bits are the same on another day in the same place."""
    processes = {device.process_index for device in mesh.devices.flat}
    count = f"{mesh.size} device{'s' if mesh.size > 1 else ''}"
    count += f" of {len(processes)} processes" if len(processes) > 1 else ""
    return count if fsdp is None else f"{count}, fsdp {fsdp}"


def state_sharding(shapes: PyTree, mesh: Mesh, *, fsdp: int | None = None) -> PyTree:
    """How each leaf of a state lies on the devices: whole on each of them, or a part on each.

    A leaf of at least `fsdp` numbers is split along its largest axis that the number of devices
    divides, so that parameters, optimisers and averages take that many times less memory of each
    device. XLA gathers a weight where a layer needs it, and scatters the sum of its gradients.

    Args:
        shapes: A state, or its shapes (`jax.eval_shape`).
        mesh: The devices.
        fsdp: None: no leaf is split.

    Returns:
        A tree of shardings.

    Source: ZeRO (Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054), stage 3; fully sharded
    data parallelism.
    """

    def sharding(leaf: Any) -> NamedSharding:
        sides = {side: axis for axis, side in enumerate(leaf.shape) if side % mesh.size == 0}
        if fsdp is None or math.prod(leaf.shape) < fsdp or not sides:
            return NamedSharding(mesh, PartitionSpec())
        return NamedSharding(mesh, PartitionSpec(*[None] * sides[max(sides)], AXIS))

    return jax.tree.map(sharding, shapes)


def shard_bytes(shapes: PyTree, shardings: PyTree) -> int:
    """The bytes of a tree on each device."""

    def of(leaf: Any, sharding: NamedSharding) -> int:
        return math.prod(sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize

    return sum(jax.tree.leaves(jax.tree.map(of, shapes, shardings)))


def put(tree: PyTree, shardings: PyTree) -> PyTree:
    """A tree that every process holds, laid out over the devices as the tree of shardings says."""

    def across(leaf: Any, sharding: NamedSharding) -> Array:
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.jit(lambda key: key, out_shardings=sharding)(leaf)
        array = np.asarray(leaf)
        return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

    if all(sharding.is_fully_addressable for sharding in jax.tree.leaves(shardings)):
        return jax.device_put(tree, shardings)
    return jax.tree.map(across, tree, shardings)


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """The tree with a copy of every leaf on each device of the mesh."""
    return put(tree, state_sharding(tree, mesh))


def own_rows(rows: Shaped[np.ndarray, "n_global ..."], mesh: Mesh) -> Shaped[np.ndarray, "n ..."]:
    """Those of a batch's rows that lie on the devices of this process, in their order."""
    if not spans_processes(mesh):
        return rows
    indices = NamedSharding(mesh, PartitionSpec(AXIS)).devices_indices_map(rows.shape[:1])
    parts = [indices[device][0] for device in mesh.local_devices]
    return np.concatenate([rows[part] for part in sorted(parts, key=lambda part: part.start)])


def put_batches(batches: Batch, mode: str, mesh: Mesh) -> Batch:
    """Stacked batches [K, n, ...] from the host, each split over the devices of the mesh.

    Of several processes, each puts its rows (`own_rows`). For "pmap" the devices get an axis of
    their own: [K, devices, n / devices, ...].
    """
    if mode == "pmap":
        split = lambda x: x.reshape(len(x), mesh.size, -1, *x.shape[2:])  # noqa: E731
        batches = jax.tree.map(split, batches)
    sharding = NamedSharding(mesh, PartitionSpec(None, AXIS))
    if not spans_processes(mesh):
        return jax.device_put(batches, sharding)
    own = partial(jax.make_array_from_process_local_data, sharding)
    return jax.tree.map(own, batches)


def readable(function: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """`jax.jit`, with results that every process of the mesh can read."""
    if not spans_processes(mesh):
        return jax.jit(function)
    return jax.jit(function, out_shardings=NamedSharding(mesh, PartitionSpec()))


def shard(x: Shaped[Array, "n ..."], mode: str, mesh: Mesh) -> Shaped[Array, "n ..."]:
    """Under "jit", lets XLA split the leading axis over the devices; for use inside a program."""
    if mode != "jit" or mesh.size == 1:
        return x
    return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec(AXIS)))


def make_run_steps(
    train_step: TrainStep,
    *,
    mode: str,
    mesh: Mesh,
    batch_sizes: Mapping[str, int] | None,
) -> RunSteps:
    """A pure function (state, data, K) -> (state, metrics stacked [K]) that runs K steps.

    It is not compiled, so that a sweep is its `vmap`: see `compiled`. Of "shard_map" it maps itself
    over the mesh, and is a function of whole batches like that of "jit".

    Args:
        train_step: Built with `axis_name(mode)`.
        mode: "jit", "shard_map" or "pmap".
        mesh: Where it will run.
        batch_sizes: Rows of a step, over all devices, of each stream ("" is the main one), where
            `data` is the whole set: a `Batch` of which each step takes its own rows
            (`jaxgan.training.data_order`). None where `data` holds stacked batches (`put_batches`).
    """
    name = axis_name(mode)

    def run_steps(state: Any, data: Batch, length: int) -> tuple[Any, StackedMetrics]:
        def body(state: Any, batch: Batch | None) -> tuple[Any, Metrics]:
            if batch is None:
                assert batch_sizes is not None
                key_data = jax.random.key_data(state.key)
                local = partial(collectives.local_slice, axis_name=name)
                batch = next_batch(data, key_data, state.step, batch_sizes, local=local)
            return train_step(state, jax.tree.map(partial(shard, mode=mode, mesh=mesh), batch))

        return jax.lax.scan(body, state, None if batch_sizes else data, length)

    def on_each(state: Any, data: Batch, length: int) -> tuple[Any, StackedMetrics]:
        batches = PartitionSpec() if batch_sizes else PartitionSpec(None, AXIS)
        return _mapped(partial(run_steps, length=length), mesh, batches)(state, data)

    return on_each if mode == "shard_map" else run_steps


def of_whole_batches(train_step: TrainStep, mesh: Mesh) -> TrainStep:
    """A step that was built for "shard_map", as a function that maps itself over the mesh."""
    return _mapped(train_step, mesh, PartitionSpec(AXIS))


def _mapped(function: Callable[..., Any], mesh: Mesh, batches: PartitionSpec) -> Callable[..., Any]:
    """A function of a state that all devices hold, and of batches, on each device of the mesh."""
    return jax.shard_map(
        function,
        mesh=mesh,
        in_specs=(PartitionSpec(), batches),
        out_specs=PartitionSpec(),
        check_vma=False,  # checked, gradients of the state would be sums before they are averaged
    )


def compiled(
    run_steps: RunSteps, *, mode: str, mesh: Mesh, stacked: bool, sharding: PyTree = None
) -> RunSteps:
    """K steps as one program over the devices of the mesh; donates the state.

    Args:
        run_steps: See `make_run_steps`; of the same mode.
        mode: "jit", "shard_map" or "pmap".
        mesh: Where it runs.
        stacked: Whether its data are stacked batches, rather than the whole set.
        sharding: How the state lies on the devices (`state_sharding`), and is to lie on them after
            the steps; None leaves that to XLA. Not of "pmap".
    """
    if mode in ("jit", "shard_map"):
        everywhere = NamedSharding(mesh, PartitionSpec())
        kept: dict[str, Any] = {} if sharding is None else {"out_shardings": (sharding, everywhere)}
        return jax.jit(run_steps, static_argnums=2, donate_argnums=0, **kept)
    mapped = jax.pmap(
        lambda state, data, _, length: run_steps(state, data, length),
        AXIS,
        in_axes=(None, 1 if stacked else None, 0, None),
        out_axes=(None, None),
        static_broadcasted_argnums=3,
        donate_argnums=0,
        devices=list(mesh.devices.flat),
    )
    one_a_device = jnp.arange(mesh.size)  # pmap wants an argument that it can map over
    return lambda state, data, length: mapped(state, data, one_a_device, length)
