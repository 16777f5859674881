"""Inception score: are samples classified with confidence, and into many classes?"""

import itertools

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray, check_matrix
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides


def _of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    assert sides.fake.class_logits is not None
    return {"inception_score": inception_score(sides.fake.class_logits)}


@metric(higher_is_better=("inception_score",), needs=("class_logits",), compute=_of_sides)
def inception_score(class_logits: Float[AnyArray, "n c"], *, num_splits: int = 10) -> Estimate:
    """exp(mean_i KL(p(y | x_i) || p(y))), averaged over consecutive splits of the samples.

    Papers quote the standard deviation over the splits, which is the standard error times the root
    of (num_splits - 1); the error is NaN for one split.

    Args:
        class_logits: Logits of n generated samples, in a random order: a split without some classes
            scores too low.
        num_splits: How many splits; the score grows with their size.

    Returns:
        The mean over the splits, from 1 to c.

    Raises:
        ConfigError: The logits are not a finite matrix of at least as many rows as splits.

    Source: Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 4, and its code.
    """
    check_matrix("class logits", class_logits, at_least=1)
    n = len(class_logits)
    if not 1 <= num_splits <= n:
        raise ConfigError(
            f"num_splits is {num_splits}; it must lie between 1 and the number of samples, {n}: "
            "lower it or pass more samples"
        )
    from scipy.special import log_softmax

    log_p = log_softmax(np.asarray(class_logits, np.float64), axis=1)
    edges = [k * n // num_splits for k in range(num_splits + 1)]
    parts = (log_p[start:end] for start, end in itertools.pairwise(edges))
    scores = np.array([_score(part) for part in parts])
    error = scores.std(ddof=1) / np.sqrt(num_splits) if num_splits > 1 else np.nan
    return Estimate(scores.mean(), error)


def _score(log_p: Float[np.ndarray, "s c"]) -> float:
    """The score of one split, from log p(y | x)."""
    from scipy.special import logsumexp

    log_marginal = logsumexp(log_p, axis=0) - np.log(len(log_p))
    divergences = np.sum(np.exp(log_p) * (log_p - log_marginal[None]), axis=1)
    return float(np.exp(divergences.mean()))
