"""Folders of images and .npz files, written here by Pillow and NumPy."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import load, whole
from jaxgan.errors import ConfigError, DataError


def pixels(n, *shape):
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)


def write(directory, images, names):
    for name, image in zip(names, images, strict=True):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)


def test_a_folder_in_the_order_of_names(tmp_path):
    images = pixels(3, 5, 7, 3)
    write(tmp_path, images, ["b.png", "c.PNG", "a.png"])
    (tmp_path / "notes.txt").write_text("no image")
    source = load(str(tmp_path))
    assert (source.shape, source.size, source.num_classes) == ((5, 7, 3), 3, None)
    np.testing.assert_array_equal(whole(source).real, images[[2, 0, 1]])
    np.testing.assert_array_equal(source.read(np.array([2])).real, images[[1]])


def test_subfolders_are_classes_and_grey_has_one_channel(tmp_path):
    images = pixels(4, 6, 6, 1)
    write(tmp_path, images, ["one/x/1.png", "two/1.png", "two/2.png", "one/x/2.png"])
    source = load(str(tmp_path))
    batch = whole(source)
    assert (source.shape, source.num_classes) == ((6, 6, 1), 2)
    np.testing.assert_array_equal(batch.labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(batch.real, images[[0, 3, 1, 2]])


def test_images_of_several_sizes_need_resize(tmp_path):
    write(tmp_path, [*pixels(1, 8, 8, 3), *pixels(1, 6, 9, 3)], ["a.png", "b.png"])
    with pytest.raises(ConfigError, match="resize=SIDE"):
        load(str(tmp_path))
    assert whole(load(str(tmp_path), resize=4, pad=6)).real.shape == (2, 6, 6, 3)


def test_a_mixed_folder_is_rgb(tmp_path):
    grey, colour = pixels(1, 4, 4, 1), pixels(1, 4, 4, 3)
    write(tmp_path, [*grey, *colour], ["a.png", "b.png"])
    real = whole(load(str(tmp_path))).real
    np.testing.assert_array_equal(real, [np.repeat(grey[0], 3, axis=-1), colour[0]])


def test_a_changed_folder_has_another_version(tmp_path):
    write(tmp_path, pixels(1, 4, 4, 3), ["a.png"])
    before = load(str(tmp_path)).version
    write(tmp_path, pixels(1, 4, 4, 3), ["b.png"])
    assert load(str(tmp_path)).version != before


def test_an_empty_folder_a_corrupt_and_a_cut_image_are_told(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        load(str(tmp_path))
    write(tmp_path, pixels(1, 64, 64, 3), ["a.png"])
    whole_file = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(b"no image at all")
    with pytest.raises(DataError, match=r"b\.png is not a readable image"):
        load(str(tmp_path))
    (tmp_path / "b.png").write_bytes(whole_file[: len(whole_file) // 2])
    source = load(str(tmp_path))
    with pytest.raises(DataError, match=r"b\.png is damaged"):
        whole(source)
    with pytest.raises(ConfigError, match="no split 'test'"):
        load(str(tmp_path), split="test")


@pytest.mark.parametrize("names", [("images", "labels"), ("arr_0", "arr_1"), ("x",)])
def test_npz(tmp_path, names):
    images, labels = pixels(5, 4, 4), np.arange(5)
    np.savez(tmp_path / "a.npz", **dict(zip(names, (images, labels), strict=False)))
    source = load(str(tmp_path / "a.npz"))
    batch = whole(source)
    np.testing.assert_array_equal(batch.real, images[..., None])
    if len(names) == 2:
        np.testing.assert_array_equal(batch.labels, labels)
    else:
        assert batch.labels is None
    assert load(str(tmp_path / "a.npz"), resize=2).shape == (2, 2, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((3, 4, 4, 3))}, "float64"),
        ({"images": pixels(3, 4, 4, 2)}, r"\(3, 4, 4, 2\)"),
        ({"images": pixels(0, 4, 4, 3)}, r"\(0, 4, 4, 3\)"),
        ({"a": pixels(1, 4, 4, 3), "b": pixels(1, 4, 4, 3)}, "none"),
        ({"images": pixels(3, 4, 4, 3), "labels": np.arange(2)}, "labels"),
        ({"images": np.array([{}], object)}, r"not a readable \.npz"),
    ],
)
def test_an_npz_of_other_content_is_told(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load(str(tmp_path / "a.npz"))


def test_a_missing_or_damaged_npz_is_told(tmp_path):
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load(str(tmp_path / "missing.npz"))
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load(str(tmp_path / "cut.npz"))
