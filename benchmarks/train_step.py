"""One train step of jaxgan, scanned, against the same step in PyTorch, side by side.

    python benchmarks/train_step.py [--network dcgan] [--batch-size 64] [--threads 1] [--rounds 9]

Networks: "dcgan" (28x28 grey images), "mlp" (100-256-784 and 784-256-1, `experiments.mnist_mlp`)
and "points" (2-128-128-2 and 2-128-128-1 on the ring). All train the same networks (equal parameter
counts are asserted) on the same data, with the non-saturating loss and Adam on both players, and
gather their batches from memory. PyTorch runs as its tutorials write it ("eager"), and "tuned": the
fakes' forward pass shared by both updates, fused Adam, and channels_last where there are images.
Rounds are A B C C B A in one process on the same cores; the result is the median over rounds of the
ratio of times. jaxgan's step also averages the generator's weights and returns its metrics.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from timing import alternating, beside_torch, ratio, seconds

SECONDS_PER_SAMPLE = 0.5

Step = Callable[[], None]


class Contest(NamedTuple):
    """What is trained.

    Attributes:
        experiment: jaxgan's.
        settings: Its own settings, by dotted names.
        latents: The length of z.
        steps_per_call: jaxgan's steps in one program.
    """

    experiment: str
    settings: dict[str, Any]
    latents: int
    steps_per_call: int


ON_DIGITS = {"data.name": "digits", "data.resize": 28}
POINTS = {
    "loss.name": "non_saturating",
    "generator.network.kwargs.widths": (128, 128),
    "discriminator.network.kwargs.widths": (128, 128),
}
CONTESTS = {
    "dcgan": Contest("mnist_dcgan", ON_DIGITS, latents=100, steps_per_call=8),
    "mlp": Contest("mnist_mlp", ON_DIGITS, latents=100, steps_per_call=100),
    "points": Contest("ring", POINTS, latents=2, steps_per_call=100),
}


def jaxgan_steps(
    contest: Contest, batch_size: int, mode: str = "jit", devices: int = 1
) -> tuple[Step, np.ndarray, list[int]]:
    """A function that runs the steps of a call, the data, and the players' parameter counts."""
    import importlib

    import jax

    from jaxgan.config import override
    from jaxgan.runs.build import build
    from jaxgan.training import parallel

    config = importlib.import_module(f"experiments.{contest.experiment}").config()
    config = replace(config, penalties={})
    for path, value in contest.settings.items():
        config = override(config, path, value)
    config = override(config, "data.batch_size", batch_size)
    config = override(config, "parallel", mode)
    mesh = parallel.make_mesh(jax.devices()[:devices])
    program = build(config, mesh)
    data = parallel.replicate(program.data(), mesh)
    run_steps = parallel.compiled(program.run_steps, mode=mode, mesh=mesh, stacked=False)
    state = parallel.replicate(jax.jit(program.init)(jax.random.key(0)), mesh)
    counts = [
        sum(leaf.size for leaf in jax.tree.leaves(state.players[name].params))
        for name in ("generator", "discriminator")
    ]

    def steps() -> None:
        nonlocal state
        state, metrics = run_steps(state, data, contest.steps_per_call)
        jax.block_until_ready(metrics)

    return steps, np.asarray(data.real), counts


def torch_networks(network: str) -> tuple[Any, Any]:
    """The generator and the discriminator."""
    from torch import nn

    if network == "mlp":
        generator = nn.Sequential(
            nn.Linear(100, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 784),
            nn.Tanh(),
            nn.Unflatten(1, (1, 28, 28)),
        )
        discriminator = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
        )
    elif network == "points":

        def dense(outputs: int) -> nn.Sequential:
            hidden = [nn.Linear(2, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2)]
            return nn.Sequential(*hidden, nn.Linear(128, outputs))

        generator, discriminator = dense(2), dense(1)
    else:
        generator = nn.Sequential(
            nn.Linear(100, 128 * 49, bias=False),
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
    return generator, discriminator


def torch_steps(
    network: str, source: np.ndarray, batch_size: int, *, tuned: bool
) -> tuple[Step, list[int]]:
    """The same in PyTorch; the tuned form keeps the mathematics and changes the execution."""
    import torch
    from torch.nn import functional

    torch.manual_seed(0)
    contest = CONTESTS[network]
    generator, discriminator = torch_networks(network)
    data = torch.from_numpy(np.array(source))
    are_images = data.ndim == 4
    if are_images:
        data = data.permute(0, 3, 1, 2).contiguous()
    if tuned and network == "dcgan":
        # PyTorch's types lack the overload that takes the memory format alone.
        layout: Any = {"memory_format": torch.channels_last}
        generator, discriminator = generator.to(**layout), discriminator.to(**layout)
        data = data.contiguous(memory_format=torch.channels_last)
    adam = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": tuned}
    for_generator = torch.optim.Adam(generator.parameters(), **adam)
    for_discriminator = torch.optim.Adam(discriminator.parameters(), **adam)

    def fakes() -> torch.Tensor:
        return generator(torch.rand(batch_size, contest.latents) * 2 - 1)

    def step() -> None:
        real = data[torch.randint(len(data), (batch_size,))]
        real = real.float() / 127.5 - 1 if are_images else real
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
        for _ in range(contest.steps_per_call):
            step()

    counts = [sum(p.numel() for p in net.parameters()) for net in (generator, discriminator)]
    return steps, counts


def main() -> None:
    """Runs the comparison and prints the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--network", choices=CONTESTS, default="dcgan")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    beside_torch(options.threads)
    contest, size = CONTESTS[options.network], options.batch_size
    ours, data, counts = jaxgan_steps(contest, size)
    eager, eager_counts = torch_steps(options.network, data, size, tuned=False)
    tuned, _ = torch_steps(options.network, data, size, tuned=True)
    assert counts == eager_counts, (counts, eager_counts)

    contenders = {"jaxgan scanned": ours, "torch eager": eager, "torch tuned": tuned}
    for steps in contenders.values():
        seconds(steps, SECONDS_PER_SAMPLE)  # compiles, and warms the allocators
    times = alternating(contenders, options.rounds, SECONDS_PER_SAMPLE)
    print(f"{options.network}, batch {size}, {options.threads} thread(s), {options.rounds} rounds")
    for name, samples in times.items():
        print(
            f"{name:<15} {1e3 * statistics.median(samples) / contest.steps_per_call:8.2f} ms a "
            f"step   times jaxgan's: {ratio(samples, times['jaxgan scanned'])}"
        )


if __name__ == "__main__":
    main()
