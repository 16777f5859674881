"""MMD^2 with five Gaussians: jaxgan's against other forms of it, time and memory.

    python benchmarks/losses.py [--quick] [--threads 1] [--rounds 7] [--memory-gib 4]

n real against n fake samples of dimension d, float32, unbiased, the value alone and with the
gradient by the fakes and the reals. The others are "naive" (differences of all pairs, broadcast),
"dense" (|x|^2 + |y|^2 - 2 <x, y> in jax) and "torch" (the same in PyTorch, eager). Rounds are
A B C D D C B A in one process on the same cores; ratios are medians over rounds of the time over
jaxgan's. What would need more than --memory-gib or more than 20 s a call is left out. Memory is
XLA's temporaries: what a call allocates beside its arguments and results.
The last line is the error of the fakes' gradient where all samples lie 10^4 standard deviations
off the origin, against differences in float64 and relative to the largest entry.
"""

import argparse
import functools
import importlib.util
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from timing import alternating, beside_torch, ratio, seconds

BANDWIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0)
SIZES, DIMENSIONS = (64, 256, 1024, 4096, 16384), (16, 128, 2048)
QUICK_SIZES, QUICK_DIMENSIONS = (256, 1024), (16, 128)
SECONDS_PER_CALL = 20.0


class Contender(NamedTuple):
    """A form of the loss, ready to be called, and its temporaries in bytes where known."""

    call: Callable[[], Any]
    temporaries: int | None = None


