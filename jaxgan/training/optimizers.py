"""Optimisers and learning-rate schedules by name; their floats are traced, so they can be swept."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "adamw": optax.adamw,
    "lion": optax.lion,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}


def make_optimizer(name: str, **arguments: Any) -> optax.GradientTransformation:
    """The optimiser `name` with its float arguments, `learning_rate` among them, as state.

    Floats become entries of `opt_state.hyperparams` (see `optax.inject_hyperparams`); ints, bools
    and None stay static.
    """
    function = OPTIMIZERS[name]
    return optax.inject_hyperparams(function)(**arguments)


def schedule_factor(
    step: Int[Array, ""], final: Float[Array, ""], *, name: str, steps: int, warmup_steps: int = 0
) -> Float[Array, ""]:
    """Factor on the learning rate: a linear warm-up to 1, then the decay to `final`.

    Args:
        step: From 0.
        final: Factor at the end of the decay.
        name: Shape of the decay: "constant", "linear" or "cosine" (Loshchilov & Hutter 2017).
        steps: Steps of the run; the decay takes those after the warm-up.
        warmup_steps: Steps of the warm-up.
    """
    decay_steps = steps - warmup_steps
    decay = {
        "constant": lambda t: jnp.ones(()),
        "linear": optax.linear_schedule(1.0, final, decay_steps),
        "cosine": optax.cosine_decay_schedule(1.0, decay_steps, final),
    }[name]
    warmup = jnp.minimum((step + 1) / max(warmup_steps, 1), 1.0)
    return warmup * decay(jnp.maximum(step - warmup_steps, 0))
