"""What a generator covers: the modes of a mixture of Gaussians, the classes of a data set."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import rel_entr
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

_BOOTSTRAP_SAMPLES = 100  # for the standard errors of reverse KL, quality and deviation
# Of the variance of how many are seen, by how often one was: see `seen_error`.
_VARIANCE_UNSEEN = 0.45
HIGH_QUALITY_RADIUS = 3.0  # in sigmas; VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086)
HIGH_QUALITY = 1.0 - math.exp(-(HIGH_QUALITY_RADIUS**2) / 2)  # share of a perfect sampler's points


class MixtureModes(NamedTuple):
    """How n samples cover a mixture of k Gaussians.

    Attributes:
        modes: Modes with a high-quality sample, of k.
        high_quality: Share of samples within 3 sigma of their nearest mode. A perfect sampler
            scores 1 - exp(-4.5) = 0.9889; more means that variance was lost.
        reverse_kl: KL(modes of the high-quality samples || uniform) in nats. Its largest value,
            log k, stands also for no high-quality sample at all. A perfect sampler gets more than
            0: see `mixture_kl_baseline`.
        std_ratio: Standard deviation along an axis of a mode's high-quality samples about their
            own mean, over sigma, averaged over the axes and over the modes with two such samples;
            0 where no mode has two. A perfect sampler scores 0.974, for the tails are cut at 3
            sigma; less means that variance was lost.
    """

    modes: Int[Array, ""]
    high_quality: Float[Array, ""]
    reverse_kl: Float[Array, ""]
    std_ratio: Float[Array, ""]


class ClassCoverage(NamedTuple):
    """How n samples cover the classes of a data set.

    Attributes:
        classes: The number of classes seen.
        kl: KL(class histogram || uniform) in nats. Its standard error is that of the histogram, to
            first order.
        real_baseline: What n real samples get, on average over draws; in the place of a standard
            error, the standard deviation of one such draw.
        excess: kl - real_baseline: around 0, and below it at times, for a perfect sampler. Its
            standard error is the larger one of both.
    """

    classes: int
    kl: Estimate
    real_baseline: Estimate
    excess: Estimate


def _modes_of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    assert sides.mixture is not None
    samples, centers = map(jnp.asarray, (sides.fake.features, sides.mixture[0]))
    sigma = jnp.float32(sides.mixture[1])
    found = mixture_modes(samples, centers, sigma)
    resampled = _resampled_modes(samples, centers, sigma, key)
    errors = {name: float(np.std(x, ddof=1)) for name, x in resampled._asdict().items()}
    errors["modes"] = seen_error(np.asarray(_mode_counts(samples, centers, sigma)))
    return {
        name: Estimate(float(getattr(found, name)), errors[name])
        for name in ("reverse_kl", "modes", "high_quality", "std_ratio")
    }


@metric(
    figures=("reverse_kl", "modes", "high_quality", "std_ratio"),
    higher_is_better=("modes", "high_quality", "std_ratio"),
    needs=("mixture",),
    on_features=False,
    compute=_modes_of_sides,
)
@jax.jit
def mixture_modes(
    samples: Float[Array | np.ndarray, "n _d"],
    centers: Float[Array | np.ndarray, "k _d"],
    sigma: float | Float[Array, ""],
) -> MixtureModes:
    """Mode coverage of a mixture of equal isotropic Gaussians; works under jit and vmap.

    A sample belongs to its nearest centre. One that is not finite is of low quality.

    Args:
        samples: n generated points in the plane.
        centers: The k modes.
        sigma: Standard deviation of every mode along each axis.

    Raises:
        ConfigError: `samples` is not [n, 2] or `centers` not [k, 2], with n, k >= 1.

    Source: Srivastava et al. 2017, https://arxiv.org/abs/1705.07761; reverse KL as in Lin et al.
    2018, https://arxiv.org/abs/1712.04086.
    """
    for name, x in (("samples", samples), ("centers", centers)):
        if x.ndim != 2 or x.shape[0] < 1 or x.shape[1] != 2:
            raise ConfigError(f"{name} have shape {x.shape}; it must be [rows, 2] with rows >= 1")
    k = centers.shape[0]
    offsets, hits = _hits(jnp.asarray(samples), jnp.asarray(centers), sigma)
    counts = hits.sum(axis=0)
    total = counts.sum()
    reverse_kl = rel_entr(counts / jnp.maximum(total, 1), jnp.full(k, 1.0 / k)).sum()

    members = jnp.where(hits[:, :, None], offsets, 0.0)
    means = members.sum(axis=0) / jnp.maximum(counts, 1)[:, None]
    deviations = jnp.where(hits[:, :, None], offsets - means[None, :, :], 0.0)
    variances = jnp.sum(deviations**2, axis=0) / jnp.maximum(counts - 1, 1)[:, None]
    stds = jnp.sqrt(variances).mean(axis=1)  # 0 for a mode of fewer than two samples
    return MixtureModes(
        modes=jnp.sum(counts > 0),
        high_quality=total / samples.shape[0],
        reverse_kl=jnp.where(total > 0, reverse_kl, jnp.log(float(k))),
        std_ratio=stds.sum() / jnp.maximum(jnp.sum(counts > 1), 1) / sigma,
    )


def _hits(
    samples: Float[Array, "n _d"],
    centers: Float[Array, "k _d"],
    sigma: float | Float[Array, ""],
) -> tuple[Float[Array, "n k _d"], Bool[Array, "n k"]]:
    """Samples less centres, and whether a sample is a high-quality one of a mode."""
    offsets = samples[:, None, :] - centers[None, :, :]
    distances = jnp.sum(offsets**2, axis=-1)
    nearest = jnp.argmin(distances, axis=1)[:, None] == jnp.arange(len(centers))[None, :]
    return offsets, nearest & (distances <= (HIGH_QUALITY_RADIUS * sigma) ** 2)


@jax.jit
def _mode_counts(
    samples: Float[Array, "n _d"], centers: Float[Array, "k _d"], sigma: Float[Array, ""]
) -> Int[Array, "k"]:
    return _hits(samples, centers, sigma)[1].sum(axis=0)


def seen_error(counts: Int[np.ndarray, "k"]) -> float:
    """The standard error of how many of k modes or classes n samples see, by their counts c.

    One with l expected samples is missed with probability q = exp(-l), so the number seen has the
    variance sum q (1 - q). A resampled set never has what was not seen, and holds what was seen
    once as certain as l = 1. Here each that was seen adds .45 / 2^c instead, of which the mean is
    at least q (1 - q) for every l, and those not seen .45 each, but only for 1 + 2 f of them, where
    f were seen once: nothing speaks for rare ones where all that were seen were seen often. Of 25
    modes with 1 to 12 of .3 to 3 expected samples, or falling geometrically, 90 to 99 % of the
    intervals of 1.96 standard errors hold the mean (by resampling: 22 to 97 %); where modes are
    missed for certain they are too wide.

    Source: the idea that what was seen once tells of what was not is that of Good 1953, The
    Population Frequencies of Species, https://doi.org/10.1093/biomet/40.3-4.237.

    >>> round(seen_error(np.array([400, 300, 300, 0])), 2)  # perhaps the fourth is rare
    0.67
    """
    unseen = min(np.sum(counts == 0), 1 + 2 * np.sum(counts == 1))
    return float(np.sqrt(_VARIANCE_UNSEEN * (unseen + np.sum(0.5 ** counts[counts > 0]))))


@jax.jit
def _resampled_modes(
    samples: Float[Array, "n _d"],
    centers: Float[Array, "k _d"],
    sigma: Float[Array, ""],
    key: PRNGKeyArray,
) -> MixtureModes:
    """Of bootstrap samples, for standard errors: samples drawn anew from the samples."""

    def resampled(key: PRNGKeyArray) -> MixtureModes:
        chosen = jax.random.choice(key, len(samples), (len(samples),))
        return mixture_modes(samples[chosen], centers, sigma)

    return jax.lax.map(resampled, jax.random.split(key, _BOOTSTRAP_SAMPLES))


def mixture_kl_baseline(num_samples: int, *, num_modes: int) -> Estimate:
    """The reverse KL that `mixture_modes` gives a perfect sampler of n points: mean and deviation.

    Args:
        num_samples: n >= 1; the expected number of them within 3 sigma counts.
        num_modes: The k >= 1 modes.

    Raises:
        ConfigError: Either is below 1.
    """
    if min(num_samples, num_modes) < 1:
        raise ConfigError(f"{num_samples} samples of {num_modes} modes; both must be at least 1")
    return kl_baseline(max(1, round(num_samples * HIGH_QUALITY)), np.full(num_modes, 1 / num_modes))


def kl_baseline(num_samples: int, probabilities: Float[AnyArray, "k"]) -> Estimate:
    """KL(histogram || uniform) of n labels that a perfect sampler draws: mean and deviation.

    The mean is exact, a sum over binomial counts. The standard deviation is that of independent
    Poisson counts given their sum, to first order.

    Args:
        num_samples: n.
        probabilities: Of the k classes in the data; where they are not uniform, the mean does not
            vanish as n grows.

    Raises:
        ConfigError: n is below 1, or the probabilities are negative or do not add up to 1.

    Source: Holst 1972, Asymptotic normality and efficiency for certain goodness-of-fit tests,
    https://doi.org/10.1093/biomet/59.1.137.
    """
    p = np.asarray(probabilities, np.float64)
    if num_samples < 1:
        raise ConfigError(f"num_samples is {num_samples}; it must be at least 1")
    if p.ndim != 1 or p.size == 0 or p.min() < 0 or abs(p.sum() - 1) > 1e-5:
        raise ConfigError(
            f"class probabilities of shape {p.shape} add up to {p.sum():.6g}; they must be k "
            "numbers of at least 0 that add up to 1: divide by their sum"
        )
    values, classes = np.unique(p[p > 0] / p.sum(), return_counts=True)
    moments = np.array([_term_moments(num_samples, value, p.size) for value in values])
    mean, covariance, linear, residual = classes @ moments
    # The sum of the counts is given: what it explains of the linear part is taken away, and from
    # the rest one degree of freedom of k.
    variance = linear - covariance**2 / num_samples + residual * (1 - 1 / classes.sum())
    return Estimate(mean, np.sqrt(max(0.0, variance)))


def _term_moments(n: int, p: float, k: int) -> tuple[float, float, float, float]:
    """Moments of (c / n) log(c k / n), the term of KL of one class, for a count c of mean n p.

    Its mean over a binomial count; over a Poisson count, its covariance with the count, the
    variance of its regression on the count, and the variance about that.
    """
    from scipy import special, stats  # a second

    width = 12 * np.sqrt(n * p) + 30  # less than 1e-20 of a Poisson variable lies outside
    counts = np.arange(max(0, int(n * p - width)), int(n * p + width) + 1)
    terms = special.rel_entr(counts / n, 1 / k)
    poisson = stats.poisson.pmf(counts, n * p)
    centred = terms - poisson @ terms
    covariance = poisson @ (centred * (counts - n * p))
    linear = covariance**2 / (n * p)
    mean = stats.binom.pmf(counts, n, p) @ terms
    return mean, covariance, linear, poisson @ centred**2 - linear


def _coverage_of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    labels, num_classes = sides.predicted_classes()
    found = class_coverage(labels, num_classes=num_classes)
    error = seen_error(np.bincount(labels, minlength=num_classes))
    return {"classes": Estimate(float(found.classes), error), "class_kl": found.kl}


@metric(
    figures=("classes", "class_kl"),
    higher_is_better=("classes",),
    needs=("classifier",),
    on_features=False,
    compute=_coverage_of_sides,
)
def class_coverage(
    labels: Int[AnyArray, "n"],
    *,
    num_classes: int,
    class_probabilities: Float[AnyArray, "k"] | None = None,
) -> ClassCoverage:
    """Class coverage of n generated samples, on the host.

    For stacked MNIST a label is the number of three digits, and `num_classes` 1,000.

    Args:
        labels: The class that a classifier gives to each sample.
        num_classes: How many classes there are.
        class_probabilities: Of the data, for the baseline of real samples; None for equally likely
            classes. The divergence is from uniform ones either way.

    Raises:
        ConfigError: There is no label, or one outside of 0 .. num_classes - 1, or the probabilities
            are not `num_classes` numbers that add up to 1.

    Source: Metz et al. 2017, https://arxiv.org/abs/1611.02163, and Lin et al. 2018,
    https://arxiv.org/abs/1712.04086.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0:
        raise ConfigError(f"labels have shape {labels.shape}; it must be [n] with n >= 1")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ConfigError(
            f"labels run from {labels.min()} to {labels.max()}; they must lie between 0 and "
            f"num_classes - 1 = {num_classes - 1}: pass the classifier's number of classes"
        )
    if class_probabilities is None:
        class_probabilities = np.full(num_classes, 1 / num_classes)
    if len(class_probabilities) != num_classes:
        raise ConfigError(
            f"{len(class_probabilities)} class probabilities for {num_classes} classes; give one "
            "to each class"
        )
    counts = np.bincount(labels, minlength=num_classes)
    p = counts[counts > 0] / labels.size
    information = np.log(p * num_classes)
    divergence = float(p @ information)
    error = float(np.sqrt(p @ (information - divergence) ** 2 / labels.size))
    baseline = kl_baseline(labels.size, class_probabilities)
    return ClassCoverage(
        classes=int(p.size),
        kl=Estimate(divergence, error),
        real_baseline=baseline,
        excess=Estimate(divergence - baseline.value, max(error, baseline.standard_error)),
    )
