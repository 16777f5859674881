"""Losses on samples and features by scipy, scikit-learn or loops, in float64.

Each takes (real, fake, **hyperparameters) and returns what the generator minimises.
"""

import jax
import numpy as np
from scipy.spatial import distance
from scipy.special import expit
from scipy.stats import pearsonr
from sklearn.covariance import shrunk_covariance

KEY = 0  # of the random directions


def flat(x):
    return np.asarray(x, np.float64).reshape(len(x), -1)


def cyclic(x, y):
    longer = max(len(x), len(y))
    return [x[i % len(x)] for i in range(longer)], [y[i % len(y)] for i in range(longer)]


def matched(measure, x, y, match="paired"):
    if match == "mean":
        return measure(np.mean(x, axis=0), np.mean(y, axis=0))
    if match == "nearest":
        return np.mean([min(measure(a, b) for a in x) for b in y])
    return np.mean([measure(a, b) for a, b in zip(*cyclic(x, y), strict=True)])


def by(measure):
    """The loss of a measure of two vectors."""
    return lambda real, fake, match="paired": matched(measure, flat(real), flat(fake), match)


def mean_absolute(a, b):
    return distance.cityblock(a, b) / len(a)


def mean_squared(a, b):
    return distance.sqeuclidean(a, b) / len(a)


def shrunk(x, shrinkage):
    return shrunk_covariance(np.cov(x, rowvar=False).reshape(x.shape[1], -1), shrinkage)


def mahalanobis(real, fake, shrinkage=0.1, match="paired"):
    inverse = np.linalg.inv(shrunk(flat(real), shrinkage))
    return by(lambda a, b: distance.mahalanobis(a, b, inverse))(real, fake, match)


def charbonnier(real, fake, epsilon=1e-3, match="paired"):
    return by(lambda a, b: np.mean([np.hypot(s - t, epsilon) for s, t in zip(a, b, strict=True)]))(
        real, fake, match
    )


