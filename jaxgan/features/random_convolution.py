"""Features of an untrained convolutional network: fixed by a seed, cheap, made for no data set."""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.features.network import FeatureMaps, FeatureNetwork, ImageData, sown_maps
from jaxgan.networks.layers import LEAKY_SLOPE, Conv
from jaxgan.types import PyTree

# Keeps the gradient of a standard deviation finite where all positions are equal.
_VARIANCE_FLOOR = 1e-6

_HE_INIT = nn.initializers.variance_scaling(2.0 / (1.0 + LEAKY_SLOPE**2), "fan_in", "normal")


class RandomConvolutional(nn.Module):
    """Three convolutions, which halve sides of 8 pixels and more, and moments over positions."""

    num_features: int

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n d"]:
        """Returns means and standard deviations of the last layer's channels.

        Keeps each layer's maps as `sown_maps`.
        """
        width = self.num_features // 2
        for features in (max(1, width // 4), max(1, width // 2), width):
            stride = 2 if min(x.shape[1:3]) >= 8 else 1
            layer = Conv(features, kernel_size=3, stride=stride, kernel_init=_HE_INIT)
            x = nn.leaky_relu(layer(x), LEAKY_SLOPE)
            self.sow("intermediates", "maps", x)
        stds = jnp.sqrt(x.var(axis=(1, 2)) + _VARIANCE_FLOOR)
        return jnp.concatenate([x.mean(axis=(1, 2)), stds], axis=-1)


@partial(jax.jit, static_argnums=0)
def _init(
    network: RandomConvolutional, key: PRNGKeyArray, images: Float[Array, "n h w c"]
) -> PyTree:
    return network.init(key, images)


@partial(jax.jit, static_argnums=0)
def _forward(
    network: RandomConvolutional, params: PyTree, images: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n d"], None]:
    return cast(Array, network.apply(params, images)), None


@partial(jax.jit, static_argnums=0)
def _maps(
    network: RandomConvolutional, params: PyTree, images: Float[Array, "n h w c"]
) -> FeatureMaps:
    return sown_maps(network, params, images)


def random_convolutional(
    seed: int, shape: tuple[int, int, int], num_features: int = 512
) -> FeatureNetwork:
    """Means and standard deviations over positions of untrained convolutional maps.

    Works under jit, and under vmap over parameters too. Unlike features learned from photographs,
    they favour no kind of image, which suits data that is far from photographs.

    Args:
        seed: Decides the weights.
        shape: Height, width and channels of the images.
        num_features: d, an even number.

    Raises:
        ConfigError: `num_features` is not an even number of at least 2.

    Source: Naeem et al. 2020, arXiv:2002.09797, on random embeddings; He et al. 2015,
    arXiv:1502.01852, for the scale of the weights.
    """
    if num_features < 2 or num_features % 2:
        raise ConfigError(f"num_features={num_features} must be even and at least 2")
    network = RandomConvolutional(num_features)
    params = _init(network, jax.random.key(seed), jnp.zeros((1, *shape)))
    return FeatureNetwork(
        name=f"random_conv-{seed}-{num_features}",
        params=params,
        apply=partial(_forward, network),
        shape=shape,
        maps=partial(_maps, network),
    )


def random_conv_features(
    data: ImageData, *, seed: int = 0, num_features: int = 512
) -> FeatureNetwork:
    """`random_convolutional` for the shape of the data set's images."""
    return random_convolutional(seed, data.shape, num_features)
