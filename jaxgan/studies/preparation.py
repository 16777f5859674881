"""What sweeps of all kinds do before they train: programs, directories, and what scores members."""

import json
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import jax

from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.files import Log, read_json, write_json
from jaxgan.runs.build import Program, build
from jaxgan.runs.data_feed import fits_on_device
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.entries import user_modules
from jaxgan.runs.evaluators import evaluator_for, reference_for
from jaxgan.runs.memory import check_memory
from jaxgan.studies.groups import alone
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.space import Member
from jaxgan.training.parallel import make_mesh


def built(config: Config) -> Program:
    """The program of members of this config, on one device.

    Raises:
        ConfigError: a config that cannot be built, or data that does not fit on the device.
        DataError: data that is missing or unreadable.
    """
    config = alone(config)
    program = build(config, make_mesh(jax.local_devices()[:1]))
    if not fits_on_device(config, program):
        raise ConfigError(
            f"data set {program.source.name!r} is streamed from the host, and a sweep needs it on "
            "the device; set --data.placement device, or train runs one by one"
        )
    check_memory(config, program)
    return program


def check_same(directory: SweepDirectory, recipe: Mapping[str, Any]) -> None:
    """Raises ConfigError if the directory holds something else than the sweep of this recipe."""
    if directory.sweep.exists():
        earlier = read_json(directory.sweep)
        given = json.loads(json.dumps(recipe))  # without tuples
        differing = [name for name in given if given[name] != earlier.get(name)]
        if differing:
            raise ConfigError(
                f"{directory.root} holds a sweep with another {differing[0]}; choose another "
                "--workdir"
            )
    elif RunDirectory(directory.root).config.exists():
        raise ConfigError(f"{directory.root} holds a run; choose another --workdir")


def describe(
    directory: SweepDirectory,
    number: int,
    group: Sequence[Member],
    program: Program,
    experiment: ModuleType | None,
    best: tuple[str, bool],
) -> None:
    """Makes the directories of a group and of its members.

    Args:
        directory: Of the sweep.
        number: Of the group.
        group: Its members.
        program: Theirs.
        experiment: The module of the config, which is kept with each member.
        best: The score that members are ranked by, and whether its highest value is the best.
    """
    directory.checkpoints(number).mkdir(parents=True, exist_ok=True)
    write_json(directory.members(number), [member.index for member in group])
    data = program.described_data()
    modules = user_modules(group[0].config, experiment)
    for member in group:
        files = directory.member(member.index)
        files.root.mkdir(parents=True, exist_ok=True)
        files.describe(member.config, data, modules, best)


def evaluator(config: Config, program: Program, log: Log) -> Callable[[Any, Any], dict[str, float]]:
    """(state, key) -> the scores of a run of this config."""
    return evaluator_for(config, program, reference_for(config, program.source, log))
