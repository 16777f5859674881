"""Several processes for one run: the flags that say how they find each other, and their start."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxgan.errors import ConfigError

_FLAGS = ("--coordinator HOST:PORT", "--num-processes N", "--process-id I")
# What the others may still have to do, such as to print, when a process is done.
_SHUTDOWN_SECONDS = 60


def start(
    *,
    distributed: bool,
    coordinator: str | None,
    num_processes: int | None,
    process_id: int | None,
) -> None:
    """Joins the processes of a run, where the flags ask for several; before jax is used.

    On TPU pods, under SLURM and under Open MPI, `jax.distributed` finds the others by itself.
    Processes on CPUs speak by Gloo. Of all of them the first alone prints.

    Args:
        distributed: Whether to find them so.
        coordinator: HOST:PORT of process 0, where they cannot be found so.
        num_processes: How many there are.
        process_id: Which of them this is, from 0.

    Raises:
        ConfigError: flags that are missing or out of range; no cluster to be found; or processes
            that do not meet.
    """
    given = (coordinator, num_processes, process_id)
    by_flags = any(value is not None for value in given)
    if not (distributed or by_flags):
        return
    if by_flags:
        _check(*given)
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(*given, shutdown_timeout_seconds=_SHUTDOWN_SECONDS)
    except (ValueError, RuntimeError) as error:
        if not by_flags:
            raise ConfigError(
                "--distributed finds no TPU pod, SLURM or Open MPI to tell of other processes; "
                f"use {', '.join(_FLAGS)}"
            ) from error
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"the processes do not meet at {coordinator} ({reason}); start all "
            f"{num_processes} of them, each with its own --process-id"
        ) from error
    if jax.process_index():
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends


def leave(error: BaseException, exit_code: int) -> int:
    """The exit code of an error; of one that other processes do not know, ends this one at once.

    They would be waited for, while they wait for this process in the next step.
    """
    jax = sys.modules.get("jax")
    known = getattr(error, "everywhere", False)
    if jax is not None and jax.distributed.is_initialized() and not known:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
    return exit_code


def refuse(arguments: Sequence[str], command: str) -> None:
    """Raises ConfigError where a command that runs in one process is asked for several."""
    names = {flag.partition(" ")[0] for flag in ("--distributed", *_FLAGS)}
    for argument in arguments:
        if argument.partition("=")[0] in names:
            raise ConfigError(
                f"`jaxgan {command}` runs in one process and takes no {argument}; `jaxgan train` "
                "trains one run in several"
            )


def _check(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Raises ConfigError unless the flags are all there, and in range."""
    given = zip(_FLAGS, (coordinator, num_processes, process_id), strict=True)
    missing = [flag for flag, value in given if value is None]
    if coordinator is None or num_processes is None or process_id is None:
        raise ConfigError(f"several processes need {missing[0]} too; use {', '.join(_FLAGS)}")
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(
            f"--coordinator is {coordinator!r}; it must be HOST:PORT of process 0, such as "
            "10.0.0.1:1234"
        )
    if num_processes < 1:
        raise ConfigError(f"--num-processes is {num_processes}; it must be at least 1")
    if not 0 <= process_id < num_processes:
        raise ConfigError(
            f"--process-id is {process_id} of {num_processes} processes; it must be in "
            f"[0, {num_processes - 1}]"
        )
