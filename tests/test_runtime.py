"""What the process is set up with, and where caches are."""

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from jaxgan import runtime
from jaxgan.data.tfds import find
from jaxgan.errors import DataError


def test_programs_are_kept_only_where_one_asks_for_it(monkeypatch):
    """A flipped bit in a file of JAX's compilation cache may train to another result."""
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})
    runtime.prepare()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"


def test_a_user_without_a_home_has_caches(monkeypatch):
    def nobody(_):
        raise KeyError("no entry in passwd")

    for name in ("HOME", "XDG_CACHE_HOME", "JAXGAN_CACHE_DIR", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    folder = Path(tempfile.gettempdir(), f"jaxgan-{os.getuid()}")
    assert runtime.cache_directory() == folder / ".cache" / "jaxgan"
    with pytest.raises(DataError, match="no prepared data set 'nowhere'"):
        find("nowhere")


def test_a_home_is_used(monkeypatch):
    monkeypatch.delenv("JAXGAN_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert runtime.cache_directory() == Path("/home/somebody/.cache/jaxgan")
