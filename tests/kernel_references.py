"""Every registered kernel for one pair of points in float64, from the formulas of PROTOCOLS.md."""

import numpy as np


def squared_distance(a, b):
    return np.sum((a - b) ** 2)


def gaussian(a, b, bandwidth=1.0):
    return np.exp(-squared_distance(a, b) / 2 / bandwidth**2)


def gaussian_mixture(a, b, bandwidths=(1, 2, 4, 8, 16), weights=(1,), average=False):
    weights = np.broadcast_to(weights, len(bandwidths))
    total = sum(w * gaussian(a, b, s) for w, s in zip(weights, bandwidths, strict=True))
    return total / sum(weights) if average else total


def laplacian(a, b, bandwidth=1.0):
    return np.exp(-np.sum(np.abs(a - b)) / bandwidth)


def rational_quadratic(a, b, alphas=(0.2, 0.5, 1, 2, 5)):
    return sum((1 + squared_distance(a, b) / 2 / alpha) ** -alpha for alpha in alphas)


def rational_quadratic_linear(a, b, alphas=(0.2, 0.5, 1, 2, 5)):
    return rational_quadratic(a, b, alphas) + a @ b


def polynomial(a, b, degree=3, scale=1.0, offset=1.0):
    return (scale * (a @ b) / len(a) + offset) ** degree


def linear(a, b):
    return a @ b


def inverse_multiquadric(a, b, bandwidth=1.0, exponent=0.5):
    return (1 + squared_distance(a, b) / bandwidth**2) ** -exponent


def energy(a, b, exponent=1.0):
    lengths = (np.sqrt(squared_distance(u, v)) for u, v in ((a, 0), (b, 0), (a, b)))
    of_a, of_b, between = (length**exponent for length in lengths)
    return (of_a + of_b - between) / 2


def matern32(a, b, bandwidth=1.0):
    t = np.sqrt(3 * squared_distance(a, b)) / bandwidth
    return (1 + t) * np.exp(-t)


def matern52(a, b, bandwidth=1.0):
    t = np.sqrt(5 * squared_distance(a, b)) / bandwidth
    return (1 + t + t**2 / 3) * np.exp(-t)


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def arc_cosine(a, b, order=1):
    """Cho and Saul 2009, equations 3 to 7."""
    theta = np.arccos(np.clip(cosine(a, b), -1, 1))
    profile = (
        np.pi - theta,
        np.sin(theta) + (np.pi - theta) * np.cos(theta),
        3 * np.sin(theta) * np.cos(theta) + (np.pi - theta) * (1 + 2 * np.cos(theta) ** 2),
    )[order]
    return np.sqrt((a @ a) * (b @ b)) ** order * profile / np.pi


KERNEL_REFERENCES = {
    kernel.__name__: kernel
    for kernel in (
        gaussian,
        gaussian_mixture,
        laplacian,
        rational_quadratic,
        rational_quadratic_linear,
        polynomial,
        linear,
        inverse_multiquadric,
        energy,
        matern32,
        matern52,
        cosine,
        arc_cosine,
    )
}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def mean_within(kernel, x, diagonal=False):
    """Pair by pair, with or without the pairs of a sample with itself."""
    return mean(
        kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if diagonal or i != j
    )


def mean_between(kernel, x, y):
    return mean(kernel(a, b) for a in x for b in y)


def mmd2(kernel, x, y, diagonal=False):
    """Gretton et al. 2012, equations 3 (unbiased) and 5 (biased, with the diagonal)."""
    within = mean_within(kernel, x, diagonal) + mean_within(kernel, y, diagonal)
    return within - 2 * mean_between(kernel, x, y)


def _mmd_loss(kernel):
    def loss(real, fake, **hyperparameters):
        distance = mmd2(lambda a, b: kernel(a, b, **hyperparameters), real, fake)
        return distance, -distance

    return loss


