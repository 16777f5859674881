"""A train step on two devices of a CPU, by each of the ways to run it, against one device.

    python benchmarks/devices.py [--rounds 5]

The devices share the cores that there are, as forced host devices do. Rounds go forwards and
backwards in turn in one process; the result is the median over rounds of the ratio of times.
"""

import argparse
import os
import statistics

from timing import alternating, ratio, seconds
from train_step import CONTESTS, jaxgan_steps

from jaxgan import runtime

SIZES = (("points", 256), ("mlp", 64), ("mlp", 512), ("dcgan", 64), ("dcgan", 256))
SECONDS_PER_SAMPLE = 0.5


def main() -> None:
    """Runs the comparison and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    runtime.prepare()
    print("| network | batch | one device, ms | jit | shard_map | pmap |")
    print("| --- | --- | --- | --- | --- | --- |")
    for network, batch_size in SIZES:
        contest = CONTESTS[network]
        calls = {"one": jaxgan_steps(contest, batch_size)[0]}
        for mode in ("jit", "shard_map", "pmap"):
            calls[mode] = jaxgan_steps(contest, batch_size, mode, devices=2)[0]
        for steps in calls.values():
            seconds(steps, SECONDS_PER_SAMPLE)  # compiles, and warms the allocators
        times = alternating(calls, options.rounds, SECONDS_PER_SAMPLE)
        one = times.pop("one")
        cells = [f"{1e3 * statistics.median(one) / contest.steps_per_call:.2f}"]
        cells += [str(ratio(samples, one)) for samples in times.values()]
        print("|", " | ".join([network, str(batch_size), *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
