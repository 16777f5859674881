"""The types every floor shares: what losses return, what discriminators return, what data is."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from flax import struct
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

PyTree = Any
Metrics = dict[str, Float[Array, ""]]
Hparams = Mapping[str, Any]  # nested as the config is; its leaves are float scalars or vectors


class Losses(NamedTuple):
    """What each player minimises: two batch-global scalars."""

    generator: Float[Array, ""]
    discriminator: Float[Array, ""]


class Outputs(struct.PyTreeNode):
    """What a discriminator returns for n samples.

    Attributes:
        logits: One logit a sample (k = 1), or k critic features for kernel losses.
        features: The activations before the last layer.
        class_logits: Logits of c classes, where the discriminator also classifies.
    """

    logits: Float[Array, "n k"]
    features: Float[Array, "n d"] | None = None
    class_logits: Float[Array, "n c"] | None = None


class Batch(struct.PyTreeNode):
    """n real samples, what goes with each of them, and batches of further data sets.

    Images are uint8 until they are inside the train step; on the host all are NumPy arrays.

    Attributes:
        real: The samples.
        labels: Their classes, where the data set has them.
        condition: What a generator is to translate into them, where the data set has it: an image,
            the X of a regression, any array.
        streams: Batches of further data sets, by name, such as the labelled few; of sizes of their
            own.
    """

    real: Shaped[Array | np.ndarray, "n ..."]
    labels: Int[Array | np.ndarray, "n"] | None = None
    condition: Shaped[Array | np.ndarray, "n ..."] | None = None
    streams: dict[str, "Batch"] = struct.field(default_factory=dict)


class LossFn(Protocol):
    """A pure function of a view of the real and of the fake batch; n and m may differ.

    (`*args` only tells type checkers that any keyword-only hyperparameters will do.)

    The views hold the whole batch, whatever the number of devices. Keyword-only arguments are the
    loss's hyperparameters: floats (and tuples of floats) are traced, everything else is static. A
    keyword argument `key` without default asks for a fresh random key.
    """

    def __call__(
        self,
        real: Float[Array, "n ..."],
        fake: Float[Array, "m ..."],
        /,
        *args: Any,
        **hyperparameters: Any,
    ) -> Losses:
        """Returns both players' losses."""
        ...


Critic = Callable[[Float[Array, "n ..."]], Float[Array, "n k"]]


class PenaltyFn(Protocol):
    """A regulariser of the critic, unweighted: a mean over the samples that this device holds.

    `critic` maps samples to logits. Random numbers are drawn for the global batch and sliced
    (`collectives.local_slice`), so that the value does not depend on the number of devices.
    """

    def __call__(
        self,
        critic: Critic,
        real: Float[Array, "n ..."],
        fake: Float[Array, "m ..."],
        /,
        *args: Any,
        key: PRNGKeyArray,
        axis_name: str | None,
        **hyperparameters: Any,
    ) -> Float[Array, ""]:
        """Returns the penalty."""
        ...