def gmmn(real, fake, bandwidths=(2, 5, 10, 20, 40, 80)):
    """Li et al. 2015, code: the root of the biased MMD^2."""
    distance = np.sqrt(mmd2(lambda a, b: gaussian_mixture(a, b, bandwidths), real, fake, True))
    return distance, -distance


def mmd_median(real, fake, scales=(1,), median=None):
    """Gretton et al. 2012, section 8: as wide as the median distance of all pairs."""
    points = np.concatenate([real, fake])
    if median is None:
        squares = [squared_distance(a, b) for i, a in enumerate(points) for b in points[:i]]
        median = np.sqrt(np.median(squares))  # of an even number the mean of two squares
    value = mmd2(lambda a, b: gaussian_mixture(a, b, tuple(s * median for s in scales)), real, fake)
    return value, -value


def mmd_repulsive(real, fake, bandwidths=(1, 2**0.5, 2, 8**0.5, 4), repulsion=1.0):
    """Wang et al. 2019, equations 4 and 5."""

    def kernel(a, b):
        return gaussian_mixture(a, b, bandwidths)

    discriminator = repulsion * mean_within(kernel, real) - mean_within(kernel, fake)
    discriminator -= (repulsion - 1) * mean_between(kernel, real, fake)
    return mmd2(kernel, real, fake), discriminator


def mmd_bounded_repulsive(real, fake, bandwidth=1.0, lower=0.25, upper=4.0):
    """Wang et al. 2019, with the bounds and their sides from its code and README.

    Of reals min(|a - b|^2, upper), of fakes max(|a - b|^2, lower).
    """

    def profile(squared):
        return np.exp(-squared / (2 * bandwidth**2))

    def of_real(a, b):
        return profile(min(squared_distance(a, b), upper))

    def of_fake(a, b):
        return profile(max(squared_distance(a, b), lower))

    generator = mmd2(lambda a, b: gaussian(a, b, bandwidth), real, fake)
    return generator, mean_within(of_real, real) - mean_within(of_fake, fake)


def distance(a, b, exponent=1.0):
    return np.sqrt(squared_distance(a, b)) ** exponent


def energy_distance(real, fake, exponent=1.0):
    """Szekely and Rizzo 2013, equation 2, as U-statistics."""
    value = -mmd2(lambda a, b: distance(a, b, exponent), real, fake)
    return value, -value


def cramer(real, fake):
    """Bellemare et al. 2017, algorithm 1, averaged over all choices of its samples."""

    def critic(t, without=None):
        return mean(distance(t, y) for j, y in enumerate(fake) if j != without) - distance(t, 0)

    generator = 2 * mean_between(distance, real, fake) - mean_within(distance, fake)
    surrogate = mean(map(critic, real)) - mean(critic(y, j) for j, y in enumerate(fake))
    return generator, -surrogate


def kernel_similarity(real, fake, bandwidth=1.0):
    similarity = mean_between(lambda a, b: gaussian(a, b, bandwidth), real, fake)
    return -similarity, similarity


KERNEL_LOSS_REFERENCES = {
    f"mmd_{name}": _mmd_loss(kernel) for name, kernel in KERNEL_REFERENCES.items()
} | {
    loss.__name__: loss
    for loss in (
        gmmn,
        mmd_median,
        mmd_repulsive,
        mmd_bounded_repulsive,
        energy_distance,
        cramer,
        kernel_similarity,
    )
}


# MMD^2 is one function of any kernel, and tests/kernels shows of every kernel what it adds: what is
# tested of the first in `make test` is repeated for the others in `make test-all`.
REPEATED = [f"mmd_{name}" for name in KERNEL_REFERENCES if name != "gaussian"]


def scale(name, real, fake):
    """The largest term that a kernel loss sums: rounding is relative to it."""
    kernel = KERNEL_REFERENCES.get(name.removeprefix("mmd_"), distance)
    points = np.concatenate([real, fake]).astype(np.float64)
    return max(1, *(abs(kernel(a, b)) for a in points for b in points))
