"""The energy distance and the sliced Wasserstein distance: jaxgan's against PyTorch's, eager.

    python benchmarks/distances.py [--rounds 7] [--threads 1]

n real against n fake samples of dimension d, float32, the value alone and with the gradient by
both. PyTorch's energy distance is of `torch.cdist`, its sliced distance of `torch.sort` of 128
projections. Rounds are A B, B A in one process on the same cores; the result is the median over
rounds of the ratio of times.
"""

import argparse
import functools
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import alternating, beside_torch, ratio, seconds

SIZES = ((1024, 2), (1024, 128))
PROJECTIONS = 128


def own_losses() -> dict[str, Callable[[Any, Any], Any]]:
    """jaxgan's: functions of (x, y)."""
    import jax

    from jaxgan.losses import energy_distance, sliced_wasserstein

    def sliced(x: Any, y: Any) -> Any:
        options = {"num_projections": PROJECTIONS, "p": 2}
        return sliced_wasserstein(x, y, key=jax.random.key(0), **options) ** 2

    return {"energy": lambda x, y: energy_distance(x, y).generator, "sliced": sliced}


def torch_losses() -> dict[str, Callable[[Any, Any], Any]]:
    """The same in PyTorch."""
    import torch

    def energy(x: Any, y: Any) -> Any:
        n = len(x)
        within = (torch.cdist(x, x).sum() + torch.cdist(y, y).sum()) / (n * (n - 1))
        return 2 * torch.cdist(x, y).mean() - within

    def sliced(x: Any, y: Any) -> Any:
        directions = torch.randn(PROJECTIONS, x.shape[1])
        directions = directions / directions.norm(dim=1, keepdim=True)
        ordered_x, ordered_y = (torch.sort(directions @ z.T, dim=1)[0] for z in (x, y))
        return (ordered_x - ordered_y).square().mean()

    return {"energy": energy, "sliced": sliced}


def compare(name: str, n: int, d: int, gradient: bool, rounds: int) -> None:
    """Times both and prints a line."""
    import jax
    import torch

    x, y = (np.random.default_rng(s).normal(size=(n, d)).astype(np.float32) for s in (0, 1))
    loss, peer_loss = own_losses()[name], torch_losses()[name]
    function = jax.jit(jax.value_and_grad(loss, (0, 1)) if gradient else loss)
    arrays = jax.device_put((x, y))
    tensors = tuple(torch.from_numpy(z).requires_grad_(gradient) for z in (x, y))

    def peer() -> Any:
        value = peer_loss(*tensors)
        return torch.autograd.grad(value, tensors) if gradient else value

    calls = {"own": lambda: jax.block_until_ready(function(*arrays)), "peer": peer}
    for call in calls.values():
        seconds(call, 0)  # compiles, and warms the allocators
    times = alternating(calls, rounds)
    print(
        f"{name:<8} {n:>6} {d:>5}  {'gradient' if gradient else 'value':<8} "
        f"{1e3 * statistics.median(times['own']):8.2f} ms   "
        f"torch {ratio(times['peer'], times['own'])} times jaxgan's",
        flush=True,
    )


def main() -> None:
    """Runs the comparison and prints one line for each distance and size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    beside_torch(options.threads)
    run = functools.partial(compare, rounds=options.rounds)
    for name in ("energy", "sliced"):
        for n, d in SIZES:
            for gradient in (False, True):
                run(name, n, d, gradient)


if __name__ == "__main__":
    main()
