"""Going on with a run: whether a directory holds the run of a config, and what of it stays."""

from collections.abc import Callable

from jaxgan.config import Config, differences, override
from jaxgan.errors import ConfigError
from jaxgan.ramp import Ramp
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.entries import floats

# What an explicit resume may change: how long a run is and how it is watched.
_CHANGEABLE = {
    "steps",
    "steps_per_call",
    "log_every",
    "sample_every",
    "eval_every",
    "checkpoint_every",
    "monitor_every",
    "data.dir",
    "data.placement",
    "data.workers",
    "fsdp",
}


def resumed(
    directory: RunDirectory,
    config: Config,
    resume: bool,
    *,
    log: Callable[[str], None] = print,
) -> Config:
    """The config that the run in a directory goes on with: the one given, where there is no run.

    What was run is what the newest checkpoint says, or config.json before the first. Ramps without
    `steps` of their own keep those that they began with: they would jump, had the run others.

    Args:
        directory: The run directory.
        config: What is to be run.
        resume: Whether there must be a run, which may be changed in `_CHANGEABLE`.
        log: Told of each ramp that keeps its steps.

    Raises:
        ConfigError: there is no run to resume, or it is another one.
    """
    earlier = directory.checkpointed_config()
    if earlier is None and directory.config.exists():
        earlier = directory.read_config()
    if earlier is None:
        if resume:
            raise ConfigError(f"{directory.root} holds no run to resume; leave out --resume")
        return config
    kept = _kept_steps(config, earlier)
    longer, explicit = config, earlier
    for name, steps in kept.items():
        longer = override(longer, f"{name}.steps", steps)
        explicit = override(explicit, f"{name}.steps", steps)
    allowed = set(differences(explicit, longer)) <= _CHANGEABLE
    differing = differences(earlier, config)
    if differing and not (resume and allowed):
        raise ConfigError(
            f"{directory.root} holds a run with another {differing[0]} ({len(differing)} "
            "differences); choose another --workdir" + (", or pass --resume" if allowed else "")
        )
    if not resume:
        return config
    for name, steps in kept.items():
        log(f"{name} ends at step {steps}, as before")
    return longer


def _kept_steps(config: Config, earlier: Config) -> dict[str, int]:
    """The last steps of the ramps without any that another number of steps would move, by name."""
    before, kept = floats(earlier), {}
    for path, ramp in floats(config).items():
        was = before.get(path)
        if isinstance(ramp, Ramp) and ramp.steps is None and isinstance(was, Ramp):
            steps = was.steps or earlier.steps
            if steps != config.steps:
                kept[".".join(path)] = steps
    return kept
