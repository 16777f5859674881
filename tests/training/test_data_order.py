"""Expected values: the definition of a permutation, SciPy's chi-square test, NumPy against XLA."""

import time
import zlib
from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.training.data_order import (
    STRIDES,
    batch_indices,
    gather,
    next_batch,
    permute,
    stream_key_data,
)
from jaxgan.types import Batch

KEY_DATA = np.array([0, 42], np.uint32)

# Tests of randomness are of fixed keys and so cannot be flaky; a sound permutation falls below this
# for one key in a thousand.
P_VALUE = 1e-3


def orders(epochs, size, key_data=KEY_DATA):
    """The permutations of several epochs, one a row."""
    epoch = np.stack([np.repeat(np.arange(epochs), size), np.zeros(epochs * size)])
    index = np.tile(np.arange(size), epochs)
    places = permute(key_data, epoch.astype(np.uint32), index.astype(np.uint32), size=size, xp=np)
    return np.asarray(places).astype(np.int64).reshape(epochs, size)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1437, 60000])
def test_an_epoch_is_a_permutation(size):
    for order in orders(3, size):
        np.testing.assert_array_equal(np.sort(order), np.arange(size))


@pytest.mark.parametrize(
    ("size", "batch_size"), [(1, 1), (1, 7), (3, 256), (1437, 1), (1437, 256), (60000, 7)]
)
def test_numpy_and_xla_give_the_same_bits(size, batch_size):
    traced = jax.jit(partial(batch_indices, batch_size=batch_size, size=size))
    for step in (0, 1, 5, 10**6, 2**31 - 1):
        host = batch_indices(KEY_DATA, step, batch_size=batch_size, size=size, xp=np)
        device = traced(jnp.asarray(KEY_DATA), jnp.int32(step))
        assert host.dtype == device.dtype == np.int32
        np.testing.assert_array_equal(host, device)
        assert host.min() >= 0 and host.max() < size


@pytest.mark.parametrize(("size", "batch_size"), [(7, 3), (1437, 256), (5, 5)])
def test_without_replacement_within_an_epoch(size, batch_size):
    steps = size // batch_size
    dropped = []
    for epoch in range(20):
        seen = np.concatenate(
            [
                batch_indices(KEY_DATA, epoch * steps + i, batch_size=batch_size, size=size, xp=np)
                for i in range(steps)
            ]
        )
        assert len(set(seen.tolist())) == steps * batch_size
        dropped.append(frozenset(range(size)) - set(seen.tolist()))
    assert len(set(dropped)) > 1 or size == steps * batch_size


@pytest.mark.slow
def test_a_batch_larger_than_the_data_is_whole_epochs():
    batch = np.asarray(batch_indices(KEY_DATA, 3, batch_size=10, size=4, xp=np))
    np.testing.assert_array_equal(np.sort(batch[:4]), np.arange(4))
    np.testing.assert_array_equal(np.sort(batch[4:8]), np.arange(4))
    assert len(set(batch[8:].tolist())) == 2
    parts = np.stack(
        [batch_indices(KEY_DATA, step, batch_size=10, size=4, xp=np) for step in range(1200)]
    )[:, :8].reshape(-1, 4)
    _, counts = np.unique(parts, axis=0, return_counts=True)
    assert len(counts) == 24 and stats.chisquare(counts).pvalue > P_VALUE


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_permutation_is_equally_likely(size):
    codes = {order: code for code, order in enumerate(permutations(range(size)))}
    drawn = [codes[tuple(order)] for order in orders(20_000, size).tolist()]
    counts = np.bincount(drawn, minlength=len(codes))
    assert stats.chisquare(counts).pvalue > P_VALUE


@pytest.mark.slow
def test_neighbours_land_anywhere_relative_to_each_other():
    size = 61
    order = orders(20_000, size)
    for first, second in ((0, 1), (3, 40), (59, 60)):
        difference = (order[:, first] - order[:, second]) % size
        counts = np.bincount(difference, minlength=size)
        assert counts[0] == 0
        assert stats.chisquare(counts[1:]).pvalue > P_VALUE


@pytest.mark.parametrize("other", ["next epoch", "next seed", "identity"])
def test_orders_of_epochs_and_keys_are_uncorrelated(other):
    size, epochs = 1437, 30
    order = orders(epochs + 1, size)
    others = {
        "next epoch": order[1:],
        "next seed": orders(epochs, size, KEY_DATA + np.array([0, 1], np.uint32)),
        "identity": np.broadcast_to(np.arange(size), (epochs, size)),
    }[other]
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(order[:-1], others, strict=True)]
    # Under independence the correlation of two permutations has variance 1 / (size - 1).
    assert stats.kstest(np.sqrt(size - 1) * np.array(correlation), "norm").pvalue > P_VALUE
    # The number of agreements of two independent permutations is Poisson(1).
    agreements = (order[:-1] == others).sum()
    assert stats.poisson.cdf(agreements, epochs) > P_VALUE
    assert stats.poisson.sf(agreements - 1, epochs) > P_VALUE


def test_mapped_over_keys_and_scanned_over_steps():
    key_data = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(3), 4))

    def epoch(member):
        indices = partial(batch_indices, member, batch_size=5, size=23)
        return jax.lax.map(indices, jnp.arange(6))

    scanned = jax.jit(jax.vmap(epoch))(key_data)
    for member, own in enumerate(np.asarray(key_data)):
        for step in range(6):
            expected = batch_indices(own, step, batch_size=5, size=23, xp=np)
            np.testing.assert_array_equal(scanned[member, step], expected)
    assert len({tuple(row) for row in np.asarray(scanned[:, 0]).tolist()}) == 4


