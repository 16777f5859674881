"""What a generator is asked for, and samples in batches of one size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import from_arrays
from jaxgan.evaluation import conditions, draw, request, samples

KEY = jax.random.key(0)
IMAGES = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1)
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(samples, "BATCH_SIZE", 5)


def sampler(state, key, batch):
    """The label, or 0, and a number of its own for each batch."""
    labels = jnp.zeros(len(batch.real)) if batch.labels is None else batch.labels
    return jnp.stack([state * labels, jnp.full(len(labels), jax.random.uniform(key))], axis=1)


def test_a_request_has_a_size_and_what_is_asked_for():
    asked = request(3, labels=np.array([0, 1, 2]))
    assert len(asked.real) == 3 and asked.real.size == 0
    assert asked.labels.tolist() == [0, 1, 2] and asked.condition is None


def test_conditions_are_as_frequent_as_in_the_data_and_belong_together():
    source = from_arrays(IMAGES, LABELS, condition=IMAGES + 100, name="digits")
    asked = conditions(source, 12)
    assert np.bincount(asked.labels).tolist() == [6, 3, 3]
    assert (asked.labels == LABELS[asked.condition.ravel() - 100]).all()
    assert asked.labels.tolist() != LABELS.tolist()  # shuffled
    assert conditions(source, 12).labels.tolist() == asked.labels.tolist()
    assert conditions(source, 12, seed=1).labels.tolist() != asked.labels.tolist()
    more = conditions(source, 30)
    assert more.labels[:12].tolist() == more.labels[12:24].tolist() == asked.labels.tolist()
    assert len(more.real) == 30


def test_without_labels_nothing_is_read():
    source = from_arrays(IMAGES, name="images")
    object.__setattr__(source, "read", None)
    assert len(conditions(source, 4).real) == 4


def test_samples_come_in_batches_with_keys_of_their_own():
    found, labels = draw(jax.jit(sampler), 2.0, KEY, 12)
    assert found.shape == (12, 2) and labels is None
    expected = [float(jax.random.uniform(jax.random.fold_in(KEY, i))) for i in range(3)]
    np.testing.assert_allclose(found[:, 1], np.repeat(expected, 5)[:12])
    assert draw(sampler, 2.0, KEY, 2)[0].shape == (2, 2)


def test_labels_asked_for_come_back_and_start_again():
    asked = request(4, labels=np.array([3, 1, 4, 1]))
    found, labels = draw(sampler, 2.0, KEY, 7, conditions=asked)
    assert labels.tolist() == [3, 1, 4, 1, 3, 1, 4]
    np.testing.assert_array_equal(found[:, 0], 2.0 * labels)


def test_conditions_that_are_images_come_as_networks_see_them():
    asked = request(2, condition=np.array([0, 255], np.uint8).reshape(2, 1, 1, 1))
    found, _ = draw(lambda s, k, batch: batch.condition, None, KEY, 2, conditions=asked)
    np.testing.assert_array_equal(found.ravel(), [-1.0, 1.0])
