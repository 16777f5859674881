"""FID, KID, PRDC and Inception's features: jaxgan's against the usual code, time and memory.

    python benchmarks/metrics.py [fid kid prdc inception] [--quick] [--threads 1] [--rounds 5]

fid: the distance of two sets' means and covariances, d = 2048, against pytorch-fid's arithmetic
(scipy.linalg.sqrtm of the product); and the whole way from 50,000 features of each set, against
np.cov and the same; and ours of n < d against ours of n > d samples. All but the first include
the standard error.
kid: 100 subsets of 1,000 out of 5,000 x 2048 features, against the NumPy loop over the subsets of
StyleGAN2-ADA and clean-fid, in float32 both; ours includes the standard error.
inception: features of 32 images of 299 x 299, by jaxgan in its own batches, against the same
network of random weights in PyTorch in one batch, as it is ("eager") and in channels_last.
prdc: 10,000 x 2048 features of each set, k = 5, against the package `prdc` of PyPI (left out where
it is not installed). Memory is the peak of a process's resident set above what it held before the
call, imports and features; jaxgan's first call compiles, which counts there and not in the times.

Rounds are A B B A in one process on the same cores; ratios are medians over rounds of the peer's
time over jaxgan's. Values are compared before times are.
"""

import argparse
import contextlib
import functools
import importlib.metadata
import importlib.util
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits
from timing import alternating, ratio, take_cores

from jaxgan import runtime

NEAREST = 5
METRICS = ("fid", "kid", "prdc", "inception")