@pytest.mark.slow
def test_cheap_inside_a_scan():
    @jax.jit
    def run(key_data):
        indices = partial(batch_indices, key_data, batch_size=256, size=60000)
        return jax.lax.map(indices, jnp.arange(2000))

    run(KEY_DATA).block_until_ready()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run(KEY_DATA).block_until_ready()
        times.append((time.perf_counter() - start) / 2000)
    # 8 to 40 us on two busy cores; a permutation of the whole epoch at every step takes over 1 ms.
    assert min(times) < 2e-4


@pytest.mark.parametrize(
    ("step", "batch_size", "size", "expected"),
    [
        (0, 6, 1437, [100, 480, 1174, 1191, 1314, 817]),
        (10**6, 6, 1437, [180, 169, 1119, 385, 672, 150]),
        (3, 10, 4, [2, 0, 3, 1, 3, 1, 0, 2, 0, 3]),
    ],
)
def test_the_order_has_not_changed(step, batch_size, size, expected):
    main = stream_key_data(KEY_DATA, "")
    indices = batch_indices(main, step, batch_size=batch_size, size=size, xp=np)
    np.testing.assert_array_equal(indices, expected)


def hashed(x):
    """lowbias32 in Python's integers."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) % 2**32
    x = ((x ^ (x >> 15)) * 0x846CA68B) % 2**32
    return x ^ (x >> 16)


@pytest.mark.parametrize("name", ["labelled", "B", "\u00e4"])
def test_the_key_of_a_stream_is_the_same_on_host_and_device(name):
    key_data = np.array([2**32 - 1, 42], np.uint32)
    salts = [hashed((zlib.crc32(name.encode()) + int(stride)) % 2**32) for stride in STRIDES]
    expected = [hashed((int(k) + salt) % 2**32) for k, salt in zip(key_data, salts, strict=True)]
    with np.errstate(all="raise"):
        host = stream_key_data(key_data, name)
    device = jax.jit(partial(stream_key_data, name=name))(key_data)
    assert host.dtype == device.dtype == np.uint32
    np.testing.assert_array_equal(host, expected)
    np.testing.assert_array_equal(device, expected)


def test_orders_of_streams_are_uncorrelated():
    size, epochs = 1437, 30
    keys = [stream_key_data(KEY_DATA, name) for name in ("", "a", "b")]
    first, second, third = (orders(epochs, size, key) for key in keys)
    for x, y in ((first, second), (second, third), (first, third)):
        correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
        assert stats.kstest(np.sqrt(size - 1) * np.array(correlation), "norm").pvalue > P_VALUE


@pytest.mark.parametrize("labelled", [True, False])
def test_gather_inside_a_scan(labelled):
    real = np.random.default_rng(0).integers(0, 256, (9, 4, 3, 1), dtype=np.uint8)
    labels = np.arange(9, dtype=np.int32) if labelled else None
    condition = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
    indices = np.array([[8, 0], [3, 3], [1, 7]])
    dataset = jax.device_put(Batch(real=real, labels=labels, condition=condition))
    scanned = jax.jit(lambda d, i: jax.lax.map(lambda rows: gather(d, rows), i))(dataset, indices)
    assert scanned.real.dtype == jnp.uint8
    np.testing.assert_array_equal(scanned.real, real[indices])
    np.testing.assert_array_equal(scanned.condition, condition[indices])
    if labelled:
        np.testing.assert_array_equal(scanned.labels, labels[indices])
    else:
        assert scanned.labels is None


def sets(**sizes):
    """Whole sets whose samples, labels and conditions tell which row they are."""
    rows = {name: np.arange(size) for name, size in sizes.items()}
    made = {
        name: Batch(
            real=i[:, None].astype(np.float32),
            labels=i.astype(np.int32),
            condition=np.stack([i, -i], 1).astype(np.float32),
        )
        for name, i in rows.items()
    }
    return made.pop("main").replace(streams=made)


def test_the_next_batch_has_each_stream_in_its_own_order():
    data, sizes = sets(main=23, few=4, other=11), {"": 5, "few": 6, "other": 3}
    batch = jax.jit(partial(next_batch, batch_sizes=sizes))
    for step in (0, 7):
        given = batch(jax.device_put(data), jnp.asarray(KEY_DATA), step)
        for name, stream in {"": given, **given.streams}.items():
            arrays = data.streams[name] if name else data
            rows = batch_indices(
                stream_key_data(KEY_DATA, name),
                step,
                batch_size=sizes[name],
                size=len(arrays.real),
                xp=np,
            )
            np.testing.assert_array_equal(stream.real, arrays.real[rows])
            np.testing.assert_array_equal(stream.labels, arrays.labels[rows])
            np.testing.assert_array_equal(stream.condition, arrays.condition[rows])
            assert not stream.streams or not name


def test_a_device_takes_its_part_of_every_stream():
    data, sizes = jax.device_put(sets(main=23, few=4)), {"": 4, "few": 2}

    @jax.jit
    def batches(data, key_data):
        everything = next_batch(data, key_data, 1, sizes)
        first = next_batch(data, key_data, 1, sizes, local=lambda i: jnp.split(i, 2)[0])
        second = next_batch(data, key_data, 1, sizes, local=lambda i: jnp.split(i, 2)[1])
        return everything, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), first, second)

    everything, joined = batches(data, KEY_DATA)
    jax.tree.map(np.testing.assert_array_equal, joined, everything)
