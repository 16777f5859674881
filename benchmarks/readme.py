"""The README from top to bottom: each command at full length, and the figures that it promises.

    python benchmarks/readme.py [--folder DIR]

In an empty folder (--folder keeps it) with the files that the README tells to write. Commands go to
a shell as they stand but for three: `make demo` is `python -m experiments.digits`, without an
environment of its own; `make test` is left out; and training on photos, which are made of
scikit-learn's digits, stops after 600 of 20,000 steps. What is checked of them:

    # 8 of 8 modes, 93 %              a comment above a command that trains: the modes, and the
                                      share of high quality to within MARGIN, at the end of the run
    # loss/encoder falls below 0.5    likewise: below it at the end, above it at first
    --controllers ...                 over the second half of the run, the mean of what is measured
                                      is the target, to within TOLERANCE, and what is adjusted
                                      does not come to a limit
    --out FILE                        the file is there
    sweep.py, and code of no file     no figure that they print is NaN
    all                               the exit code is 0

The exit code is 1 if anything did not hold. On one core of an AMD EPYC, 2026-11-21: 12 minutes of
its time, 23 beside other work.
"""

import argparse
import contextlib
import json
import math
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
REPLACED = {"make demo": "python -m experiments.digits", "make test": "true"}
PHOTOS = ("jaxgan train photos", " --steps 600 --eval-every 300")
NUM_PHOTOS = 300
# How comments promise figures.
COUNT = re.compile(r"(\d+) of \d+ (modes|classes)")
SHARE = re.compile(r"modes, (\d+) %")
FALL = re.compile(r"(\w+/\w+) falls below ([\d.]+)")
MARGIN = 0.03  # of the share of high quality: the scatter of seeds and of machines
TOLERANCE = 0.01  # of what a controller measures


class Command(NamedTuple):
    """A line of a shell block, and the comment above it."""

    line: str
    comment: str


class Promise(NamedTuple):
    """A figure of a run: a name in metrics.jsonl, and what its last value is to be."""

    name: str
    how: Literal["is", "near", "falls below"]
    value: float


class Readme(NamedTuple):
    """What a README tells to do: commands, files by name, and code that follows no file's name."""

    commands: tuple[Command, ...]
    files: dict[str, str]
    code: tuple[str, ...]


def read(text: str) -> Readme:
    """The commands and the code of a README."""
    files = re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL)
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shell = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    commands = re.findall(r"^(?:# (.*)\n)?([^#\n]+)$", shell, re.MULTILINE)
    return Readme(
        tuple(Command(line, comment) for comment, line in commands),
        dict(files),
        tuple(block for block in code if block not in dict(files).values()),
    )


def run_of(line: str) -> str | None:
    """The run directory of a command that trains."""
    words = shlex.split(line)
    if "--help" in words or (words[:2] != ["jaxgan", "train"] and "-m" not in words):
        return None
    if "--workdir" in words:
        return words[words.index("--workdir") + 1]
    return "runs/" + words[2].removeprefix("experiments.")


def kept(comment: str) -> list[Promise]:
    """The figures that a comment promises."""
    counts = [Promise(f"eval/{what}", "is", float(n)) for n, what in COUNT.findall(comment)]
    shares = [Promise("eval/high_quality", "near", float(p) / 100) for p in SHARE.findall(comment)]
    falls = [Promise(name, "falls below", float(bound)) for name, bound in FALL.findall(comment)]
    return counts + shares + falls


def broken(
    promises: list[Promise], config: dict[str, Any], rows: list[dict[str, float]]
) -> Iterator[str]:
    """What does not hold of a run.

    Args:
        promises: Figures of the README.
        config: The run's config.json.
        rows: Those of its metrics.jsonl.
    """
    for name, how, value in promises:
        first, last = rows[0].get(name, math.inf), rows[-1][name]
        if how == "is":
            holds = last == value
        elif how == "near":
            holds = abs(last - value) <= MARGIN
        else:
            holds = last < value < first
        if not holds:
            yield f"{name} {how} {value:g}: it ended at {last:.3g}"
    for label, controller in config["controllers"].items():
        measured, adjusted = (
            [row[f"controllers/{label}/{of}"] for row in rows[len(rows) // 2 :]]
            for of in ("measured", "adjusted")
        )
        mean, target = statistics.fmean(measured), controller["target"]
        if abs(mean - target) > TOLERANCE * abs(target):
            yield f"{controller['name']} is {mean:.3f} in the second half, not {target}"
        if not controller["lower"] < min(adjusted) <= max(adjusted) < controller["upper"]:
            yield f"{controller['adjusts']} is at its limit: {min(adjusted):g} to {max(adjusted):g}"


def environment(folder: Path) -> dict[str, str]:
    """That of a user: the programs beside this Python, and the experiments of this checkout."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**own, "PATH": beside, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def check(line: str, comment: str, folder: Path) -> list[str]:
    """Runs a command in a folder; what did not hold."""
    ended = subprocess.run(
        line, shell=True, cwd=folder, env=environment(folder), capture_output=True, text=True
    )
    if ended.returncode:
        return [f"exit code {ended.returncode}: {ended.stderr.strip()[-500:]}"]
    if line.endswith(".py") and re.search(r"\bnan\b", ended.stdout):
        return [f"prints {ended.stdout.strip()}"]
    words, run = shlex.split(line), run_of(line)
    if "--out" in words and not (folder / words[words.index("--out") + 1]).exists():
        return ["no output"]
    if run is None:
        return []
    rows = (folder / run / "metrics.jsonl").read_text().splitlines()
    config = json.loads((folder / run / "config.json").read_text())
    return list(broken(kept(comment), config, [json.loads(row) for row in rows]))


def photos(folder: Path) -> None:
    """Writes handwritten digits as images in two subfolders."""
    for i, pixels in enumerate(load_digits(return_X_y=True)[0][:NUM_PHOTOS].reshape(-1, 8, 8)):
        (folder / str(i % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15).astype("uint8")).save(folder / str(i % 2) / f"{i}.png")


def repeat(folder: Path, readme: Readme) -> Iterator[tuple[str, list[str], float]]:
    """Each command, what of it did not hold, and its seconds: commands, then files, then code."""
    photos(folder / "photos")
    for name, content in readme.files.items():
        (folder / name).write_text(content)
    # What trains has a command; what does not is run as a script.
    trained = {Path(run).name for c in readme.commands if (run := run_of(c.line))}
    scripts = [name for name in readme.files if name.removesuffix(".py") not in trained]
    for number, content in enumerate(readme.code):
        (folder / f"code_{number}.py").write_text(content)
        scripts.append(f"code_{number}.py")
    for command in (*readme.commands, *(Command(f"python {name}", "") for name in scripts)):
        line = REPLACED.get(command.line, command.line)
        line += PHOTOS[1] if line.startswith(PHOTOS[0]) else ""
        start = time.perf_counter()
        yield line, check(line, command.comment, folder), time.perf_counter() - start


def main() -> None:
    """Repeats the README, one line for each command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="empty, and kept; default: a temporary one")
    arguments = parser.parse_args()
    failed = False
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for line, wrong, seconds in repeat(folder.resolve(), read(README.read_text())):
            failed |= bool(wrong)
            print(f"{seconds:4.0f} s  {'; '.join(wrong) or 'holds'}  {line}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
