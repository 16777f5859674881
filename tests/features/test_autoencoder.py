"""The masked autoencoder: what it learns, that it is kept, what it hides."""

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

from jaxgan.errors import ConfigError
from jaxgan.features import ImageData, autoencoder_features, extract
from jaxgan.features.autoencoder import _mask, _restored
from jaxgan.types import Batch

IMAGES = np.round(load_digits().images * 255 / 16).astype(np.uint8)[..., None]
TRAIN, TEST = IMAGES[:1400], IMAGES[1400:]


def data(cache_dir=None, log=None):
    return ImageData(
        shape=(8, 8, 1),
        train=lambda: Batch(real=TRAIN),
        test=lambda: Batch(real=TEST),
        num_classes=None,
        fingerprint=lambda: "digits",
        cache_dir=cache_dir,
        log=log,
    )


@pytest.mark.slow
def test_it_is_trained_once_and_kept(tmp_path):
    """The loss falls, features have mean square 1, and another seed is another network."""
    lines = []
    first = autoencoder_features(data(tmp_path, lines.append), steps=60, num_features=16)
    losses = [float(line.rpartition(" ")[2]) for line in lines[1:]]
    assert len(losses) == 5 and losses[-1] < 0.7 * losses[0]
    features, class_logits = extract(first, TRAIN)
    assert class_logits is None
    np.testing.assert_allclose(np.mean(features**2), 1, rtol=0.02)
    again = autoencoder_features(data(tmp_path, lines.append), steps=60, num_features=16)
    assert len(lines) == 6 and again.name == first.name
    np.testing.assert_array_equal(extract(again, TEST)[0], extract(first, TEST)[0])
    (kept,) = (tmp_path / "autoencoders").iterdir()
    kept.write_bytes(kept.read_bytes()[:-200])
    assert _restored(kept, (8, 8, 1), 16) is None  # a damaged file is made anew


@pytest.mark.slow
def test_its_features_tell_classes_apart():
    """By a ridge classifier of 100 labelled digits: better than pixels."""
    labels = load_digits().target
    network = autoencoder_features(data(), steps=2000, hidden=0.25)

    def accuracy(x, y):
        probe = RidgeClassifier(1.0).fit(x[:100], labels[:100])
        return probe.score(y, labels[1400:])

    learned = accuracy(extract(network, TRAIN)[0], extract(network, TEST)[0])
    pixels = accuracy(*(x.reshape(len(x), -1) / 255 for x in (TRAIN, TEST)))
    assert learned > pixels, (learned, pixels)


@pytest.mark.parametrize(("shape", "hidden"), [((40, 8, 8, 1), 0.5), ((40, 9, 6, 3), 0.25)])
def test_whole_squares_are_hidden(shape, hidden):
    mask = np.asarray(_mask(jax.random.key(0), shape, hidden))
    assert mask.shape == (*shape[:3], 1)
    assert mask.mean() == pytest.approx(hidden, abs=0.1)
    corner = mask[:, :4, :4]
    assert np.all(corner.all(axis=(1, 2)) == corner.any(axis=(1, 2)))


@pytest.mark.parametrize("hidden", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(hidden):
    with pytest.raises(ConfigError, match=f"hidden is {hidden}"):
        autoencoder_features(data(), hidden=hidden)
