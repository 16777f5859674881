"""What a chunk costs and saves: a DCGAN generator with MMD on the features of a frozen network.

    python benchmarks/chunks.py [--batch 16384] [--chunk 256]

Images are 28 x 28, the generator is a DCGAN of width 32 without normalisation, the frozen network
random convolutions of 512 features. Prints the peak memory of a process that takes two steps of the
large batch in chunks, and the temporaries of the compiled step; then the time of a chunked step at
batch 1,024 over that of one of the whole batch, as the median of alternating rounds, and the
largest difference of the gradients' effect on any parameter after one step of SGD.
"""

import argparse
import resource
import time
from typing import Any

import numpy as np
from timing import alternating, ratio

from jaxgan import runtime
from jaxgan.config import (
    Config,
    DataConfig,
    GameConfig,
    NetworkConfig,
    OptimizerConfig,
    PlayerConfig,
    TermConfig,
)

ROUNDS = 5


def config(batch: int, chunk: int) -> Config:
    """MMD^2 between batches, on features of random convolutions."""
    network = NetworkConfig(name="dcgan", kwargs={"width": 32, "norm": "none"})
    return Config(
        data=DataConfig(name="digits", resize=28, batch_size=batch),
        game=GameConfig(name="distribution_matching", kwargs={"chunk": chunk}),
        generator=PlayerConfig(network=network, optimizer=OptimizerConfig(name="sgd")),
        loss=TermConfig(name="mmd_rational_quadratic", on="frozen:random_conv"),
        ema_half_life=0.0,
    )


def prepared(batch: int, chunk: int) -> tuple[Any, Any, Any]:
    """(compiled step, state, batch of noise images)."""
    import jax

    from jaxgan.data import from_arrays
    from jaxgan.runs.build import build
    from jaxgan.types import Batch

    images = np.random.default_rng(0).integers(0, 256, (batch, 28, 28, 1), np.uint8)
    source = from_arrays(images, name="noise")
    program = build(config(batch, chunk), source=source)
    key = jax.random.key(0)
    state = jax.jit(program.init)(key, program.fit(key))
    step = jax.jit(program.train_step).lower(state, Batch(real=images)).compile()
    return step, state, Batch(real=images)


def large(batch: int, chunk: int) -> None:
    """Two steps of the large batch, and what they took."""
    import jax

    step, state, example = prepared(batch, chunk)
    temporaries = step.memory_analysis().temp_size_in_bytes
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        state, metrics = jax.block_until_ready(step(state, example))
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"batch {batch}, chunk {chunk}: loss {float(metrics['loss/generator']):.4f}, "
        f"{min(seconds):.1f} s a step, temporaries {temporaries / 2**30:.2f} GiB, "
        f"peak of the process {peak / 2**30:.2f} GiB",
        flush=True,
    )


def compared(batch: int, chunk: int) -> None:
    """Chunks against the whole batch."""
    import jax

    ways = [prepared(batch, c) for c in (0, chunk)]
    ends = [
        jax.tree.leaves(step(state, example)[0].players["generator"].params)
        for step, state, example in ways
    ]
    calls = {
        way: lambda step=step, state=state, example=example: jax.block_until_ready(
            step(state, example)
        )
        for way, (step, state, example) in zip(("whole", "chunks"), ways, strict=True)
    }
    times = alternating(calls, ROUNDS, at_least=0)
    apart = max(float(np.abs(a - b).max()) for a, b in zip(*ends, strict=True))
    memory = [step.memory_analysis().temp_size_in_bytes / 2**20 for step, *_ in ways]
    print(
        f"batch {batch}: chunks of {chunk} take {ratio(times['chunks'], times['whole'])} "
        f"of the time of the whole batch, temporaries {memory[1]:.0f} of "
        f"{memory[0]:.0f} MiB, parameters {apart:.1e} apart",
        flush=True,
    )


def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batch", type=int, default=16_384)
    parser.add_argument("--chunk", type=int, default=256)
    options = parser.parse_args()
    large(options.batch, options.chunk)
    compared(1024, options.chunk)


if __name__ == "__main__":
    runtime.prepare()
    main()
