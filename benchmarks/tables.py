"""What the benchmarks share that write tables: intervals, the hardware, tables in a document."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def interval(values: Sequence[float], digits: int) -> str:
    """The mean and the half-width of its 95 % interval, by Student's t; one value as it is."""
    from jaxgan.studies.statistics import student_interval

    mean, _, high, _ = student_interval(np.asarray(values, np.float64))
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    half = 0.0 if np.isnan(high) else high - mean  # where all are equal
    return f"{mean:.{digits}f} +- {half:.{digits}f}"


def hardware() -> str:
    """The first accelerator, or the processor and how many of its cores are at hand."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)
        return listed.stdout.splitlines()[0].partition(": ")[2].partition(" (")[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return f"{count} core{'s' if count != 1 else ''} of {_processor()}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*: (.*)", text)
    return found[1].strip() if found else platform.machine()


def insert(document: str, name: str, table: str) -> str:
    """The document with what stands between the markers of this name replaced by the table.

    The markers are `<!-- NAME -->` and `<!-- end of NAME -->`, each on a line of its own.

    Raises:
        ValueError: The document has no such markers.
    """
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if start not in document or end not in document:
        raise ValueError(f"the document has no markers {start.strip()} and {end}; write them there")
    before, rest = document.split(start, 1)
    after = rest.split(end, 1)[1]
    return f"{before}{start}\n{table.strip()}\n\n{end}{after}"