def ssim_maps(a, b):
    """Wang et al. 2004, section III.B and C, window by window: (luminance, contrast-structure).

    Of intensities in [0, 2], which pixels in [-1, 1] are where black is -1.
    """
    a, b = a + 1.0, b + 1.0
    height, width, _ = a.shape
    size = min(11, height, width)
    sigma = 1.5 * size / 11
    offsets = np.arange(size) - (size - 1) / 2
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * sigma**2))
    window /= window.sum()
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2

    def mean(windows):
        return np.sum(window * windows, axis=(-2, -1), keepdims=True)

    # [rows, columns, channels, size, size]
    p, q = (np.lib.stride_tricks.sliding_window_view(x, (size, size), (0, 1)) for x in (a, b))
    mean_p, mean_q = mean(p), mean(q)
    variances = mean((p - mean_p) ** 2) + mean((q - mean_q) ** 2)
    covariance = mean((p - mean_p) * (q - mean_q))
    luminance = (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
    contrast = (2 * covariance + c2) / (variances + c2)
    return np.stack([luminance, contrast])[..., 0, 0]


def ssim(real, fake, match="paired"):
    return matched(lambda a, b: 1 - np.prod(ssim_maps(a, b), axis=0).mean(), real, fake, match)


def ms_ssim_of_pair(a, b):
    """Wang et al. 2003, equation 7, with as many scales as fit and exponents that sum to 1."""
    exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333][: int(np.log2(min(a.shape[:2])))]
    value = 1.0
    for scale, exponent in enumerate(exponents):
        luminance, contrast = ssim_maps(a, b)
        kept = luminance * contrast if scale == len(exponents) - 1 else contrast
        value = value * np.maximum(kept.mean(axis=(0, 1)), 1e-4) ** (exponent / sum(exponents))
        height, width = (side // 2 for side in a.shape[:2])
        a, b = (
            image[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).mean((1, 3))
            for image in (a, b)
        )
    return 1 - np.mean(value)


def ms_ssim(real, fake, match="paired"):
    return matched(ms_ssim_of_pair, real, fake, match)


def mean_distance(x):
    return np.mean(distance.pdist(flat(x))) / flat(x).shape[1] ** 0.5


def vectors_along(real, fake, axis):
    real, fake = map(np.array, cyclic(flat(real), flat(fake)))
    return (real.T, fake.T) if axis == "batch" else (real, fake)


def mean_pearson(xs, ys):
    return np.mean([pearsonr(x, y)[0] for x, y in zip(xs, ys, strict=True)])


def pearson(real, fake, axis="batch", squared=False):
    r = mean_pearson(*vectors_along(real, fake, axis))
    return 1 - r**2 if squared else 1 - r


def soft_ranks(x, temperature):
    return np.array([sum(expit((a - b) / (temperature * np.std(x))) for b in x) for a in x])


def spearman(real, fake, temperature=0.1, axis="batch", squared=False):
    ranks = [
        [soft_ranks(row, temperature) for row in rows] for rows in vectors_along(real, fake, axis)
    ]
    rho = mean_pearson(*ranks)
    return 1 - rho**2 if squared else 1 - rho


def correlation_matching(real, fake, rank_temperature=None):
    real, fake = (np.array(flat(x)) for x in (real, fake))
    if rank_temperature is not None:
        real, fake = (
            np.stack([soft_ranks(column, rank_temperature) for column in x.T], axis=1)
            for x in (real, fake)
        )
    one, other = (np.corrcoef(x, rowvar=False) for x in (real, fake))
    return np.mean((one - other)[~np.eye(len(one), dtype=bool)] ** 2)


def coral(real, fake):
    one, other = (np.atleast_2d(np.cov(flat(x), rowvar=False)) for x in (real, fake))
    return np.linalg.norm(one - other) ** 2 / (4 * len(one) ** 2)


def cca(real, fake, shrinkage=0.1):
    """Squared canonical correlations as eigenvalues of Sxx^-1 Sxy Syy^-1 Syx (Hotelling 1936)."""
    real, fake = map(np.array, cyclic(flat(real), flat(fake)))
    d = real.shape[1]
    across = np.cov(real, fake, rowvar=False)[:d, d:]
    inverses = [np.linalg.inv(shrunk(x, shrinkage)) for x in (real, fake)]
    return 1 - np.mean(np.linalg.eigvals(inverses[0] @ across @ inverses[1] @ across.T).real)


def barlow_twins(real, fake, redundancy=5e-3):
    real, fake = map(np.array, cyclic(flat(real), flat(fake)))
    total = 0.0
    for k, x in enumerate(real.T):
        for j, y in enumerate(fake.T):
            r = pearsonr(x, y)[0]
            total += (1 - r) ** 2 if k == j else redundancy * r**2
    return total


def directions(count, d):
    """Those that the key gives, since any other directions give another value."""
    normal = np.asarray(jax.random.normal(jax.random.key(KEY), (count, d), np.float32), np.float64)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def displacements(x, y, u):
    """Every x as often as there are y and the other way round, both in order along u."""
    x, y = np.repeat(x, len(y), axis=0), np.repeat(y, len(x), axis=0)
    return x[np.argsort(x @ u, kind="stable")] - y[np.argsort(y @ u, kind="stable")]


def sliced_wasserstein(real, fake, num_projections=128, p=2):
    x, y = flat(real), flat(fake)
    return np.mean(
        [
            np.mean(np.abs(displacements(x, y, u) @ u) ** p)
            for u in directions(num_projections, x.shape[1])
        ]
    )


def max_sliced_wasserstein(real, fake, num_projections=16, num_steps=10):
    x, y = flat(real), flat(fake)

    def squared(u):
        return np.mean((displacements(x, y, u) @ u) ** 2)

    u = max(directions(num_projections, x.shape[1]), key=squared)
    best = squared(u)
    for _ in range(num_steps):
        moved = displacements(x, y, u)
        u = moved.T @ (moved @ u)
        u /= np.linalg.norm(u)
        best = max(best, squared(u))
    return best


def entropic_cost(x, y, epsilon, p):
    """Cuturi 2013, algorithm 1: scalings of exp(-cost / epsilon) until they no longer change."""
    kernel = np.exp(-(distance.cdist(x, y) ** p) / epsilon)
    u, v = np.ones(len(x)), np.ones(len(y))
    for _ in range(100_000):
        before = u
        v = len(x) / (u @ kernel)
        u = len(y) / (kernel @ v)
        if np.abs(u / before - 1).max() < 1e-12:
            return epsilon * (np.log(u).mean() + np.log(v).mean())
    raise AssertionError("Sinkhorn did not converge")


def sinkhorn(real, fake, epsilon=0.1, num_iterations=None, p=2):
    x, y = flat(real), flat(fake)
    within = entropic_cost(x, x, epsilon, p) + entropic_cost(y, y, epsilon, p)
    return entropic_cost(x, y, epsilon, p) - within / 2


GENERATORS = {
    "l1": by(distance.cityblock),
    "mae": by(mean_absolute),
    "l2": by(distance.euclidean),
    "squared_l2": by(distance.sqeuclidean),
    "mse": by(mean_squared),
    "rmse": lambda real, fake, match="paired": by(mean_squared)(real, fake, match) ** 0.5,
    "one_minus_l2": lambda real, fake, match="paired": (
        -(1 - by(distance.euclidean)(real, fake, match))
    ),
    "mahalanobis": mahalanobis,
    "cosine": by(distance.cosine),
    "correlation": by(distance.correlation),
    "charbonnier": charbonnier,
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "feature_matching": lambda real, fake: by(distance.sqeuclidean)(real, fake, "mean"),
    "diversity_matching": lambda real, fake: (mean_distance(real) - mean_distance(fake)) ** 2,
    "pearson": pearson,
    "spearman": spearman,
    "correlation_matching": correlation_matching,
    "coral": coral,
    "cca": cca,
    "barlow_twins": barlow_twins,
    "sliced_wasserstein": sliced_wasserstein,
    "max_sliced_wasserstein": max_sliced_wasserstein,
    "sinkhorn": sinkhorn,
}


def zero_sum(generator):
    """Both players' losses: the discriminator maximises what the generator minimises."""

    def losses(real, fake, **hyperparameters):
        distance = generator(real, fake, **hyperparameters)
        return distance, -distance

    return losses


SIMILARITY_REFERENCES = {name: zero_sum(generator) for name, generator in GENERATORS.items()}

# The leading shape of a sample, where a vector of any length will not do.
SHAPES = {"ssim": (4, 5), "ms_ssim": (4, 5), "correlation": (2,), "correlation_matching": (2,)}

# Of iterations that approach a fixed point: enough, and an epsilon at which they soon arrive.
ITERATIONS = {
    "sinkhorn": {"epsilon": 5.0, "num_iterations": 500},
    "sinkhorn_drift": {"epsilon": 0.5, "num_iterations": 500},
}

# Whose gradient takes a part as constant: a fixed point that finitely many iterations do not reach,
# or median distances.
ENVELOPES = {"max_sliced_wasserstein", "hsic_infogan", "mmd_median"}
