"""A state that is split over four devices (FSDP): the same numbers in a quarter of the memory."""

import dataclasses

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from two_processes import config, trained, unsplit

from jaxgan import train
from jaxgan.errors import ConfigError
from jaxgan.runs.build import build
from jaxgan.training import parallel


@pytest.fixture(scope="module")
def mesh():
    return parallel.make_mesh(jax.devices()[:4])


def shapes(**arrays):
    return {name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in arrays.items()}


def test_the_largest_axis_that_divides_is_split(mesh):
    leaves = shapes(kernel=(3, 3, 8, 16), square=(4, 4), odd=(9, 7), small=(4,), scalar=())
    found = {n: s.spec for n, s in parallel.state_sharding(leaves, mesh, fsdp=16).items()}
    assert found == {
        "kernel": P(None, None, None, "data"),
        "square": P(None, "data"),
        "odd": P(),
        "small": P(),
        "scalar": P(),
    }
    whole = parallel.state_sharding(leaves, mesh)
    assert {sharding.spec for sharding in whole.values()} == {P()}


def test_a_device_holds_a_quarter_of_what_is_split(mesh):
    leaves = shapes(kernel=(3, 3, 8, 16), bias=(16,), odd=(9, 7))
    split = parallel.state_sharding(leaves, mesh, fsdp=100)
    assert parallel.shard_bytes(leaves, split) == 4 * (3 * 3 * 8 * 16 // 4 + 16 + 9 * 7)


def test_a_split_state_trains_to_the_same_numbers(mesh):
    """With batch norm and a loss that compares sets; its parts are those that the rule says."""
    metrics, state = trained(config(), mesh)
    expected, whole = trained(unsplit(), mesh)
    for name, values in metrics.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)
    for player in ("generator", "discriminator"):
        one, other = (s.players[player].params for s in (state, whole))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), one, other)

    hidden = state.players["discriminator"].params
    shards = {leaf.shape: leaf.addressable_shards[0].data.shape for leaf in jax.tree.leaves(hidden)}
    assert shards[2, 16] == (2, 4) and shards[16,] == (16,)

    def held(state):
        leaves = jax.tree.leaves((state.players, state.averages))
        on_first = [leaf.addressable_shards[0].data for leaf in leaves]
        return sum(x.nbytes for x in leaves), sum(x.nbytes for x in on_first)

    total, on_first = held(state)
    rest = sum(x.nbytes for x in jax.tree.leaves((state.players, state.averages)) if x.size < 32)
    assert on_first == (total - rest) // 4 + rest
    assert held(whole) == (total, total)


@pytest.mark.slow
def test_a_split_state_goes_on_unsplit(tmp_path, capsys):
    """Of the run on all eight devices, with its checkpoint, evaluation and picture."""
    options = {"steps": 4, "steps_per_call": 2, "log_every": 2, "num_eval_samples": 100}
    split = dataclasses.replace(config(), fsdp=32, **options)
    first = train(split, tmp_path)
    kernel = first.state.players["generator"].params
    assert any(not leaf.is_fully_replicated for leaf in jax.tree.leaves(kernel))
    longer = dataclasses.replace(split, fsdp=None, steps=6)
    second = train(longer, tmp_path, resume=True)
    assert all(leaf.is_fully_replicated for leaf in jax.tree.leaves(second.state))
    whole = train(dataclasses.replace(longer, steps=6), tmp_path / "whole")
    assert "on 8 devices, after 8 devices, fsdp 32: the same numbers to" in capsys.readouterr().out
    for name, player in whole.state.players.items():
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
            second.state.players[name].params,
            player.params,
        )


@pytest.mark.parametrize("mode", ["pmap", "shard_map"])
def test_one_program_a_device_splits_nothing(mode, mesh):
    with pytest.raises(ConfigError, match=f"under --parallel {mode} every .* --parallel jit"):
        build(dataclasses.replace(config(), parallel=mode), mesh)
