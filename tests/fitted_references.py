"""Losses that are fitted to a training set, by loops in float64 over what their fit returned.

Each takes (real, fake, *, reference, **hyperparameters) and returns both players' losses.
"""

import functools

import jax
import numpy as np

from jaxgan.losses import LOSSES


def flat(x):
    return np.asarray(x, np.float64).reshape(len(x), -1)


@functools.lru_cache
def fitted(name, d):
    """The reference of a loss, fitted to twelve samples."""
    features = np.random.default_rng(6).normal(size=(12, d)).astype(np.float32) + 0.5
    with jax.ensure_compile_time_eval():  # a fit is the host's
        return LOSSES[name].fit(features, key=jax.random.key(7))


def doubled(reference):
    return {name: np.asarray(array, np.float64) for name, array in reference.items()}


def root(matrix):
    variances, axes = np.linalg.eigh(matrix)
    return axes @ np.diag(np.sqrt(np.maximum(variances, 0))) @ axes.T


def distance(mean, covariance, reference):
    """Dowson and Landau 1982, with the trace of the root as a nuclear norm."""
    shift, spread = mean - reference["mean"], reference["root"] @ reference["root"]
    cross = np.linalg.svd(reference["root"] @ root(covariance), compute_uv=False).sum()
    return shift @ shift + np.trace(covariance) + np.trace(spread) - 2 * cross


def frechet(real, fake, reference, decay=0.999):
    x = flat(fake)
    covariance = np.cov(x, rowvar=False, bias=True).reshape(x.shape[1], -1)
    return distance(x.mean(axis=0), covariance, doubled(reference)), 0.0


def gram(x, y, widths):
    squared = np.array([[np.sum((a - b) ** 2) for b in y] for a in x])
    return np.array([np.exp(-squared / (2 * width**2)) for width in widths])


def mmd_reference(real, fake, reference, bandwidths=(0.1, 0.2, 0.4, 0.8, 1.6)):
    x, reference = flat(fake), doubled(reference)
    widths = np.array(bandwidths) * reference["median"]
    return gram(x, x, widths).mean() - 2 * gram(x, reference["samples"], widths).mean(), 0.0


def mmd_nystroem(real, fake, reference, bandwidths=None, landmarks=None):
    x, reference = flat(fake), doubled(reference)
    landmarks, widths = reference["landmarks"], reference["bandwidths"]
    embedded = np.einsum("bnl,bl->bn", gram(x, landmarks, widths), reference["weights"])
    return gram(x, x, widths).mean() - 2 * embedded.mean() + reference["constant"], 0.0


def mmd_fourier(real, fake, reference, bandwidths=None, num_frequencies=None):
    """By complex exponentials."""
    reference = doubled(reference)
    waves = np.exp(1j * (flat(fake) - reference["center"]) @ reference["frequencies"].T)
    difference = waves.mean(axis=0) - (reference["cosines"] + 1j * reference["sines"])
    return np.mean(np.abs(difference) ** 2), 0.0


FITTED_REFERENCES = {f.__name__: f for f in (frechet, mmd_reference, mmd_nystroem, mmd_fourier)}
