"""Features without a trained network: the pixels themselves, and their principal components."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.features.network import (
    FeatureMaps,
    FeatureNetwork,
    ImageData,
    Images,
    to_float,
    weights_name,
)
from jaxgan.types import PyTree

# Images that the registry's components are fitted to, at most: enough for their directions.
_MAX_FITTED = 20_000


@jax.jit
def _flatten(_: PyTree, images: Float[Array, "n h w c"]) -> tuple[Float[Array, "n d"], None]:
    return images.reshape(images.shape[0], -1), None


@jax.jit
def _identity(_: PyTree, images: Float[Array, "n h w c"]) -> FeatureMaps:
    return {"stage_1": images}


@jax.jit
def _project(params: PyTree, images: Float[Array, "n h w c"]) -> tuple[Float[Array, "n d"], None]:
    centred = images.reshape(images.shape[0], -1) - params["mean"][None, :]
    return jnp.matmul(centred, params["components"], precision=lax.Precision.HIGHEST), None


def pixel_features(data: ImageData) -> FeatureNetwork:
    """The pixels in [-1, 1], flattened; the images are their only maps."""
    return FeatureNetwork("pixels", None, _flatten, shape=data.shape, maps=_identity)


def pixels_pca(images: Images, num_components: int) -> FeatureNetwork:
    """Scores on the first principal components of the pixels, fitted to real images.

    The scores of the real images are uncorrelated, and keep as much of the squared distance between
    images as linear features can.

    Args:
        images: uint8 from 0 to 255, or float in [-1, 1]; n of them.
        num_components: From 1 to min(n - 1, h w c).

    Raises:
        ConfigError: The images are not [n, h, w, c], or `num_components` is out of range.
    """
    if images.ndim != 4:
        raise ConfigError(f"images have shape {images.shape}; it must be [n, h, w, c]")
    n, height, width, channels = images.shape
    most = min(n - 1, height * width * channels)
    if not 1 <= num_components <= most:
        raise ConfigError(
            f"num_components={num_components} must lie between 1 and {most}, the smaller of "
            f"n - 1 = {n - 1} and the number of pixels"
        )
    x = np.asarray(to_float(images), np.float64).reshape(n, -1)
    mean = x.mean(axis=0)
    params = {
        "components": _components(x - mean, num_components).astype(np.float32),
        "mean": mean.astype(np.float32),
    }
    return FeatureNetwork(
        name=weights_name("pca", params),
        params=jax.device_put(params),
        apply=_project,
        shape=(height, width, channels),
    )


def _components(centred: Float[np.ndarray, "n d"], k: int) -> Float[np.ndarray, "d k"]:
    """The right singular vectors of the k largest singular values, largest entries positive.

    Through the smaller Gram matrix: many times faster than the SVD where n and d differ.
    """
    n, d = centred.shape
    gram = centred.T @ centred if d <= n else centred @ centred.T
    _, vectors = np.linalg.eigh(gram)
    vectors = vectors[:, : -k - 1 : -1]
    components = vectors if d <= n else centred.T @ vectors
    norms = np.linalg.norm(components, axis=0)
    components = components / np.maximum(norms, np.finfo(np.float64).tiny)
    largest = components[np.abs(components).argmax(axis=0), np.arange(k)]
    return components * np.where(largest < 0, -1.0, 1.0)


def pca_features(data: ImageData, *, num_components: int = 64) -> FeatureNetwork:
    """`pixels_pca` of the training images, of the first 20,000 if there are more."""
    return pixels_pca(np.asarray(data.train().real[:_MAX_FITTED]), num_components)
