"""A small masked autoencoder of a data set: features that are learned from it without labels."""

from functools import partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8

from jaxgan import files
from jaxgan.errors import ConfigError
from jaxgan.features.network import (
    FeatureMaps,
    FeatureNetwork,
    ImageData,
    extract,
    sown_maps,
    to_float,
    weights_name,
)
from jaxgan.networks.layers import Conv
from jaxgan.types import PyTree

# Part of a cached file's name: raise it when the network or its training changes.
_VERSION = 1
_PATCH = 4  # pixels on a side of what is hidden
_DECODER_WIDTH = 512
_SCALED_BY = 2000  # images that decide on the features' scale
_ROUNDS = 5  # of training, after each of which the loss is logged


class Encoder(nn.Module):
    """Three convolutions, which halve sides over 7 pixels, and a dense layer of features."""

    num_features: int
    widths: tuple[int, ...] = (32, 64, 128)

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n d"]:
        """Returns features; keeps each convolution's maps as `sown_maps`."""
        for layer, width in enumerate(self.widths):
            smallest = 7 if layer else 15  # tiny images keep their resolution for one layer
            stride = 2 if min(x.shape[1:3]) > smallest else 1
            x = nn.relu(Conv(width, kernel_size=3, stride=stride)(x))
            self.sow("intermediates", "maps", x)
        return nn.Dense(self.num_features)(x.reshape(x.shape[0], -1))


class Autoencoder(nn.Module):
    """An `Encoder`, and a decoder of two dense layers, which is needed in training alone."""

    num_features: int

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """Returns the images again."""
        code = nn.relu(Encoder(self.num_features, name="encoder")(x))
        hidden = nn.relu(nn.Dense(_DECODER_WIDTH)(code))
        return nn.Dense(int(np.prod(x.shape[1:])))(hidden).reshape(x.shape)


def autoencoder_features(
    data: ImageData,
    *,
    seed: int = 0,
    num_features: int = 128,
    hidden: float = 0.5,
    steps: int = 2000,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
) -> FeatureNetwork:
    """The code of a masked autoencoder, trained on the data set once, without its labels.

    Squares of 4 x 4 pixels are hidden at random, and all of the image is to be made again, by the
    mean squared error (He et al. hide patches of a transformer and count those alone). Features
    have mean square 1. It is kept in the data's `cache_dir`.

    Args:
        data: Images of at least 8 x 8 pixels.
        seed: Decides the initial weights, the order and what is hidden.
        num_features: d.
        hidden: Share of the squares that are hidden, in [0, 1); 0: a plain autoencoder.
        steps: Of training.
        batch_size: Images a step.
        learning_rate: The first one, of Adam with a cosine decay.

    Raises:
        ConfigError: A share out of its range.

    Source: He et al. 2022, Masked Autoencoders Are Scalable Vision Learners,
    https://arxiv.org/abs/2111.06377; as features of a generator's loss, Deng et al. 2026,
    https://arxiv.org/abs/2602.04770, section 4
    """
    if not 0 <= hidden < 1:
        raise ConfigError(f"hidden is {hidden}; it must be in [0, 1)")
    settings = [seed, num_features, hidden, steps, batch_size, learning_rate]
    path = None
    if data.cache_dir is not None:
        recipe = [_VERSION, data.fingerprint(), *settings]
        path = files.path_of(Path(data.cache_dir) / "autoencoders", recipe)
        network = _restored(path, data.shape, num_features)
        if network is not None:
            return network
    images = np.asarray(data.train().real)
    if data.log is not None:
        data.log(f"autoencoder: training on {len(images):,} images")
    key_init, *keys = jax.random.split(jax.random.key(seed), 1 + _ROUNDS)
    module = Autoencoder(num_features)
    params = jax.jit(module.init)(key_init, to_float(images[:1]))
    opt_state = _optimizer(learning_rate, steps).init(params)
    state, on_device = (params, opt_state), jnp.asarray(images)
    for number, key in enumerate(keys, 1):
        done = steps * (number - 1) // _ROUNDS
        length = steps * number // _ROUNDS - done
        rows = jax.random.randint(key, (length, min(batch_size, len(images))), 0, len(images))
        rate = jnp.float32(learning_rate)
        state, loss = _trained(module, steps, hidden, rate, state, on_device, rows, key)
        if data.log is not None:
            data.log(f"autoencoder: step {done + length} of {steps}, loss {float(loss):.4f}")
    encoder = {"params": jax.device_get(state[0])["params"]["encoder"]}
    features, _ = extract(_network(encoder, data.shape, num_features), images[:_SCALED_BY])
    network = _network(_unit_features(encoder, features), data.shape, num_features)
    if path is not None:
        arrays: dict[str, Any] = flatten_dict(network.params, sep="/")
        files.save(path, arrays | {"name": network.name}, log=data.log)
    return network


