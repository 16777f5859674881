"""Makes members of a sweep runs of their own."""

from contextlib import closing
from functools import partial
from pathlib import Path

import jax

from jaxgan.data import described
from jaxgan.errors import CheckpointError, ConfigError
from jaxgan.fields import to_dict
from jaxgan.files import read_json
from jaxgan.runs.build import Program, build
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.run import Run
from jaxgan.studies.groups import alone
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.outcomes import Outcome
from jaxgan.studies.population import chosen, joined, population_like, state_like, typed
from jaxgan.training.parallel import make_mesh
from jaxgan.training.state import GANState


def export(workdir: str | Path, index: int) -> RunDirectory:
    """Writes a member's newest state into its directory, which then is that of a run.

    `jaxgan.load`, `jaxgan sample` and `jaxgan eval` take it, and `jaxgan train --resume` goes on
    with it. Needs no data.

    Args:
        workdir: The directory of a sweep, finished or not.
        index: The number of the member.

    Raises:
        ConfigError: no sweep, no such member, or code of the user's that cannot be imported.
        CheckpointError: no checkpoint yet, or none that can be used; or the member diverged.
    """
    directory = SweepDirectory(Path(workdir).expanduser())
    if not directory.sweep.exists():
        raise ConfigError(f"{directory.root} holds no sweep; name a sweep's directory")
    groups = {number: read_json(directory.members(number)) for number in directory.groups()}
    found = [number for number, members in groups.items() if index in members]
    if not found:
        last = max(max(members) for members in groups.values())
        raise ConfigError(f"member is {index}; it must be in [0, {last}]")
    (group,), members = found, groups[found[0]]
    files = directory.member(index)
    files.import_modules()
    data = {name: described(data) for name, data in files.data().items()}
    source = data.pop("")
    mesh = make_mesh(jax.local_devices()[:1])
    config = alone(directory.member(members[0]).read_config())
    program = build(config, mesh, source=source, streams=data)
    state, outcome = _members(directory, group, program)[index]
    if outcome.status == "diverged":
        raise CheckpointError(f"member {index} diverged: {outcome.reason}; export another one")
    metrics = dict(outcome.metrics)
    extra = {"window": {}, "metrics": metrics, "config": to_dict(files.read_config())}
    best = read_json(files.origin)["best"]
    options = {"best_metric": best["metric"], "highest": best["highest"]}
    with closing(Checkpointer(files.checkpoints, **options)) as checkpointer:
        checkpointer.save(state, extra=extra, metrics=metrics)
    return files


def runs_of(workdir: str | Path, program: Program) -> dict[int, Run | None]:
    """All members of a finished sweep of one group as runs; None of one that diverged.

    They have no checkpoints of their own, unless `export` makes some.

    Args:
        workdir: The directory of the sweep.
        program: That of its members (`jaxgan.studies.preparation.built`).

    Raises:
        CheckpointError: no checkpoint, or none that can be used.
    """
    directory = SweepDirectory(Path(workdir).expanduser())
    (group,) = directory.groups()
    runs: dict[int, Run | None] = {}
    for index, (state, outcome) in _members(directory, group, program).items():
        files = directory.member(index)
        ended = outcome.status != "diverged"
        runs[index] = Run(files, files.read_config(), program, state) if ended else None
    return runs


def _members(
    directory: SweepDirectory, group: int, program: Program
) -> dict[int, tuple[GANState, Outcome]]:
    """The newest states of a group's members, and how these ended, by number."""
    path, members = directory.checkpoints(group), read_json(directory.members(group))
    with closing(Checkpointer(path, read_only=True)) as checkpointer:
        restored = checkpointer.restore(partial(population_like, program, len(members)))
    if restored is None:
        raise CheckpointError(f"{path} holds no checkpoint yet; let the sweep go on")
    population, kept = restored
    states, like = joined(population), state_like(program, chosen(population.reference, 0))
    return {
        index: (typed(chosen(states, slot), like), Outcome(**kept["outcomes"][slot]))
        for slot, index in enumerate(members)
    }