def features(seed: int, n: int, d: int, dtype: Any = np.float32) -> np.ndarray:
    """Non-negative and correlated, as those of a network's last layer: ReLU of mixed noise."""
    rng = np.random.default_rng(seed)
    few = rng.standard_normal((n, d // 8), dtype=np.float32)
    mixing = np.random.default_rng(100).standard_normal((d // 8, d), dtype=np.float32)
    x = few @ mixing * np.float32((d // 8) ** -0.5)
    for start in range(0, n, 1000):  # no second matrix of that size: it would count as held before
        x[start : start + 1000] += 0.3 * rng.standard_normal(
            x[start : start + 1000].shape, dtype=np.float32
        )
    x += np.float32(0.05 * seed)
    return np.maximum(x, 0.0, out=x).astype(dtype, copy=False)


def sqrtm_distance(
    mean_r: np.ndarray, s_r: np.ndarray, mean_f: np.ndarray, s_f: np.ndarray
) -> float:
    """The arithmetic of pytorch-fid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        root, _ = scipy.linalg.sqrtm(s_r.dot(s_f), disp=False)
    difference = mean_r - mean_f
    return difference.dot(difference) + np.trace(s_r) + np.trace(s_f) - 2 * np.trace(root.real)


def loop_over_subsets(
    real: np.ndarray, fake: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> float:
    """The mean of unbiased MMD^2 over subsets, each with its own kernel matrices."""
    d, values = real.shape[1], []
    for i, j in zip(rows, columns, strict=True):
        x, y = real[i], fake[j]
        n, m = len(x), len(y)
        xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
        within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (
            m * (m - 1)
        )
        values.append(within - 2 * xy.mean())
    return float(np.mean(values))


def peer_prdc(real: np.ndarray, fake: np.ndarray) -> tuple[float, ...]:
    """PyPI's, without what it prints."""
    from prdc import compute_prdc  # pyright: ignore[reportMissingImports]

    with contextlib.redirect_stdout(io.StringIO()):
        scores = compute_prdc(real, fake, NEAREST)
    return tuple(float(scores[name]) for name in ("precision", "recall", "density", "coverage"))


def own_prdc(real: np.ndarray, fake: np.ndarray) -> tuple[float, ...]:
    """The same four of jaxgan."""
    from jaxgan.metrics import prdc

    return tuple(map(float, prdc(real, fake, k=NEAREST)))


def compare(name: str, own: Callable[[], Any], peer: Callable[[], Any], rounds: int) -> None:
    """Calls both once, which compiles and gives the values, then times them and prints a line."""
    values = [np.ravel(call()).astype(float) for call in (own, peer)]
    difference = np.abs(values[0] - values[1]).max()
    times = alternating({own: own, peer: peer}, rounds)
    print(
        f"{name:<30} jaxgan {statistics.median(times[own]):7.3f} s   "
        f"peer {statistics.median(times[peer]):7.3f} s   "
        f"{ratio(times[peer], times[own])} times   values {values[0].round(5).tolist()}, "
        f"differing by {difference:.1e}",
        flush=True,
    )


def compare_fid(n: int, d: int, rounds: int) -> None:
    """The distance of moments, then the whole way from features; float64, as pytorch-fid's are."""
    from jaxgan.metrics import fid, frechet_distance, moments

    print(f"scipy {scipy.__version__}")
    real, fake = features(0, n, d, np.float64), features(1, n, d, np.float64)
    a, b = moments(real), moments(fake)
    statistics_ = a.mean, a.covariance, b.mean, b.covariance

    def whole() -> float:
        means = real.mean(axis=0), fake.mean(axis=0)
        covariances = (np.cov(x, rowvar=False) for x in (real, fake))
        pairs = zip(means, covariances, strict=True)
        return sqrtm_distance(*(part for pair in pairs for part in pair))

    compare(
        f"FID of moments, d = {d}",
        functools.partial(frechet_distance, a, b),
        functools.partial(sqrtm_distance, *statistics_),
        rounds,
    )
    compare(f"FID of {n} x {d} features", functools.partial(fid, real, fake), whole, rounds)


def compare_few(few: int, many: int, d: int, rounds: int) -> None:
    """FID of fewer samples than features should cost less than of more."""
    from jaxgan.metrics import fid

    small, large = ([features(seed, n, d, np.float64) for seed in (0, 1)] for n in (few, many))
    calls = {"few": functools.partial(fid, *small), "many": functools.partial(fid, *large)}
    for call in calls.values():
        call()
    times = alternating(calls, rounds)
    print(
        f"FID of {few}, of {many}, d = {d}: {statistics.median(times['few']):.3f} s, "
        f"{statistics.median(times['many']):.3f} s: {ratio(times['many'], times['few'])} times",
        flush=True,
    )


def compare_kid(n: int, d: int, num_subsets: int, subset_size: int, rounds: int) -> None:
    """The same subsets for both."""
    import jax

    from jaxgan.metrics import kid
    from jaxgan.metrics.kernel_inception import subset_indices

    real, fake, key = features(0, n, d), features(1, n, d), jax.random.key(0)
    rows, columns = subset_indices(key, n, n, num_subsets, subset_size)

    def own() -> float:
        return kid(real, fake, num_subsets=num_subsets, subset_size=subset_size, key=key).mean

    compare(
        f"KID, {num_subsets} x {subset_size} of {n}",
        own,
        functools.partial(loop_over_subsets, real, fake, rows, columns),
        rounds,
    )


def compare_prdc(n: int, d: int, rounds: int, peaks: dict[str, float]) -> None:
    """Times, and the peaks of memory that were measured before."""
    real, fake = features(0, n, d), features(1, n, d)
    compare(
        f"PRDC of {n} x {d} features",
        functools.partial(own_prdc, real, fake),
        functools.partial(peer_prdc, real, fake),
        rounds,
    )
    own, peer = peaks["own"], peaks["peer"]
    print(f"{'':<30} jaxgan {own:7.0f} MiB peer {peer:7.0f} MiB {own / peer:6.2f} of the peer's")


def compare_inception(n: int, threads: int, rounds: int) -> None:
    """Images that need no resizing, and the same weights."""
    import torch

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from features.torch_inception import (  # pyright: ignore[reportMissingImports]
        random_inception,
    )

    from jaxgan.features import extract, load_inception
    from jaxgan.features.inception import SIDE

    torch.set_num_threads(threads)
    model = random_inception()
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), path := Path(folder) / "weights.pth")
        network = load_inception(path)
    images = np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)

    def own() -> np.ndarray:
        return extract(network, images)[0]

    for name, layout in (
        ("eager", torch.contiguous_format),
        ("channels_last", torch.channels_last),
    ):
        peer = model.to(memory_format=layout)

        def of_peer(peer: Any = peer, layout: Any = layout) -> np.ndarray:
            inputs = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
            with torch.inference_mode():
                return peer(inputs.contiguous(memory_format=layout))[0].numpy()

        values = own(), of_peer()
        difference = np.abs(values[0] - values[1]).max() / np.abs(values[1]).max()
        assert difference < 1e-4, difference
        times = alternating({"own": own, "peer": of_peer}, rounds)
        milliseconds = (1e3 * statistics.median(times[which]) / n for which in ("own", "peer"))
        print(
            f"Inception, {n} images, {name:<14}"
            " jaxgan {:6.1f} ms an image   peer {:6.1f} ms an image   ".format(*milliseconds)
            + f"{ratio(times['peer'], times['own'])} times   differing by {difference:.0e}",
            flush=True,
        )


def peak_of(which: str, n: int, d: int) -> float:
    """MiB that a call adds to the resident set of this process, which has done nothing else."""
    import jax
    import sklearn.metrics  # noqa: F401 - what both import is held before

    jax.numpy.zeros(1).block_until_ready()
    call = {"own": own_prdc, "peer": peer_prdc}[which]
    real, fake = features(0, n, d), features(1, n, d)
    call(real[:100], fake[:100])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call(real, fake)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10


def measure_peaks(n: int, d: int, threads: int) -> dict[str, float]:
    """Each in a process of its own, started while this one is small: a peak is inherited."""
    script = [sys.executable, __file__, "prdc", "--threads", str(threads), "--size", str(n), str(d)]
    peaks = {}
    for which in ("own", "peer"):
        lines = subprocess.run(
            [*script, "--peak-of", which], check=True, capture_output=True, text=True
        ).stdout
        peaks[which] = float(lines.split()[-1])
    return peaks


def main() -> None:
    """Runs the comparisons asked for and prints a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("metrics", nargs="*", metavar="|".join(METRICS), help="default: all")
    parser.add_argument("--quick", action="store_true", help="smaller sets, 3 rounds: a minute")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--peak-of", choices=("own", "peer"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = options.metrics or METRICS
    if unknown := set(chosen) - set(METRICS):
        parser.error(f"unknown metric {sorted(unknown)[0]!r}; choose from {', '.join(METRICS)}")
    # XLA's pool is sized by the cores that the process may use; those of NumPy and SciPy exist.
    take_cores(options.threads)
    threadpool_limits(options.threads)
    if options.peak_of:
        print(peak_of(options.peak_of, *options.size))
        return
    rounds = min(options.rounds, 3) if options.quick else options.rounds
    print(f"{options.threads} thread(s), {rounds} rounds; ratios: the peer's time over jaxgan's")
    prdc_size = (2000, 512) if options.quick else (10_000, 2048)
    has_prdc = "prdc" in chosen and importlib.util.find_spec("prdc") is not None
    peaks = measure_peaks(*prdc_size, options.threads) if has_prdc else {}
    runtime.prepare()
    if "fid" in chosen:
        compare_fid(*((5000, 1024) if options.quick else (50_000, 2048)), rounds)
        compare_few(*((1000, 2000, 1024) if options.quick else (2000, 4000, 2048)), rounds)
    if "kid" in chosen:
        compare_kid(*((2000, 512, 50, 500) if options.quick else (5000, 2048, 100, 1000)), rounds)
    if has_prdc:
        print(f"prdc {importlib.metadata.version('prdc')}")
        compare_prdc(*prdc_size, rounds, peaks)
    elif "prdc" in chosen:
        print("prdc is not installed (pip install prdc): left out")
    if "inception" in chosen and importlib.util.find_spec("torch") is not None:
        compare_inception(8 if options.quick else 32, options.threads, rounds)
    elif "inception" in chosen:
        print("torch is not installed (pip install torch): Inception is left out")


if __name__ == "__main__":
    main()
