"""Every game in every way that a step may run: the same numbers.

Compiling takes nearly all of the time, so each program serves several claims. Two members of a
sweep, with seeds and a float of their own, run together on one device; the first runs alone, step
by step, on eight sharded devices, and the second under pmap.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from game_configs import CONFIGS, FLOATS, GAMES
from jax.sharding import PartitionSpec as P

from jaxgan.data import whole
from jaxgan.runs.build import batch_sizes, build
from jaxgan.training import parallel
from jaxgan.training.schedules import value_at, with_value

STEPS = 3
NAMES = sorted(GAMES)


def seldom(*fast):
    """All games, of which these run by default: the rest takes minutes, and `make test-all`."""
    return [n if n in fast else pytest.param(n, marks=pytest.mark.slow) for n in NAMES]


class Ways:
    """The ways to run a game, on the same batches."""

    def __init__(self, name):
        self.config = CONFIGS[name]
        self.alone, self.split, self.mapped = (
            build(
                dataclasses.replace(self.config, parallel=mode),
                parallel.make_mesh(jax.devices()[:count]),
            )
            for mode, count in (("jit", 1), ("jit", 8), ("pmap", 8))
        )
        init, path = jax.jit(self.alone.init), tuple(FLOATS[name].split("."))
        first, second = (init(key, self.alone.fit(key)) for key in map(jax.random.key, (0, 1)))
        changed = with_value(second.hparams, path, 1.5 * value_at(second.hparams, path))
        self.states = first, second.replace(hparams=changed)
        self.batches = self.stacked()

    def stacked(self):
        """Batches [STEPS, n, ...] of every stream; small sets start again."""
        sizes, program = batch_sizes(self.config), self.alone

        def batches(name, source):
            rows = np.arange(STEPS * sizes[name]) % source.size
            take = lambda x: x[rows].reshape(STEPS, -1, *x.shape[1:])  # noqa: E731
            return jax.tree.map(take, whole(source))

        streams = {name: batches(name, source) for name, source in program.streams.items()}
        return batches("", program.source).replace(streams=streams)

    def steps(self, program, mode):
        return parallel.make_run_steps(
            program.train_step, mode=mode, mesh=program.mesh, batch_sizes=None
        )

    @functools.cached_property
    def together(self):
        """Metrics and players of both members."""
        members = jax.tree.map(lambda *x: jnp.stack(x), *self.states)
        run = functools.partial(self.steps(self.alone, "jit"), length=STEPS)
        states, metrics = jax.jit(jax.vmap(run, in_axes=(0, None)))(members, self.batches)
        return jax.device_get((metrics, states.players))

    def member(self, index):
        return jax.tree.map(lambda x: x[index], self.together)


@pytest.fixture(scope="module", params=seldom("user"))
def ways(request):
    return ways_of(request.param)


@functools.lru_cache(maxsize=2)
def ways_of(name):
    return Ways(name)


def check_equal(one, other, atol=1e-5):
    def close(path, a, b):
        scale = max(1.0, np.abs(np.asarray(a)).max(initial=0.0))
        np.testing.assert_allclose(a, b, rtol=0, atol=atol * scale, err_msg=str(path))

    (metrics, players), (other_metrics, other_players) = one, other
    assert {"loss/generator"} <= metrics.keys() == other_metrics.keys()
    jax.tree_util.tree_map_with_path(close, metrics, other_metrics)
    jax.tree_util.tree_map_with_path(close, variables(players), variables(other_players))


def variables(players):
    return {name: (player.params, player.batch_stats) for name, player in players.items()}


def test_every_player_learns_and_members_differ(ways):
    start, (metrics, players) = ways.states[0].players, ways.member(0)
    assert all(np.isfinite(values).all() for values in metrics.values())
    for name, player in players.items():
        assert player.step == STEPS
        before, after = (jax.tree.leaves(variables(every)[name]) for every in (start, players))
        moved = [np.abs(old - new).max() > 0 for old, new in zip(before, after, strict=True)]
        assert any(moved), name
    assert np.any(metrics["loss/generator"] != ways.member(1)[0]["loss/generator"])


def test_steps_alone_on_eight_sharded_devices_equal_a_member_of_a_sweep(ways):
    run, rows = jax.jit(ways.steps(ways.split, "jit"), static_argnums=2), []
    state = parallel.replicate(ways.states[0], ways.split.mesh)
    for step in range(STEPS):
        batch = jax.tree.map(lambda x, i=step: x[i : i + 1], ways.batches)
        batch = parallel.put_batches(batch, "jit", ways.split.mesh)
        state, metrics = run(state, batch, 1)
        rows.append(jax.device_get(metrics))
    metrics = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    check_equal(ways.member(0), (metrics, jax.device_get(state.players)))


def test_pmap_on_eight_devices_equals_a_member_of_a_sweep(ways):
    mesh = ways.mapped.mesh
    run = parallel.compiled(ways.steps(ways.mapped, "pmap"), mode="pmap", mesh=mesh, stacked=True)
    # Donated, and so not the state itself.
    state = parallel.replicate(jax.tree.map(jnp.copy, ways.states[1]), mesh)
    state, metrics = run(state, parallel.put_batches(ways.batches, "pmap", mesh), STEPS)
    check_equal(ways.member(1), jax.device_get((metrics, state.players)))


@pytest.mark.parametrize("name", seldom("user"))
def test_shard_map_on_eight_devices_equals_a_member_of_a_sweep(name):
    """The function that pmap maps, in shard_map."""
    ways = ways_of(name)
    mapped = jax.shard_map(
        functools.partial(ways.steps(ways.mapped, "pmap"), length=STEPS),
        mesh=ways.mapped.mesh,
        in_specs=(P(), P(None, parallel.AXIS)),
        out_specs=P(),
        check_vma=False,
    )
    state, metrics = jax.jit(mapped)(ways.states[1], ways.batches)
    check_equal(ways.member(1), jax.device_get((metrics, state.players)))


@pytest.mark.parametrize("name", seldom("user"))
def test_one_compilation_on_one_device_serves_all_members(name):
    ways = ways_of(name)
    run = jax.jit(ways.steps(ways.alone, "jit"), static_argnums=2)
    for index, state in enumerate(ways.states):
        state, metrics = run(state, ways.batches, STEPS)
        check_equal(ways.member(index), jax.device_get((metrics, state.players)))
    assert run._cache_size() == 1
