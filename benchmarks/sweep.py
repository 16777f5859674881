"""A sweep against the same runs one after the other: steps a second, compilations, equal figures.

    python benchmarks/sweep.py [--members 64] [--steps 100] [--rounds 5] [--executors A,B]

Members are `experiments.ring` with eight learning rates of the generator and as many seeds as make
the number, on one CPU device a core. What they are compared with is the program of
`experiments.ring`, compiled before, which trains each member in turn for as many steps in calls of
100 on one device, in the same process; no side evaluates or writes anything. In each round both
sides are timed, in alternating order; a ratio is the median over rounds of the sweep's aggregate
steps a second over theirs. The states of both are compared before, in the units of the largest
weight.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from tables import hardware
from timing import alternating, ratio

from jaxgan import runtime
from jaxgan.config import override

CALL = 100  # steps of one dispatch


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures each executor, and prints a row of a table for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--steps", type=int, default=CALL)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--executors", default="map,shard,vmap")
    options = parser.parse_args(arguments)
    import jax

    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    from experiments import ring
    from jaxgan.runs.build import build
    from jaxgan.studies.groups import alone, grouped
    from jaxgan.studies.population import chosen, initial, joined, state_like, typed
    from jaxgan.studies.space import members
    from jaxgan.training.parallel import make_mesh

    config = override(ring.config(), "steps_per_call", CALL)
    rates = {"generator.learning_rate.start": "log:1e-4:1e-2:8"}
    found = members(config, rates, seeds=max(options.members // 8, 1))
    (group,) = grouped(found)
    program = build(alone(config), make_mesh(jax.devices()[:1]))
    states = joined(initial(program, group))
    data = jax.device_put(program.data(), jax.devices()[0])
    like = state_like(program, None)
    singles = [typed(chosen(states, slot), like) for slot in range(len(group))]
    run_steps = jax.jit(program.run_steps, static_argnums=2)

    def in_turn() -> list[Any]:
        ends = [repeated(run_steps, state, data, options.steps) for state in singles]
        return jax.block_until_ready(ends)

    jax.block_until_ready(run_steps(singles[0], data, CALL))
    print(f"{len(group)} members, {options.steps} steps, {hardware()}, jax {jax.__version__}")
    print("| executor | programs | steps/s in all | one by one | ratio (of rounds) | apart |")
    print(f"|{' --- |' * 6}")
    for name in options.executors.split(","):
        print(measured(name, program, like, states, in_turn, options), flush=True)


def repeated(run_steps: Callable[..., Any], state: Any, data: Any, steps: int) -> Any:
    """The state after so many steps in calls of `CALL`."""
    for _ in range(steps // CALL):
        state, _ = run_steps(state, data, CALL)
    return state


def measured(
    name: str,
    program: Any,
    like: Any,
    states: Any,
    in_turn: Callable[[], list[Any]],
    options: argparse.Namespace,
) -> str:
    """A row of the table."""
    import jax

    from jaxgan.studies.executors import compiled, named, put, put_everywhere
    from jaxgan.studies.population import make_advance

    count, traced = len(jax.tree.leaves(states)[0]), []

    def run_steps(*inputs: Any) -> Any:
        traced.append(None)
        return program.run_steps(*inputs)

    executor = named(name, count)
    assert executor is not None
    run = compiled(make_advance(run_steps, like), executor)
    data = put_everywhere(program.data(), executor)

    def together() -> Any:
        now, alive = put(states, executor), put(np.ones(count, bool), executor)
        for _ in range(options.steps // CALL):
            now, alive, _ = run(now, alive, data, CALL)
        return jax.block_until_ready(now)

    apart = distance(together(), in_turn())  # compiles
    times = alternating({"together": together, "in turn": in_turn}, options.rounds, at_least=0)
    rates = (count * options.steps / statistics.median(taken) for taken in times.values())
    cells = [str(executor), str(len(traced)), *(f"{rate:,.0f}" for rate in rates)]
    cells += [str(ratio(times["in turn"], times["together"])), f"{apart:.1g}"]
    return f"| {' | '.join(cells)} |"


def distance(states: Any, singles: list[Any]) -> float:
    """The largest difference of a weight of a member's from that of its run, over the largest."""
    import jax

    found = jax.tree.leaves([player.params for player in states.players.values()])
    expected = jax.tree.leaves(
        [
            jax.tree.map(
                lambda *x: np.stack(x), *(single.players[name].params for single in singles)
            )
            for name in states.players
        ]
    )
    largest = partial(max, default=0.0)
    apart = largest(
        float(np.abs(np.asarray(a) - b).max()) for a, b in zip(found, expected, strict=True)
    )
    return apart / largest(float(np.abs(b).max()) for b in expected)


if __name__ == "__main__":
    runtime.prepare()
    main()
