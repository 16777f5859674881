"""Turns a config into functions: here names are looked up and values checked."""

import operator
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, PRNGKeyArray

from jaxgan.config import Config
from jaxgan.data import Source, describe, whole
from jaxgan.errors import ConfigError
from jaxgan.games import Algorithm, Game, Latents
from jaxgan.numerics import depends
from jaxgan.pixels import model_batch
from jaxgan.purposes import FIT
from jaxgan.runs.entries import make_ramps, nested_floats
from jaxgan.runs.playing import make_controllers, make_game, make_players, share_statistics
from jaxgan.runs.sources import open_source
from jaxgan.training import parallel
from jaxgan.training.latents import normal_latents, uniform_latents
from jaxgan.training.parallel import RunSteps
from jaxgan.training.sampling import Choose, played, sampling
from jaxgan.training.schedules import at_start
from jaxgan.training.state import GANState, Setup, create, initial_nets
from jaxgan.training.steps import TrainStep, make_train_step
from jaxgan.types import Batch, Hparams


class Program(NamedTuple):
    """A config, built.

    Attributes:
        source: The data.
        streams: Further data, by name.
        mesh: The devices.
        mode: How a step runs on them (`jaxgan.training.parallel`).
        game: The game with the floats that the run starts with, or an algorithm of its own.
        setup: What is static of the game; None of an algorithm.
        hparams: The floats that the run starts with, nested as the config is.
        init: (key, reference=None) -> the first state, with what `fit` made; pure, to be jitted.
        train_step: See `jaxgan.training.steps.make_train_step`; of "pmap" one device's.
        device_step: What one device runs of it: the same, but under "shard_map".
        run_steps: (state, data, K) -> (state, metrics [K]): K steps on the whole of `data()`. Pure
            and not compiled: a sweep is its vmap.
        sample: (state, key, batch, averaged=True) -> samples: one for each row of the batch, of
            which labels and condition are used.
        conditional: Whether samples depend on the labels asked for.
    """

    source: Source
    streams: Mapping[str, Source]
    mesh: Mesh
    mode: str
    game: Game | Algorithm
    setup: Setup | None
    hparams: dict[str, Any]
    init: Callable[..., Any]
    train_step: TrainStep
    device_step: TrainStep
    run_steps: RunSteps
    sample: Callable[..., Array]
    conditional: bool

    def data(self) -> Batch:
        """All samples of every stream, for `run_steps`; on the host until they are used."""
        return whole(self.source).replace(
            streams={name: whole(stream) for name, stream in self.streams.items()}
        )

    def described_data(self) -> dict[str, Any]:
        """What `jaxgan.data.describe` says of each stream; "" is the main one."""
        streams = {"": self.source, **self.streams}
        return {name: describe(stream) for name, stream in streams.items()}

    def play(
        self, choose: Choose, state: GANState, batch: Batch, key: PRNGKeyArray, **options: Any
    ) -> Any:
        """See `jaxgan.training.sampling.played`."""
        assert self.setup is not None
        return played(self.setup, choose, state, batch, key, **options)

    def with_latents(self, latents: Latents) -> "Program":
        """The program with samples of other latents: of a part of their distribution, or chosen.

        Raises:
            ConfigError: an algorithm, which draws its own latents.
        """
        if self.setup is None:
            raise ConfigError(
                "this run's algorithm draws its own latents; truncation and interpolation need a "
                "game"
            )
        setup = self.setup._replace(latents=latents)
        return self._replace(setup=setup, sample=partial(_sample, setup, self.source.shape))

    def held_out_scores(self) -> Callable[[Any, Batch, PRNGKeyArray], dict[str, Array]] | None:
        """(state, batch, key) -> the game's own figures of held-out samples; None without any."""
        if isinstance(self.game, Algorithm) or self.game.scores is None:
            return None

        def scores(state: GANState, batch: Batch, key: PRNGKeyArray) -> dict[str, Array]:
            chosen: Choose = operator.attrgetter("scores")
            return self.play(chosen, state, model_batch(batch), key)

        return parallel.readable(scores, self.mesh)

    def fit(self, key: PRNGKeyArray) -> Any:
        """What the game fits to the data before the first step, on the host; None without."""
        fit = self.game.fit if isinstance(self.game, Game) else None
        if fit is None:
            return None
        assert self.setup is not None
        nets = initial_nets(self.setup, at_start(self.hparams, self.setup.ramps), key)
        made = fit(nets, self.source, jax.random.fold_in(key, FIT))
        if not isinstance(made, dict) or not _are_nested_dicts(made):
            raise ConfigError(
                f"the game's fit returns {type(made).__name__}; it must return nested dicts of "
                "arrays, such as {'mean': mean}"
            )
        return jax.tree.map(jnp.asarray, made)


def _are_nested_dicts(tree: Any) -> bool:
    if isinstance(tree, dict):
        return all(map(_are_nested_dicts, tree.values()))
    return isinstance(tree, jax.Array | np.ndarray | float | int)


