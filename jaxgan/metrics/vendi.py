"""Diversity of one set of samples: the effective number of different ones among them."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.kernels import Kernel, cosine
from jaxgan.metrics.checks import AnyArray, check_features
from jaxgan.metrics.estimate import Estimate
from jaxgan.metrics.record import Figures, metric
from jaxgan.metrics.sides import Sides

# Rows of the kernel's matrix computed at a time.
TILE = 1024


def _of_sides(sides: Sides, key: PRNGKeyArray) -> Figures:
    return {"vendi_score": vendi_score(sides.fake.features)}


@metric(higher_is_better=("vendi_score",), compute=_of_sides)
def vendi_score(
    features: Float[AnyArray, "n d"], *, kernel: Kernel = cosine, q: float = 1.0
) -> Estimate:
    """The exponential of the entropy of the eigenvalues of K / n, in [1, n].

    An effective number of samples: 1 where all are alike, n where no two are. It grows with n:
    compare figures of equal sample sizes only. The standard error is that of the infinitesimal
    jackknife, from what each sample adds to the entropy to first order (nothing where q is 0); it
    covers the draw of the samples, not the growth with n.

    Args:
        features: n >= 2 samples.
        kernel: Positive semi-definite with k(x, x) = 1. The cosine kernel needs d x d memory where
            d < n, any other n x n.
        q: Order of the Rényi entropy, q >= 0, infinity included. Orders below 1 weigh rare kinds of
            samples more, those above 1 common ones.

    Raises:
        ConfigError: The features are not a finite matrix with n >= 2, q is negative, k(x, x) is
            not 1 or the cosine kernel is given a sample of zeros.

    Source: Friedman and Dieng 2023, The Vendi Score, https://arxiv.org/abs/2210.02410, definition
    3.1; orders from Pasarkar and Dieng 2024, Cousins of the Vendi Score,
    https://arxiv.org/abs/2310.12952; Efron 1982, The Jackknife, the Bootstrap and Other Resampling
    Plans, https://doi.org/10.1137/1.9781611970319, chapter 6.
    """
    check_features(features, features)
    if not q >= 0:
        raise ConfigError(f"q is {q}; an order is at least 0: try 1, the Shannon entropy")
    x = np.asarray(features)
    eigenvalues, loadings = _cosine_spectrum(x) if kernel is cosine else _spectrum(x, kernel)
    # The score is exp(H); a sample's loadings are what it alone adds to the eigenvalues.
    entropy, gradient = _entropy(eigenvalues, q)
    score = math.exp(entropy)
    influences = loadings @ gradient
    return Estimate(score, score * influences.std(ddof=1) / np.sqrt(len(x)))


def _cosine_spectrum(
    x: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "r"], Float[np.ndarray, "n r"]]:
    norms = np.sqrt(np.einsum("nd,nd->n", x, x, dtype=np.float64))
    if not norms.all():
        raise ConfigError(
            f"{np.sum(norms == 0)} samples are zero, which have no angle to others: remove them or "
            "choose a kernel of distances"
        )
    unit = x / norms[:, None]
    if len(x) <= x.shape[1]:
        return _eigen(unit @ unit.T)
    eigenvalues, axes = np.linalg.eigh(unit.T @ unit / len(x))
    kept = _positive(eigenvalues)
    return eigenvalues[kept], np.square(unit @ axes[:, kept])


def _spectrum(
    x: Float[np.ndarray, "n d"], kernel: Kernel
) -> tuple[Float[np.ndarray, "r"], Float[np.ndarray, "n r"]]:
    points = jnp.asarray(x, jnp.float32)
    gram = np.empty((len(x), len(x)))
    for start in range(0, len(x), TILE):
        gram[start : start + TILE] = _rows(kernel, points[start : start + TILE], points)
    diagonal = np.diagonal(gram)
    if np.abs(diagonal - 1).max() > 1e-3:
        raise ConfigError(
            f"k(x, x) runs from {diagonal.min():.3g} to {diagonal.max():.3g}; it must be 1: "
            "divide the kernel by sqrt(k(x, x) k(y, y))"
        )
    return _eigen((gram + gram.T) / 2)


@partial(jax.jit, static_argnums=0)
def _rows(
    kernel: Kernel, x: Float[Array, "t d"], points: Float[Array, "n d"]
) -> Float[Array, "t n"]:
    return kernel(x, points)


def _eigen(
    gram: Float[np.ndarray, "n n"],
) -> tuple[Float[np.ndarray, "r"], Float[np.ndarray, "n r"]]:
    """Eigenvalues of K / n, and the squares of the samples' coordinates in their directions."""
    n = len(gram)
    eigenvalues, vectors = np.linalg.eigh(gram / n)
    kept = _positive(eigenvalues)
    return eigenvalues[kept], n * eigenvalues[kept] * np.square(vectors[:, kept])


def _positive(eigenvalues: Float[np.ndarray, "r"]) -> Bool[np.ndarray, "r"]:
    """Which are no rounding error: those count as samples of their own where q is small."""
    return eigenvalues > len(eigenvalues) * np.finfo(np.float64).eps * eigenvalues[-1]


def _entropy(eigenvalues: Float[np.ndarray, "r"], q: float) -> tuple[float, Float[np.ndarray, "r"]]:
    """The Rényi entropy of order q in nats, and its gradient by the eigenvalues."""
    p = eigenvalues / eigenvalues.sum()
    if q == 1:
        return float(-np.sum(p * np.log(p))), -np.log(p)
    if math.isinf(q):
        return float(-np.log(p[-1])), np.where(p == p[-1], -1 / p[-1], 0.0)
    powers = p**q
    entropy = np.log(powers.sum()) / (1 - q)
    return float(entropy), q / (1 - q) * powers / p / powers.sum()
