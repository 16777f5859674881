"""`jaxgan runs`: the runs in a folder."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jaxgan.flags import parse


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunsOptions:
    """Lists the runs in a folder: how far each is, and its best score."""

    folder: Path = Path("runs")
    """Where to look, subfolders too."""
    debug: bool = False
    """Show the traceback of an error."""


def command(arguments: Sequence[str]) -> None:
    """Runs `jaxgan runs`.

    Raises:
        ConfigError: no such folder.
    """
    options = parse(RunsOptions(), arguments, usage="jaxgan runs FOLDER")
    from jaxgan.runs.overview import print_runs

    print_runs(options.folder)
