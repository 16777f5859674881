import os
from pathlib import Path

import numpy as np
import pytest

from jaxgan.data import cache_directory
from jaxgan.data.cache import decoded

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 4, 3, 1), dtype=np.uint8)
LABELS = np.arange(7, dtype=np.int32)


class Decoder:
    """Yields the images in chunks and counts how often it is asked to."""

    calls = 0

    def __call__(self):
        self.calls += 1
        yield IMAGES[:5], LABELS[:5]
        yield IMAGES[5:], LABELS[5:]


def check(result):
    np.testing.assert_array_equal(result[0], IMAGES)
    np.testing.assert_array_equal(result[1], LABELS)


def test_decodes_once_and_maps_the_file(tmp_path):
    decode = Decoder()
    for _ in range(2):
        images, labels = decoded("key", IMAGES.shape, decode, tmp_path / "new" / "cache")
        check((images, labels))
        assert isinstance(images, np.memmap) and not images.flags.writeable
    assert decode.calls == 1
    (path,) = (tmp_path / "new" / "cache").iterdir()
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), IMAGES)
    decoded("other key", IMAGES.shape, decode, tmp_path / "new" / "cache")
    assert decode.calls == 2


def test_every_truncation_and_every_flipped_byte_is_rebuilt(tmp_path):
    decode = Decoder()
    decoded("key", IMAGES.shape, decode, tmp_path)
    (path,) = tmp_path.iterdir()
    intact = path.read_bytes()
    damaged = [intact[:length] for length in (0, 1, 64, 200, len(intact) - 1)]
    for position in range(0, len(intact), 7):
        flipped = bytearray(intact)
        flipped[position] ^= 1 << (position % 8)
        damaged.append(bytes(flipped))
    for calls, content in enumerate(damaged, start=2):
        path.write_bytes(content)
        check(decoded("key", IMAGES.shape, decode, tmp_path))
        assert decode.calls == calls
        assert path.read_bytes() == intact


def test_without_a_writable_directory_it_works_and_says_so(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.warns(UserWarning, match="JAXGAN_CACHE_DIR"):
        check(decoded("key", IMAGES.shape, Decoder(), blocked / "cache"))


def test_a_full_disk_leaves_no_part_behind(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="No space left"):
        check(decoded("key", IMAGES.shape, Decoder(), tmp_path))
    assert not list(tmp_path.iterdir())


def test_cache_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("JAXGAN_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_directory() == Path("/home/someone/.cache/jaxgan")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_directory() == Path("/xdg/jaxgan")
    monkeypatch.setenv("JAXGAN_CACHE_DIR", "~/own")
    assert cache_directory() == Path("/home/someone/own")
