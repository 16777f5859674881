"""What several games share."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.games.game import Game, Picture
from jaxgan.games.nets import Nets
from jaxgan.registry import Range
from jaxgan.types import Batch, Outputs

Samples = Float[Array | np.ndarray, "n ..."]

Factory = TypeVar("Factory", bound=Callable[..., Any])


def ranged(**ranges: Range) -> Callable[[Factory], Factory]:
    """Says which values hyperparameters of the decorated game may take; a run checks them.

    >>> from jaxgan.registry import POSITIVE
    >>> ranged(scale=POSITIVE)(lambda *, scale=1.0: scale).ranges
    {'scale': Range(low=0, high=inf, above=True, below=False)}
    """

    def add(factory: Factory) -> Factory:
        vars(factory)["ranges"] = ranges
        return factory

    return add


def head(outputs: Outputs, name: str) -> Float[Array, "n d"]:
    """A field of what a discriminator returns, such as its features.

    Raises:
        ConfigError: The discriminator does not return it.
    """
    value = getattr(outputs, name)
    if value is None:
        remedy = " (auxiliary=True of the networks here)" if name == "class_logits" else ""
        raise ConfigError(
            f"the game uses the discriminator's {name}, and it returns none; choose a "
            f"discriminator that does{remedy}"
        )
    return value


def stream(batch: Batch, name: str) -> Batch:
    """The batch of a further data set.

    Raises:
        ConfigError: The run has no such stream.
    """
    if name not in batch.streams:
        raise ConfigError(
            f"the game reads the stream {name!r}, which is missing; name its data set as "
            f"streams.{name}.name"
        )
    return batch.streams[name]


def from_prior(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
    """G(z), one sample for each row of the batch."""
    return nets.generator(nets.latents(key, len(batch.real)))


def encoded(
    outputs: Outputs, z: Float[Array, "n latent"], *, each: int
) -> tuple[Float[Array, "n latent"], ...]:
    """What an encoder returns, as so many arrays of the shape of z.

    Raises:
        ConfigError: An encoder with another number of outputs.
    """
    count, latent = outputs.logits.shape[1], z.shape[1]
    if count != each * latent:
        raise ConfigError(
            f"the encoder has {count} outputs, and z has {latent} dimensions; it must have {each} "
            f"for each: set its num_outputs to {each * latent}"
        )
    return tuple(jnp.split(outputs.logits, each, axis=1))


def in_pairs(x: Samples, y: Samples) -> Float[Array, "m ..."]:
    """A picture of n // 2 pairs, x_i before y_i."""
    pairs = jnp.stack([x, y], axis=1)[: len(x) // 2]
    return pairs.reshape(-1, *x.shape[1:])


def reconstructing(game: Game, reconstruct: Picture) -> Game:
    """The game with reconstructions of samples: the function, its score and its picture.

    The score `reconstruction_mse` is the squared error of a sample, the mean over its values.
    """

    def scores(nets: Nets, batch: Batch, key: PRNGKeyArray) -> dict[str, Float[Array, "n"]]:
        return {"reconstruction_mse": squared_error(reconstruct(nets, batch, key), batch.real)}

    def reconstructions(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "m ..."]:
        return in_pairs(batch.real, reconstruct(nets, batch, key))

    pictures = {**game.pictures, "reconstructions": reconstructions}
    return game._replace(reconstruct=reconstruct, scores=scores, pictures=pictures)


def squared_error(x: Samples, y: Samples) -> Float[Array, "n"]:
    """Of each sample, the mean over its values."""
    return jnp.mean(jnp.square(x - y).reshape(len(x), -1), axis=1)


def absolute_error(x: Samples, y: Samples) -> Float[Array, "n"]:
    """Of each sample, the mean over its values."""
    return jnp.mean(jnp.abs(x - y).reshape(len(x), -1), axis=1)
