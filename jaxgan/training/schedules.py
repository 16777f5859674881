"""Floats that change over the steps of a run."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, ScalarLike

from jaxgan.ramp import Ramp
from jaxgan.types import Hparams

Path = tuple[str, ...]  # keys of nested dicts, from the outermost on
Ramps = Mapping[Path, Ramp]
Numbers = ScalarLike | Float[Array, "k"] | tuple[float, ...]  # in the place of a tuple: several


def value_at(hparams: Hparams, path: Path) -> Any:
    """The entry of nested hyperparameters at a path."""
    for name in path:
        hparams = hparams[name]
    return hparams


def with_value(hparams: Hparams, path: Path, value: Any) -> dict[str, Any]:
    """Nested hyperparameters with another entry at a path."""
    name, *rest = path
    return {**hparams, name: with_value(hparams[name], tuple(rest), value) if rest else value}


def ramp_value(ramp: Ramp, start: Numbers, end: Numbers, step: ScalarLike) -> Float[Array, "*k"]:
    """The value of a ramp with these ends at a step, from 0.

    Args:
        ramp: Its shape, its warm-up, how long it is held, and its `steps`, which must be set.
        start: The value after the warm-up.
        end: The value from `ramp.steps` on.
        step: Steps done.

    >>> ramp = Ramp(1.0, 0.0, steps=4, shape="cosine")
    >>> [round(float(ramp_value(ramp, 1.0, 0.0, step)), 3) for step in (0, 1, 2, 4, 9)]
    [1.0, 0.854, 0.5, 0.0, 0.0]
    """
    assert ramp.steps is not None
    start, end = jnp.asarray(start), jnp.asarray(end)
    first = ramp.warmup + round(ramp.hold * (ramp.steps - ramp.warmup))
    done = jnp.clip((step - first) / max(ramp.steps - first, 1), 0.0, 1.0)
    if ramp.shape == "constant":
        value = start
    elif ramp.shape == "linear":
        value = start + (end - start) * done
    elif ramp.shape == "cosine":
        value = end + (start - end) * 0.5 * (1 + jnp.cos(jnp.pi * done))
    else:
        value = start * (end / start) ** done
    return jnp.minimum((step + 1) / max(ramp.warmup, 1), 1.0) * value


def scheduled(hparams: Hparams, ramps: Ramps, step: Int[Array, ""]) -> Hparams:
    """The hyperparameters at a step: {"start": ., "end": .} of each ramp becomes its value."""
    for path, ramp in ramps.items():
        ends = value_at(hparams, path)
        value = ramp_value(ramp, ends["start"], ends["end"], step)
        hparams = with_value(hparams, path, value)
    return hparams


def at_start(hparams: Hparams, ramps: Ramps) -> Hparams:
    """The hyperparameters at step 0, as `scheduled` has them, of floats as floats.

    Outside of a compiled program, of which `scheduled` would begin a dozen.
    """
    for path, ramp in ramps.items():
        start, rise = value_at(hparams, path)["start"], max(ramp.warmup, 1)
        hparams = with_value(hparams, path, jax.tree.map(lambda x, n=rise: x / n, start))
    return hparams
