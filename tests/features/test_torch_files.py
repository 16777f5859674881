"""State dicts pickled by hand, opcode by opcode: torch is not needed, nothing is hidden."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from jaxgan.errors import ConfigError
from jaxgan.features.weight_files import read_weights

MAGIC_NUMBER, PROTOCOL_VERSION = 0x1950A86A20F9469CFC6C, 1001
FLOATS = np.arange(12, dtype=np.float32)
LONGS = np.array([7], np.int64)


def encode(value):
    """Opcodes of a string, an integer, a tuple, or of what is already opcodes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()
    if isinstance(value, int):
        return b"I%d\n" % value
    return b"(" + b"".join(map(encode, value)) + b"t"


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def call(function, *args):
    return function + encode(args) + b"R"


def storage(kind, key, size, *view):
    return encode(("storage", named("torch", kind), key, "cpu", size, *view)) + b"Q"


EMPTY = call(named("collections", "OrderedDict"))


def tensor(stored, offset, shape, strides):
    rebuild = named("torch._utils", "_rebuild_tensor_v2")
    return call(rebuild, stored, offset, shape, strides, b"I00\n", EMPTY)


def state(**items):
    pairs = b"".join(encode(name) + encode(value) for name, value in items.items())
    return b"\x80\x02" + EMPTY + b"(" + pairs + b"u."


def write_zip(path, pickled, contents, compression=zipfile.ZIP_STORED, order=b"little"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("weights/data.pkl", pickled)
        archive.writestr("weights/byteorder", order)
        for key, array in contents.items():
            archive.writestr(f"weights/data/{key}", array.tobytes())
    return path


def write_legacy(path, pickled, contents, little=True):
    system = {"protocol_version": 1001, "little_endian": little, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(part, 2) for part in (MAGIC_NUMBER, PROTOCOL_VERSION, system)]
    parts += [pickled, pickle.dumps(list(contents), 2)]
    for array in contents.values():
        parts += [array.size.to_bytes(8, "little"), array.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


WRITERS = {"zip": write_zip, "legacy": write_legacy}
formats = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def floats(write, size=12, key="0"):
    """A storage of floats, as each format names it."""
    return storage("FloatStorage", key, size, *([b"N"] if write is write_legacy else []))


@formats
def test_tensors_are_views_of_storages(tmp_path, write):
    stored = floats(write)
    longs = storage("LongStorage", "1", 1, *([b"N"] if write is write_legacy else []))
    pickled = state(
        whole=tensor(stored, 0, (3, 4), (4, 1)),
        turned=tensor(stored, 0, (4, 3), (1, 4)),
        part=tensor(stored, 5, (2,), (3,)),
        count=tensor(longs, 0, (), ()),
        none=tensor(stored, 0, (0, 2), (2, 1)),
    )
    values = read_weights(write(tmp_path / "a.pth", pickled, {"0": FLOATS, "1": LONGS}))
    table = FLOATS.reshape(3, 4)
    expected = {
        "whole": table,
        "turned": table.T,
        "part": np.float32([5, 8]),
        "count": np.int64(7),
        "none": np.zeros((0, 2), np.float32),
    }
    assert list(values) == list(expected)
    for name, array in expected.items():
        assert values[name].dtype == array.dtype
        assert_array_equal(values[name], array)


def harmful(path):
    """Pickles that run a program, or would with what they ask for."""
    command = f"touch {path}"
    return {
        "posix.system": b"\x80\x02" + call(named("posix", "system"), command) + b".",
        "os.system": state(x=call(named("os", "system"), command)),
        "builtins.eval": state(x=call(named("builtins", "eval"), f"open({str(path)!r}, 'w')")),
        "subprocess.run": b"\x80\x04" + encode("subprocess") + encode("run") + b"\x93.",
        "torch.load": state(x=named("torch", "load")),
        "torch._utils._rebuild_parameter": state(x=named("torch._utils", "_rebuild_parameter")),
        "collections.Counter": state(x=named("collections", "Counter")),
        "numpy.dtype": state(x=call(named("numpy", "dtype"), "f4")),
    }


@formats
@pytest.mark.parametrize("name", harmful(""))
def test_pickles_run_nothing(tmp_path, write, name):
    victim = tmp_path / "victim"
    path = write(tmp_path / "a.pth", harmful(victim)[name], {})
    with pytest.raises(ConfigError, match=rf"a.pth asks for '{name}', .* it was not run"):
        read_weights(path)
    assert not victim.exists()


@pytest.mark.parametrize("position", range(3))
def test_every_pickle_of_the_legacy_format_is_restricted(tmp_path, position):
    victim = tmp_path / "victim"
    parts = [pickle.dumps(part, 2) for part in (MAGIC_NUMBER, PROTOCOL_VERSION, {})]
    parts[position] = harmful(victim)["posix.system"]
    path = tmp_path / "a.pth"
    path.write_bytes(b"".join(parts))
    with pytest.raises(ConfigError, match=r"posix\.system"):
        read_weights(path)
    assert not victim.exists()


def test_the_harmful_pickle_does_harm_where_nothing_restricts_it(tmp_path):
    victim = tmp_path / "victim"
    pickle.load(io.BytesIO(harmful(victim)["posix.system"]))
    assert victim.exists()


@formats
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (1, (12,), (1,)),
        (12, (1,), (1,)),
        (-1, (1,), (1,)),
        (0, (3, 4), (4, 2)),
        (0, (2,), (-1,)),
        (0, (-1,), (1,)),
        (0, (1 << 40,), (0,)),
        (0, (2, 2), (1,)),
        (0, ("2",), (1,)),
    ],
)
def test_no_tensor_reaches_beyond_its_storage(tmp_path, write, offset, shape, strides):
    pickled = state(x=tensor(floats(write), offset, shape, strides))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_weights(write(tmp_path / "a.pth", pickled, {"0": FLOATS}))


