"""Figures of samples, and of real ones in their place."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxgan.data import Source
from jaxgan.errors import ConfigError
from jaxgan.evaluation.samples import BATCH_SIZE
from jaxgan.metrics import Estimate, Metric, Sides
from jaxgan.types import Batch

Figures = dict[str, Estimate]

# A game's own figures: (state, batch, key) -> one number a sample, by name.
HeldOutScores = Callable[[Any, Batch, PRNGKeyArray], Mapping[str, Float[Array | np.ndarray, "n"]]]

# Held-out samples of a game's own figures, at most.
MAX_HELD_OUT = 10_000


def score(
    sides: Sides,
    metrics: Mapping[str, Metric],
    key: PRNGKeyArray,
    *,
    features: str | None = None,
) -> Figures:
    """The figures of some metrics, under full names such as "classifier_fid".

    Args:
        sides: What there is to compare.
        metrics: By name.
        key: For metrics that draw at random.
        features: The name of the feature network.

    Raises:
        ConfigError: What is missing for a metric.
    """
    values = {}
    for name, metric in metrics.items():
        try:
            found = metric.measure(sides, key)
        except ConfigError as error:
            raise ConfigError(f"metric {name!r}: {error}") from error
        values |= {full: found[figure] for full, figure in metric.full_names(features).items()}
    return values


def real_baseline(
    sides: Sides,
    metrics: Mapping[str, Metric],
    key: PRNGKeyArray,
    *,
    features: str | None = None,
) -> Figures:
    """What real samples get in the place of the generated ones, under full names.

    Those are held-out samples or, where there are none, one half of the real ones, and the other
    half is the real side; as many as were generated, if there are as many. A metric that cannot do
    with them is left out.
    """
    values = {}
    for name, metric in metrics.items():
        try:
            sides_of_metric = baseline_sides(sides, splits="held_out" in metric.needs)
            values |= score(sides_of_metric, {name: metric}, key, features=features)
        except ConfigError:
            continue
    return values


def baseline_sides(sides: Sides, *, splits: bool = False) -> Sides:
    """The sides with real samples in the place of the generated ones; see `real_baseline`.

    Their labels stand for those asked for, where some were.

    Args:
        sides: What there is.
        splits: Keep half of the held-out samples as such, for a metric that needs both.
    """
    pool = sides.real if sides.held_out is None else sides.held_out
    order = np.random.default_rng(0).permutation(len(pool.features))
    half = len(order) // 2 if splits or sides.held_out is None else 0
    fake = pool.rows(order[half:][: len(sides.fake.features)])
    if sides.fake.labels is None:
        fake = fake._replace(labels=None)
    sides = sides._replace(fake=fake)
    if sides.held_out is None:
        return sides._replace(real=pool.rows(order[:half]))
    return sides._replace(held_out=pool.rows(order[:half])) if splits else sides


def average_scores(
    held_out_scores: HeldOutScores, state: Any, source: Source, key: PRNGKeyArray
) -> Figures:
    """A game's own figures, averaged over up to 10,000 samples of a data set.

    The standard errors are those of independent samples; NaN of a single one.

    Args:
        held_out_scores: Of a batch. It is as the data set reads it: images are uint8.
        state: Of the run.
        source: The data set, held out from training.
        key: Batch i gets `fold_in(key, i)`.

    Raises:
        ConfigError: Figures that are not one number a sample.
        DataError: Data that is missing or unreadable.
    """
    n = min(source.size, MAX_HELD_OUT)
    size = min(n, BATCH_SIZE)
    count = -(-n // size)
    # The last batch is filled up with the first samples, so that one program serves all.
    rows = np.resize(np.random.default_rng(0).permutation(source.size)[:n], count * size)
    parts = []
    for i in range(count):
        batch = source.read(rows[i * size : (i + 1) * size])
        found = held_out_scores(state, batch, jax.random.fold_in(key, i))
        for name, values in found.items():
            if values.shape != (size,):
                raise ConfigError(
                    f"the game's score {name!r} has shape {values.shape} for {size} samples; it "
                    "must be one number a sample: take the mean over what each has"
                )
        parts.append(jax.tree.map(np.asarray, dict(found)))
    values = jax.tree.map(lambda *x: np.concatenate(x)[:n].astype(np.float64), *parts)
    return {
        name: Estimate(x.mean(), x.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan)
        for name, x in values.items()
    }