def mmd2_of(kernel: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """Unbiased MMD^2 of whole matrices, as in public code, for jax and torch alike."""
    n, m = len(x), len(y)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within = (xx.sum() - xx.diagonal().sum()) / (n * (n - 1))
    return within + (yy.sum() - yy.diagonal().sum()) / (m * (m - 1)) - 2 * xy.mean()


def mixture(exp: Callable[[Any], Any], squared: Any) -> Any:
    """A sum of five Gaussians of squared distances."""
    return sum(exp(-squared / (2 * bandwidth**2)) for bandwidth in BANDWIDTHS)


def naive_distances(x: Any, y: Any) -> Any:
    """Differences of all pairs."""
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def gram_distances(x: Any, y: Any) -> Any:
    """|x|^2 + |y|^2 - 2 <x, y>, neither centred nor clipped."""
    return (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T


def jax_contenders(x: np.ndarray, y: np.ndarray, *, gradient: bool) -> dict[str, Callable]:
    """Makers of the contenders in jax: a maker compiles."""
    import jax
    import jax.numpy as jnp

    from jaxgan.kernels import gaussian_mixture
    from jaxgan.losses import mmd2

    def ours(x: Any, y: Any, bandwidths: Any) -> Any:
        kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
        return mmd2(x, y, kernel=kernel)

    def other(distances: Callable, x: Any, y: Any, _bandwidths: Any) -> Any:
        return mmd2_of(lambda a, b: mixture(jnp.exp, distances(a, b)), x, y)

    def make(loss: Callable) -> Contender:
        function = jax.value_and_grad(loss, (0, 1)) if gradient else loss
        arguments = jnp.asarray(x), jnp.asarray(y), jnp.asarray(BANDWIDTHS)
        compiled = jax.jit(function).lower(*arguments).compile()
        analysis = compiled.memory_analysis()
        return Contender(
            lambda: jax.block_until_ready(compiled(*arguments)),
            analysis and analysis.temp_size_in_bytes,
        )

    return {
        "jaxgan": functools.partial(make, ours),
        "naive": functools.partial(make, functools.partial(other, naive_distances)),
        "dense": functools.partial(make, functools.partial(other, gram_distances)),
    }


def torch_contender(x: np.ndarray, y: np.ndarray, *, gradient: bool) -> Contender:
    """The dense form in PyTorch."""
    import torch

    real, fake = (torch.from_numpy(z).requires_grad_(gradient) for z in (x, y))

    def call() -> Any:
        with torch.set_grad_enabled(gradient):
            loss = mmd2_of(lambda a, b: mixture(torch.exp, gram_distances(a, b)), real, fake)
        return torch.autograd.grad(loss, (real, fake)) if gradient else loss

    return Contender(call)


def keops_contender(x: np.ndarray, y: np.ndarray, *, gradient: bool) -> Contender:
    """PyKeOps' lazy tensors, which never hold a matrix."""
    import torch
    from pykeops.torch import LazyTensor  # pyright: ignore[reportMissingImports]

    real, fake = (torch.from_numpy(z).requires_grad_(gradient) for z in (x, y))

    def total(a: Any, b: Any) -> Any:
        squared = ((LazyTensor(a[:, None]) - LazyTensor(b[None])) ** 2).sum(-1)
        return mixture(lambda t: t.exp(), squared).sum(1).sum()

    def call() -> Any:
        n, diagonal = len(real), len(real) * len(BANDWIDTHS)
        within = (total(real, real) + total(fake, fake) - 2 * diagonal) / (n * (n - 1))
        loss = within - 2 * total(real, fake) / n**2
        return torch.autograd.grad(loss, (real, fake)) if gradient else loss

    return Contender(call)


def bytes_needed(name: str, n: int, d: int) -> int:
    """At most: eight matrices of all pairs at once, and the naive form's differences."""
    if name in ("jaxgan", "keops"):
        return 0
    return 4 * n * n * (8 + (3 * d if name == "naive" else 0))


def compare(n: int, d: int, gradient: bool, options: argparse.Namespace, last: dict) -> None:
    """Times all contenders that fit and prints a line; `last` holds each one's time at n / 4."""
    x, y = (np.random.default_rng(s).normal(size=(n, d)).astype(np.float32) for s in (0, 1))
    makers = jax_contenders(x, y, gradient=gradient)
    makers["torch"] = functools.partial(torch_contender, x, y, gradient=gradient)
    if importlib.util.find_spec("pykeops"):
        makers["keops"] = functools.partial(keops_contender, x, y, gradient=gradient)
    contenders = {}
    for name, make in makers.items():
        too_long = 16 * last.get((name, d, gradient), 0) > options.seconds_per_call
        too_large = bytes_needed(name, n, d) > options.memory_gib * 2**30
        if name != "jaxgan" and (too_long or too_large):
            last[name, d, gradient] = float("inf")
            continue
        contenders[name] = make()
        seconds(contenders[name].call, 0)  # compiles kernels, and warms the allocators
    calls = {name: contender.call for name, contender in contenders.items()}
    times = alternating(calls, options.rounds)
    for name, samples in times.items():
        last[name, d, gradient] = statistics.median(samples)
    memory = {
        name: contender.temporaries / 2**20
        for name, contender in contenders.items()
        if contender.temporaries is not None
    }
    cells = [f"{n:>6} {d:>5}  {'gradient' if gradient else 'value':<8}"]
    own = times["jaxgan"]
    cells.append(f"{1e3 * statistics.median(own):>10.2f} ms {memory['jaxgan']:>9.2f} MiB")
    for name in list(makers)[1:]:
        if name not in times:
            cells.append(f"{name} -")
            continue
        size = f" ({memory[name]:.0f} MiB)" if name in memory else ""
        cells.append(f"{name} {ratio(times[name], own).median:.2f}x{size}")
    print("   ".join(cells), flush=True)


def offset_error(n: int = 512, d: int = 16, offset: float = 1e4) -> float:
    """The largest error of the fakes' gradient, relative to its largest entry."""
    import jax

    from jaxgan.kernels import gaussian_mixture
    from jaxgan.losses import mmd2

    x, y = (np.random.default_rng(s).normal(offset, 1, (n, d)).astype(np.float32) for s in (0, 1))
    gradient = jax.jit(jax.grad(functools.partial(mmd2, kernel=gaussian_mixture), 1))(x, y)
    expected = np.zeros((n, d))
    for points, sign, count in ((y, 2, n * (n - 1)), (x, -2, n * n)):
        difference = y[:, None].astype(np.float64) - points[None]
        squared = np.sum(difference**2, -1)
        slope = np.sum([-np.exp(-squared / (2 * b**2)) / b**2 for b in BANDWIDTHS], 0)
        expected += sign / count * np.sum(slope[..., None] * difference, 1)
    return float(np.abs(gradient - expected).max() / np.abs(expected).max())


def main() -> None:
    """Runs the comparison and prints one line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few sizes, 3 rounds: a minute")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory-gib", type=float, default=4.0)
    parser.add_argument("--seconds-per-call", type=float, default=SECONDS_PER_CALL)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--dimensions", type=int, nargs="+", default=DIMENSIONS)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds_per_call = 3, 1.0
        options.sizes, options.dimensions = QUICK_SIZES, QUICK_DIMENSIONS
    beside_torch(options.threads)
    if not importlib.util.find_spec("pykeops"):
        print("pykeops is not installed: left out")
    print(f"{options.threads} thread(s), {options.rounds} rounds; ratios: times jaxgan's time")
    last: dict[tuple[str, int, bool], float] = {}
    for d in options.dimensions:
        for gradient in (False, True):
            for n in options.sizes:
                compare(n, d, gradient, options, last)
    print(f"gradient error at an offset of 1e4 standard deviations: {offset_error():.1e}")


if __name__ == "__main__":
    main()
