"""What a reader sees of a file while it is written, after an error and after a crash."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from jaxgan import files


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with files.atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), files.atomic_write(path) as file:
        file.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "file.json"
    files.write_json(path, "old")
    code = """
import os, pathlib, signal, sys
from jaxgan import files
with files.atomic_write(pathlib.Path(sys.argv[1])) as file:
    file.write(b'"ne')
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, check=False)
    assert done.returncode == -9
    assert files.read_json(path) == "old"
    files.write_json(path, "new")
    assert files.read_json(path) == "new"


def test_nested_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "file"
    with files.atomic_write(path) as first, files.atomic_write(path) as second:
        first.write(b"first")
        second.write(b"second, longer")
    assert path.read_bytes() == b"first"  # the last to finish


def test_others_may_read_what_the_umask_allows(tmp_path):
    umask = os.umask(0o027)
    try:
        files.write_text(tmp_path / "file", "text")
    finally:
        os.umask(umask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_json_and_text(tmp_path):
    value = {"b": [1, 2.5, None], "a": "ä"}
    files.write_json(tmp_path / "value.json", value)
    assert files.read_json(tmp_path / "value.json") == value
    text = (tmp_path / "value.json").read_text()
    assert text == json.dumps(value, indent=2) + "\n"
    files.write_text(tmp_path / "text", "ä\n")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xa4\n"


def test_arrays_are_kept_by_their_recipe(tmp_path):
    arrays = {"x": np.arange(3, dtype=np.float32), "name": np.array("n")}
    path = files.path_of(tmp_path / "new", {"b": 1, "a": 2})
    assert path == files.path_of(tmp_path / "new", {"a": 2, "b": 1})
    assert path != files.path_of(tmp_path / "new", {"a": 2, "b": 2})
    assert files.restore(path) is None
    files.save(path, arrays)
    restored = files.restore(path)
    assert restored is not None and restored.keys() == arrays.keys()
    np.testing.assert_array_equal(restored["x"], arrays["x"])
    path.write_bytes(path.read_bytes()[:-9])
    assert files.restore(path) is None


def test_a_cache_that_cannot_be_written_is_logged(tmp_path):
    (tmp_path / "file").write_text("in the way")
    lines = []
    files.save(tmp_path / "file" / "x.npz", {"x": np.zeros(1)}, log=lines.append)
    assert len(lines) == 1 and "make the directory writable" in lines[0]


def test_a_full_disk_leaves_no_part_behind(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    lines = []
    files.save(tmp_path / "x.npz", {"x": np.zeros(1)}, log=lines.append)
    assert "No space left" in lines[0] and not list(tmp_path.iterdir())
