"""Samples of a generator, on the host, and what a conditional one is asked for."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, Shaped

from jaxgan.data import Source
from jaxgan.pixels import model_batch
from jaxgan.types import Batch

# (state, key, batch) -> samples, one for each row of the batch, of which only labels and condition
# are used.
Sampler = Callable[[Any, PRNGKeyArray, Batch], Array]

# Samples made, and rows read, at a time.
BATCH_SIZE = 500


def request(
    num: int,
    *,
    labels: Int[Array | np.ndarray, "num"] | None = None,
    condition: Shaped[Array | np.ndarray, "num ..."] | None = None,
) -> Batch:
    """A batch that asks for samples: it has a size, labels and a condition, and no real samples.

    Args:
        num: How many samples to ask for.
        labels: The class of each.
        condition: What to translate into each.
    """
    return Batch(real=np.zeros((num, 0), np.float32), labels=labels, condition=condition)


def conditions(source: Source, num: int, *, seed: int = 0) -> Batch:
    """A request with the labels and conditions of random samples of a data set.

    So classes are as frequent as in the data. The order is always the same; where `num` exceeds the
    size of the data set, it starts again.

    Args:
        source: The data set. If it has neither labels nor conditions, nothing is read.
        num: How many samples to ask for.
        seed: Another one gives another order.

    Raises:
        DataError: Data that is missing or unreadable.
    """
    if source.num_classes is None and source.condition_shape is None:
        return request(num)
    rows = np.resize(np.random.default_rng(seed).permutation(source.size), num)
    starts = range(0, num, BATCH_SIZE)
    parts = []
    for start in starts:
        batch = source.read(rows[start : start + BATCH_SIZE])
        parts.append(request(len(batch.real), labels=batch.labels, condition=batch.condition))
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def draw(
    sampler: Sampler,
    state: Any,
    key: PRNGKeyArray,
    num: int,
    *,
    conditions: Batch | None = None,
) -> tuple[Shaped[np.ndarray, "num ..."], Int[np.ndarray, "num"] | None]:
    """Samples of a generator, made in batches of one size, and the labels that were asked for.

    Args:
        sampler: Makes them; compiled, if it is to be fast. It gets conditions as networks see them:
            images as floats in [-1, 1].
        state: Of the run.
        key: Batch i is made with `fold_in(key, i)`.
        num: How many.
        conditions: What to ask for; it starts again where it has fewer rows. None for samples of a
            generator that is asked for nothing.
    """
    size = min(num, BATCH_SIZE)
    count = -(-num // size)
    asked = request(count * size)
    if conditions is not None:
        rows = np.resize(np.arange(len(conditions.real)), count * size)
        asked = jax.tree.map(lambda x: x[rows], conditions)
    parts = []
    for i in range(count):
        batch = jax.tree.map(lambda x, start=i * size: x[start : start + size], asked)
        parts.append(np.asarray(sampler(state, jax.random.fold_in(key, i), model_batch(batch))))
    labels = None if asked.labels is None else np.asarray(asked.labels)[:num]
    return np.concatenate(parts)[:num], labels