def _optimizer(learning_rate: float | Float[Array, ""], steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(learning_rate, steps))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _trained(
    module: Autoencoder,
    steps: int,
    hidden: float,
    learning_rate: Float[Array, ""],
    state: PyTree,
    images: UInt8[Array, "n h w c"],
    rows: Array,
    key: PRNGKeyArray,
) -> tuple[PyTree, Float[Array, ""]]:
    """Some of the steps, on these rows; the mean loss."""
    optimizer = _optimizer(learning_rate, steps)

    def step(state: tuple[PyTree, PyTree], x: tuple[Array, Array]) -> tuple[tuple, Array]:
        (params, opt_state), (chosen, step_key) = state, x
        batch = to_float(images[chosen])
        seen = jnp.where(_mask(step_key, batch.shape, hidden), 0, batch)

        def loss(params: PyTree) -> Float[Array, ""]:
            return jnp.mean(jnp.square(cast(Array, module.apply(params, seen)) - batch))

        value, gradient = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    state, losses = jax.lax.scan(step, state, (rows, jax.random.split(key, len(rows))))
    return state, losses.mean()


def _mask(key: PRNGKeyArray, shape: tuple[int, ...], hidden: float) -> Bool[Array, "n h w 1"]:
    """Which pixels of each image are hidden: whole squares."""
    n, height, width, _ = shape
    squares = jax.random.bernoulli(key, hidden, (n, -(-height // _PATCH), -(-width // _PATCH), 1))
    pixels = jnp.repeat(jnp.repeat(squares, _PATCH, axis=1), _PATCH, axis=2)
    return pixels[:, :height, :width]


def _unit_features(params: PyTree, features: Float[np.ndarray, "n d"]) -> PyTree:
    """Scales the features to mean square 1: about what the kernel of KID expects."""
    scale = np.sqrt(np.mean(features**2))
    layers = params["params"]
    return {"params": {**layers, "Dense_0": jax.tree.map(lambda x: x / scale, layers["Dense_0"])}}


@partial(jax.jit, static_argnums=0)
def _forward(
    encoder: Encoder, params: PyTree, images: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n d"], None]:
    return cast(Array, encoder.apply(params, images)), None


@partial(jax.jit, static_argnums=0)
def _maps(encoder: Encoder, params: PyTree, images: Float[Array, "n h w c"]) -> FeatureMaps:
    return sown_maps(encoder, params, images)


def _network(params: PyTree, shape: tuple[int, int, int], num_features: int) -> FeatureNetwork:
    return FeatureNetwork(
        name=weights_name("autoencoder", params),
        params=jax.device_put(params),
        apply=partial(_forward, Encoder(num_features)),
        shape=shape,
        maps=partial(_maps, Encoder(num_features)),
    )


def _restored(path: Path, shape: tuple[int, int, int], num_features: int) -> FeatureNetwork | None:
    """The network in the file; None if there is no file, or one that is damaged."""
    arrays: dict[str, Any] | None = files.restore(path)
    if arrays is None or "name" not in arrays:
        return None
    name = str(arrays.pop("name"))
    network = _network(unflatten_dict(arrays, sep="/"), shape, num_features)
    return network if network.name == name else None
