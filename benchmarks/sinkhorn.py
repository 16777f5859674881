"""The Sinkhorn divergence of jaxgan against that of ott-jax, as a loss: time, and what it costs.

    python benchmarks/sinkhorn.py [--threads 1] [--rounds 7]

n real against n fake samples of dimension d, squared Euclidean cost, value and gradient by both
sides, float32, jitted. Both get the same epsilon, a hundredth of the mean cost, and the same number
of iterations (ott-jax's threshold is 0, so that it does not stop early). Rounds alternate in one
process; ratios are medians over rounds of ott-jax's time over jaxgan's. Errors are relative to the
debiased cost after 2,000 iterations in float64. ott-jax comes with the extra `bench`.
"""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import alternating, ratio, take_cores

from jaxgan import runtime

SIZES, DIMENSIONS, ITERATIONS = (256, 1024), (2, 128), 100


def exact(x: np.ndarray, y: np.ndarray, epsilon: float) -> float:
    """The divergence by plain Sinkhorn iterations in float64."""
    from scipy.special import logsumexp

    def cost(a: np.ndarray, b: np.ndarray) -> float:
        c = ((a[:, None] - b[None]) ** 2).sum(-1).astype(np.float64)
        f, g = np.zeros(len(a)), np.zeros(len(b))
        for _ in range(2000):
            f = -epsilon * (logsumexp((g[None] - c) / epsilon, axis=1) - np.log(len(b)))
            g = -epsilon * (logsumexp((f[:, None] - c) / epsilon, axis=0) - np.log(len(a)))
        return f.mean() + g.mean()

    return cost(x, y) - (cost(x, x) + cost(y, y)) / 2


def own(epsilon: float) -> Callable[[Any, Any], Any]:
    """jaxgan's, as its loss calls it."""
    from jaxgan.losses import sinkhorn_divergence

    return lambda x, y: sinkhorn_divergence(x, y, epsilon=epsilon, num_iterations=ITERATIONS)


def peer(epsilon: float) -> Callable[[Any, Any], Any]:
    """ott-jax's: its divergence with gradients by the envelope theorem, as ours."""
    from ott.geometry import pointcloud  # pyright: ignore[reportMissingImports]
    from ott.solvers import linear  # pyright: ignore[reportMissingImports]

    def divergence(x: Any, y: Any) -> Any:
        def cost(a: Any, b: Any) -> Any:
            geometry = pointcloud.PointCloud(a, b, epsilon=epsilon)
            solved = linear.solve(
                geometry, min_iterations=ITERATIONS, max_iterations=ITERATIONS, threshold=0.0
            )
            return solved.reg_ot_cost

        return cost(x, y) - (cost(x, x) + cost(y, y)) / 2

    return divergence


def compare(n: int, d: int, rounds: int) -> None:
    """Prints a line of the table."""
    import jax

    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = (rng.normal(size=(n, d)) * 1.5 + 0.5).astype(np.float32)
    epsilon = 0.01 * float(np.mean(((x[:100, None] - y[None, :100]) ** 2).sum(-1)))
    calls, errors = {}, []
    for form in (own, peer):
        compiled = jax.jit(jax.value_and_grad(form(epsilon), argnums=(0, 1)))
        value, _ = compiled(x, y)
        errors.append(abs(float(value) / exact(x, y, epsilon) - 1) if n <= 256 else float("nan"))
        calls[form] = lambda compiled=compiled: jax.block_until_ready(compiled(x, y))
    times = alternating(calls, rounds)
    print(
        f"n = {n:5}, d = {d:4}: jaxgan {1e3 * statistics.median(times[own]):7.1f} ms, "
        f"ott-jax {ratio(times[peer], times[own])} times that; "
        f"errors {errors[0]:.1e}, {errors[1]:.1e}",
        flush=True,
    )


def main() -> None:
    """Runs all sizes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    take_cores(options.threads)
    runtime.prepare()
    for n in SIZES:
        for d in DIMENSIONS:
            compare(n, d, options.rounds)


if __name__ == "__main__":
    main()
