"""Traces: a file that Perfetto opens, of the calls after the first."""

import gzip
import json

import jax
import jax.numpy as jnp
import pytest

from experiments import ring
from jaxgan import train
from jaxgan.errors import ConfigError
from jaxgan.runs.profiling import Profiler


@jax.jit
def traced_step(x):
    return x @ x / 100


def calls(profiler, count, steps=20):
    x = jnp.ones((100, 100))
    for _ in range(count):
        profiler.before(x)
        x = traced_step(x)
        profiler.after(x, steps)
    profiler.close()


def events(folder):
    (path,) = folder.rglob("perfetto_trace.json.gz")
    with gzip.open(path) as file:
        return json.load(file)["traceEvents"]


def test_as_many_calls_as_hold_the_steps_are_traced_after_the_first(tmp_path):
    lines = []
    calls(Profiler(tmp_path, 30, lines.append), count=6)
    names = [event.get("name") for event in events(tmp_path)]
    assert "PjitFunction(traced_step)" in names
    assert sum(str(name).endswith("ExecuteHelperOnSingleDevice") for name in names) == 2
    assert len(lines) == 1 and "perfetto_trace.json.gz; open it at" in lines[0]


def test_a_trace_that_the_end_cuts_short_is_written(tmp_path):
    calls(Profiler(tmp_path, 1000, print), count=3)
    assert events(tmp_path)


def test_one_call_cannot_be_traced_and_none_need_be(tmp_path):
    lines = []
    calls(Profiler(tmp_path, 30, lines.append), count=1)
    assert len(lines) == 1 and "lower --steps-per-call" in lines[0]
    calls(Profiler(tmp_path, 0, lines.append), count=3)
    assert len(lines) == 1 and not list(tmp_path.iterdir())


def test_steps_below_nought_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match="profile is -1; it must be at least 0"):
        train(ring.config(), tmp_path / "run", profile=-1)
    assert not (tmp_path / "run").exists()
