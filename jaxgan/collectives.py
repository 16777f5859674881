"""Means, gathers and slices over a named device axis; the identity when `axis_name` is None.

Losses compare whole batches, so a step gathers what they compare and lets every device compute the
same global loss. The transpose of `gather` then sums the cotangents of all devices: the mean over
devices of the per-device gradients is the exact gradient of the global loss.
"""

import jax
from jaxtyping import Array, Shaped

from jaxgan.types import PyTree


def size(axis_name: str | None) -> int:
    """The number of devices along the axis."""
    return 1 if axis_name is None else jax.lax.axis_size(axis_name)


def mean(tree: PyTree, axis_name: str | None) -> PyTree:
    """The mean over devices of every leaf."""
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)


def gather(x: Shaped[Array, "n ..."], axis_name: str | None) -> Shaped[Array, "n_global ..."]:
    """The batch of all devices, in device order, on every device. Differentiable."""
    return x if axis_name is None else jax.lax.all_gather(x, axis_name, axis=0, tiled=True)


def local_slice(x: Shaped[Array, "n_global ..."], axis_name: str | None) -> Shaped[Array, "n ..."]:
    """This device's equal, contiguous part of the leading axis: the inverse of `gather`."""
    if axis_name is None:
        return x
    n = x.shape[0] // size(axis_name)
    return jax.lax.dynamic_slice_in_dim(x, jax.lax.axis_index(axis_name) * n, n)
