"""What a feature network is, and how features of any number of images are taken with it."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict
from jaxtyping import Array, Float, Int, Num

from jaxgan.errors import ConfigError
from jaxgan.files import Log
from jaxgan.pixels import to_model
from jaxgan.types import Batch, PyTree

Images = Num[Array | np.ndarray, "n ..."]  # [n, h, w, c] is checked, not taken for granted
Extracted = tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n num_classes"] | None]
FeatureMaps = dict[str, Float[Array, "n _ _ _"]]

# Float images may leave [-1, 1] by rounding, as bfloat16's 8 bits do.
_RANGE_TOLERANCE = 1e-2


class FeatureNetwork(NamedTuple):
    """A function from images to features that metrics compare.

    Attributes:
        name: Identifies the function with its weights: figures under different names cannot be
            compared, and caches of features are keyed by it.
        params: The weights; None for a function without.
        apply: Maps (params, float images [n, h, w, c] in [-1, 1]) to (features [n, d], class_logits
            [n, num_classes] or None). Pure, and works under jit and vmap, if the function given to
            `from_function` is and does.
        shape: Height, width and channels of the images it takes; None where any works.
        accuracy: Share of the test images that it classifies correctly, where that was measured.
        batch_size: Images a call, by default.
        maps: Takes (params, images), as `apply` does, to feature maps [n, h_i, w_i, c_i] by
            name, at growing depths; None where there are none. Pure.
    """

    name: str
    params: PyTree
    apply: Callable[[PyTree, Array], tuple[Array, Array | None]]
    shape: tuple[int | None, int | None, int | None] = (None, None, None)
    accuracy: float | None = None
    batch_size: int = 500
    maps: Callable[[PyTree, Array], FeatureMaps] | None = None


class ImageData(NamedTuple):
    """The data set that a feature network of the registry is made for.

    Attributes:
        shape: Height, width and channels of an image.
        train: Reads what a network may be fitted to: uint8 images [n, h, w, c] and, where the data
            set has them, labels. Called only when needed.
        test: Likewise, what a classifier is tested on.
        num_classes: How many classes there are; None without labels.
        fingerprint: Identifies the content of the data, with its preprocessing. Called only when
            needed: it reads a part of them.
        cache_dir: Where what was fitted is kept, and published weights are looked for; None keeps
            nothing, and looks in `jaxgan.runtime.cache_directory()`.
        log: Receives lines on the progress.
    """

    shape: tuple[int, int, int]
    train: Callable[[], Batch]
    test: Callable[[], Batch]
    num_classes: int | None
    fingerprint: Callable[[], str]
    cache_dir: Path | None = None
    log: Log | None = None


def from_function(
    name: str, function: Callable[[Array], Array], *, batch_size: int = 500
) -> FeatureNetwork:
    """Any function from float images [n, h, w, c] in [-1, 1] to features [n, d].

    Args:
        name: Identifies it: give other weights another name.
        function: Called with a JAX array; may be jitted, or compute on the host.
        batch_size: Images a call.
    """
    return FeatureNetwork(
        name, None, lambda _, images: (function(images), None), batch_size=batch_size
    )


def sown_maps(module: nn.Module, params: PyTree, images: Float[Array, "n h w c"]) -> FeatureMaps:
    """What a module keeps by `self.sow("intermediates", "maps", x)`: "stage_1", "stage_2" ..."""
    _, kept = module.apply(params, images, mutable="intermediates")
    return {f"stage_{i}": x for i, x in enumerate(kept["intermediates"]["maps"], 1)}


def coloured(images: Float[Array, "n h w c"], network: str) -> Float[Array, "n h w 3"]:
    """The images with 3 channels, the only one repeated.

    Raises:
        ConfigError: They have neither 1 nor 3 channels.
    """
    n, height, width, channels = images.shape
    if channels not in (1, 3):
        raise ConfigError(
            f"images have {channels} channels; {network} takes 3, or 1 that it repeats"
        )
    return jnp.broadcast_to(images, (n, height, width, 3))


def weights_name(kind: str, params: PyTree) -> str:
    """`kind` and a digest, which two nested dicts of weights share only if they are equal."""
    digest = hashlib.blake2b(digest_size=6)
    for path, leaf in sorted(flatten_dict(params, sep="/").items()):
        digest.update(path.encode() + str(leaf.shape).encode() + np.asarray(leaf).tobytes())
    return f"{kind}-{digest.hexdigest()}"


def to_float(images: Images) -> Float[Array, "n ..."]:
    """What networks see: uint8 scaled to [-1, 1]; float images as float32."""
    return jnp.asarray(to_model(jnp.asarray(images)), jnp.float32)


def check_images(network: FeatureNetwork, images: Images) -> None:
    """Raises ConfigError unless these are n >= 1 images of a shape that the network takes."""
    shape = images.shape
    if len(shape) != 4 or shape[0] < 1:
        raise ConfigError(f"images have shape {shape}; it must be [n, h, w, c] with n >= 1")
    wanted = zip(shape[1:], network.shape, strict=True)
    if any(side is not None and side != given for given, side in wanted):
        sides = ", ".join("any" if side is None else str(side) for side in network.shape)
        raise ConfigError(
            f"images have shape {shape}; {network.name} takes [n, {sides}]: use features made for "
            "this data set"
        )
    if images.dtype != np.uint8 and not jnp.issubdtype(images.dtype, jnp.floating):
        raise ConfigError(
            f"images are {images.dtype}; they must be uint8 from 0 to 255 or float in [-1, 1]"
        )


def feature_batches(
    network: FeatureNetwork, images: Images, *, batch_size: int | None = None
) -> Iterator[Extracted]:
    """Features and class logits of any number of images, yielded a batch at a time.

    So 50,000 x 2,048 features need not be in memory at once.

    Args:
        network: Its function and weights.
        images: uint8 from 0 to 255, or float in [-1, 1].
        batch_size: Images a call; the last batch is padded, so that one program serves all. The
            default is the network's.

    Yields:
        Features [b, d] and class logits [b, num_classes] (None where the network has none), with
        b = batch_size but for the last batch.

    Raises:
        ConfigError: At the first batch, where there is no image, or one of another shape than the
            network's; at any batch, where values are out of range.
    """
    check_images(network, images)
    batch_size = network.batch_size if batch_size is None else batch_size
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} must be at least 1")
    for start in range(0, images.shape[0], batch_size):
        batch = to_float(images[start : start + batch_size])
        _check_range(batch)
        padding = ((0, batch_size - batch.shape[0]), (0, 0), (0, 0), (0, 0))
        outputs = network.apply(network.params, jnp.pad(batch, padding))
        features, class_logits = jax.device_get(outputs)
        size = batch.shape[0]
        yield (
            np.asarray(features)[:size],
            None if class_logits is None else np.asarray(class_logits)[:size],
        )


def extract(network: FeatureNetwork, images: Images, *, batch_size: int | None = None) -> Extracted:
    """`feature_batches` put together: features [n, d] and class logits [n, num_classes] or None."""
    batches = feature_batches(network, images, batch_size=batch_size)
    features, class_logits = zip(*batches, strict=True)
    if class_logits[0] is None:
        return np.concatenate(features), None
    return np.concatenate(features), np.concatenate(class_logits)


def stacked_labels(
    network: FeatureNetwork, images: Images, *, batch_size: int | None = None
) -> Int[np.ndarray, "n"]:
    """The labels of stacked digits: 100 r + 10 g + b, for the digits in the three channels.

    With k classes in place of ten: k^2 r + k g + b.

    Args:
        network: A classifier of digits with one channel.
        images: Stacks [n, h, w, 3], uint8 from 0 to 255 or float in [-1, 1].
        batch_size: As `feature_batches`.

    Raises:
        ConfigError: There are not three channels, or the network does not classify.

    Source: Metz et al. 2017, arXiv:1611.02163.
    """
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ConfigError(f"stacked images have shape {images.shape}; it must be [n, h, w, 3]")
    labels = np.zeros(images.shape[0], np.int64)
    for channel in range(3):
        digits = images[..., channel : channel + 1]
        _, class_logits = extract(network, digits, batch_size=batch_size)
        if class_logits is None:
            raise ConfigError(f"{network.name} has no class logits; pass a classifier of digits")
        labels = labels * class_logits.shape[1] + class_logits.argmax(axis=1)
    return labels


def _check_range(images: Float[Array, "n h w c"]) -> None:
    low, high = float(images.min()), float(images.max())
    if not max(-low, high) <= 1.0 + _RANGE_TOLERANCE:  # a NaN compares false
        raise ConfigError(
            f"float images run from {low:g} to {high:g}; they must lie in [-1, 1]: pass uint8, or "
            "scale them"
        )
