import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from jaxgan.errors import ConfigError
from jaxgan.features import (
    FeatureNetwork,
    extract,
    feature_batches,
    from_function,
    stacked_labels,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (7, 4, 5, 3)).astype(np.uint8)
SUMS = (IMAGES / 127.5 - 1).sum(axis=(1, 2))  # [n, c]
NETWORK = from_function("sums", lambda images: images.sum(axis=(1, 2)))


def bright_digits(params, images):
    """Reads a digit off the brightest of ten bytes: 5, 30, 55, ..."""
    levels = 5 + 25 * jnp.arange(10)
    brightness = (images.mean(axis=(1, 2, 3)) + 1) * 127.5
    logits = -jnp.abs(brightness[:, None] - levels[None, :])
    return logits[:, :2], logits


CLASSIFIER = FeatureNetwork("digits", None, jax.jit(bright_digits), shape=(None, None, 1))


def test_any_function_becomes_a_feature_network():
    features, class_logits = extract(NETWORK, IMAGES)
    assert NETWORK.name == "sums"
    assert NETWORK.accuracy is class_logits is None
    assert_allclose(features, SUMS, atol=1e-4)
    on_host = from_function("host", lambda images: np.asarray(images).sum(axis=(1, 2)))
    assert_allclose(extract(on_host, IMAGES)[0], SUMS, atol=1e-4)


def test_batches_are_made_one_at_a_time():
    calls = []

    def sums(images):
        calls.append(images.shape)
        return images.sum(axis=(1, 2))

    batches = feature_batches(from_function("sums", sums), IMAGES, batch_size=3)
    sizes = []
    for count, (features, class_logits) in enumerate(batches):
        assert calls == [(3, 4, 5, 3)] * (count + 1)
        assert class_logits is None
        assert_allclose(features, SUMS[3 * count : 3 * count + 3], atol=1e-4)
        sizes.append(len(features))
    assert sizes == [3, 3, 1]


def test_the_networks_batch_size_is_the_default():
    calls = []
    network = from_function("f", lambda x: calls.append(len(x)) or x[:, 0, 0], batch_size=2)
    extract(network, IMAGES)
    assert calls == [2, 2, 2, 2]


def test_labels_of_stacks_are_three_digits():
    digits = RNG.integers(10, size=(11, 3))
    noise = RNG.integers(-4, 5, size=(11, 6, 6, 3))
    stacks = (5 + 25 * digits[:, None, None, :] + noise).astype(np.uint8)
    labels = stacked_labels(CLASSIFIER, stacks, batch_size=4)
    assert_array_equal(labels, [int("".join(map(str, row))) for row in digits])
    assert labels.max() > 99
    assert_array_equal(stacked_labels(CLASSIFIER, stacks / np.float32(127.5) - 1), labels)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[0], r"shape \(4, 5, 3\); it must be \[n, h, w, c\]"),
        (IMAGES[:0], "n >= 1"),
        (IMAGES, r"\(7, 4, 5, 3\); digits takes \[n, any, any, 1\]"),
        (IMAGES[..., :1].astype(np.int32), "images are int32; they must be uint8"),
        (IMAGES[..., :1].astype(np.float32), r"run from \d+ to 25\d; they must lie in \[-1, 1\]"),
        (np.full((2, 4, 4, 1), np.nan, np.float32), r"run from nan to nan"),
    ],
)
def test_bad_images_raise(images, message):
    with pytest.raises(ConfigError, match=message):
        extract(CLASSIFIER, images)


def test_stacks_need_three_channels_and_a_classifier():
    with pytest.raises(ConfigError, match=r"it must be \[n, h, w, 3\]"):
        stacked_labels(CLASSIFIER, IMAGES[..., :2])
    with pytest.raises(ConfigError, match="sums has no class logits; pass a classifier"):
        stacked_labels(NETWORK, IMAGES)
    with pytest.raises(ConfigError, match="batch_size=0 must be at least 1"):
        extract(NETWORK, IMAGES, batch_size=0)
