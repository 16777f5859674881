"""A run as an object: what it came to, and samples of its generator."""

import base64
import dataclasses
import operator
from collections.abc import Callable
from contextlib import closing
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, Shaped

from jaxgan.config import Config
from jaxgan.data import described
from jaxgan.errors import CheckpointError, ConfigError, DataError
from jaxgan.evaluation import conditions, draw, request
from jaxgan.files import read_json
from jaxgan.games import Algorithm
from jaxgan.pixels import model_batch
from jaxgan.registry import AT_LEAST_ONE, POSITIVE, Range, check_range
from jaxgan.runs.build import Program, build
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.predictions import Prediction, predicted
from jaxgan.runs.rows import read_rows
from jaxgan.runs.scoring import best_metric
from jaxgan.runs.sources import open_source
from jaxgan.training.latents import (
    linear_path,
    spherical_path,
    truncated_normal_latents,
    truncated_uniform_latents,
)
from jaxgan.training.parallel import make_mesh
from jaxgan.training.sampling import Choose
from jaxgan.types import Batch

Labels = int | Int[Array | np.ndarray, "n"]
Samples = Shaped[np.ndarray, "n ..."]


class Run:
    """A run, finished or not: what `jaxgan.train` returns and `jaxgan.load` finds.

    Samples are float images in [-1, 1] (`jaxgan.pixels.to_uint8` makes pictures of them) or points,
    made with averaged weights unless `averaged` is False. The data set is not needed, but for
    inputs to translate.

    Attributes:
        directory: Its files.
        config: What was run.
        program: Its functions.
        state: Its state, of one step.
    """

    def __init__(
        self, directory: RunDirectory, config: Config, program: Program, state: Any
    ) -> None:
        self.directory, self.config = directory, config
        self.program, self.state = program, state
        # One compilation for all truncations.
        self._sampler = lru_cache(self._make_sampler)

    @property
    def workdir(self) -> Path:
        """The run directory."""
        return self.directory.root

    @property
    def step(self) -> int:
        """The step of the state."""
        return int(self.state.step)

    @property
    def summary(self) -> dict[str, Any]:
        """How the run ended; empty while it goes on."""
        path = self.directory.summary
        return read_json(path) if path.exists() else {}

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """The rows of metrics.jsonl as a table: a column of floats for each name.

        A row without a figure has NaN there. `pandas.DataFrame(run.metrics)` takes it.
        """
        rows = read_rows(self.directory.metrics)
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}

    @property
    def num_classes(self) -> int | None:
        """How many classes samples may be asked for; None where they depend on no label."""
        return self.program.source.num_classes if self.program.conditional else None

    def generate(
        self,
        num: int = 64,
        *,
        key: PRNGKeyArray,
        labels: Labels | None = None,
        truncation: float | None = None,
        averaged: bool = True,
    ) -> Samples:
        """Samples [num, ...] of the generator.

        Args:
            num: How many, at least 1.
            key: The same key makes the same samples.
            labels: The class of all of them, or of each [num]; None: the classes in turn.
            truncation: Latents are drawn from |z_i| <= truncation, > 0: less variety, and often
                better samples (Brock et al. 2019). None: as they were in training.
            averaged: Whether to take averaged weights.

        Raises:
            ConfigError: labels of a run that has no classes, or not these; a truncation of an
                algorithm, or not above 0.
            DataError: a translator's data, which is missing or unreadable.
        """
        asked = self._asked(num, labels)
        sampler = self._sampler(averaged, truncation is not None)
        if truncation is not None:
            sampler = partial(sampler, self._limit(truncation))
        return draw(sampler, self.state, key, num, conditions=asked)[0]

    def interpolate(
        self,
        num: int = 8,
        steps: int = 8,
        *,
        key: PRNGKeyArray,
        labels: Labels | None = None,
        truncation: float | None = None,
        averaged: bool = True,
    ) -> Shaped[np.ndarray, "num steps ..."]:
        """Samples along `num` paths, each from one draw of z to another in `steps` equal steps.

        Paths are great circles for normal z (`jaxgan.training.latents.spherical_path`) and straight
        for uniform z. All else that the game draws is the same along a path.

        Args:
            num: How many paths, at least 1.
            steps: Samples of each, both ends among them, at least 2.
            key: For the ends, and what else is drawn.
            labels: The class of all paths, or of each [num]; None: the classes in turn.
            truncation: See `generate`; of the ends.
            averaged: Whether to take averaged weights.

        Raises:
            ConfigError: see `generate`; fewer than 2 steps.
        """
        check_range(steps, Range(low=2), "steps")
        asked = model_batch(self._asked(num, labels))
        ends_key, key = jax.random.split(key)
        draw_ends = self._latents(None if truncation is None else self._limit(truncation))
        ends = jnp.split(draw_ends(ends_key, 2 * num), 2)
        frames = [
            np.asarray(self._on_path(self.state, asked, key, ends, share, averaged=averaged))
            for share in np.linspace(0, 1, steps, dtype=np.float32)
        ]
        return np.stack(frames, axis=1)

    @cached_property
    def _on_path(self) -> Callable[..., Array]:
        """(state, batch, key, ends, share, averaged=) -> samples at this share of the paths."""
        path = spherical_path if self.config.latent.distribution == "normal" else linear_path

        def sample(
            state: Any, batch: Batch, key: PRNGKeyArray, ends: Any, share: Array, averaged: bool
        ) -> Array:
            start, end = ends
            z = path(start, end, share)
            on_path = self.program.with_latents(lambda _, n: _of_size(z, n))
            return on_path.sample(state, key, batch, averaged=averaged)

        return jax.jit(sample, static_argnames="averaged")

    def reconstruct(
        self, x: Shaped[Array | np.ndarray, "n ..."], *, labels: Labels | None = None
    ) -> Samples:
        """What the generator makes of the codes of samples, where the game has an encoder.

        Args:
            x: uint8 images, floats in [-1, 1], or points.
            labels: The class of all of them, or of each [n], where the networks get it.

        Raises:
            ConfigError: a game that cannot, or samples of another shape.
        """
        game, shape = self.program.game, self.program.source.shape
        if isinstance(game, Algorithm) or game.reconstruct is None:
            raise ConfigError(
                f"the game {self.config.game.name!r} has no encoder, and reconstructs nothing; "
                "vae, vae_gan and bigan do"
            )
        if x.shape[1:] != shape:
            raise ConfigError(
                f"x has shape {x.shape}; it must be [n, {', '.join(map(str, shape))}]"
            )
        given = None if labels is None else self._labels(len(x), labels)
        batch = model_batch(Batch(real=np.asarray(x), labels=given))
        # Means of codes are decoded; the key serves games that draw them.
        key = jax.random.key(self.config.seed)
        return np.asarray(self._reconstruct(self.state, batch, key))

    def predict(
        self,
        x: Shaped[Array | np.ndarray, "n ..."],
        *,
        key: PRNGKeyArray,
        num_samples: int = 199,
        level: float = 0.9,
        averaged: bool = True,
    ) -> Prediction:
        """What the generator makes of conditions: means and central intervals of its draws.

        Args:
            x: n conditions, as the data has them, such as the columns of a regression.
            key: The same key makes the same draws.
            num_samples: Draws of each, at least (1 + level) / (1 - level).
            level: The share of values that an interval is to hold, in (0, 1), where the generator
                is right. Of a game that says nothing of noise, such as a regression by squared
                errors, intervals are points.
            averaged: Whether to take averaged weights.

        Raises:
            ConfigError: data without conditions, conditions of another shape, or numbers out of
                range.
        """
        shape = self.program.source.condition_shape
        if shape is None:
            raise ConfigError(
                f"data set {self.program.source.name!r} has no conditions to predict from; "
                "generate makes samples"
            )
        if x.shape[1:] != shape or not len(x):
            raise ConfigError(
                f"x has shape {x.shape}; it must be [n, {', '.join(map(str, shape))}], with n >= 1"
            )
        sampler = self._sampler(averaged, False)
        options = {"key": key, "num_samples": num_samples, "level": level}
        return predicted(sampler, self.state, x, **options)

    @cached_property
    def _reconstruct(self) -> Callable[..., Array]:
        chosen: Choose = operator.attrgetter("reconstruct")
        return jax.jit(partial(self.program.play, chosen))

    def real_points(self, num: int) -> np.ndarray | None:
        """So many real points, to be shown under generated ones; None of images, or of no data."""
        if len(self.program.source.shape) == 3:
            return None
        try:
            source = open_source(self.config.data)
        except (ConfigError, DataError):
            return None
        return np.asarray(source.read(np.arange(min(num, source.size))).real)

    def __repr__(self) -> str:
        """One line: where, how far, how good."""
        scores = {name: value for name, value in self._scores().items() if np.isfinite(value)}
        shown = ", ".join(f"{name} {value:.4g}" for name, value in [*scores.items()][:3])
        return (
            f"Run({str(self.workdir)!r}, step {self.step:,} of {self.config.steps:,}"
            + (f": {shown}" if shown else "")
            + ")"
        )

    def _repr_html_(self) -> str:
        """For notebooks: the newest picture of samples, and the newest scores."""
        rows = "".join(
            f"<tr><td>{name}</td><td>{value:.4g}</td></tr>"
            for name, value in self._scores().items()
        )
        picture, image = self.directory.newest_picture(), ""
        if picture is not None:
            data = base64.b64encode((self.workdir / picture).read_bytes()).decode()
            image = f'<img src="data:image/png;base64,{data}" style="max-width: 300px">'
        return f"<p><code>{self.workdir}</code>, step {self.step:,}</p>{image}<table>{rows}</table>"

    def _scores(self) -> dict[str, float]:
        """The newest evaluation, without its prefix."""
        columns = self.metrics
        evaluated = [name for name in columns if name.startswith("eval/")]
        latest = {name: columns[name][~np.isnan(columns[name])] for name in evaluated}
        return {n.removeprefix("eval/"): float(v[-1]) for n, v in latest.items() if len(v)}

    def _make_sampler(self, averaged: bool, truncated: bool) -> Callable[..., Array]:
        if not truncated:
            return jax.jit(partial(self.program.sample, averaged=averaged))

        def sample(limit: Array, state: Any, key: PRNGKeyArray, batch: Batch) -> Array:
            program = self.program.with_latents(self._latents(limit))
            return program.sample(state, key, batch, averaged=averaged)

        return jax.jit(sample)

    def _latents(self, limit: Array | None) -> Any:
        latent = self.config.latent
        if limit is None:
            assert self.program.setup is not None
            return self.program.setup.latents
        normal = latent.distribution == "normal"
        return (truncated_normal_latents if normal else truncated_uniform_latents)(
            latent.dim, limit
        )

    def _limit(self, truncation: float) -> Array:
        check_range(truncation, POSITIVE, "truncation")
        if self.config.latent.distribution == "uniform" and truncation > 1:
            raise ConfigError(f"truncation is {truncation}; of uniform latents it is at most 1")
        return jnp.float32(truncation)

    def _asked(self, num: int, labels: Labels | None) -> Batch:
        """A batch that asks for these samples."""
        check_range(num, AT_LEAST_ONE, "num")
        if self.program.source.condition_shape is not None:
            # A translator: its inputs are those of the data.
            return conditions(open_source(self.config.data), num)
        classes = self.num_classes
        if classes is None and labels is not None:
            raise ConfigError("labels are given, and this generator is not conditional; omit them")
        if classes is None:
            return request(num)
        chosen = np.arange(num) % classes if labels is None else labels
        return request(num, labels=self._labels(num, chosen))

    def _labels(self, num: int, labels: Labels) -> np.ndarray:
        classes = self.program.source.num_classes
        found = np.asarray(labels)
        if found.shape not in ((), (num,)) or found.dtype.kind not in "iu":
            raise ConfigError(
                f"labels are {found.dtype}{list(found.shape)}; they must be one integer or [{num}]"
            )
        wrong = found[(found < 0) | (found >= (classes or 0))]
        if wrong.size:
            allowed = f"in [0, {classes - 1}]" if classes else "left out: the data has no classes"
            raise ConfigError(f"label is {wrong.flat[0]}; it must be {allowed}")
        return np.broadcast_to(found, (num,)).astype(np.int32)


