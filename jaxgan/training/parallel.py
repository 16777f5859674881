"""Runs a train step K times in one dispatch, on one device or on all of them.

Modes: "jit" shards the batch over a mesh of all local devices and lets XLA partition the step (one
device needs no mesh); "pmap" runs one program a device and averages by collectives. Both give the
same numbers to rounding.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Shaped

from jaxgan import collectives
from jaxgan.data import batch_indices, gather, to_model
from jaxgan.errors import ConfigError
from jaxgan.training.state import GANState
from jaxgan.training.steps import Metrics, TrainStep
from jaxgan.types import Batch, PyTree

AXIS = "data"

StackedMetrics = dict[str, Float[Array, "k"]]
Dispatch = Callable[[GANState, Any, int], tuple[GANState, StackedMetrics]]


def axis_name(mode: str) -> str | None:
    """The axis name with which the networks and the objective of this mode are built."""
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


def spread(x: Shaped[Array, "n ..."], mode: str, mesh: Mesh) -> Shaped[Array, "n ..."]:
    """Under "jit", lets XLA split the leading axis over the devices; for use inside a program."""
    if mode == "pmap" or mesh.size == 1:
        return x
    return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec(AXIS)))


def make_dispatch(
    train_step: TrainStep,
    *,
    mode: str,
    mesh: Mesh,
    batch_size: int | None,
) -> Dispatch:
    """A function (state, data, K) -> (state, metrics stacked [K]) that runs K steps; donates state.

    Args:
        train_step: Built with `axis_name(mode)`.
        mode: "jit" or "pmap".
        mesh: Where it runs.
        batch_size: Samples a step, over all devices, where `data` is the whole set: a replicated
            `Batch` from which each step gathers its own (`jaxgan.data.batch_indices`). None where
            `data` holds stacked batches (`put_batches`).
    """
    name = axis_name(mode)

    def run(state: GANState, data: Batch, length: int) -> tuple[GANState, StackedMetrics]:
        def body(state: GANState, batch: Batch | None) -> tuple[GANState, Metrics]:
            if batch is None:
                assert batch_size is not None
                words = jax.random.key_data(state.key)
                size = data.real.shape[0]
                order = batch_indices(words, state.step, batch_size=batch_size, size=size)
                batch = gather(data, collectives.local_slice(jnp.asarray(order), name))
            batch = batch.replace(real=to_model(batch.real))
            return train_step(state, jax.tree.map(partial(spread, mode=mode, mesh=mesh), batch))

        return jax.lax.scan(body, state, None if batch_size else data, length)

    if mode == "jit":
        return jax.jit(run, static_argnums=2, donate_argnums=0)
    mapped = jax.pmap(
        lambda state, data, _, length: run(state, data, length),
        AXIS,
        in_axes=(None, None if batch_size else 1, 0, None),
        out_axes=(None, None),
        static_broadcasted_argnums=3,
        donate_argnums=0,
        devices=list(mesh.devices.flat),
    )
    one_a_device = jnp.arange(mesh.size)  # pmap wants an argument that it can map over
    return lambda state, data, length: mapped(state, data, one_a_device, length)