@formats
def test_lengths_must_agree_and_numbers_be_little_endian(tmp_path, write):
    path = tmp_path / "a.pth"
    for size in (11, 13, 1 << 50, -1):
        pickled = state(x=tensor(floats(write, size), 0, (1,), (1,)))
        with pytest.raises(ConfigError, match="cannot be read"):
            read_weights(write(path, pickled, {"0": FLOATS}))
    good = state(x=tensor(floats(write), 0, (12,), (1,)))
    assert_array_equal(read_weights(write(path, good, {"0": FLOATS}))["x"], FLOATS)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_weights(write(path, good, {"other": FLOATS}))
    big = {"order": b"big"} if write is write_zip else {"little": False}
    with pytest.raises(ConfigError, match="big-endian"):
        read_weights(write(path, good, {"0": FLOATS}, **big))


@formats
def test_truncated_files_are_refused_in_one_line(tmp_path, write):
    good = state(x=tensor(floats(write), 0, (12,), (1,)))
    path = write(tmp_path / "a.pth", good, {"0": FLOATS})
    content = path.read_bytes()
    for end in (0, 1, 3, 20, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:end])
        # Where a name is cut in two, the first part is refused as a name.
        with pytest.raises(ConfigError, match=r"cannot be read|asks for 'torch") as caught:
            read_weights(path)
        assert "\n" not in str(caught.value)


def test_compressed_archives_are_refused(tmp_path):
    good = state(x=tensor(floats(write_zip), 0, (12,), (1,)))
    path = write_zip(tmp_path / "a.pth", good, {"0": FLOATS}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ConfigError, match="compressed"):
        read_weights(path)


@formats
@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (state(epoch=3), "holds a int under 'epoch' instead of a tensor"),
        (state(model=EMPTY), "holds a OrderedDict under 'model'"),
        (b"\x80\x02" + encode((1, 2)) + b".", "holds a tuple; save model.state_dict"),
    ],
)
def test_other_objects_are_refused(tmp_path, write, pickled, message):
    with pytest.raises(ConfigError, match=message):
        read_weights(write(tmp_path / "a.pth", pickled, {}))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=FLOATS, b=LONGS)
    assert_array_equal(read_weights(path)["a"], FLOATS)
    np.savez(path, a=np.array([print], object))
    with pytest.raises(ConfigError, match="allow_pickle"):
        read_weights(path)
    path.write_bytes(b"not an archive")
    with pytest.raises(ConfigError, match=r"a.npz cannot be read"):
        read_weights(path)
    with pytest.raises(ConfigError, match=r"ends in '.h5'; weights are read from .pth"):
        read_weights("a.h5")
    with pytest.raises(ConfigError, match=r"b.pth cannot be read \(.*No such file"):
        read_weights(tmp_path / "b.pth")