def load(directory: str | Path, *, step: int | Literal["newest", "best"] = "newest") -> Run:
    """The run of a directory, on one device; needs no data, but for networks fitted to them.

    A network that losses compare the features of, and that no run trains, is made again: where it
    was fitted to the data set, it is taken from the cache, or else fitted once more.

    The run's own losses, networks, games and data sets are imported from where it was started, or
    else from their copies in the run directory.

    Args:
        directory: The run directory.
        step: Which checkpoint: the newest that is whole, that with the best score, or of a step.

    Raises:
        ConfigError: no run, or code of the user's that cannot be imported.
        CheckpointError: no such checkpoint, or none that can be used.
        DataError: no data, where losses compare features that were fitted to them.
    """
    files = RunDirectory(Path(directory).expanduser())
    config = files.read_config()
    files.import_modules()
    data = {name: described(data) for name, data in files.data().items()}
    source = data.pop("")
    alone = dataclasses.replace(config, parallel="jit")
    program = build(alone, make_mesh(jax.local_devices()[:1]), source=source, streams=data)
    missing = CheckpointError(f"{files.root} holds no checkpoint yet; let it train on")
    if not files.checkpoints.exists():
        raise missing
    best, highest = best_metric(config, program.source, conditional=program.conditional)
    like = partial(jax.eval_shape, program.init, jax.random.key(config.seed))
    with closing(
        Checkpointer(files.checkpoints, best_metric=best, highest=highest, read_only=True)
    ) as checkpointer:
        if step == "newest":
            found = checkpointer.restore(like)
            state = None if found is None else found[0]
        else:
            chosen = checkpointer.best_step() if step == "best" else step
            state = None if chosen is None else checkpointer.restore_step(chosen, like)
    if state is None:
        raise missing
    return Run(files, config, program, state)


def _of_size(z: Array, n: int) -> Array:
    if len(z) != n:
        raise ConfigError(
            f"this game asks for {n} latents where {len(z)} samples are wanted; it cannot be "
            "interpolated"
        )
    return z
