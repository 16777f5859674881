"""Optimisers by name. They are built inside the step from traced floats, and so can be swept."""

from collections.abc import Callable, Mapping
from typing import Any

import optax

from jaxgan.registry import NON_NEGATIVE, Range, Ranges
from jaxgan.types import Hparams

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "adamw": optax.adamw,
    "lion": optax.lion,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}

_DECAY = Range(low=0, high=1, below=True)

# Of the arguments of those optimisers, by name.
RANGES: Ranges = {
    **dict.fromkeys(("b1", "b2", "decay", "momentum"), _DECAY),
    **dict.fromkeys(("eps", "eps_root", "weight_decay", "initial_scale"), NON_NEGATIVE),
}


def make_optimizer(
    hparams: Hparams,
    *,
    function: Callable[..., optax.GradientTransformation],
    static: Mapping[str, Any],
) -> optax.GradientTransformation:
    """A player's optimiser: clipping of the gradient's norm, where asked, then the function.

    Args:
        hparams: The player's: `learning_rate`, `optimizer.kwargs`, and `clip_norm` where gradients
            are clipped.
        function: (learning_rate=, **kwargs) -> optimiser.
        static: Those of its arguments that are not traced.
    """
    floats = hparams.get("optimizer", {}).get("kwargs", {})
    optimizer = function(learning_rate=hparams["learning_rate"], **static, **floats)
    if "clip_norm" not in hparams:
        return optimizer
    return optax.chain(optax.clip_by_global_norm(hparams["clip_norm"]), optimizer)
