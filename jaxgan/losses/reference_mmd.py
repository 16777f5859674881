"""MMD^2 to the whole training set: as it is, at its landmarks, or in random Fourier features."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxgan.errors import ConfigError
from jaxgan.kernels import Scalars, gaussian_mixture, mean_between, mean_within, squared_distances
from jaxgan.losses.common import at_least, fitted_to, of_generator, product
from jaxgan.losses.flows import BANDWIDTHS
from jaxgan.losses.record import loss
from jaxgan.registry import AT_LEAST_ONE, POSITIVE
from jaxgan.types import Losses

Reference = Mapping[str, Float[Array | np.ndarray, "..."]]
Fitted = dict[str, np.ndarray]

# Samples of which the median distance is taken; rows of the training set that are compared at once.
_MEDIAN_OF = 2000
_CHUNK = 1024

# What is added to the landmarks' gram matrix, whose small eigenvalues are rounding.
_RIDGE = 1e-6

# Past so many distances, k-means looks at a part of the training set at a time.
_MOST_DISTANCES = 10**7


def samples_fit(features: Float[np.ndarray, "n d"], *, key: PRNGKeyArray) -> Fitted:
    """The training set itself, "samples" [n, d], and its "median" distance, of 2,000 samples.

    Args:
        features: Of the whole training set [n, d].
        key: Chooses the samples of which the median is taken.

    Raises:
        ConfigError: Fewer than two samples, or more than half of them are the same.

    Source: RDM 2026, https://arxiv.org/abs/2607.02375
    """
    features = np.asarray(features, np.float32)
    return {"samples": features, "median": _median(features.astype(np.float64), _rng(key))}


@loss(ranges={"bandwidths": POSITIVE}, fit=samples_fit)
def mmd_reference(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    reference: Reference,
    bandwidths: Scalars = BANDWIDTHS,
) -> Losses:
    """G = E k(x, x') - 2 E k(x, y), D = 0, x the fakes and y all of the training set.

    k is the mean of Gaussians, and pairs of a fake with itself count. It is MMD^2 up to the
    constant E k(y, y'), and may be negative. All y are compared in tiles: memory does not grow with
    m times their number. There is no critic: compare samples, or features of a network that is not
    trained.

    Args:
        real: Not used, except that it must have the shape of a sample.
        fake: m samples [m, ...].
        reference: What `samples_fit` made: "samples" [N, d], and their "median" distance.
        bandwidths: Positive, in units of that median.

    Raises:
        ConfigError: A reference of another width.

    Source: RDM 2026, https://arxiv.org/abs/2607.02375
    """
    x = fitted_to(reference, "mmd_reference", real, fake, samples=1)
    y, median = (jax.lax.stop_gradient(jnp.asarray(reference[k])) for k in ("samples", "median"))
    scaled = jnp.asarray(bandwidths, x.dtype) * median.astype(x.dtype)
    kernel = functools.partial(gaussian_mixture, bandwidths=scaled, average=True)
    between = mean_between(kernel, x, y.astype(x.dtype))
    return of_generator(mean_within(kernel, x, diagonal=True) - 2 * between)


def landmarks_fit(
    features: Float[np.ndarray, "n d"],
    *,
    key: PRNGKeyArray,
    bandwidths: tuple[float, ...] = BANDWIDTHS,
    landmarks: int = 512,
) -> Fitted:
    """Landmarks of the training set by k-means, with the weights that stand for all of it.

    In float64. With fewer samples than landmarks, they are the landmarks.

    Args:
        features: Of the whole training set [n, d].
        key: Starts k-means, and chooses the samples of which the median distance is taken.
        bandwidths: Positive, in units of the median distance.
        landmarks: How many.

    Returns:
        "landmarks" Z [l, d]; "bandwidths" [b] in the units of the features; "weights" [b, l] of
        each bandwidth, a = (K_ZZ + 1e-6)^-1 mean_j k(Z, y_j); and the "constant" mean of a K_ZZ a.

    Raises:
        ConfigError: Fewer than two samples, or more than half of them are the same.

    Source: RDM 2026, https://arxiv.org/abs/2607.02375
    """
    y, rng = np.asarray(features, np.float64), _rng(key)
    widths = np.asarray(bandwidths, np.float64) * _median(y, rng)
    centres = _centres(y, landmarks, rng)
    embedding = np.zeros((len(widths), len(centres)))
    for part in _chunks(y):
        embedding += _gaussians(centres, part, widths).sum(axis=2) / len(y)
    grams = _gaussians(centres, centres, widths)
    ridged = grams + _RIDGE * np.eye(len(centres))
    weights = np.linalg.solve(ridged, embedding[..., None])[..., 0]
    constant = np.mean(np.einsum("bi,bij,bj->b", weights, grams, weights))
    return _float32(landmarks=centres, bandwidths=widths, weights=weights, constant=constant)


@loss(ranges={"bandwidths": POSITIVE, "landmarks": AT_LEAST_ONE}, fit=landmarks_fit)
def mmd_nystroem(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    reference: Reference,
    bandwidths: tuple[float, ...] = BANDWIDTHS,
    landmarks: int = 512,
) -> Losses:
    """G = E k(x, x') - 2 E k(x, Z) a + a k(Z, Z) a, D = 0: MMD^2 of fakes x and landmarks Z.

    The weights a of Z are those whose mean embedding is nearest to that of the whole training set:
    as `mmd_reference` at the cost of few samples. It is the mean over Gaussian kernels, each with
    weights of its own; pairs of a fake with itself count. The paper has 4,096 landmarks.

    Args:
        real: Not used, except that it must have the shape of a sample.
        fake: m samples [m, ...].
        reference: What `landmarks_fit` made.
        bandwidths: Positive, in units of the median distance of the training set. The reference is
            fitted to them, so that other ones need another one.
        landmarks: How many, shared by all bandwidths; of the reference too.

    Raises:
        ConfigError: A reference of another width.

    Source: RDM 2026, https://arxiv.org/abs/2607.02375
    """
    del bandwidths, landmarks
    x = fitted_to(reference, "mmd_nystroem", real, fake, landmarks=1)
    fixed = {k: jax.lax.stop_gradient(jnp.asarray(v, x.dtype)) for k, v in reference.items()}
    widths, squared = fixed["bandwidths"], squared_distances(x, fixed["landmarks"])
    kernel = functools.partial(gaussian_mixture, bandwidths=widths, average=True)
    # One bandwidth after another: no [b, m, l].
    between = [
        jnp.mean(product(jnp.exp(-squared / (2 * width**2)), weights[:, None]))
        for width, weights in zip(widths, fixed["weights"], strict=True)
    ]
    within = mean_within(kernel, x, diagonal=True)
    return of_generator(within - 2 * jnp.mean(jnp.stack(between)) + fixed["constant"])


def frequencies_fit(
    features: Float[np.ndarray, "n d"],
    *,
    key: PRNGKeyArray,
    bandwidths: tuple[float, ...] = BANDWIDTHS,
    num_frequencies: int = 512,
) -> Fitted:
    """Random frequencies, and what they see of the whole training set, in float64.

    Args:
        features: Of the whole training set [n, d].
        key: Draws the frequencies, and chooses the samples of which the median distance is taken.
        bandwidths: Positive, in units of the median distance.
        num_frequencies: Of each bandwidth.

    Returns:
        "frequencies" w [f, d]; the "center" c of the training set [d]; the "cosines" and "sines"
        [f], means over it of those of <w, y - c>.

    Raises:
        ConfigError: Fewer than two samples, or more than half of them are the same.

    Source: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines; as a baseline of
    RDM 2026, https://arxiv.org/abs/2607.02375
    """
    y, rng = np.asarray(features, np.float64), _rng(key)
    widths, center = np.asarray(bandwidths, np.float64) * _median(y, rng), y.mean(axis=0)
    normal = rng.normal(size=(len(widths), num_frequencies, y.shape[1]))
    frequencies = (normal / widths[:, None, None]).reshape(-1, y.shape[1]).astype(np.float32)
    cosines, sines = np.zeros((2, len(frequencies)))
    for part in _chunks(y):
        phases = (part - center) @ frequencies.T.astype(np.float64)
        cosines += np.cos(phases).sum(axis=0) / len(y)
        sines += np.sin(phases).sum(axis=0) / len(y)
    return _float32(frequencies=frequencies, center=center, cosines=cosines, sines=sines)


@loss(ranges={"bandwidths": POSITIVE, "num_frequencies": AT_LEAST_ONE}, fit=frequencies_fit)
def mmd_fourier(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    reference: Reference,
    bandwidths: tuple[float, ...] = BANDWIDTHS,
    num_frequencies: int = 512,
) -> Losses:
    """G = E_w |E_x exp(i <w, x>) - E_y exp(i <w, y>)|^2, D = 0: MMD^2 in random Fourier features.

    x are the fakes and y all of the training set. The frequencies w are drawn once, as many for
    each Gaussian kernel: in expectation over them it is `mmd_reference` with its constant, at a
    cost that grows with m alone. Both sides have the same features, so that it is 0 where they see
    no difference.

    Args:
        real: Not used, except that it must have the shape of a sample.
        fake: m samples [m, ...].
        reference: What `frequencies_fit` made.
        bandwidths: Positive, in units of the median distance of the training set. The reference is
            fitted to them, so that other ones need another one.
        num_frequencies: Of each bandwidth; of the reference too.

    Raises:
        ConfigError: A reference of another width.

    Source: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines; as a baseline of
    RDM 2026, https://arxiv.org/abs/2607.02375
    """
    del bandwidths, num_frequencies
    x = fitted_to(reference, "mmd_fourier", real, fake, frequencies=1)
    fixed = {k: jax.lax.stop_gradient(jnp.asarray(v, x.dtype)) for k, v in reference.items()}
    phases = product(x - fixed["center"][None], fixed["frequencies"].T)
    cosines = jnp.mean(jnp.cos(phases), axis=0) - fixed["cosines"]
    sines = jnp.mean(jnp.sin(phases), axis=0) - fixed["sines"]
    return of_generator(jnp.mean(jnp.square(cosines) + jnp.square(sines)))


def _rng(key: PRNGKeyArray) -> np.random.Generator:
    return np.random.default_rng(np.asarray(jax.random.bits(key, (4,))))


def _median(y: Float[np.ndarray, "n d"], rng: np.random.Generator) -> np.ndarray:
    """The median distance of two of the samples."""
    at_least(2, "a training set", "its median distance is the unit of bandwidths", len(y))
    few = y if len(y) <= _MEDIAN_OF else y[rng.choice(len(y), _MEDIAN_OF, replace=False)]
    squared = _squared(few, few)[np.triu_indices(len(few), 1)]
    median = np.sqrt(np.median(squared))
    if not median > 0:
        raise ConfigError(
            f"the median distance of the training set is {median}; it is the unit of bandwidths "
            "and must be greater than 0: most samples are the same, or not finite"
        )
    return np.asarray(median, np.float32)


def _centres(y: Float[np.ndarray, "n d"], count: int, rng: np.random.Generator) -> np.ndarray:
    if len(y) <= count:
        return y
    from sklearn.cluster import KMeans, MiniBatchKMeans

    options: dict[str, Any] = {"n_init": 1, "random_state": int(rng.integers(2**31))}
    if len(y) * count <= _MOST_DISTANCES:
        means = KMeans(count, max_iter=50, **options)
    else:
        means = MiniBatchKMeans(count, batch_size=max(_CHUNK, 4 * count), **options)
    return np.asarray(means.fit(y).cluster_centers_)


def _chunks(y: Float[np.ndarray, "n d"]) -> Iterator[np.ndarray]:
    return (y[start : start + _CHUNK] for start in range(0, len(y), _CHUNK))


def _squared(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> np.ndarray:
    center = x.mean(axis=0)
    x, y = x - center, y - center
    squared = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1)[None] - 2 * x @ y.T
    return np.maximum(squared, 0)


def _gaussians(x: np.ndarray, y: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The gram matrices of all bandwidths [b, n, m]."""
    return np.exp(-_squared(x, y)[None] / (2 * widths[:, None, None] ** 2))


def _float32(**arrays: Float[np.ndarray | np.floating, "..."]) -> Fitted:
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}
