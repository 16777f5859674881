"""The command line. A command, and jax and all that needs it, are imported on first use.

Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 data, 4 diverged, 5 interrupted
and saved, 6 run directory in use, 7 checkpoint unusable, 8 run directory cannot be
written. An error is one line; --debug adds the traceback.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

import jaxgan
from jaxgan.commands import processes
from jaxgan.errors import ConfigError, JaxganError

# Each is a module of `jaxgan.commands`, of which the one asked for is imported.
_COMMANDS = {
    "train": "Trains an experiment, or on a folder of images.",
    "sample": (
        "Draws samples of a run: a picture, an animation, an .npz, a .wav, or a folder of images."
    ),
    "sweep": (
        "Trains an experiment with many hyperparameters and seeds, in one program, and ranks them."
    ),
    "eval": "Scores a run, finished or not, or the images of any program, against real data.",
    "compare": (
        "Compares losses, or any variants of an experiment, over seeds: intervals and verdicts."
    ),
    "runs": "Lists the runs in a folder: how far each is, and its best score.",
    "list": (
        "Lists what there is of a kind: names, hyperparameters with defaults, and what each is."
    ),
}

# What the commands of other programs do, and what does it here.
_FOREIGN_COMMANDS = {
    "resume": "`jaxgan train`, given again as it was, goes on where its run stopped",
    "generate": "use `jaxgan sample RUN`",
    "test": "use `jaxgan eval RUN`",
    "fit": "use `jaxgan train EXPERIMENT`",
    "score": "use `jaxgan eval RUN`",
    "ls": "use `jaxgan runs`, or `jaxgan list KIND`",
    "status": "use `jaxgan runs`",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `jaxgan`; returns its exit code."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    return _guarded(rest, lambda: _run_command(command, rest))


def experiment_main(module_name: str, arguments: Sequence[str] | None = None) -> None:
    """The command `python -m experiments.NAME`: trains the experiment, then exits."""
    rest = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_guarded(rest, lambda: _module("train").command([module_name, *rest])))


def _run_command(command: str, arguments: Sequence[str]) -> None:
    if command in ("--version", "version"):
        print(f"jaxgan {jaxgan.__version__}")
        return
    if command in ("-h", "--help"):
        print("usage: jaxgan COMMAND [arguments]\n\ncommands:")
        for name, about in _COMMANDS.items():
            print(f"  {name:<8}{about}")
        print("\n`jaxgan COMMAND --help` tells the rest.")
        return
    if command in _FOREIGN_COMMANDS:
        raise ConfigError(f"unknown command {command!r}; {_FOREIGN_COMMANDS[command]}")
    if command not in _COMMANDS:
        from jaxgan.registry import unknown

        raise unknown("command", command, _COMMANDS)
    if command != "train":
        processes.refuse(arguments, command)
    _module(command).command(arguments)


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"jaxgan.commands.{command}")


def _guarded(arguments: Sequence[str], command: Callable[[], None]) -> int:
    """Runs a command; an error becomes one line and an exit code, unless --debug asks for more."""
    try:
        command()
    except JaxganError as error:
        if "--debug" in arguments:
            raise
        print(f"jaxgan: {error}", file=sys.stderr)
        return processes.leave(error, error.exit_code)
    except KeyboardInterrupt as error:  # the second one, or one before anything was trained
        print("jaxgan: stopped at once; the last checkpoint stands", file=sys.stderr)
        return processes.leave(error, 130)
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if "--debug" in arguments:
            raise
        line = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"jaxgan: {line[:500]} (--debug shows the traceback)", file=sys.stderr)
        return processes.leave(error, 1)
    return 0
