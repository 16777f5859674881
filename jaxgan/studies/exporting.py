"""Makes a member of a sweep a run of its own."""

from contextlib import closing
from functools import partial
from pathlib import Path

import jax

from jaxgan.data import described
from jaxgan.errors import CheckpointError, ConfigError
from jaxgan.fields import to_dict
from jaxgan.files import read_json
from jaxgan.runs.build import build
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import RunDirectory
from jaxgan.studies.groups import alone
from jaxgan.studies.layout import SweepDirectory
from jaxgan.studies.outcomes import Outcome
from jaxgan.studies.population import chosen, joined, population_like, state_like, typed
from jaxgan.training.parallel import make_mesh


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
    path = directory.checkpoints(group)
    with closing(Checkpointer(path, read_only=True)) as checkpointer:
        restored = checkpointer.restore(partial(population_like, program, len(members)))
    if restored is None:
        raise CheckpointError(f"{path} holds no checkpoint yet; let the sweep go on")
    population, kept = restored
    slot = members.index(index)
    outcome = Outcome(**kept["outcomes"][slot])
    if outcome.status == "diverged":
        raise CheckpointError(f"member {index} diverged: {outcome.reason}; export another one")
    state = typed(
        chosen(joined(population), slot), state_like(program, chosen(population.reference, 0))
    )
    metrics = dict(outcome.metrics)
    extra = {"window": {}, "metrics": metrics, "config": to_dict(files.read_config())}
    best = read_json(files.origin)["best"]
    options = {"best_metric": best["metric"], "highest": best["highest"]}
    with closing(Checkpointer(files.checkpoints, **options)) as checkpointer:
        checkpointer.save(state, extra=extra, metrics=metrics)
    return files
