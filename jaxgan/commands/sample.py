"""`jaxgan sample`: samples of a run, as a file or a folder."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jaxgan import runtime
from jaxgan.errors import ConfigError
from jaxgan.flags import parse


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Draws samples of a run: a picture, an animation, an .npz, a .wav, or a folder of images."""

    run: Path | None = None
    """Run directory."""
    num: int | None = None
    """Number of samples, default 64; of paths, default 8."""
    out: Path = Path("samples.png")
    """The .png, .gif, .npz or (of waveforms) .wav to write; without a suffix, a folder."""
    label: int | None = None
    """The class of all samples; default: the classes in turn."""
    interpolate: bool = False
    """Show paths between samples: rows of a .png; a .gif always does."""
    frames: int = 16
    """Samples along each path."""
    truncation: float | None = None
    """Draw latents of at most this size: less variety, and often better samples."""
    history: bool = False
    """Make a .gif of the pictures that training left."""
    step: str = "newest"
    """The checkpoint: newest, best, or a step."""
    seed: int = 0
    """Seed of the samples."""
    raw: bool = False
    """Use the current weights instead of their average."""
    debug: bool = False
    """Show the traceback of an error."""


def command(arguments: Sequence[str]) -> None:
    """Runs `jaxgan sample`.

    Raises:
        ConfigError: no run, or no checkpoint of this name; see also `jaxgan.runs.exports.export`.
    """
    options = parse(SampleOptions(), arguments, usage="jaxgan sample RUN")
    if options.run is None:
        raise ConfigError("name a run directory: jaxgan sample RUN; see --help")
    step = _step(options.step)
    runtime.prepare()
    from jaxgan.runs.exports import export, write_history
    from jaxgan.runs.run import load

    if options.history:
        write_history(options.out, options.run)
    else:
        export(
            load(options.run, step=step),
            options.out,
            num=options.num,
            label=options.label,
            frames=options.frames if options.interpolate else None,
            truncation=options.truncation,
            seed=options.seed,
            averaged=not options.raw,
        )
    print(options.out)


def _step(text: str) -> Literal["newest", "best"] | int:
    if text in ("newest", "best"):
        return text
    if text.isdecimal():
        return int(text)
    raise ConfigError(f"--step is {text!r}; it must be newest, best, or a step")
