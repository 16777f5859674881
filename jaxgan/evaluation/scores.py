"""Metrics by name, as functions of what an evaluation has: real, held-out and generated samples."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxgan import metrics
from jaxgan.data import Mixture
from jaxgan.errors import ConfigError
from jaxgan.evaluation.reference import Features, rows
from jaxgan.metrics import Estimate
from jaxgan.registry import unknown

Values = dict[str, Estimate]

_KID_SUBSET = 1000
_BOOTSTRAP_SAMPLES = 100
_TEST_REAL = 2500  # real samples of the two-sample test, unless there are more generated ones


class Sides(NamedTuple):
    """What a metric may compare.

    Attributes:
        real: What the generator is trained on.
        fake: What is scored.
        held_out: Real samples that are not among `real`; None without any.
        num_classes: Of the data set; None without labels.
        mixture: The true modes, where they are known.
    """

    real: Features
    fake: Features
    held_out: Features | None = None
    num_classes: int | None = None
    mixture: Mixture | None = None


def _fid(sides: Sides, key: PRNGKeyArray) -> Values:
    return {"fid": metrics.fid(sides.real.features, sides.fake.features)}


def _fid_infinity(sides: Sides, key: PRNGKeyArray) -> Values:
    value = metrics.fid_infinity(sides.real.features, sides.fake.features, key=key)
    return {"fid_infinity": value}


def _intra_fid(sides: Sides, key: PRNGKeyArray) -> Values:
    predicted, num_classes = _predicted_classes(sides)
    if sides.real.labels is None:
        raise ConfigError("it needs a labelled data set")
    # An unconditional generator has no labels: the classifier's stand for them.
    value = metrics.intra_fid(
        sides.real.features,
        sides.real.labels,
        sides.fake.features,
        predicted,
        num_classes=num_classes,
    )
    return {"intra_fid": value.mean}


def _predicted_classes(sides: Sides) -> tuple[Int[np.ndarray, "m"], int]:
    """The class that the data set's classifier gives to each generated sample, of how many."""
    logits = sides.fake.class_logits
    if logits is None or sides.num_classes is None or logits.shape[1] != sides.num_classes:
        raise ConfigError("it needs a labelled data set and --features classifier")
    return logits.argmax(axis=1), sides.num_classes


def _kid(sides: Sides, key: PRNGKeyArray) -> Values:
    size = min(_KID_SUBSET, len(sides.real.features), len(sides.fake.features))
    value = metrics.kid(sides.real.features, sides.fake.features, subset_size=size, key=key)
    return {"kid": Estimate(value.mean, value.standard_error)}


def _kid_blocks(sides: Sides, key: PRNGKeyArray) -> Values:
    value = metrics.kid_blocks(sides.real.features, sides.fake.features, key=key)
    return {"kid_blocks": Estimate(value.mean, value.standard_error)}


def _cmmd(sides: Sides, key: PRNGKeyArray) -> Values:
    return {"cmmd": metrics.cmmd(sides.real.features, sides.fake.features)}


def _inception_score(sides: Sides, key: PRNGKeyArray) -> Values:
    if sides.fake.class_logits is None:
        raise ConfigError("it needs class logits: --features classifier or inception")
    return {"inception_score": metrics.inception_score(sides.fake.class_logits)}


def _prdc(sides: Sides, key: PRNGKeyArray) -> Values:
    return metrics.prdc(sides.real.features, sides.fake.features)._asdict()


def _vendi_score(sides: Sides, key: PRNGKeyArray) -> Values:
    return {"vendi_score": metrics.vendi_score(sides.fake.features)}


def _sliced_wasserstein(sides: Sides, key: PRNGKeyArray) -> Values:
    value = metrics.sliced_wasserstein_distance(sides.real.features, sides.fake.features, key=key)
    return {"sliced_wasserstein_distance": value}


def _two_sample_test(sides: Sides, key: PRNGKeyArray) -> Values:
    # The test takes time quadratic in all samples, and gains little from many on one side.
    real = sides.real.features[: max(_TEST_REAL, len(sides.fake.features))]
    test = metrics.two_sample_test(real, sides.fake.features, key=key)
    return {"two_sample_mmd2": test.mmd2, "two_sample_p": test.p_value}


def _memorisation(sides: Sides, key: PRNGKeyArray) -> Values:
    if sides.held_out is None:
        raise ConfigError("it needs held-out samples: a data set with a split 'test'")
    found = metrics.memorisation(sides.real.features, sides.held_out.features, sides.fake.features)
    return {
        "memorisation_ratio": found.median_ratio,
        "memorisation_near": found.near_share,
        "memorisation_auc": found.auc,
        "memorisation_z": found.z,
    }


def _class_coverage(sides: Sides, key: PRNGKeyArray) -> Values:
    labels, num_classes = _predicted_classes(sides)
    found = metrics.class_coverage(labels, num_classes=num_classes)
    # The bootstrap's error: a class of c samples is missed by n new draws of them at this rate.
    missed = (1.0 - np.bincount(labels) / len(labels)) ** len(labels)
    error = float(np.sqrt(np.sum(missed * (1.0 - missed))))
    return {"classes": Estimate(float(found.classes), error), "class_kl": found.kl}


