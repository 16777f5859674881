"""`jaxgan list`: what there is of a kind."""

import dataclasses
import importlib
from collections.abc import Sequence
from typing import Literal

from jaxgan import runtime
from jaxgan.errors import ConfigError
from jaxgan.flags import parse
from jaxgan.runs.experiments import experiments

Kind = Literal[
    "losses",
    "penalties",
    "augmentations",
    "kernels",
    "measures",
    "games",
    "networks",
    "optimizers",
    "metrics",
    "features",
    "datasets",
    "experiments",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Lists what there is of a kind: names, hyperparameters with defaults, and what each is."""

    kind: Kind | None = None
    """What to list."""
    debug: bool = False
    """Show the traceback of an error."""


def command(arguments: Sequence[str]) -> None:
    """Runs `jaxgan list`.

    Raises:
        ConfigError: no such kind.
    """
    options = parse(ListOptions(), arguments, usage="jaxgan list KIND")
    if options.kind is None:
        raise ConfigError("name a kind: jaxgan list losses; see --help")
    runtime.prepare()
    from jaxgan.runs.listing import described_entries

    if options.kind == "experiments":
        entries = {name: importlib.import_module(path) for name, path in experiments().items()}
        for name, module in entries.items():
            print(f"{name}\n    {(module.__doc__ or '').partition(chr(10))[0]}")
        return
    for line in described_entries(options.kind):
        print(line)
