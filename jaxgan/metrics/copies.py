"""Does a generator copy its training data? Distances to the nearest training samples."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_features
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.neighbours import nearest
from jaxgan.metrics.ranks import probability_below
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

# Distances below this share of those of held-out samples count as near.
NEAR = 0.01


class Memorisation(NamedTuple):
    """Distances of generated samples to the nearest training sample, against held-out ones'.

    Attributes:
        median_ratio: Median distance of the generated samples over that of the held-out ones. Fresh
            samples of the data's distribution have about 1; copies have less.
        near_share: Share of generated samples nearer to a training sample than 99 % of the held-out
            ones are. Fresh samples have about 0.01.
        copied_share: Share of generated samples that equal a training sample exactly.
        auc: Probability that a generated sample is nearer than a held-out one, ties counted half.
            Fresh samples have 0.5, copies 1.
        z: The Mann-Whitney statistic in standard deviations, that is the C_T test with one cell:
            about N(0, 1) for fresh samples. Below -3 the generator copies; above 3 its samples lie
            farther from the training data than real ones do, for whatever reason.
        closest: Rows of the generated samples that are nearest to a training sample, in order.
        neighbours: Rows of the nearest training samples of each of them, in order.
        distances: To those neighbours.
    """

    median_ratio: Estimate
    near_share: Estimate
    copied_share: Estimate
    auc: Estimate
    z: Estimate
    closest: Int[np.ndarray, "c"]
    neighbours: Int[np.ndarray, "c k"]
    distances: Float[np.ndarray, "c k"]


def _of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    assert sides.held_out is not None
    found = memorisation(sides.real.features, sides.held_out.features, sides.fake.features)
    return {
        "memorisation_ratio": found.median_ratio,
        "memorisation_near": found.near_share,
        "memorisation_auc": found.auc,
        "memorisation_z": found.z,
    }


@metric(
    figures=("memorisation_ratio", "memorisation_near", "memorisation_auc", "memorisation_z"),
    higher_is_better=("memorisation_ratio", "memorisation_z"),
    needs=("held_out",),
    compute=_of_sides,
)
def memorisation(
    train: Float[AnyArray, "t d"],
    held_out: Float[AnyArray, "n _d"],
    fake: Float[AnyArray, "m _d"],
    *,
    k: int = 5,
    num_closest: int = 16,
) -> Memorisation:
    """Compares how near generated and held-out samples lie to the training data.

    Distances are Euclidean and exact. Standard errors are those of the draws of held-out and
    generated samples, the training data being given.

    Args:
        train: Features of the samples that the generator was trained on.
        held_out: Features of other samples of the same distribution, by no means of copies.
        fake: Features of generated samples, from the same feature network.
        k: How many training neighbours to return.
        num_closest: For how many generated samples; all, if there are fewer.

    Raises:
        ConfigError: The features are not finite matrices of one width of two or more rows, or k or
            `num_closest` is out of range.

    Source: Meehan et al. 2020, A Non-Parametric Test to Detect Data-Copying in Generative Models,
    https://arxiv.org/abs/2004.05675; the error of the area from DeLong et al. 1988,
    https://doi.org/10.2307/2531595.
    """
    check_features(train, held_out)
    check_features(train, fake)
    if not 1 <= k <= train.shape[0]:
        raise ConfigError(
            f"k is {k}; it must lie between 1 and the {train.shape[0]} training samples: lower it"
        )
    if num_closest < 1:
        raise ConfigError(f"num_closest is {num_closest}; it must be at least 1: try 16")
    squared, rows = nearest(fake, train, k=k)
    to_fake = np.sqrt(squared[:, 0])
    to_held_out = np.sqrt(nearest(held_out, train, k=1)[0][:, 0])
    auc, z = _mann_whitney(to_fake, to_held_out)
    closest = np.argsort(to_fake, kind="stable")[:num_closest]
    return Memorisation(
        median_ratio=_ratio(_median(to_fake), _median(to_held_out)),
        near_share=_near_share(to_fake, to_held_out),
        copied_share=_share(to_fake == 0),
        auc=auc,
        z=z,
        closest=closest,
        neighbours=rows[closest],
        distances=np.sqrt(squared[closest]),
    )


def _mann_whitney(
    fake: Float[np.ndarray, "m"], held_out: Float[np.ndarray, "n"]
) -> tuple[Estimate, Estimate]:
    """P(fake < held_out) + P(fake = held_out) / 2; 1/2 less it, in deviations under equality."""
    m, n = len(fake), len(held_out)
    auc = probability_below(fake, held_out)

    _, ties = np.unique(np.concatenate([fake, held_out]), return_counts=True)
    ties = ties.astype(np.float64)
    size = m + n
    null_variance = (size + 1 - np.sum(ties**3 - ties) / (size * (size - 1))) / (12.0 * m * n)
    unit = np.sqrt(null_variance) if null_variance > 0 else np.inf  # all distances are equal
    return auc, Estimate((0.5 - auc.value) / unit, auc.standard_error / unit)


def _median(x: Float[np.ndarray, "n"]) -> Estimate:
    """The median; its error is half the way between the ranks one deviation below and above it."""
    ordered, n = np.sort(x), len(x)
    low = max(0, math.floor((n - math.sqrt(n)) / 2))
    high = min(n - 1, math.ceil((n + math.sqrt(n)) / 2) - 1)
    return Estimate(np.median(ordered), (ordered[high] - ordered[low]) / 2)


def _ratio(a: Estimate, b: Estimate) -> Estimate:
    if b.value == 0:
        raise ConfigError(
            "half of the held-out samples equal training samples or more; they must be others: "
            "remove the copies or pass another split"
        )
    ratio = a.value / b.value
    return Estimate(ratio, np.hypot(a.standard_error, ratio * b.standard_error) / b.value)


def _near_share(fake: Float[np.ndarray, "m"], held_out: Float[np.ndarray, "n"]) -> Estimate:
    """The share; its error joins that of the held-out quantile, for samples as fresh as these."""
    share = _share(fake < np.quantile(held_out, NEAR))
    of_quantile = np.sqrt(NEAR * (1 - NEAR) / len(held_out))
    return Estimate(share.value, np.hypot(share.standard_error, of_quantile))


def _share(hits: Bool[np.ndarray, "m"]) -> Estimate:
    return Estimate(hits.mean(), hits.std(ddof=1) / np.sqrt(len(hits)))
