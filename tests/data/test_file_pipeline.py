"""Expected values: the batches of `host_batches`, and the samples that `batch_indices` names."""

from functools import partial

import jax
import numpy as np
import pytest

from jaxgan.config import Config, DataConfig
from jaxgan.data import batch_indices, from_arrays, grain_batches, host_batches, prepared
from jaxgan.errors import ConfigError, DataError
from jaxgan.runs import data_feed
from jaxgan.runs.build import build
from jaxgan.training.parallel import make_mesh

KEY_DATA = np.array([1, 2], np.uint32)
POINTS = from_arrays(np.arange(26, dtype=np.float32).reshape(13, 2), name="points")


@pytest.fixture
def source(prepare, images):
    """Eleven images in an ArrayRecord file, which are decoded at every read."""
    directory = prepare("pictures", images, labels=np.arange(11) % 3)
    return prepared("pictures", data_dir=directory, cache_limit=0)


def half(index, indices):
    """The rows of one of two processes."""
    return np.split(indices, 2)[index]


def collected(pipeline, source, lengths, **options):
    """The batches of all steps, [steps, rows, ...]."""
    with pipeline(source, KEY_DATA, lengths=lengths, **options) as batches:
        parts = list(batches)
    assert [len(part.real) for part in parts] == lengths
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_order_is_that_of_the_run_wherever_it_begins(source, images):
    assert not source.in_memory
    whole = collected(grain_batches, source, [3, 1, 4], batch_size=6)
    order = [batch_indices(KEY_DATA, step, batch_size=6, size=11, xp=np) for step in range(8)]
    np.testing.assert_array_equal(whole.real, images[np.stack(order)])
    resumed = collected(grain_batches, source, [2, 3], batch_size=6, start_step=3)
    assert_same(resumed, jax.tree.map(lambda x: x[3:], whole))


def test_two_processes_read_the_halves_of_the_same_batches(source):
    alone = collected(grain_batches, source, [2, 3], batch_size=6)
    halves = [
        collected(grain_batches, source, [5], batch_size=6, local=partial(half, index))
        for index in range(2)
    ]
    assert_same(alone, jax.tree.map(lambda *x: np.concatenate(x, axis=1), *halves))


def test_further_streams_are_read_too(source):
    options = {"batch_size": 6, "streams": {"points": (POINTS, 4)}, "start_step": 2}
    batches = collected(grain_batches, source, [2, 2], **options)
    assert_same(batches, collected(host_batches, source, [2, 2], **options))
    assert batches.streams["points"].real.shape == (4, 4, 2)


@pytest.mark.slow
def test_processes_that_read_change_nothing(source):
    several = collected(grain_batches, source, [3, 2], batch_size=6, workers=2, start_step=1)
    assert_same(several, collected(host_batches, source, [3, 2], batch_size=6, start_step=1))


def test_damaged_files_are_one_line(prepare, images):
    directory = prepare("damaged", images)
    source = prepared("damaged", data_dir=directory, cache_limit=0)
    (shard,) = directory.glob("damaged/*/*array_record-*")
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(DataError, match="cannot read data set 'damaged'"):
        collected(grain_batches, source, [2], batch_size=6)


def test_sets_that_are_not_in_memory_are_left_to_grain(source, monkeypatch, tmp_path):
    config = Config(data=DataConfig(name="digits", batch_size=8))
    program = build(config, make_mesh(jax.devices()[:1]), source=source)
    assert data_feed.placement(config, program) == "device"
    monkeypatch.setattr(data_feed, "_CPU_BYTES", 0)
    assert data_feed.placement(config, program) == "grain"
    assert data_feed.placement(config, program._replace(source=POINTS)) == "host"
    monkeypatch.setattr(data_feed, "find_spec", lambda _: None)
    assert data_feed.placement(config, program) == "host"


def test_grain_must_be_installed_where_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("jaxgan.data.file_pipeline.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'jaxgan\[grain\]'"):
        collected(grain_batches, POINTS, [1], batch_size=2)
