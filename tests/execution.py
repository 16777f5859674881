"""Runs one function of (params, *batches, axis_name=) in every way that a step may run."""

import dataclasses
import functools

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.config import TermConfig, override
from jaxgan.losses import LOSSES
from jaxgan.losses.record import VECTOR_VIEWS
from jaxgan.registry import asks_for

AXIS = "data"
MODES = ("pmap", "shard_map", "sharded_jit")


def view(name):
    """A view that the loss of this name compares: features, unless it is made for another."""
    views = LOSSES[name].views
    return "features" if views == VECTOR_VIEWS else views[0]


def asks_labels(name):
    """Whether the loss of this name asks for labels."""
    return "labels" in asks_for(LOSSES[name].function)


def needs_no_critic(name):
    """Whether the loss of this name asks for what only a game without a discriminator has."""
    return bool({"reference", "others"} & set(asks_for(LOSSES[name].function)))


# Where two projections are nearly equal, rounding decides their order and with it the direction of
# the next steps; a single gradient agrees to 2e-6 (tests/losses).
UNSTABLE = ("max_sliced_wasserstein",)


def grouped():
    """Several losses for one run, since compiling takes nearly all of the time."""
    images = tuple(name for name in LOSSES if view(name) == "images")
    labelled = tuple(name for name in LOSSES if asks_labels(name))
    alone = tuple(name for name in LOSSES if needs_no_critic(name))
    others = (*images, *labelled, *UNSTABLE, *alone)
    rest = tuple(name for name in LOSSES if name not in others)
    parts = [rest[start : start + 16] for start in range(0, len(rest), 16)]
    return [images, labelled, alone, *((name,) for name in UNSTABLE), *parts]


GROUPS = grouped()


def with_losses(config, names):
    """The config with minimax and these losses, each a term with metrics of its own.

    Those that need no critic are compared with samples, beside the energy distance.
    """
    if any(needs_no_critic(name) for name in names):
        terms = {name: TermConfig(name=name, on="images", weight=0.1) for name in names}
        main = TermConfig(name="energy_distance", on="images", weight=0.1)
        config = dataclasses.replace(config, loss=main, terms=terms)
        return override(override(config, "game.name", "distribution_matching"), "data.name", "ring")
    terms = {name: TermConfig(name=name, on=view(name), weight=0.1) for name in names}
    main = TermConfig(name="minimax", weight=0.1)
    config = dataclasses.replace(config, loss=main, terms=terms)
    views = {term.on for term in terms.values()}
    if "class_logits" in views:
        config = override(config, "discriminator.network.kwargs.auxiliary", True)
    digits = "images" in views or any(asks_labels(name) for name in names)
    return override(config, "data.name", "digits" if digits else "ring")


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
    """The gradient of a NumPy function at x, in float64, one coordinate at a time.

    Of a function with several values: the last axes of the gradient are those of the values.
    """
    x = np.array(x, np.float64)
    slopes = []
    for index in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        slopes.append((function(x + shift) - function(x - shift)) / (2 * step))
    return np.reshape(slopes, x.shape + np.shape(slopes[0]))