def build(
    config: Config,
    mesh: Mesh | None = None,
    *,
    source: Source | None = None,
    streams: Mapping[str, Source] | None = None,
) -> Program:
    """The functions of a run, on all devices or on those of `mesh`.

    Args:
        config: What to run.
        mesh: Where to run it.
        source: The data, in the place of what the config names.
        streams: The further data.

    Raises:
        ConfigError: an unknown name, or a value that its owner does not take.
        DataError: data that is missing or unreadable.
    """
    mesh = parallel.make_mesh() if mesh is None else mesh
    for name, data in {"data": config.data, **_streams(config)}.items():
        parallel.check_shares(f"{name}.batch_size", data.batch_size, mesh)
    parallel.check_mode(config.parallel, mesh, fsdp=config.fsdp)
    if config.monitor_every:
        parallel.check_shares("num_monitor_samples", config.num_monitor_samples, mesh)
    hparams = nested_floats(config)
    opened = cache(partial(_opened, config, source))
    game_of = make_game(config, opened)
    controllers = make_controllers(config)
    source = opened()
    if streams is None:
        streams = {name: open_source(data) for name, data in config.streams.items()}
    example = _example(config, source, streams)
    ramps = make_ramps(config)
    game = game_of(at_start(hparams, ramps))
    mappable = isinstance(game, Game) and share_statistics(config)
    mode = parallel.chosen_mode(config.parallel, mesh, fsdp=config.fsdp, mappable=mappable)
    axis_name = parallel.axis_name(mode)
    if isinstance(game, Algorithm):
        setup, init, device_step = None, partial(_init_algorithm, game, example), game.train_step
        sample = partial(_sample_algorithm, game, source.shape)
    else:
        setup = Setup(
            game=cast(Callable[[Hparams], Game], game_of),
            players=make_players(config, source, axis_name),
            latents=_LATENTS[config.latent.distribution](config.latent.dim),
            ramps=ramps,
            axis_name=axis_name,
        )
        init = partial(create, example=example, setup=setup, hparams=hparams)
        device_step = make_train_step(
            setup,
            controllers=controllers,
            discriminator_steps=config.discriminator_steps,
            fresh_latents=config.fresh_latents,
        )
        sample = partial(_sample, setup, source.shape)
    train_step = device_step
    if mode == "shard_map":
        train_step = parallel.of_whole_batches(device_step, mesh)
    run_steps = parallel.make_run_steps(
        device_step, mode=mode, mesh=mesh, batch_sizes=batch_sizes(config)
    )
    return Program(
        source,
        streams,
        mesh,
        mode,
        game,
        setup,
        hparams,
        init,
        train_step,
        device_step,
        run_steps,
        sample,
        conditional=example.labels is not None and _uses_labels(game, setup, example, hparams),
    )


def _opened(config: Config, source: Source | None) -> Source:
    return open_source(config.data) if source is None else source


_LATENTS = {"normal": normal_latents, "uniform": uniform_latents}


def batch_sizes(config: Config) -> dict[str, int]:
    """Rows of one step, over all devices, of each stream; "" is the main one."""
    streams = {"": config.data, **config.streams}
    return {name: data.batch_size * config.discriminator_steps for name, data in streams.items()}


def _streams(config: Config) -> dict[str, Any]:
    return {f"streams.{name}": data for name, data in config.streams.items()}


def _example(config: Config, source: Source, streams: Mapping[str, Source]) -> Batch:
    """The shapes and types of one batch, as networks see it."""

    def shapes(source: Source, n: int) -> Batch:
        def of(shape: tuple[int, ...] | None, dtype: Any) -> Any:
            if shape is None:
                return None
            # Images are floats inside a step.
            seen = jnp.float32 if dtype == np.uint8 else dtype
            return jax.ShapeDtypeStruct((n, *shape), seen)

        labels = None if source.num_classes is None else of((), jnp.int32)
        condition = of(source.condition_shape, source.condition_dtype)
        return Batch(of(source.shape, source.dtype), labels, condition)

    further = {
        name: shapes(streams[name], data.batch_size) for name, data in config.streams.items()
    }
    return shapes(source, config.data.batch_size).replace(streams=further)


def _sample(
    setup: Setup,
    shape: tuple[int, ...],
    state: GANState,
    key: PRNGKeyArray,
    batch: Batch,
    *,
    averaged: bool = True,
    axis_name: str | None = None,
) -> Array:
    batch = batch.replace(real=jnp.zeros((len(batch.real), *shape)))
    return played(setup, sampling, state, batch, key, averaged=averaged, axis_name=axis_name)


def _init_algorithm(
    game: Algorithm, example: Batch, key: PRNGKeyArray, reference: None = None
) -> Any:
    del reference
    return game.init(key, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), example))


def _sample_algorithm(
    game: Algorithm, shape: tuple[int, ...], state: Any, key: PRNGKeyArray, batch: Batch, **_: Any
) -> Array:
    return game.sample(state, batch.replace(real=jnp.zeros((len(batch.real), *shape))), key)


def _uses_labels(
    game: Game | Algorithm, setup: Setup | None, example: Batch, hparams: dict[str, Any]
) -> bool:
    """Whether samples depend on the labels of the batch, by the program that makes them."""

    def samples(labels: Array) -> Array:
        arrays = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), example)
        batch, key = arrays.replace(labels=labels), jax.random.key(0)
        if isinstance(game, Algorithm):
            return game.sample(game.init(key, arrays), batch, key)
        assert setup is not None
        return sampling(game)(initial_nets(setup, at_start(hparams, setup.ramps), key), batch, key)

    return depends(samples, example.labels)
