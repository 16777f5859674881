"""Commands as a user gives them: in a process of its own, on one device."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def environment(**further):
    """As here, with one device; programs are compiled as quickly as in the tests around it."""
    flags = os.environ["XLA_FLAGS"].replace("--xla_force_host_platform_device_count=8", "")
    quick = {} if "JAXGAN_TEST_OPTIMISED" in os.environ else {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    return {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", **quick, **further}


def run(*arguments, timeout=120, **further):
    """Runs `python ARGUMENTS` from the repository."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment(**further),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
