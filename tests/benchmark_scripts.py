"""Imports a benchmark, which is a script and no module of a package."""

import importlib.util
import sys
from pathlib import Path
from unittest import mock

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def load(name):
    """The script, which finds those beside it as when it is run."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
        spec.loader.exec_module(module)
    return module
