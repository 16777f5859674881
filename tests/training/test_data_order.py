"""Expected values: the definition of a permutation, SciPy's chi-square test, NumPy against XLA."""

import time
from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.training.data_order import batch_indices, permute

WORDS = np.array([0, 42], np.uint32)

# Tests of randomness are of fixed keys and so cannot be flaky; a sound permutation falls below this
# for one key in a thousand.
P_VALUE = 1e-3


def orders(epochs, size, words=WORDS):
    """The permutations of several epochs, one a row."""
    epoch = np.stack([np.repeat(np.arange(epochs), size), np.zeros(epochs * size)])
    index = np.tile(np.arange(size), epochs)
    places = permute(words, epoch.astype(np.uint32), index.astype(np.uint32), size=size, xp=np)
    return np.asarray(places).astype(np.int64).reshape(epochs, size)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1437, 60000])
def test_an_epoch_is_a_permutation(size):
    for order in orders(3, size):
        np.testing.assert_array_equal(np.sort(order), np.arange(size))


@pytest.mark.parametrize("size", [1, 3, 1437, 60000])
@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_numpy_and_xla_give_the_same_bits(size, batch_size):
    traced = jax.jit(partial(batch_indices, batch_size=batch_size, size=size))
    for step in (0, 1, 5, 10**6, 2**31 - 1):
        host = batch_indices(WORDS, step, batch_size=batch_size, size=size, xp=np)
        device = traced(jnp.asarray(WORDS), jnp.int32(step))
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
                batch_indices(WORDS, epoch * steps + i, batch_size=batch_size, size=size, xp=np)
                for i in range(steps)
            ]
        )
        assert len(set(seen.tolist())) == steps * batch_size
        dropped.append(frozenset(range(size)) - set(seen.tolist()))
    assert len(set(dropped)) > 1 or size == steps * batch_size


def test_a_batch_larger_than_the_data_is_whole_epochs():
    batch = np.asarray(batch_indices(WORDS, 3, batch_size=10, size=4, xp=np))
    np.testing.assert_array_equal(np.sort(batch[:4]), np.arange(4))
    np.testing.assert_array_equal(np.sort(batch[4:8]), np.arange(4))
    assert len(set(batch[8:].tolist())) == 2
    parts = np.stack(
        [batch_indices(WORDS, step, batch_size=10, size=4, xp=np) for step in range(1200)]
    )[:, :8].reshape(-1, 4)
    _, counts = np.unique(parts, axis=0, return_counts=True)
    assert len(counts) == 24 and stats.chisquare(counts).pvalue > P_VALUE


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_permutation_is_equally_likely(size):
    codes = {order: code for code, order in enumerate(permutations(range(size)))}
    drawn = [codes[tuple(order)] for order in orders(20_000, size).tolist()]
    counts = np.bincount(drawn, minlength=len(codes))
    assert stats.chisquare(counts).pvalue > P_VALUE


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
        "next seed": orders(epochs, size, WORDS + np.array([0, 1], np.uint32)),
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
    words = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(3), 4))

    def epoch(word):
        indices = partial(batch_indices, word, batch_size=5, size=23)
        return jax.lax.map(indices, jnp.arange(6))

    scanned = jax.jit(jax.vmap(epoch))(words)
    for member, word in enumerate(np.asarray(words)):
        for step in range(6):
            expected = batch_indices(word, step, batch_size=5, size=23, xp=np)
            np.testing.assert_array_equal(scanned[member, step], expected)
    assert len({tuple(row) for row in np.asarray(scanned[:, 0]).tolist()}) == 4


def test_cheap_inside_a_scan():
    @jax.jit
    def run(words):
        indices = partial(batch_indices, words, batch_size=256, size=60000)
        return jax.lax.map(indices, jnp.arange(2000))

    run(WORDS).block_until_ready()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run(WORDS).block_until_ready()
        times.append((time.perf_counter() - start) / 2000)
    # 8 to 40 us on two busy cores; a permutation of the whole epoch at every step takes over 1 ms.
    assert min(times) < 2e-4
