"""Losses that ask the step for labels or latents, by loops in float64.

Each takes (real, fake, *, labels or z, **hyperparameters) and returns both players' losses.
"""

import itertools

import numpy as np
from kernel_references import gaussian_mixture, mmd2
from scipy.spatial.distance import pdist
from scipy.special import logsumexp


def flat(x):
    return np.asarray(x, np.float64).reshape(len(x), -1)


def conditional_mmd(real, fake, labels, bandwidths=(1, 2, 4, 8, 16), estimator="unbiased"):
    """Gretton et al. 2012, equation 3 or 5, within each class that has enough samples."""
    real, fake, biased = flat(real), flat(fake), estimator == "biased"
    values = [
        mmd2(lambda a, b: gaussian_mixture(a, b, bandwidths), real[of], fake[of], biased)
        for of in (labels == label for label in np.unique(labels))
        if np.sum(of) >= (1 if biased else 2)
    ]
    value = np.mean(values) if values else 0.0
    return value, -value


def mode_seeking(real, fake, z, epsilon=1e-5):
    """Mao et al. 2019, over all pairs, of root mean square distances."""
    of_fake, of_z = (pdist(flat(x)) / flat(x).shape[1] ** 0.5 for x in (fake, z))
    return 1 / (np.mean(of_fake / of_z) + epsilon), 0.0


def hsic_infogan(
    real, fake, z, bandwidth=1.0, latent_bandwidth=1.0, estimator="unbiased", medians=None
):
    """Song et al. 2012: means over distinct samples; biased, Gretton et al. 2005, definition 2.

    `medians` stands for the median distances, for gradients, which take them as constants.
    """
    medians = medians or [np.median(pdist(flat(x))) for x in (fake, z)]
    factors, grams = (bandwidth, latent_bandwidth), []
    for x, factor, median in zip((flat(fake), flat(z)), factors, medians, strict=True):
        squared = np.sum((x[:, None] - x[None]) ** 2, axis=-1)
        grams.append(np.exp(-squared / (2 * (factor * median) ** 2)))
    (of_fake, of_z), n = grams, len(fake)
    if estimator == "biased":
        centring = np.eye(n) - 1 / n
        return -np.trace(of_fake @ centring @ of_z @ centring) / (n - 1) ** 2, 0.0
    tuples = np.array(list(itertools.permutations(range(n), 4)))
    a, b, c, d = tuples.T
    return -np.mean(of_fake[a, b] * (of_z[a, b] + of_z[c, d] - 2 * of_z[a, c])), 0.0


def auxiliary_classifier(real, fake, labels):
    """Odena et al. 2017: cross entropies of the softmax."""

    def cross_entropy(logits):
        rows = np.arange(len(labels))
        return -np.mean(np.asarray(logits, np.float64)[rows, labels] - logsumexp(logits, axis=1))

    return cross_entropy(fake), cross_entropy(real) + cross_entropy(fake)


ASKING_REFERENCES = {
    reference.__name__: reference
    for reference in (conditional_mmd, mode_seeking, hsic_infogan, auxiliary_classifier)
}
