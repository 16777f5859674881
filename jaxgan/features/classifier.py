"""A small convolutional classifier of a data set, whose features the metrics use."""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from jaxgan.errors import ConfigError
from jaxgan.features.network import (
    FeatureMaps,
    FeatureNetwork,
    Log,
    extract,
    sown_maps,
    to_float,
    weights_name,
)
from jaxgan.networks.layers import Conv
from jaxgan.types import Batch, PyTree

# Part of a cached classifier's file name: raise it when the network or its training changes.
ARCHITECTURE_VERSION = 1
_PROGRESS_LINES = 5  # at most, in a training


class Classifier(nn.Module):
    """Three convolutions, which halve sides over 7 pixels, and a dense layer of features."""

    num_classes: int
    widths: tuple[int, ...] = (32, 64, 64)
    num_features: int = 128

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w c"]
    ) -> tuple[Float[Array, "n d"], Float[Array, "n num_classes"]]:
        """Returns features and class logits; keeps each convolution's maps as `sown_maps`."""
        for layer, width in enumerate(self.widths):
            smallest = 7 if layer else 15  # tiny images keep their resolution for one layer
            stride = 2 if min(x.shape[1:3]) > smallest else 1
            x = nn.relu(Conv(width, kernel_size=3, stride=stride)(x))
            self.sow("intermediates", "maps", x)
        features = nn.relu(nn.Dense(self.num_features)(x.reshape(x.shape[0], -1)))
        return features, nn.Dense(self.num_classes)(features)


def _resample_rows(
    key: PRNGKeyArray, images: Float[Array, "n h w c"], distortion: float | Float[Array, ""]
) -> Float[Array, "n h w c"]:
    """Stretches, shears and shifts each row, linearly interpolated, edges repeated.

    In coordinates from -1 to 1, a pixel of row y and column x comes from column
    (1 + a) x + b y + c, with a, b, c uniform in +-distortion. Interpolation is a product with a
    matrix of tents: faster than gathers on every backend.
    """
    n, h, w, _ = images.shape
    a, b, c = distortion * jax.random.uniform(key, (3, n, 1, 1), minval=-1.0)
    y, x = jnp.linspace(-1.0, 1.0, h)[None, :, None], jnp.linspace(-1.0, 1.0, w)[None, None, :]
    columns = (jnp.clip((1.0 + a) * x + b * y + c, -1.0, 1.0) + 1.0) * (w - 1) / 2
    distances = jnp.abs(columns[..., None] - jnp.arange(w)[None, None, None, :])
    return jnp.einsum("nhxw,nhwc->nhxc", jnp.maximum(1.0 - distances, 0.0), images)


def _augment(
    key: PRNGKeyArray, images: Float[Array, "n h w c"], distortion: float | Float[Array, ""]
) -> Float[Array, "n h w c"]:
    """A small random affine map of each image: rows, then columns."""
    key_rows, key_columns = jax.random.split(key)
    images = _resample_rows(key_rows, images, distortion)
    return _resample_rows(key_columns, images.swapaxes(1, 2), distortion).swapaxes(1, 2)


def _optimizer(learning_rate: float | Float[Array, ""], steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(learning_rate, steps))


@partial(jax.jit, static_argnums=0)
def _init(classifier: Classifier, key: PRNGKeyArray, images: Float[Array, "n h w c"]) -> PyTree:
    return classifier.init(key, images)


