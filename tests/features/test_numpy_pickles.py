"""Pickled arrays, by NumPy itself and opcode by opcode; the packages are not needed."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from jaxgan.errors import ConfigError
from jaxgan.features.weight_files import read_weights

RNG = np.random.default_rng(0)
LAYERS = {
    "Conv_0": {
        "kernel": RNG.normal(size=(3, 3, 2, 4)).astype(np.float32),
        "bias": np.arange(4, dtype=np.float64),
    },
    "turned": {"a": np.asfortranarray(RNG.normal(size=(5, 3)))},
    "count": np.array(7, np.int64),
    "none": np.zeros((0, 2), np.float16),
    "bytes": np.arange(3, dtype=np.uint8),
}


def written(path, content, protocol=3):
    path = path / "a.ckpt"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_are_those_that_numpy_reads(tmp_path, protocol):
    arrays = read_weights(written(tmp_path, LAYERS, protocol))
    expected = {
        "Conv_0/kernel": LAYERS["Conv_0"]["kernel"],
        "Conv_0/bias": LAYERS["Conv_0"]["bias"],
        "turned/a": LAYERS["turned"]["a"],
        **{name: LAYERS[name] for name in ("count", "none", "bytes")},
    }
    assert set(arrays) == set(expected)
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        assert_array_equal(arrays[name], array)


def test_names_of_old_numpys_are_known(tmp_path):
    content = pickle.dumps(LAYERS, 3)
    assert b"numpy._core.multiarray" in content or b"numpy.core.multiarray" in content
    for module in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        other = content.replace(b"numpy._core.multiarray", module)
        assert len(read_weights(written(tmp_path, other))) == 6


def harmful(victim):
    """Pickles that run a program, or would with what they ask for."""
    command = f"touch {victim}".encode()
    run = b"\x80\x03c%s\n(X" + len(command).to_bytes(4, "little") + command + b"tR."
    return {
        "posix.system": run % b"posix\nsystem",
        "builtins.eval": run % b"builtins\neval",
        "numpy.load": run % b"numpy\nload",
        "numpy.core.multiarray.fromfile": run % b"numpy.core.multiarray\nfromfile",
        "subprocess.run": b"\x80\x04\x8c\nsubprocess\x8c\x03run\x93.",
    }


@pytest.mark.parametrize("name", harmful(""))
def test_pickles_run_nothing(tmp_path, name):
    victim = tmp_path / "victim"
    path = written(tmp_path, harmful(victim)[name])
    with pytest.raises(ConfigError, match=rf"a.ckpt asks for '{name}', .* it was not run"):
        read_weights(path)
    assert not victim.exists()


def test_the_harmful_pickle_does_harm_where_nothing_restricts_it(tmp_path):
    victim = tmp_path / "victim"
    pickle.loads(harmful(victim)["posix.system"])
    assert victim.exists()


def test_damaged_files_are_refused_in_one_line(tmp_path):
    content = pickle.dumps({"a": np.arange(300, dtype=np.float32)}, 3)
    end = content.index(np.arange(3, dtype=np.float32).tobytes())
    for cut in (0, 1, 10, end, len(content) // 2, len(content) - 1):
        with pytest.raises(ConfigError, match=r"cannot be read|asks for 'nu") as caught:
            read_weights(written(tmp_path, content[:cut]))
        assert "\n" not in str(caught.value)
    huge = b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"."  # a bytearray of a terabyte
    with pytest.raises(ConfigError, match="cannot be read"):
        read_weights(written(tmp_path, huge))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"K\x05\x85", b"K\x06\x85", "has 20 bytes"),  # the shape
        (b"K\x05\x85", b"J\xfb\xff\xff\xff\x85", "has 20 bytes"),  # -5
        (b"f4", b"V4", "numbers of the type 'V4'"),
        (b"f4", b"O8", "numbers of the type 'O8'"),
        (b"X\x01\x00\x00\x00<", b"X\x01\x00\x00\x00>", "big-endian"),
    ],
)
def test_arrays_must_be_what_they_claim(tmp_path, old, new, message):
    content = pickle.dumps({"a": np.arange(5, dtype=np.float32)}, 3)
    assert content.count(old) == 1
    with pytest.raises(ConfigError, match=message):
        read_weights(written(tmp_path, content.replace(old, new)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([np.zeros(2)], "holds a list; it must be a dict of arrays"),
        ({"a": {"b": 3}}, "holds a int under 'a/b'; it must be an array"),
        ({"a": np.array(["x"], object)}, "cannot be read"),
        ({"a": np.float32(3)}, r"asks for 'numpy\.(_core|core)\.multiarray\.scalar'"),
    ],
)
def test_other_objects_are_refused(tmp_path, content, message):
    with pytest.raises(ConfigError, match=message):
        read_weights(written(tmp_path, content))
