"""Features that need no training with labels: pixels, principal components, random maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from jaxgan.errors import ConfigError
from jaxgan.features import extract, pixels_pca, random_convolutional

DIGITS = np.round(load_digits().images * (255 / 16)).astype(np.uint8)[..., None]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [200, 30])  # more and fewer images than the 64 pixels
def test_scores_are_those_of_numpys_svd(n):
    images, k = DIGITS[:n], 5
    x = images.reshape(n, -1) / 127.5 - 1
    _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    axes = axes[:k] * np.sign(axes[range(k), np.abs(axes[:k]).argmax(axis=1)])[:, None]
    network = pixels_pca(images, k)
    scores, class_logits = extract(network, DIGITS[300:340])
    expected = (DIGITS[300:340].reshape(40, -1) / 127.5 - 1 - x.mean(axis=0)) @ axes.T
    assert class_logits is None
    assert_allclose(scores, expected, atol=2e-5)


def test_all_components_keep_all_distances():
    images = RNG.integers(0, 256, (40, 3, 2, 1)).astype(np.uint8)
    scores, _ = extract(pixels_pca(images, 6), images)
    x = images.reshape(40, -1) / 127.5 - 1
    distances = np.linalg.norm(x[:, None] - x[None, :], axis=-1)
    assert_allclose(np.linalg.norm(scores[:, None] - scores[None], axis=-1), distances, atol=1e-5)


def test_the_name_tells_components_apart():
    one, two = pixels_pca(DIGITS[:50], 3), pixels_pca(DIGITS[1:51], 3)
    assert one.name == pixels_pca(DIGITS[:50], 3).name
    assert one.name != two.name


@pytest.mark.parametrize("k", [0, 10, 65])
def test_the_number_of_components_is_bounded(k):
    images = DIGITS[: 200 if k == 65 else 10]
    with pytest.raises(ConfigError, match=f"num_components={k} must lie between 1 and"):
        pixels_pca(images, k)


def convolve(x, kernel, stride):
    """SAME as in TensorFlow: [h, w, i] and [3, 3, i, o], by loops over pixels in float64."""
    sides = [-(-side // stride) for side in x.shape[:2]]
    pads = [max((o - 1) * stride + 3 - s, 0) for o, s in zip(sides, x.shape[:2], strict=True)]
    x = np.pad(x, [*((p // 2, p - p // 2) for p in pads), (0, 0)])
    y = np.zeros((*sides, kernel.shape[-1]))
    for i, j in np.ndindex(*sides):
        patch = x[i * stride : i * stride + 3, j * stride : j * stride + 3]
        y[i, j] = np.einsum("abi,abio->o", patch, kernel)
    return y


SHAPE, WIDTH = (9, 14, 2), 16  # one for all tests, which compile little
COLOURED = RNG.uniform(-1, 1, (2, *SHAPE)).astype(np.float32)


def test_random_features_are_moments_of_convolutions():
    network = random_convolutional(3, SHAPE, WIDTH)
    features, class_logits = extract(network, COLOURED, batch_size=2)
    assert class_logits is None
    layers = network.params["params"]
    for image, value in zip(COLOURED, features, strict=True):
        x = image.astype(np.float64)
        for layer, stride in zip(("Conv_0", "Conv_1", "Conv_2"), (2, 1, 1), strict=True):
            x = convolve(x, np.float64(layers[layer]["kernel"]), stride)
            x = np.where(x > 0, x, 0.2 * x)
        expected = [x.mean(axis=(0, 1)), np.sqrt(x.var(axis=(0, 1)) + 1e-6)]
        assert_allclose(value, np.concatenate(expected), atol=1e-5)


def test_random_features_work_under_jit_vmap_and_grad():
    networks = [random_convolutional(seed, SHAPE, WIDTH) for seed in (0, 1)]
    apply = networks[0].apply
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(n.params for n in networks))

    @jax.jit
    def both(stacked, params, images):
        features = jax.vmap(lambda params: apply(params, images)[0])(stacked)
        blank = jnp.zeros_like(images)  # where all standard deviations are 0
        return features, jax.grad(lambda x: apply(params, x)[0].sum())(blank)

    features, gradient = both(stacked, networks[0].params, COLOURED)
    for network, value in zip(networks, features, strict=True):
        assert_allclose(value, extract(network, COLOURED, batch_size=2)[0], atol=1e-5)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_the_seed_names_random_features():
    one, two, again = (random_convolutional(seed, SHAPE, WIDTH) for seed in (0, 1, 0))
    assert one.name == again.name != two.name
    jax.tree.map(assert_array_equal, one.params, again.params)
    for wrong in (0, 7):
        with pytest.raises(ConfigError, match=f"num_features={wrong} must be even"):
            random_convolutional(0, SHAPE, wrong)
