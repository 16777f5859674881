"""One DCGAN step, 28x28 grey images: jaxgan's scanned step against PyTorch's eager one.

    python benchmarks/dcgan_step.py [--batch-size 64] [--threads 1] [--rounds 9]

All train the same networks (equal parameter counts are asserted) on the same images, with the
non-saturating loss and Adam on both players, and gather their batches from memory. PyTorch runs as
its tutorials write it ("eager"), and "tuned": the fakes' forward pass shared by both updates, fused
Adam, channels_last. Rounds are A B C C B A in one process on the same cores; the result is the
median over rounds of the ratio of times. jaxgan's step also averages the generator's weights and
returns seven metrics.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import alternating, ratio, seconds, take_cores

from jaxgan import runtime

LATENT = 100
STEPS_PER_CALL = 8
SECONDS_PER_SAMPLE = 0.5

Step = Callable[[], None]


def jaxgan_steps(batch_size: int) -> tuple[Step, np.ndarray, list[int]]:
    """A function that runs STEPS_PER_CALL steps, the images, and the players' parameter counts."""
    import jax

    from experiments import mnist_dcgan
    from jaxgan.config import override
    from jaxgan.runs.build import build
    from jaxgan.training import parallel

    config = mnist_dcgan.config()
    for path, value in {
        "data.name": "digits",
        "data.resize": 28,
        "data.batch_size": batch_size,
    }.items():
        config = override(config, path, value)
    mesh = parallel.make_mesh(jax.devices()[:1])
    program = build(config, mesh)
    data = parallel.replicate(program.data(), mesh)
    run_steps = parallel.compiled(program.run_steps, mode="jit", mesh=mesh, stacked=False)
    state = parallel.replicate(jax.jit(program.init)(jax.random.key(0)), mesh)
    counts = [
        sum(leaf.size for leaf in jax.tree.leaves(state.players[name].params))
        for name in ("generator", "discriminator")
    ]

    def steps() -> None:
        nonlocal state
        state, metrics = run_steps(state, data, STEPS_PER_CALL)
        jax.block_until_ready(metrics)

    return steps, np.asarray(data.real), counts


def torch_steps(images: np.ndarray, batch_size: int, *, tuned: bool) -> tuple[Step, list[int]]:
    """The same in PyTorch; the tuned form keeps the mathematics and changes the execution."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.Linear(LATENT, 128 * 49, bias=False),
        nn.Unflatten(1, (128, 7, 7)),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(128 * 49, 1),
    )
    data = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    if tuned:
        # PyTorch's types lack the overload that takes the memory format alone.
        layout: Any = {"memory_format": torch.channels_last}
        generator, discriminator = generator.to(**layout), discriminator.to(**layout)
        data = data.contiguous(memory_format=torch.channels_last)
    adam = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": tuned}
    for_generator = torch.optim.Adam(generator.parameters(), **adam)
    for_discriminator = torch.optim.Adam(discriminator.parameters(), **adam)

    def fakes() -> torch.Tensor:
        return generator(torch.rand(batch_size, LATENT) * 2 - 1)

    def step() -> None:
        real = data[torch.randint(len(data), (batch_size,))].float() / 127.5 - 1
        fake = fakes()
        for_discriminator.zero_grad()
        loss = functional.softplus(-discriminator(real)).mean()
        loss = loss + functional.softplus(discriminator(fake.detach())).mean()
        loss.backward()
        for_discriminator.step()
        for_generator.zero_grad()
        if tuned:
            discriminator.requires_grad_(False)
        functional.softplus(-discriminator(fake if tuned else fakes())).mean().backward()
        discriminator.requires_grad_(True)
        for_generator.step()

    def steps() -> None:
        for _ in range(STEPS_PER_CALL):
            step()

    counts = [sum(p.numel() for p in net.parameters()) for net in (generator, discriminator)]
    return steps, counts


def main() -> None:
    """Runs the comparison and prints the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    take_cores(options.threads)
    runtime.prepare()
    import torch

    torch.set_num_threads(options.threads)
    ours, images, counts = jaxgan_steps(options.batch_size)
    eager, eager_counts = torch_steps(images, options.batch_size, tuned=False)
    tuned, _ = torch_steps(images, options.batch_size, tuned=True)
    assert counts == eager_counts, (counts, eager_counts)

    contenders = {"jaxgan scanned": ours, "torch eager": eager, "torch tuned": tuned}
    for steps in contenders.values():
        seconds(steps, SECONDS_PER_SAMPLE)  # compiles, and warms the allocators
    times = alternating(contenders, options.rounds, SECONDS_PER_SAMPLE)
    print(f"batch {options.batch_size}, {options.threads} thread(s), {options.rounds} rounds")
    for name, samples in times.items():
        print(
            f"{name:<15} {1e3 * statistics.median(samples) / STEPS_PER_CALL:8.1f} ms a step   "
            f"times jaxgan's: {ratio(samples, times['jaxgan scanned'])}"
        )


if __name__ == "__main__":
    main()
