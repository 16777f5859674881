"""Expected values: scikit-learn's arrays, the mixtures' definitions (PROTOCOLS: VEEGAN, PacGAN)."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from jaxgan.data import digit_edges, digits, grid, ring, whole
from jaxgan.errors import ConfigError


def test_digits_are_scikit_learns():
    bunch = load_digits()
    batch = whole(digits(split="all"))
    assert batch.real.shape == (1797, 8, 8, 1) and batch.real.dtype == np.uint8
    assert (batch.real.min(), batch.real.max()) == (0, 255)
    np.testing.assert_array_equal(np.rint(batch.real[..., 0] / 255 * 16), bunch.images)
    np.testing.assert_array_equal(batch.labels, bunch.target)
    # By hand: 255 * 5 / 16 = 79.69.
    assert bunch.images[0, 0, 2] == 5 and batch.real[0, 0, 2, 0] == 80


def test_the_splits_of_digits_are_the_whole_in_order():
    train, test, everything = (digits(split=split) for split in ("train", "test", "all"))
    assert (train.size, test.size, everything.size) == (1437, 360, 1797)
    joined = np.concatenate([whole(train).real, whole(test).real])
    np.testing.assert_array_equal(joined, whole(everything).real)
    assert train.num_classes == 10 and train.nbytes == 1437 * (64 + 4)


def test_digits_are_resized_and_padded():
    assert digits(resize=16).shape == (16, 16, 1)
    padded = whole(digits(pad=12)).real
    np.testing.assert_array_equal(padded[:, 2:10, 2:10], whole(digits()).real)
    with pytest.raises(ConfigError, match="pad=7"):
        digits(pad=7)


def distances(source):
    """The distance of every point to its nearest center, and that center's index."""
    d = np.linalg.norm(whole(source).real[:, None] - source.mixture.centers[None], axis=-1)
    return d.min(1), d.argmin(1)


@pytest.mark.parametrize(
    ("mixture", "modes", "sigma"), [(ring, 8, 0.01), (grid, 25, 0.05)], ids=["ring", "grid"]
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_mixtures_are_what_the_papers_say(mixture, modes, sigma, split):
    source = mixture(split=split)
    batch = whole(source)
    centers = source.mixture.centers
    assert batch.real.shape == (100_000, 2) and batch.real.dtype == np.float32
    assert len(centers) == source.num_classes == modes and source.mixture.sigma == sigma
    nearest, mode = distances(source)
    np.testing.assert_array_equal(mode, batch.labels)
    assert stats.chisquare(np.bincount(mode)).pvalue > 1e-3
    noise = (batch.real - centers[mode]) / sigma
    # float32 rounds positions near 1 (ring) by 6e-8 and near 4 (grid) by 2.4e-7: far below sigma.
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    # A perfect sampler has 1 - exp(-4.5) of its samples within three sigma.
    within = (nearest <= 3 * sigma).mean()
    assert within == pytest.approx(1 - np.exp(-4.5), abs=4 * np.sqrt(0.9889 * 0.0111 / 1e5))


def test_centers():
    np.testing.assert_allclose(np.linalg.norm(ring().mixture.centers, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(ring().mixture.centers[1], [0.5**0.5, 0.5**0.5], atol=1e-6)
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert set(map(tuple, grid().mixture.centers.tolist())) == expected


def test_mixtures_are_deterministic_and_their_splits_differ():
    np.testing.assert_array_equal(whole(ring()).real, whole(ring()).real)
    assert not np.isin(whole(ring(split="test")).real[:, 0], whole(ring()).real[:, 0]).all()


@pytest.mark.parametrize("dataset", [digits, digit_edges, ring, grid])
def test_an_unknown_split_names_the_splits(dataset):
    with pytest.raises(ConfigError, match="no split 'valid'; use one of: train, test"):
        dataset(split="valid")


def sobel(image):
    """The norms of the 3 x 3 Sobel gradients, entry by entry, of the image continued by its border.

    Sobel and Feldman 1968, A 3x3 Isotropic Gradient Operator for Image Processing.
    """
    padded = np.pad(image.astype(np.float64), 1, mode="edge")
    smooth, slope = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
    norms = np.empty(image.shape)
    for row, column in np.ndindex(image.shape):
        patch = padded[row : row + 3, column : column + 3]
        norms[row, column] = np.hypot(slope @ patch @ smooth, smooth @ patch @ slope)
    return norms


@pytest.mark.parametrize("resize", [None, 12])
def test_edges_are_where_the_sobel_gradient_is_large(resize):
    source = digit_edges(split="test", resize=resize, threshold=0.4)
    batch = source.read(np.arange(20))
    np.testing.assert_array_equal(
        whole(source).real, whole(digits(split="test", resize=resize)).real
    )
    assert source.condition_shape == source.shape and source.condition_dtype == np.uint8
    for image, edges in zip(batch.real[..., 0], batch.condition[..., 0], strict=True):
        norms = sobel(image)
        np.testing.assert_array_equal(edges, 255 * (norms > 0.4 * norms.max()))
    # A higher threshold leaves fewer edges, and the largest gradient is above any but 1.
    counts = [
        (whole(digit_edges(split="test", threshold=t)).condition > 0).sum() for t in (0.0, 0.5, 1.0)
    ]
    assert counts[0] > counts[1] > counts[2] == 0
