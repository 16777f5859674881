"""Going on with a run: whether a directory holds the run of a config, and what of it stays."""

from collections.abc import Callable

from jaxgan.config import Config, differences, override
from jaxgan.errors import ConfigError
from jaxgan.fields import leaves
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
    differing = differences(earlier, config)
    forbidden = [name for name in differences(explicit, longer) if name not in _CHANGEABLE]
    if forbidden or (differing and not resume):
        name, had, given = _compared(earlier, config, (forbidden or differing)[0])
        others = f"; {len(differing) - 1} more differ" if len(differing) > 1 else ""
        remedy = "choose another --workdir"
        if not forbidden:
            remedy += ", or pass --resume"
        elif resume:
            remedy = f"--resume changes only how long a run is and how it is watched: {remedy}"
        raise ConfigError(
            f"{directory.root} holds a run with another {name} ({had}, not {given}{others}); "
            f"{remedy}"
        )
    if not resume:
        return config
    for name, steps in kept.items():
        log(f"{name} ends at step {steps}, as before")
    return longer


def _compared(earlier: Config, config: Config, name: str) -> tuple[str, str, str]:
    """What differs, down to the part of a ramp, as it was and as it is given."""
    had, given = ({path: x for path, x, _ in leaves(c)}.get(name) for c in (earlier, config))
    if isinstance(had, Ramp) and isinstance(given, Ramp):
        part = next(part for part in Ramp._fields if getattr(had, part) != getattr(given, part))
        name, had, given = f"{name}.{part}", getattr(had, part), getattr(given, part)
        if part == "steps":  # those of the run, where the ramp has none
            had, given = had or earlier.steps, given or config.steps
    return name, str(had), str(given)


def _kept_steps(config: Config, earlier: Config) -> dict[str, int]:
    """The last steps of the ramps that began without any, by name.

    Of those that another number of steps would move, or that now have these very steps.
    """
    before, kept = floats(earlier), {}
    for path, ramp in floats(config).items():
        was = before.get(path)
        if isinstance(ramp, Ramp) and isinstance(was, Ramp):
            steps = was.steps or earlier.steps
            moved = ramp.steps is None and steps != config.steps
            if moved or (was.steps is None and ramp.steps == steps):
                kept[".".join(path)] = steps
    return kept
