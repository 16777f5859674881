"""Do clusters that were found without labels agree with the labels?"""

import numpy as np
from jaxtyping import Float, Int, Shaped

from jaxgan.errors import ConfigError
from jaxgan.metrics.checks import AnyArray


def normalised_mutual_information(
    labels: Shaped[AnyArray, "n"], clusters: Shaped[AnyArray, "_n"]
) -> float:
    """2 I(labels; clusters) / (H(labels) + H(clusters)), in [0, 1].

    1 where either tells the other, 0 where neither tells anything of the other; 1 where there is
    one label and one cluster. It grows with the number of clusters, also of random ones.

    Args:
        labels: The class of each of n samples, an integer.
        clusters: The cluster that each is in, an integer.

    Raises:
        ConfigError: No samples, or not one integer of each kind for each.

    Source: Strehl and Ghosh 2002, Cluster Ensembles, https://jmlr.org/papers/v3/strehl02a.html,
    with the arithmetic mean of the entropies, as in scikit-learn.

    >>> normalised_mutual_information(np.array([0, 0, 1, 1]), np.array([5, 5, 3, 3]))
    1.0
    """
    from scipy.special import entr

    joint = _table(labels, clusters) / len(labels)
    of_labels, of_clusters = (entr(joint.sum(axis)).sum() for axis in (1, 0))
    total = of_labels + of_clusters
    information = max(0.0, total - entr(joint).sum())
    return float(2 * information / total) if total > 0 else 1.0


def purity(labels: Shaped[AnyArray, "n"], clusters: Shaped[AnyArray, "_n"]) -> float:
    """The share of samples that are of the most frequent class of their cluster, in (0, 1].

    Args:
        labels: The class of each of n samples, an integer.
        clusters: The cluster that each is in, an integer.

    Raises:
        ConfigError: No samples, or not one integer of each kind for each.

    Source: Manning, Raghavan and Schuetze 2008, Introduction to Information Retrieval, section
    16.3, https://nlp.stanford.edu/IR-book/html/htmledition/evaluation-of-clustering-1.html

    >>> purity(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    0.75
    """
    return float(_table(labels, clusters).max(axis=0).sum() / len(labels))


def _table(
    labels: Shaped[AnyArray, "n"], clusters: Shaped[AnyArray, "_n"]
) -> Float[np.ndarray, "classes clusters"]:
    """How many samples of each class are in each cluster."""
    rows, columns = (
        _numbered(name, x, len(labels)) for name, x in (("labels", labels), ("clusters", clusters))
    )
    shape = rows.max() + 1, columns.max() + 1
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64)


def _numbered(name: str, x: Shaped[AnyArray, "_n"], n: int) -> Int[np.ndarray, "_n"]:
    """The values by their ranks, so that any integers will do."""
    x = np.asarray(x)
    if n == 0 or x.shape != (n,) or not np.issubdtype(x.dtype, np.integer):
        raise ConfigError(
            f"{name} are {x.dtype} of shape {x.shape}; pass one integer for each of n >= 1 samples"
        )
    return np.unique(x, return_inverse=True)[1]
