"""Runs one function of (params, *batches, axis_name=) in every way that a step may run."""

import dataclasses
import functools

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.config import TermConfig, override
from jaxgan.losses import LOSSES

AXIS = "data"
MODES = ("pmap", "shard_map", "sharded_jit")


# Modules of losses that are made for features of some width, or for images.
ON_FEATURES = {
    f"jaxgan.losses.{m}" for m in ("similarity", "correlation", "diversity", "transport")
}
ON_IMAGES = {"jaxgan.losses.structural_similarity"}


def on_images(name):
    """Whether the loss of this name compares images alone."""
    return LOSSES[name].__module__ in ON_IMAGES


def term(name):
    """The loss of this name on a view that it compares."""
    features = LOSSES[name].__module__ in ON_FEATURES
    return TermConfig(
        name=name, on="images" if on_images(name) else "features" if features else "logits"
    )


def with_loss(config, name):
    """The config of 2-D points with this loss, or of digits with a loss of images.

    The latter is a further term, since without another one there is no discriminator.
    """
    if not on_images(name):
        return dataclasses.replace(config, loss=term(name))
    config = dataclasses.replace(config, terms={"images": term(name)})
    return override(config, "data.name", "digits")


def on_one_device(function, params, *batches):
    with jax.default_device(jax.devices()[0]):
        return jax.jit(functools.partial(function, axis_name=None))(params, *batches)


def on_eight_devices(mode, function, params, *batches):
    """`params` are replicated and batches split; the function returns means over the axis."""
    count = 8
    assert jax.device_count() >= count
    mesh = jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,))
    mapped = functools.partial(function, axis_name=AXIS)
    if mode == "pmap":
        split = [x.reshape(count, -1, *x.shape[1:]) for x in batches]
        in_axes = (None, *[0] * len(batches))
        return jax.pmap(mapped, axis_name=AXIS, in_axes=in_axes, out_axes=None)(params, *split)
    if mode == "sharded_jit":
        split = [jax.device_put(x, NamedSharding(mesh, P(AXIS))) for x in batches]
        params = jax.device_put(params, NamedSharding(mesh, P()))
        return jax.jit(functools.partial(function, axis_name=None))(params, *split)

    def varying(params, *batches):
        # Else the gradient of replicated parameters is already a sum over the devices.
        return mapped(
            jax.tree.map(lambda w: jax.lax.pcast(w, AXIS, to="varying"), params), *batches
        )

    in_specs = (P(), *[P(AXIS)] * len(batches))
    return jax.jit(jax.shard_map(varying, mesh=mesh, in_specs=in_specs, out_specs=P()))(
        params, *batches
    )


def central_differences(function, x, step=1e-6):
    """The gradient of a scalar NumPy function at x, in float64, one coordinate at a time."""
    x = np.array(x, np.float64)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        gradient[index] = (function(x + shift) - function(x - shift)) / (2 * step)
    return gradient
