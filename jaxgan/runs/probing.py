"""Probes of a run: what its discriminator or its encoder knows of the data without being told."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.errors import ScopeParamShapeError
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from jaxgan.config import DataConfig
from jaxgan.data import Source
from jaxgan.errors import ConfigError
from jaxgan.evaluation import Probed, ProbeReport, probe
from jaxgan.evaluation.reference import MAX_REAL
from jaxgan.evaluation.samples import BATCH_SIZE
from jaxgan.games import Algorithm, Game, Nets
from jaxgan.games.common import squared_error
from jaxgan.metrics import Features
from jaxgan.pixels import model_batch
from jaxgan.purposes import UNTRAINED
from jaxgan.registry import unknown
from jaxgan.runs.run import Run, load
from jaxgan.runs.scoring import held_out_of
from jaxgan.runs.sources import open_source
from jaxgan.types import Batch, Outputs

# Of samples without a split "test", the share that probes are tested on is one in so many.
_EVERY = 5

Images = Shaped[np.ndarray, "n ..."]
Player = Callable[[Nets, Batch, PRNGKeyArray], Array]


def probed_run(
    root: Path,
    data: DataConfig | None,
    *,
    player: str,
    anomalies: DataConfig | None,
    seed: int,
    averaged: bool,
) -> tuple[ProbeReport, dict[str, Any]]:
    """What features of a run's newest state tell of the data, and what was probed.

    Beside the features of the player stand those of an untrained network of the same kind, and raw
    pixels. Where the game reconstructs samples, anomalies are also told as in f-AnoGAN: by
    |x - G(E(x))|^2 + |f(x) - f(G(E(x)))|^2, means over pixels and over the discriminator's
    features f; the second is left out where there is no such discriminator.

    Args:
        root: The run directory.
        data: What to probe with; None: the run's own data. Up to 10,000 samples, and as many of the
            split "test" or, without one, every fifth.
        player: Whose features: the discriminator's, the code of an encoder, or those of another
            player that takes samples; "auto": the encoder, or without one the discriminator.
        anomalies: Samples to be told from those of the split "test"; None: none are.
        seed: Of probes.
        averaged: Whether to take averaged weights, where there are any.

    Raises:
        ConfigError: see `load`; no such player, or data that does not fit.
        DataError: data that is missing or unreadable.

    Source: Schlegl et al. 2019, f-AnoGAN: Fast Unsupervised Anomaly Detection with Generative
    Adversarial Networks, https://doi.org/10.1016/j.media.2019.01.010 (kappa = 1)
    """
    run = load(root)
    if isinstance(run.program.game, Algorithm) or run.program.setup is None:
        raise ConfigError("this run's algorithm has no players whose features could be probed")
    chosen = _chosen(run, player)
    data = run.config.data if data is None else data
    source = open_source(data)
    train, test = _parts(source, held_out_of(data, source))
    others = None if anomalies is None else _some(_anomalies(anomalies))
    for batch in (train, test, others):
        if batch is not None and batch.real.shape[1:] != run.program.source.shape:
            raise ConfigError(
                f"samples to probe have shape {batch.real.shape[1:]}, and the run's "
                f"{run.program.source.shape}; resize them, or take other data"
            )
    take = partial(_probed, train=train, test=test, anomalies=others)
    key = jax.random.fold_in(jax.random.key(run.config.seed), UNTRAINED)
    untrained = jax.jit(run.program.init)(key, run.state.reference)
    of_player = _function(run, partial(_features, chosen), averaged)
    features = take(partial(of_player, run.state))
    if others is not None and run.program.game.reconstruct is not None:
        residual = _function(run, partial(_residuals, run.program.game), averaged)
        scores = (residual(run.state, np.asarray(x.real)) for x in (test, others))
        features = features._replace(residuals=tuple(np.ravel(x) for x in scores))
    report = probe(
        {
            chosen: features,
            "untrained": take(partial(of_player, untrained)),
            "pixels": take(lambda x: np.asarray(x, np.float32).reshape(len(x), -1)),
        },
        num_classes=source.num_classes,
        seed=seed,
    )
    return report, {
        "probed": str(root),
        "step": run.step,
        "weights": "averaged" if averaged else "raw",
        "seed": seed,
        "player": chosen,
        "real": source.name,
        "split": source.split,
        "anomalies": None if anomalies is None else anomalies.name,
    }


def _chosen(run: Run, player: str) -> str:
    """The player of this name; "auto" takes the encoder, or else the discriminator."""
    assert run.program.setup is not None
    names = [name for name in run.program.setup.players if name in run.state.players]
    takers = [name for name in names if not name.startswith(("generator", "decoder"))]
    if player != "auto":
        if player not in takers:
            raise unknown("player", player, takers)
        return player
    for name in ("encoder", "discriminator"):
        if name in takers:
            return name
    raise ConfigError(
        f"the game {run.config.game.name!r} has neither encoder nor discriminator; name a player "
        "that takes samples, or probe another run"
    )


def _parts(source: Source, held_out: Source | None) -> tuple[Batch, Batch]:
    """Samples that probes are fitted to, and others that they are tested on."""
    if held_out is not None:
        return _some(source), _some(held_out)
    rows = _rows(source)
    tested = np.arange(len(rows)) % _EVERY == _EVERY - 1
    return source.read(rows[~tested]), source.read(rows[tested])


def _some(source: Source) -> Batch:
    return source.read(_rows(source))


def _rows(source: Source) -> np.ndarray:
    return np.random.default_rng(0).permutation(source.size)[:MAX_REAL]


def _anomalies(data: DataConfig) -> Source:
    """The split "test" of a data set, or without one all of it."""
    try:
        return open_source(data, "test")
    except ConfigError:
        return open_source(data)


def _probed(
    features: Callable[[Images], Images], *, train: Batch, test: Batch, anomalies: Batch | None
) -> Probed:
    def of(batch: Batch) -> Features:
        labels = None if batch.labels is None else np.asarray(batch.labels)
        return Features(features(np.asarray(batch.real)), None, labels)

    return Probed(of(train), of(test), None if anomalies is None else of(anomalies))


def _function(run: Run, play: Player, averaged: bool) -> Callable[[Any, Images], Images]:
    """(state, samples) -> what a function of the networks makes of them, in parts of one size."""

    def choose(game: Game) -> Player:
        del game
        return play

    @jax.jit
    def made(state: Any, batch: Batch) -> Array:
        key = jax.random.key(run.config.seed)
        return run.program.play(choose, state, batch, key, averaged=averaged)

    def apply(state: Any, x: Images) -> Images:
        size = min(len(x), BATCH_SIZE)
        rows = np.resize(np.arange(len(x)), -(-len(x) // size) * size)
        parts = [
            np.asarray(made(state, model_batch(Batch(real=x[part]))))
            for part in np.split(rows, len(rows) // size)
        ]
        return np.concatenate(parts)[: len(x)]

    return apply


def _features(player: str, nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n d"]:
    """What a player makes of samples, before its last layer; of an encoder its code."""
    del key
    try:
        made = getattr(nets, player)(batch.real)
    except ScopeParamShapeError as error:
        raise ConfigError(
            f"the {player} judges samples beside something else, which probes do not have; name "
            "another player"
        ) from error
    if not isinstance(made, Outputs):
        return made.reshape(len(made), -1)
    if player.startswith("discriminator") and made.features is not None:
        return made.features.reshape(len(made.features), -1)
    # An encoder that returns a mean and a variance has twice as many outputs as latents.
    latent = nets.latents(jax.random.key(0), 1).shape[1]
    code = made.logits
    return code[:, :latent] if code.shape[1] == 2 * latent else code


def _residuals(game: Game, nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n 1"]:
    """What reconstructing loses of samples and of the discriminator's features of them."""
    assert game.reconstruct is not None
    again = game.reconstruct(nets, batch, key)
    lost = squared_error(batch.real, again)
    try:
        lost += squared_error(
            *[_features("discriminator", nets, Batch(real=x), key) for x in (batch.real, again)]
        )
    except ConfigError:  # a VAE has none, and BiGAN's judges codes too
        return lost[:, None]
    return lost[:, None]