@partial(jax.jit, static_argnums=0)
def _forward(
    classifier: Classifier, params: PyTree, images: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n d"], Float[Array, "n num_classes"]]:
    return cast(tuple[Array, Array], classifier.apply(params, images))


@partial(jax.jit, static_argnums=0)
def _maps(classifier: Classifier, params: PyTree, images: Float[Array, "n h w c"]) -> FeatureMaps:
    return sown_maps(classifier, params, images)


@partial(jax.jit, static_argnames=("classifier", "epochs", "batch_size"), donate_argnums=(1, 2))
def _train_epoch(
    classifier: Classifier,
    params: PyTree,
    opt_state: PyTree,
    images: UInt8[Array, "n h w c"],
    labels: Int[Array, "n"],
    key: PRNGKeyArray,
    learning_rate: Float[Array, ""],
    distortion: Float[Array, ""],
    epochs: int,
    batch_size: int,
) -> tuple[PyTree, PyTree, Float[Array, ""]]:
    """One pass over the images in a random order, less the rows that fill no batch; mean loss."""
    steps = images.shape[0] // batch_size
    optimizer = _optimizer(learning_rate, epochs * steps)
    key_order, key_steps = jax.random.split(key)
    order = jax.random.permutation(key_order, images.shape[0])[: steps * batch_size]

    def step(carry: tuple[PyTree, PyTree], x: tuple[Array, Array]) -> tuple[tuple, Array]:
        (params, opt_state), (rows, step_key) = carry, x
        batch = _augment(step_key, to_float(images[rows]), distortion)

        def loss(params: PyTree) -> Float[Array, ""]:
            _, logits = _forward(classifier, params, batch)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

        value, gradient = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    xs = (order.reshape(steps, batch_size), jax.random.split(key_steps, steps))
    (params, opt_state), losses = jax.lax.scan(step, (params, opt_state), xs)
    return params, opt_state, losses.mean()


def _unit_features(params: PyTree, features: Float[np.ndarray, "n d"]) -> PyTree:
    """Scales the features to mean square 1 and leaves the logits, for ReLU(s x) = s ReLU(x).

    The polynomial kernel of KID, and the reader of a FID, expect features of about that size.
    """
    scale = np.sqrt(np.mean(features**2))
    layers = params["params"]
    hidden = jax.tree.map(lambda x: x / scale, layers["Dense_0"])
    last = {**layers["Dense_1"], "kernel": layers["Dense_1"]["kernel"] * scale}
    return {"params": {**layers, "Dense_0": hidden, "Dense_1": last}}


def classifier_network(
    params: PyTree, num_classes: int, shape: tuple[int, int, int], accuracy: float
) -> FeatureNetwork:
    """The classifier of images of one shape that has these weights."""
    return FeatureNetwork(
        name=weights_name("classifier", params),
        params=jax.device_put(params),
        apply=partial(_forward, Classifier(num_classes)),
        shape=shape,
        accuracy=accuracy,
        maps=partial(_maps, Classifier(num_classes)),
    )


def _check(batch: Batch, name: str, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels on the host, fit for training."""
    if batch.labels is None:
        raise ConfigError(f"the {name} set has no labels; a classifier needs them")
    images, labels = np.asarray(batch.real), np.asarray(batch.labels)
    if images.ndim != 4 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ConfigError(
            f"{name} images are {images.dtype} {images.shape} with labels {labels.shape}; "
            "pass uint8 [n, h, w, c] with labels [n]"
        )
    if labels.size == 0 or labels.min() < 0 or labels.max() >= num_classes:
        raise ConfigError(
            f"{name} labels are not n >= 1 numbers from 0 to num_classes - 1 = {num_classes - 1}: "
            "look at the data set's number of classes"
        )
    return images, labels


def train_classifier(
    train: Batch,
    test: Batch,
    *,
    num_classes: int,
    seed: int = 0,
    epochs: int = 5,
    min_images: int = 32_000,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    distortion: float = 0.2,
    log: Log | None = None,
) -> FeatureNetwork:
    """Trains a classifier: Adam, cosine decay, slightly distorted images. The seed decides all.

    Args:
        train: uint8 images [n, h, w, c] with sides of 8 to 64 pixels, and their labels.
        test: The same, for the accuracy and the scale of the features only.
        num_classes: How many classes there are.
        seed: Decides the initial weights, the order and the distortions.
        epochs: Passes over the training images, at least.
        min_images: Small sets are repeated until as many images have been seen.
        batch_size: Images a step.
        learning_rate: The first one.
        distortion: Largest relative change of position, scale and shear.
        log: Receives a few lines on the progress, and the accuracy.

    Raises:
        ConfigError: Images or labels do not fit together, or are out of range.
    """
    images, labels = _check(train, "train", num_classes)
    test_images, test_labels = _check(test, "test", num_classes)
    n, height, width, channels = images.shape
    shape = (height, width, channels)
    batch_size = min(batch_size, n)
    epochs = max(epochs, -(-min_images // n))

    if log is not None:
        log(f"classifier: training on {n:,} images")
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    key_init, key_epochs = jax.random.split(jax.random.key(seed))
    classifier = Classifier(num_classes)
    params = _init(classifier, key_init, to_float(images[:1]))
    opt_state = _optimizer(learning_rate, 1).init(params)
    for epoch, key in enumerate(jax.random.split(key_epochs, epochs)):
        params, opt_state, loss = _train_epoch(
            classifier,
            params,
            opt_state,
            images,
            labels,
            key,
            jnp.float32(learning_rate),
            jnp.float32(distortion),
            epochs,
            batch_size,
        )
        if log is not None and (epoch + 1) % -(-epochs // _PROGRESS_LINES) == 0:
            log(f"classifier: epoch {epoch + 1} of {epochs}, loss {float(loss):.4f}")

    params = jax.device_get(params)
    features, logits = extract(classifier_network(params, num_classes, shape, 0.0), test_images)
    assert logits is not None
    accuracy = float(np.mean(logits.argmax(axis=1) == test_labels))
    network = classifier_network(_unit_features(params, features), num_classes, shape, accuracy)
    if log is not None:
        log(f"classifier: {accuracy:.2%} of {len(test_labels)} test images")
    return network
