"""Runs a train step K times in one program, on one device or on all of them.

Modes: "jit" shards the batch over a mesh of all local devices and lets XLA partition the step (one
device needs no mesh); "pmap" runs one program a device and averages by collectives. Both give the
same numbers to rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
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


def axis_name(mode: str) -> str | None:
    """The axis name with which the networks and the game of this mode are built."""
    return AXIS if mode == "pmap" else None


def make_mesh(devices: Sequence[Any] | None = None) -> Mesh:
    """A one-dimensional mesh over the devices, by default all local ones."""
    devices = jax.local_devices() if devices is None else devices
    # Auto axes: on explicit ones the kernel matrix of a sharded batch raises ShardingTypeError.
    return jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)


def check_shares(name: str, count: int, mesh: Mesh) -> None:
    """Raises ConfigError unless every device gets an equal share of `count`, a config field."""
    if count % mesh.size:
        nearest = max(round(count / mesh.size), 1) * mesh.size
        raise ConfigError(f"{name} {count} does not divide over {mesh.size} devices; try {nearest}")


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """The tree with a copy of every leaf on each device of the mesh."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def put_batches(batches: Batch, mode: str, mesh: Mesh) -> Batch:
    """Stacked batches [K, n, ...] from the host, each split over the devices of the mesh.

    For "pmap" the devices get an axis of their own: [K, devices, n / devices, ...].
    """
    if mode == "pmap":
        split = lambda x: x.reshape(len(x), mesh.size, -1, *x.shape[2:])  # noqa: E731
        batches = jax.tree.map(split, batches)
    return jax.device_put(batches, NamedSharding(mesh, PartitionSpec(None, AXIS)))


def shard(x: Shaped[Array, "n ..."], mode: str, mesh: Mesh) -> Shaped[Array, "n ..."]:
    """Under "jit", lets XLA split the leading axis over the devices; for use inside a program."""
    if mode == "pmap" or mesh.size == 1:
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

    It is not compiled, so that a sweep is its `vmap`: see `compiled`.

    Args:
        train_step: Built with `axis_name(mode)`.
        mode: "jit" or "pmap".
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

    return run_steps


def compiled(run_steps: RunSteps, *, mode: str, mesh: Mesh, stacked: bool) -> RunSteps:
    """K steps as one program over the devices of the mesh; donates the state.

    Args:
        run_steps: See `make_run_steps`; of the same mode.
        mode: "jit" or "pmap".
        mesh: Where it runs.
        stacked: Whether its data are stacked batches, rather than the whole set.
    """
    if mode == "jit":
        return jax.jit(run_steps, static_argnums=2, donate_argnums=0)
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
