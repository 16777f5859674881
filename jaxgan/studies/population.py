"""Members of a sweep as pure functions: K steps of one, after which it stands still if it diverged.

What is stacked over members is kept as plain numbers: the keys of states are unwrapped, so that
members are indexed, moved between host and devices and saved like any other arrays.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from jaxgan.config import Config
from jaxgan.games import Game
from jaxgan.runs.build import Program
from jaxgan.runs.entries import nested_floats
from jaxgan.runs.memory import device_bytes, needed_bytes
from jaxgan.studies.space import Member
from jaxgan.training.parallel import RunSteps, StackedMetrics
from jaxgan.training.schedules import at_start
from jaxgan.training.state import compiled_once
from jaxgan.types import Batch, PyTree

# A state whose key is plain numbers.
Raw = Any
# (state, whether it is alive, data, K) -> the same after K steps, and their metrics; of one member.
Advance = Callable[[Raw, Bool[Array, ""], Batch, int], tuple[Raw, Bool[Array, ""], StackedMetrics]]

_SHARE = 0.5  # of a device's memory, at most, for members; the rest is for what is not counted

# Inside a call only some steps have these: the others are NaN.
_MONITOR = "monitor/"


class Population(struct.PyTreeNode):
    """The members of a group, as they are saved: the leading axis of all but `step` is theirs.

    Attributes:
        step: The least step that a member is to go on from.
        states: Their raw states, without what was fitted.
        reference: What their games fitted to the data, if they did.
    """

    step: Int[Any, ""]
    states: PyTree
    reference: PyTree = None


def raw(state: PyTree) -> Raw:
    """The state with its keys as numbers."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, state)


def typed(state: Raw, like: PyTree) -> PyTree:
    """The state whose keys are keys again, as those of `like` (or of its shapes) are."""
    return jax.tree.map(
        lambda x, shape: jax.random.wrap_key_data(jnp.asarray(x)) if _is_key(shape) else x,
        state,
        like,
    )


def make_advance(run_steps: RunSteps, like: PyTree) -> Advance:
    """K steps of one member, to be mapped over members.

    A member is alive as long as its metrics and weights are finite. One that is not stays as it was
    before the call in which it diverged; nothing of it reaches the others.

    Args:
        run_steps: See `jaxgan.training.parallel.make_run_steps`, of the whole data.
        like: The shapes of a state.
    """

    def advance(
        state: Raw, alive: Bool[Array, ""], data: Batch, length: int
    ) -> tuple[Raw, Bool[Array, ""], StackedMetrics]:
        new, metrics = run_steps(typed(state, like), data, length)
        seen = {name: x for name, x in metrics.items() if not name.startswith(_MONITOR)}
        alive = alive & _finite((seen, weights(new)))
        return jax.tree.map(partial(jnp.where, alive), raw(new), state), alive, metrics

    return advance


def weights(state: PyTree) -> PyTree:
    """What of a state must stay finite: its players and averages, or all of an algorithm's."""
    return getattr(state, "players", state), getattr(state, "averages", ())


def stacked(trees: list[PyTree]) -> PyTree:
    """Trees of arrays as one on the host, with an axis for them in front."""
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees)


def chosen(tree: PyTree, index: Any) -> PyTree:
    """Some members, or one, of what is stacked on the host."""
    return jax.tree.map(lambda x: np.asarray(x[index]), tree)


def first_infinite(
    metrics: dict[str, Float[np.ndarray, "k"]],
) -> tuple[str, int, float] | None:
    """Name, place and value of the first metric of a member that is not finite; None without."""
    found = [
        (int(np.argmin(np.isfinite(values))), name)
        for name, values in metrics.items()
        if not name.startswith(_MONITOR) and not np.isfinite(values).all()
    ]
    if not found:
        return None
    place, name = min(found)
    return name, place, float(metrics[name][place])


def initial(program: Program, members: Sequence[Member]) -> Population:
    """The first states of members, each as in a run of its own."""
    init, states = compiled_once(program.init), []
    for member in members:
        hparams, key = nested_floats(member.config), jax.random.key(member.config.seed)
        if program.setup is None:
            states.append(raw(init(key)))
            continue
        reference = None
        if isinstance(program.game, Game) and program.game.fit is not None:
            now = at_start(hparams, program.setup.ramps)
            own = program._replace(hparams=hparams, game=program.setup.game(now))
            reference = own.fit(key)
        states.append(raw(init(key, reference, hparams=_arrays(hparams))))
    all_states = stacked(states)
    reference = getattr(all_states, "reference", None)
    if reference is not None:
        all_states = all_states.replace(reference=None)
    return Population(np.zeros((), np.int32), all_states, reference)


def _arrays(hparams: Mapping[str, Any]) -> PyTree:
    return jax.tree.map(
        lambda x: np.asarray(x, np.float32), dict(hparams), is_leaf=lambda x: isinstance(x, tuple)
    )


def state_like(program: Program, reference: PyTree) -> PyTree:
    """The shapes of the state of one member."""
    return jax.eval_shape(program.init, jax.random.key(0), reference)


def population_like(program: Program, count: int, reference: PyTree) -> Population:
    """The shapes of a population of so many members.

    Args:
        program: Of the group.
        count: Its members.
        reference: What was fitted, of all of them; None without.
    """
    one = jax.eval_shape(raw, state_like(program, chosen(reference, 0)))
    states = jax.tree.map(lambda x: jax.ShapeDtypeStruct((count, *x.shape), x.dtype), one)
    if reference is not None:
        states = states.replace(reference=None)
    return Population(jax.ShapeDtypeStruct((), np.int32), states, reference)


def joined(population: Population) -> PyTree:
    """The states with what was fitted in its place."""
    if population.reference is None:
        return population.states
    return population.states.replace(reference=population.reference)


def state_bytes(program: Program) -> int:
    """Bytes of the state of one member, by its shapes; 0 of a game that is yet to be fitted."""
    if isinstance(program.game, Game) and program.game.fit is not None:
        return 0
    shapes = jax.tree.leaves(jax.eval_shape(raw, state_like(program, None)))
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in shapes)


def members_that_fit(config: Config, program: Program, reference: PyTree) -> int:
    """Members that one device can hold beside the data; CPU devices share the machine's memory.

    Args:
        config: Of a member.
        program: The same, built.
        reference: What its game fitted to the data.
    """
    sharing = len(jax.local_devices()) if jax.default_backend() == "cpu" else 1
    data = sum(source.nbytes for source in (program.source, *program.streams.values()))
    own = max(needed_bytes(config, program, reference) - data, 1)
    return max((int(_SHARE * device_bytes(program) / sharing) - data) // own, 1)


def _finite(tree: PyTree) -> Bool[Array, ""]:
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in floats]).all()


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