def _mixture_modes(sides: Sides, key: PRNGKeyArray) -> Values:
    if sides.mixture is None:
        raise ConfigError("it needs a mixture whose modes are known, such as ring or grid")
    samples, centers = map(jnp.asarray, (sides.fake.features, sides.mixture.centers))
    sigma = jnp.float32(sides.mixture.sigma)
    found = metrics.mixture_modes(samples, centers, sigma)
    resampled = _resampled_modes(samples, centers, sigma, key)
    return {
        name: Estimate(float(getattr(found, name)), float(np.std(getattr(resampled, name), ddof=1)))
        for name in ("reverse_kl", "modes", "high_quality", "std_ratio")
    }


@jax.jit
def _resampled_modes(
    samples: Float[Array, "n _d"],
    centers: Float[Array, "k _d"],
    sigma: Float[Array, ""],
    key: PRNGKeyArray,
) -> metrics.MixtureModes:
    """Of bootstrap samples, for standard errors: samples drawn anew from the samples."""

    def resampled(key: PRNGKeyArray) -> metrics.MixtureModes:
        chosen = jax.random.choice(key, len(samples), (len(samples),))
        return metrics.mixture_modes(samples[chosen], centers, sigma)

    return jax.lax.map(resampled, jax.random.split(key, _BOOTSTRAP_SAMPLES))


class Score(NamedTuple):
    """A metric, or several that are computed together.

    Attributes:
        compute: What it is.
        figures: The names of what it returns, in order.
        on_features: Whether figures depend on the feature network, which then stands in their name.
    """

    compute: Callable[[Sides, PRNGKeyArray], Values]
    figures: tuple[str, ...]
    on_features: bool = True


# By the names of `jaxgan.metrics.METRICS`.
SCORES: dict[str, Score] = {
    "class_coverage": Score(_class_coverage, ("classes", "class_kl"), on_features=False),
    "cmmd": Score(_cmmd, ("cmmd",)),
    "fid": Score(_fid, ("fid",)),
    "fid_infinity": Score(_fid_infinity, ("fid_infinity",)),
    "inception_score": Score(_inception_score, ("inception_score",)),
    "intra_fid": Score(_intra_fid, ("intra_fid",)),
    "kid": Score(_kid, ("kid",)),
    "kid_blocks": Score(_kid_blocks, ("kid_blocks",)),
    "memorisation": Score(
        _memorisation,
        ("memorisation_ratio", "memorisation_near", "memorisation_auc", "memorisation_z"),
    ),
    "mixture_modes": Score(
        _mixture_modes, ("reverse_kl", "modes", "high_quality", "std_ratio"), on_features=False
    ),
    "prdc": Score(_prdc, ("precision", "recall", "density", "coverage")),
    "sliced_wasserstein_distance": Score(_sliced_wasserstein, ("sliced_wasserstein_distance",)),
    "two_sample_test": Score(_two_sample_test, ("two_sample_mmd2", "two_sample_p")),
    "vendi_score": Score(_vendi_score, ("vendi_score",)),
}

# Of all others the lowest value is the best.
HIGHER_IS_BETTER = frozenset(
    {
        "classes",
        "coverage",
        "density",
        "high_quality",
        "inception_score",
        "memorisation_ratio",
        "modes",
        "precision",
        "recall",
        "std_ratio",
        "two_sample_p",
        "vendi_score",
    }
)


def figures(names: Sequence[str], features: str | None) -> dict[str, str]:
    """What scores return, under full names such as "classifier_fid", by full name."""
    return {
        f"{features}_{figure}" if features and SCORES[name].on_features else figure: figure
        for name in names
        for figure in SCORES[name].figures
    }


def check_names(names: Sequence[str]) -> None:
    """Raises ConfigError on a name that is not in SCORES."""
    for name in names:
        if name not in SCORES:
            raise unknown("metric", name, SCORES)


def score(
    sides: Sides, names: Sequence[str], key: PRNGKeyArray, *, features: str | None = None
) -> dict[str, Estimate]:
    """The figures of some scores, under full names.

    Args:
        sides: What there is to compare.
        names: Keys of SCORES.
        key: For scores that draw at random.
        features: The name of the feature network.

    Raises:
        ConfigError: An unknown name, or a score that needs what there is not.
    """
    check_names(names)
    values = {}
    for name in names:
        try:
            found = SCORES[name].compute(sides, key)
        except ConfigError as error:
            raise ConfigError(f"metric {name!r}: {error}") from error
        full = figures([name], features)
        values |= {full_name: found[figure] for full_name, figure in full.items()}
    return values


def floor(
    sides: Sides, names: Sequence[str], key: PRNGKeyArray, *, features: str | None = None
) -> dict[str, Estimate]:
    """What real samples get in the place of the generated ones, under full names.

    Those are held-out samples or, where there are none, one half of the real ones, and the other
    half is the real side; as many as were generated, if there are as many. A score that cannot do
    with them is left out.
    """
    values = {}
    for name in names:
        try:
            sides_of_name = floor_sides(sides, splits=name == "memorisation")
            values |= score(sides_of_name, [name], key, features=features)
        except ConfigError:
            continue
    return values


def floor_sides(sides: Sides, *, splits: bool = False) -> Sides:
    """The sides with real samples in the place of the generated ones; see `floor`.

    Args:
        sides: What there is.
        splits: Keep half of the held-out samples as such, for a score that needs both.
    """
    pool = sides.real if sides.held_out is None else sides.held_out
    order = np.random.default_rng(0).permutation(len(pool.features))
    half = len(order) // 2 if splits or sides.held_out is None else 0
    sides = sides._replace(fake=rows(pool, order[half:][: len(sides.fake.features)]))
    if sides.held_out is None:
        return sides._replace(real=rows(pool, order[:half]))
    return sides._replace(held_out=rows(pool, order[:half])) if splits else sides
