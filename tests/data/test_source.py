"""Expected values: indexing in NumPy, and Pillow."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import fits_on_device, from_arrays, labelled_few, mirrored, whole
from jaxgan.data.transforms import transform, transformed_shape
from jaxgan.errors import ConfigError, DataError


def test_from_arrays():
    real = np.arange(6 * 2, dtype=np.float32).reshape(6, 2)
    source = from_arrays(real, np.arange(6), name="mine")
    assert source.num_classes == 6
    assert (source.shape, source.size, source.dtype) == ((2,), 6, np.float32)
    np.testing.assert_array_equal(source.read(np.array([4, 1, 4])).real, real[[4, 1, 4]])
    np.testing.assert_array_equal(whole(source).labels, np.arange(6))
    assert whole(from_arrays(real, name="mine")).labels is None
    assert source.nbytes == 6 * (2 * 4 + 4)
    assert fits_on_device(source, 72) and not fits_on_device(source, 71)


def test_conditions_are_read_with_their_samples():
    real = np.arange(12, dtype=np.float32).reshape(6, 2)
    condition = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    source = from_arrays(real, condition=condition, name="translation")
    assert source.condition_shape == (4, 4, 3) and source.condition_dtype == np.uint8
    assert source.nbytes == 6 * (2 * 4 + 4 * 4 * 3)
    batch = source.read(np.array([5, 0]))
    np.testing.assert_array_equal(batch.condition, condition[[5, 0]])
    np.testing.assert_array_equal(batch.real, real[[5, 0]])
    assert batch.labels is None and batch.streams == {}
    np.testing.assert_array_equal(whole(source).condition, condition)


def test_mirror_images_come_after_the_images_with_their_labels_and_conditions():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 6, 3), dtype=np.uint8)
    real, condition = images
    source = from_arrays(real, np.arange(5), condition=condition, name="mine")
    both = mirrored(source)
    assert both.size == 10 and both.version != source.version
    batch = whole(both)
    np.testing.assert_array_equal(batch.real, [*real, *np.flip(real, 2)])
    np.testing.assert_array_equal(batch.condition, [*condition, *np.flip(condition, 2)])
    np.testing.assert_array_equal(batch.labels, [*range(5), *range(5)])
    np.testing.assert_array_equal(both.read(np.array([9, 4, 5])).real[[1, 2]], batch.real[[4, 5]])
    arrays = from_arrays(real, condition=np.arange(10.0).reshape(5, 2), name="mine")
    np.testing.assert_array_equal(mirrored(arrays).read(np.array([7])).condition, [[4, 5]])
    with pytest.raises(ConfigError, match="'points' has no images; leave out mirror"):
        mirrored(from_arrays(np.zeros((3, 2), np.float32), name="points"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": np.arange(5)}, "6 samples and 5 labels; give one for each"),
        ({"condition": np.zeros((7, 1))}, "6 samples and 7 conditions; give one for each"),
        ({"real": np.zeros((0, 2))}, "no samples"),
    ],
)
def test_arrays_that_do_not_fit_together(arguments, message):
    with pytest.raises(DataError, match=message):
        from_arrays(**{"real": np.zeros((6, 2)), "name": "mine"} | arguments)


def test_the_labelled_few_are_the_first_of_each_class():
    labels = np.array([2, 0, 0, 1, 2, 1, 0, 1, 2])
    source = from_arrays(np.arange(9, dtype=np.float32)[:, None], labels, name="mine")
    few = labelled_few(source, 2)
    assert few.size == 6 and few.num_classes == 3
    np.testing.assert_array_equal(whole(few).real[:, 0], [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(whole(few).labels, [2, 0, 0, 1, 2, 1])
    np.testing.assert_array_equal(few.read(np.array([5, 0, 5])).real[:, 0], [5, 0, 5])
    assert len({source.version, few.version, labelled_few(source, 1).version}) == 3


@pytest.mark.parametrize(
    ("labels", "num_classes", "per_class", "message"),
    [
        ([0, 1, 1], None, 0, "per_class=0 must be at least 1"),
        ([0, 1, 1], None, 2, r"class 0 of data set 'mine' \(train\) has 1 samples"),
        ([0, 1, 1], 3, 1, "class 2 .* has 0 samples, fewer than per_class=1"),
        (None, None, 1, "'mine' has no labels"),
    ],
)
def test_a_labelled_few_that_cannot_be(labels, num_classes, per_class, message):
    labels = None if labels is None else np.array(labels)
    source = from_arrays(np.zeros((3, 2)), labels, name="mine", num_classes=num_classes)
    with pytest.raises(ConfigError, match=message):
        labelled_few(source, per_class)


def test_labels_are_read_in_parts(monkeypatch):
    monkeypatch.setattr("jaxgan.data.source._PART_BYTES", 50)
    labels, read = np.arange(40) % 4, []
    source = from_arrays(np.zeros((40, 2), np.float32), labels, name="mine")

    def counted(indices):
        read.append(len(indices))
        return source.read(indices)

    few = labelled_few(replace(source, read=counted), 3)
    assert len(read) > 1 and max(read) * 12 <= 50 and sum(read) == 40
    np.testing.assert_array_equal(whole(few).labels, np.tile(np.arange(4), 3))


def test_resize_is_pillows_with_antialiasing():
    image = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    resized = transform(image, resize=5, pad=None)
    expected = Image.fromarray(image).resize((5, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(resized, np.asarray(expected))
    # A one-pixel checkerboard averages to grey; a filter that skips pixels gives black or white.
    board = 255 * (np.indices((32, 32)).sum(0) % 2).astype(np.uint8)[..., None]
    small = transform(board, resize=8, pad=None)
    assert small.shape == (8, 8, 1) and np.abs(small.astype(int) - 127).max() < 20


def test_resize_takes_the_central_square():
    image = np.zeros((4, 10, 1), np.uint8)
    image[:, 3:7] = 200
    np.testing.assert_array_equal(transform(image, resize=2, pad=None), np.full((2, 2, 1), 200))


def test_pad_is_symmetric():
    image = np.full((2, 3, 1), 9, np.uint8)
    padded = transform(image, resize=None, pad=6)
    expected = np.zeros((6, 6, 1), np.uint8)
    expected[2:4, 1:4] = 9
    np.testing.assert_array_equal(padded, expected)
    assert transform(image, resize=None, pad=None) is image


def test_transformed_shape():
    assert transformed_shape((None, None, 3), resize=8, pad=None) == (8, 8, 3)
    assert transformed_shape((28, 28, 1), resize=None, pad=32) == (32, 32, 1)
    assert transformed_shape((28, 20, 1), resize=None, pad=None) == (28, 20, 1)
    for shape, resize, pad in (
        ((None, 4, 3), None, 8),
        ((28, 28, 1), None, 27),
        ((28, 28, 1), 0, None),
        ((28, 28, 1), 16, -1),
    ):
        with pytest.raises(ConfigError):
            transformed_shape(shape, resize=resize, pad=pad)
