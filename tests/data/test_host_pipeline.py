"""Expected values: the samples that `batch_indices` names; the clock."""

import itertools
import subprocess
import sys
import threading
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import batch_indices, from_arrays, gather, host_batches, next_batch, whole

KEY_DATA = np.array([1, 2], np.uint32)
SOURCE = from_arrays(
    np.random.default_rng(0).normal(size=(37, 2)).astype(np.float32), np.arange(37), name="points"
)


def workers():
    return [t for t in threading.enumerate() if t.name.startswith("host-batches")]


def slowed(seconds):
    def read(indices):
        time.sleep(seconds)
        return SOURCE.read(indices)

    return replace(SOURCE, read=read)


@pytest.mark.parametrize("batch_size", [5, 50])
@pytest.mark.parametrize("start_step", [0, 11])
def test_the_batches_are_those_of_a_gather_on_the_device(batch_size, start_step):
    dataset = jax.device_put(whole(SOURCE))
    lengths = [3, 1, 4, 2]
    with host_batches(
        SOURCE, KEY_DATA, lengths=lengths, batch_size=batch_size, start_step=start_step
    ) as batches:
        stacked = list(batches)
    assert [len(batch.real) for batch in stacked] == lengths
    assert all(isinstance(batch.real, jax.Array) for batch in stacked)
    steps = jnp.arange(start_step, start_step + 10)
    expected = jax.lax.map(
        lambda step: gather(dataset, batch_indices(KEY_DATA, step, batch_size=batch_size, size=37)),
        steps,
    )
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *stacked)
    np.testing.assert_array_equal(joined.real, expected.real)
    np.testing.assert_array_equal(joined.labels, expected.labels)


def test_a_process_reads_only_its_rows():
    options = {"lengths": [2], "batch_size": 6}
    with host_batches(SOURCE, KEY_DATA, **options) as batches:
        everything = next(batches)
    with host_batches(SOURCE, KEY_DATA, **options, local=lambda i: i[2:4]) as batches:
        np.testing.assert_array_equal(next(batches).labels, everything.labels[:, 2:4])


@pytest.mark.slow
def test_streams_and_conditions_are_those_of_the_device():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (9, 2, 2, 1), dtype=np.uint8)
    few = from_arrays(images, np.arange(9) % 3, name="few")
    points = rng.normal(size=(20, 3)).astype(np.float32)
    pairs = from_arrays(points, condition=images[np.arange(20) % 9], name="pairs")
    data = whole(SOURCE).replace(streams={"few": whole(few), "pairs": whole(pairs)})
    sizes = {"": 5, "few": 4, "pairs": 25}
    with host_batches(
        SOURCE,
        KEY_DATA,
        lengths=[3, 2],
        batch_size=5,
        streams={"few": (few, 4), "pairs": (pairs, 25)},
        start_step=6,
    ) as batches:
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)
    assert joined.streams["pairs"].condition.dtype == np.uint8
    assert joined.streams["pairs"].condition.shape == (5, 25, 2, 2, 1)
    device = jax.jit(
        lambda data, steps: jax.lax.map(
            lambda step: next_batch(data, jnp.asarray(KEY_DATA), step, sizes), steps
        )
    )(jax.device_put(data), jnp.arange(6, 11))
    assert jax.tree.structure(joined) == jax.tree.structure(device)
    jax.tree.map(np.testing.assert_array_equal, joined, device)


def test_a_process_reads_its_part_of_every_stream():
    options = {"lengths": [2], "batch_size": 6, "streams": {"few": (SOURCE, 4)}}
    with host_batches(SOURCE, KEY_DATA, **options) as batches:
        everything = next(batches)
    with host_batches(SOURCE, KEY_DATA, **options, local=lambda i: np.split(i, 2)[1]) as batches:
        half = next(batches)
    np.testing.assert_array_equal(half.labels, everything.labels[:, 3:])
    labels = everything.streams["few"].labels
    np.testing.assert_array_equal(half.streams["few"].labels, labels[:, 2:])


def test_reading_overlaps_the_work():
    seconds, dispatches = 0.05, 12
    start = time.perf_counter()
    with host_batches(
        slowed(seconds), KEY_DATA, lengths=[1] * dispatches, batch_size=5, depth=1
    ) as batches:
        for _ in batches:
            time.sleep(seconds)
    # One after the other would take 2; a single reading thread that overlaps takes 1 and one read.
    assert time.perf_counter() - start < 1.35 * seconds * dispatches


def test_reads_no_further_ahead_than_depth():
    read = []

    def put(batch):
        read.append(len(batch.real))
        return batch

    with host_batches(
        SOURCE, KEY_DATA, lengths=itertools.count(1), batch_size=5, put=put, depth=3
    ) as batches:
        time.sleep(0.2)
        assert sorted(read) == [1, 2, 3]
        next(batches)
        time.sleep(0.2)
        assert sorted(read) == [1, 2, 3, 4]


@pytest.mark.parametrize("where", ["read", "put"])
def test_a_failure_in_a_thread_is_raised_here(where):
    def fail(_):
        raise OSError("the disk is gone")

    source = replace(SOURCE, read=fail) if where == "read" else SOURCE
    put = fail if where == "put" else jax.device_put
    with (
        pytest.raises(OSError, match="the disk is gone"),
        host_batches(source, KEY_DATA, lengths=[1, 1], batch_size=5, put=put) as batches,
    ):
        next(batches)
    assert not workers()


def test_a_later_failure_is_not_held_back():
    def put(batch):
        if len(batch.real) == 2:
            raise OSError("the disk is gone")
        return batch

    with host_batches(SOURCE, KEY_DATA, lengths=[1, 2, 3], batch_size=5, put=put) as batches:
        time.sleep(0.2)
        with pytest.raises(OSError, match="the disk is gone"):
            next(batches)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_leaving_stops_the_threads_within_a_read(error):
    start = time.perf_counter()
    try:
        with host_batches(slowed(0.05), KEY_DATA, lengths=[1, 1000, 1000], batch_size=5) as batches:
            next(batches)
            if error:
                raise error
    except KeyboardInterrupt:
        pass
    assert time.perf_counter() - start < 1
    assert not workers()


@pytest.mark.slow
def test_an_interrupted_process_exits_at_once():
    code = """
import numpy as np, os, signal, threading, time
from jaxgan.data import from_arrays, host_batches
source = from_arrays(np.zeros((9, 2), np.float32), name="zeros")
def interrupt():  # again, should Python drop the first one in a destructor
    for _ in range(3):
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
# A process that a script starts in the background would ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=interrupt, daemon=True).start()
slow = lambda batch: time.sleep(0.1) or batch
key_data = np.zeros(2, np.uint32)
with host_batches(source, key_data, lengths=[10] * 10**6, batch_size=3, put=slow) as batches:
    for _ in batches:
        pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=30, capture_output=True, text=True, check=False
    )
    assert "KeyboardInterrupt" in done.stderr and done.returncode != 0
