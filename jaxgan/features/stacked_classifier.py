"""A classifier of images whose channels are images of their own, such as stacked digits."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.features.classifier_cache import load_classifier
from jaxgan.features.network import FeatureNetwork, ImageData
from jaxgan.types import Batch, PyTree


def stacked_classifier_features(
    data: ImageData, *, seed: int = 0, epochs: int = 5, min_images: int = 32_000
) -> FeatureNetwork:
    """The features of a small classifier of single channels, of all channels side by side.

    The class of an image of c channels is the number to the base k whose digits are the classes of
    its channels, the first one the most significant; so 1,000 classes of stacked MNIST need a
    classifier of ten. It is trained on the distinct channels of the data set once. Class logits are
    sums of the channels' log probabilities, and `accuracy` is that of single channels, as papers
    on stacked MNIST state it.

    Args:
        data: Images of 8 to 64 pixels, with labels.
        seed: Decides the initial weights, the order and the distortions.
        epochs: Passes over the distinct channels, at least.
        min_images: Small sets are repeated until as many channels have been seen.

    Raises:
        ConfigError: The data set has no labels, or their number is no c-th power.

    Source: Metz et al. 2017, Unrolled Generative Adversarial Networks, section 3.3.1,
    https://arxiv.org/abs/1611.02163
    """
    channels = data.shape[2]
    base = round((data.num_classes or 0) ** (1 / channels))
    if base < 2 or base**channels != data.num_classes:
        raise ConfigError(
            f"the data set has {data.num_classes} classes and {channels} channels; features "
            "'stacked_classifier' are of images whose class is one digit a channel: use "
            "'classifier'"
        )
    single = load_classifier(
        data.cache_dir,
        fingerprint=f"{data.fingerprint()}/channels",
        train_data=partial(_channels, data.train, base),
        test_data=partial(_channels, data.test, base),
        num_classes=base,
        log=data.log,
        seed=seed,
        epochs=epochs,
        min_images=min_images,
    )
    return FeatureNetwork(
        name=f"stacked_{single.name}",
        params=single.params,
        apply=partial(_of_stacks, single.apply),
        shape=data.shape,
        accuracy=single.accuracy,
    )


def _of_stacks(
    single: Callable[[PyTree, Array], tuple[Array, Array | None]],
    params: PyTree,
    images: Float[Array, "n h w c"],
) -> tuple[Float[Array, "n d"], Float[Array, "n classes"]]:
    n, height, width, channels = images.shape
    flat = jnp.moveaxis(images, 3, 1).reshape(n * channels, height, width, 1)
    features, logits = single(params, flat)
    assert logits is not None
    log_probabilities = jax.nn.log_softmax(logits).reshape(n, channels, -1)
    joint = log_probabilities[:, 0]
    for channel in range(1, channels):
        joint = (joint[:, :, None] + log_probabilities[:, channel, None, :]).reshape(n, -1)
    return features.reshape(n, -1), joint


def _channels(read: Callable[[], Batch], base: int) -> Batch:
    """The distinct channels of all images, in the order of their first places, and their classes.

    Stacks draw each single image many times: without the copies, the classifier's accuracy is that
    on the images that the stacks were made of.
    """
    stacks = read()
    images, labels = np.asarray(stacks.real), np.asarray(stacks.labels)
    powers = base ** np.arange(images.shape[3])[::-1]
    classes = (labels[:, None] // powers[None]) % base
    singles = np.ascontiguousarray(np.moveaxis(images, 3, 1)).reshape(-1, *images.shape[1:3], 1)
    first: dict[bytes, int] = {}
    for row, image in enumerate(singles):
        first.setdefault(image.tobytes(), row)
    rows = np.fromiter(first.values(), np.int64)
    return Batch(real=singles[rows], labels=classes.reshape(-1)[rows].astype(np.int32))
