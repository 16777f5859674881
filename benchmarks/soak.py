"""Kills a run at random moments, and compares what it comes to with a run that nobody touched.

    python benchmarks/soak.py [--kills 25] [--steps 3000] [--seed 0]

Each life of the ring experiment, on small networks with a checkpoint every 100 steps, ends by
SIGKILL after a time drawn from [0, the time of the untouched run]; the same command then goes on. A
run that reaches its end is compared, digest by digest of every array of its state and row by row of
metrics.jsonl, and another one is begun. Exits 1 at the first difference.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jaxgan.files import read_json
from jaxgan.runs.directory import RunDirectory


def command(workdir: Path, steps: int) -> list[str]:
    """The run, on small networks."""
    widths = [f"--{name}.network.kwargs.widths=16" for name in ("generator", "discriminator")]
    events = [f"--{name}-every=100" for name in ("log", "checkpoint", "sample")]
    sizes = [*widths, *events, "--eval-every=500", f"--steps={steps}", "--steps-per-call=20"]
    return [sys.executable, "-m", "experiments.ring", f"--workdir={workdir}", *sizes]


def life(arguments: list[str], seconds: float | None) -> int:
    """Starts the command and kills it after so many seconds; its exit code."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _, error = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            _, error = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"exit code {process.returncode}: {error}")
    return process.returncode


def outcome(workdir: Path, steps: int) -> dict[str, Any]:
    """Digests of the last state, and the rows without their times."""
    files = RunDirectory(workdir)
    rows = [json.loads(line) for line in files.metrics.read_text().splitlines()]
    metadata = read_json(files.checkpoints / str(steps) / "extra" / "metadata")
    return {
        "digests": metadata["digests"],
        "rows": [{name: row[name] for name in row if name != "time"} for row in rows],
    }


def main() -> None:
    """Prints one line a run, and how many kills there were."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments, killed = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        life(command(Path(folder) / "untouched", options.steps), None)
        whole = time.monotonic() - start
        expected = outcome(Path(folder) / "untouched", options.steps)
        while killed < options.kills:
            workdir, before = Path(folder) / f"killed-{killed}", killed
            arguments = command(workdir, options.steps)
            while killed < options.kills and life(arguments, moments.uniform(0, whole)):
                killed += 1
            life(arguments, None)
            found = outcome(workdir, options.steps)
            for part, value in expected.items():
                if found[part] != value:
                    sys.exit(f"after {killed - before} kills the {part} differ")
            print(f"{killed - before} kills: all {len(found['digests'])} arrays equal", flush=True)
    print(f"{killed} kills, all equal")


if __name__ == "__main__":
    main()
