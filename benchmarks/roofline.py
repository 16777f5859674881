"""What bounds a step: its arithmetic and its traffic against the rates that this machine reaches.

    python benchmarks/roofline.py [EXPERIMENT ...] [--threads 1] [--rounds 5]

Operations and bytes of a step are XLA's count for the compiled step (`cost_analysis`): bytes are
those that its operations read and write, so that what stays in a cache between two of them counts
as if it went to memory. The machine's rates are measured beside: the product of two matrices of
2,048 x 2,048 in float32, and 2 reads and a write of arrays of 256 MiB. "Least" is the larger of
operations over the one and bytes over the other, the time below which no step can come by this
count; the last column is its share of the time measured, of steps scanned 20 at a time. It may pass
1 where caches serve. Experiments are named without their package; XLA counts what a loop does once,
so they must update each player once a step, and not in chunks.
"""

import argparse
import importlib
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tables import hardware
from timing import alternating, take_cores

from jaxgan import runtime

STEPS = 20  # in one call
SIDE = 2048  # of a matrix
NUMBERS, SUMS = 1 << 26, 8  # in an array of 256 MiB, and how often it is added to
EXPERIMENTS = ("ring", "digits", "mnist_mlp", "mnist_dcgan", "mnist_conditional", "mnist_drifting")


class Step(NamedTuple):
    """A compiled step.

    Attributes:
        flops: Operations of one.
        traffic: Bytes that one reads and writes.
        call: Takes STEPS of them.
    """

    flops: float
    traffic: float
    call: Callable[[], Any]


def step_of(name: str) -> Step:
    """The step of an experiment, on its data."""
    import jax

    from jaxgan.config import override
    from jaxgan.runs.build import build
    from jaxgan.training import parallel

    config = override(importlib.import_module(f"experiments.{name}").config(), "steps", STEPS)
    if config.discriminator_steps > 1 or config.game.kwargs.get("chunk"):
        raise SystemExit(f"{name} has a loop in its step, of which XLA counts one turn")
    program = build(config, parallel.make_mesh(jax.devices()[:1]))
    key = jax.random.key(config.seed)
    state = jax.jit(program.init)(key, program.fit(key))
    data = program.data()
    run = jax.jit(program.run_steps, static_argnums=2)
    one = run.lower(state, data, 1).compile().cost_analysis()
    many = run.lower(state, data, STEPS).compile()
    return Step(
        one["flops"], one["bytes accessed"], lambda: jax.block_until_ready(many(state, data))
    )


def machine() -> dict[str, tuple[float, Callable[[], Any]]]:
    """What the machine's rates are measured by: operations or bytes, and the call."""
    import jax
    import jax.numpy as jnp

    matrix, array, other = jnp.ones((SIDE, SIDE)), jnp.ones(NUMBERS), jnp.zeros(NUMBERS)
    product = jax.jit(jnp.dot)
    # In a loop, so that memory is asked of the system once.
    sums = jax.jit(lambda a, b: jax.lax.fori_loop(0, SUMS, lambda _, x: x + 2 * b, a))
    return {
        "operations": (2.0 * SIDE**3, lambda: product(matrix, matrix).block_until_ready()),
        "bytes": (12.0 * NUMBERS * SUMS, lambda: sums(array, other).block_until_ready()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a row for each experiment."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("experiments", nargs="*", default=EXPERIMENTS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    take_cores(options.threads)
    runtime.prepare()
    rates, steps = machine(), {name: step_of(name) for name in options.experiments}
    calls = {name: call for name, (_, call) in rates.items()}
    calls |= {name: step.call for name, step in steps.items()}
    alternating(calls, 1, at_least=0)  # compiles, and warms the allocators
    times = alternating(calls, options.rounds)
    seconds = {name: statistics.median(taken) for name, taken in times.items()}
    most = {name: amount / seconds[name] for name, (amount, _) in rates.items()}
    print(
        f"{hardware()}, {options.threads} thread(s): {most['operations'] / 1e9:.1f} GFLOP/s, "
        f"{most['bytes'] / 1e9:.1f} GB/s"
    )
    print("| experiment | GFLOP | GB | FLOP / byte | bound by | least, ms | ms | share |")
    print(f"|{' --- |' * 8}")
    for name, step in steps.items():
        least = {
            "arithmetic": step.flops / most["operations"],
            "memory": step.traffic / most["bytes"],
        }
        bound, measured = max(least, key=lambda by: least[by]), seconds[name] / STEPS
        cells = [name, f"{step.flops / 1e9:.3f}", f"{step.traffic / 1e9:.3f}"]
        cells += [f"{step.flops / step.traffic:.1f}", bound, f"{1e3 * least[bound]:.2f}"]
        cells += [f"{1e3 * measured:.2f}", f"{least[bound] / measured:.2f}"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
