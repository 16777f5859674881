"""Losses that compare real and fake by a kernel: of critic features, or of images (GMMN).

Arrays of any shape are flattened to one vector a sample. MMD^2 is `mmd.mmd2`.
"""

import functools
import inspect
import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, ScalarLike

from jaxgan import kernels
from jaxgan.kernels import (
    GMMN_BANDWIDTHS,
    MMD_GAN_BANDWIDTHS,
    RANGES,
    REPULSIVE_BANDWIDTHS,
    Scalars,
    distance_powers,
    euclidean_distances,
    gaussian,
    gaussian_mixture,
    mean_between,
    mean_within,
    median_bandwidth,
    squared_distances,
)
from jaxgan.kernels.functions import ENERGY_EXPONENTS
from jaxgan.losses.common import at_least, same_length, vectors, zero_sum
from jaxgan.losses.mmd import conditional_mmd2, mmd2, pair_means
from jaxgan.losses.record import loss
from jaxgan.numerics import pairs, safe_sqrt
from jaxgan.registry import NON_NEGATIVE, POSITIVE, hyperparameters
from jaxgan.types import Losses


class MMDLoss:
    """G = MMD^2(real, fake), D = -G, of one kernel: its hyperparameters are also the loss's.

    Attributes:
        kernel: A function of (x, y, *, hyperparameters) that returns the matrix of all pairs.
        hyperparameters: Those of the kernel, and `estimator`, with their defaults.
    """

    def __init__(self, kernel: Callable[..., Float[Array, "n m"]]):
        formula, _, details = (inspect.getdoc(kernel) or "").partition("\n")
        self.kernel = kernel
        self.hyperparameters = {**hyperparameters(kernel), "estimator": "unbiased"}
        self.__name__ = f"mmd_{kernel.__name__}"
        self.__doc__ = (
            f"G = MMD^2(real, fake), D = -MMD^2, {formula}\n\n"
            "Of n real and m fake samples [n, ...] and [m, ...], flattened to vectors x and y.\n"
            "`estimator` is that of `mmd2`; the other hyperparameters are the kernel's. As in Li\n"
            "et al. 2017, MMD GAN, https://arxiv.org/abs/1705.08584, which compares features of a\n"
            "critic. The kernel:\n\n"
            f"{details.strip()}"
        )

    def __call__(
        self,
        real: Float[Array, "n ..."],
        fake: Float[Array, "m ..."],
        *,
        estimator: str = "unbiased",
        **hyperparameters: ScalarLike | Scalars,
    ) -> Losses:
        """Both players' losses."""
        bound = functools.partial(self.kernel, **hyperparameters)
        return zero_sum(mmd2(real, fake, kernel=bound, estimator=estimator))


def _mmd_loss(kernel: Callable[..., Float[Array, "n m"]]) -> Callable[..., Losses]:
    return loss(ranges=RANGES[kernel.__name__])(MMDLoss(kernel))


mmd_gaussian = _mmd_loss(kernels.gaussian)
mmd_gaussian_mixture = _mmd_loss(kernels.gaussian_mixture)
mmd_laplacian = _mmd_loss(kernels.laplacian)
mmd_rational_quadratic = _mmd_loss(kernels.rational_quadratic)
mmd_rational_quadratic_linear = _mmd_loss(kernels.rational_quadratic_linear)
mmd_polynomial = _mmd_loss(kernels.polynomial)
mmd_linear = _mmd_loss(kernels.linear)
mmd_inverse_multiquadric = _mmd_loss(kernels.inverse_multiquadric)
mmd_energy = _mmd_loss(kernels.energy)
mmd_matern32 = _mmd_loss(kernels.matern32)
mmd_matern52 = _mmd_loss(kernels.matern52)
mmd_cosine = _mmd_loss(kernels.cosine)
mmd_arc_cosine = _mmd_loss(kernels.arc_cosine)


@loss(ranges={"bandwidths": POSITIVE})
def gmmn(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidths: Scalars = GMMN_BANDWIDTHS,
) -> Losses:
    """G = sqrt(MMD^2), D = -G, MMD^2 biased, with a sum of Gaussian kernels.

    The root has gradient 0 at 0.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        bandwidths: Positive, in the units of the samples.

    Source: Li et al. 2015, Generative Moment Matching Networks; bandwidths of its code for MNIST,
    https://arxiv.org/abs/1502.02761

    >>> real, fake = jnp.array([[0.0]]), jnp.array([[1000.0]])  # k = 1 within and 0 between
    >>> float(gmmn(real, fake, bandwidths=(1.0, 2.0)).generator)  # sqrt(2 + 2 - 0)
    2.0
    """
    kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
    distance = safe_sqrt(mmd2(real, fake, kernel=kernel, estimator="biased"))
    return zero_sum(distance)


@loss(ranges={"scales": POSITIVE})
def mmd_median(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    scales: Scalars = (1.0,),
    estimator: str = "unbiased",
) -> Losses:
    """G = MMD^2(real, fake), D = -MMD^2, k a sum of Gaussians as wide as the median distance.

    The bandwidths are `scales` times the median distance of two different samples of both batches
    pooled (of up to 256 of each), which is taken as a constant. So the value does not change with
    the scale of the samples: a critic gains nothing by a larger one, and its penalty should not
    hold the scale alone.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        scales: Positive, in units of the median distance.
        estimator: That of `mmd2`.

    Source: the median heuristic of Gretton et al. 2012, A Kernel Two-Sample Test, section 8;
    preprint https://arxiv.org/abs/0805.2368
    """
    x, y = vectors(real, fake)
    bandwidths = jnp.ravel(jnp.asarray(scales)) * median_bandwidth(x, y)
    kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
    return zero_sum(mmd2(x, y, kernel=kernel, estimator=estimator))


@loss(ranges={"bandwidths": POSITIVE})
def mmd_repulsive(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidths: Scalars = REPULSIVE_BANDWIDTHS,
    repulsion: ScalarLike = 1.0,
) -> Losses:
    """D = r E k(x, x') - (r - 1) E k(x, y) - E k(y, y'), G = MMD^2, x real and y fake, x != x'.

    The kernel is a sum of Gaussians.

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].
        bandwidths: Positive, in the units of the samples.
        repulsion: r, any number: 1 makes D explore how the reals differ, -1 is the attractive
            -MMD^2.

    Raises:
        ConfigError: Fewer samples.

    Source: Wang et al. 2019, Improving MMD-GAN Training with Repulsive Loss Function, equations 4
    and 5, https://arxiv.org/abs/1812.09916
    """
    x, y = _pairs_of_samples(real, fake)
    kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
    of_x, of_y, between = pair_means(kernel, x, y)
    return Losses(
        generator=of_x + of_y - 2 * between,
        discriminator=jnp.multiply(repulsion, of_x - between) + between - of_y,
    )


@loss(ranges={"bandwidth": POSITIVE, "lower": NON_NEGATIVE, "upper": POSITIVE})
def mmd_bounded_repulsive(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidth: ScalarLike = 1.0,
    lower: ScalarLike = 0.25,
    upper: ScalarLike = 4.0,
) -> Losses:
    """D = E g(min(|x - x'|^2, upper)) - E g(max(|y - y'|^2, lower)), G = MMD^2, g Gaussian.

    g(s) = exp(-s / (2 bandwidth^2)), x real and y fake, x != x'. As with a hinge, D stops driving
    reals apart that are farther than `upper`, and drawing fakes together that are nearer than
    `lower`; G's kernel is not bounded.

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].
        bandwidth: Positive, in the units of the samples.
        lower: A squared distance, at least 0.
        upper: A squared distance, positive.

    Raises:
        ConfigError: Fewer samples.

    Source: Wang et al. 2019, Improving MMD-GAN Training with Repulsive Loss Function; the bounds
    are those of its code, https://arxiv.org/abs/1812.09916
    """
    x, y = _pairs_of_samples(real, fake)
    of_real = functools.partial(_bounded_gaussian, bandwidth=bandwidth, upper=upper)
    of_fake = functools.partial(_bounded_gaussian, bandwidth=bandwidth, lower=lower)
    return Losses(
        generator=mmd2(x, y, kernel=functools.partial(gaussian, bandwidth=bandwidth)),
        discriminator=mean_within(of_real, x, diagonal=False)
        - mean_within(of_fake, y, diagonal=False),
    )


def _bounded_gaussian(
    x: Float[Array, "n d"],
    y: Float[Array, "m d"],
    *,
    bandwidth: ScalarLike,
    lower: ScalarLike = -math.inf,
    upper: ScalarLike = math.inf,
) -> Float[Array, "n m"]:
    squared = jnp.clip(squared_distances(x, y), lower, upper)
    return jnp.exp(-squared / (2 * bandwidth**2))


def _pairs_of_samples(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."]
) -> tuple[Float[Array, "n d"], Float[Array, "m d"]]:
    what = "a repulsive or energy loss of batches"
    at_least(2, what, "use a larger batch", len(real), len(fake))
    return vectors(real, fake)


@loss(ranges={"exponent": ENERGY_EXPONENTS})
def energy_distance(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    exponent: ScalarLike = 1.0,
    estimator: str = "unbiased",
) -> Losses:
    """G = 2 E |x - y|^a - E |x - x'|^a - E |y - y'|^a, D = -G, x real, y fake, a = exponent.

    It is twice the MMD^2 of the energy kernel, computed from the distances alone.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        exponent: In (0, 2).
        estimator: That of `mmd2`.

    Source: Szekely and Rizzo 2013, Energy Statistics,
    https://doi.org/10.1016/j.jspi.2013.03.018; as an MMD, Sejdinovic et al. 2013, Equivalence of
    Distance-Based and RKHS-Based Statistics, https://arxiv.org/abs/1207.6076

    >>> real, fake = jnp.array([[0.0], [1.0]]), jnp.array([[4.0], [6.0]])
    >>> float(energy_distance(real, fake).generator)  # 2 * 4.5 - 1 - 2
    6.0
    """
    kernel = functools.partial(distance_powers, exponent=exponent)
    return zero_sum(-mmd2(real, fake, kernel=kernel, estimator=estimator))


@loss()
def cramer(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E f(y) - E f(x), f(t) = E |t - y'| - |t|, G = 2 E |x - y| - E |y - y'|, y != y' fake.

    f is the Cramer critic on features x of the real and y of the fake batch; all pairs of the
    batch stand for the paper's two independent fakes. G is the energy distance less its part
    without fakes.

    Args:
        real: n >= 2 samples [n, ...].
        fake: m >= 2 samples of the same shape [m, ...].

    Raises:
        ConfigError: Fewer samples.

    Source: Bellemare et al. 2017, The Cramer Distance as a Solution to Biased Wasserstein
    Gradients, algorithm 1, https://arxiv.org/abs/1705.10743

    >>> real, fake = jnp.array([[0.0], [1.0]]), jnp.array([[4.0], [6.0]])
    >>> float(cramer(real, fake).generator)  # 2 * 4.5 - 2
    7.0
    """
    x, y = _pairs_of_samples(real, fake)
    origin = jnp.zeros_like(x[:1])
    between, within = (
        mean_between(euclidean_distances, x, y),
        mean_within(euclidean_distances, y, diagonal=False),
    )
    of_real = between - mean_between(euclidean_distances, x, origin)
    of_fake = within - mean_between(euclidean_distances, y, origin)
    return Losses(generator=2 * between - within, discriminator=of_fake - of_real)


@loss(ranges={"bandwidth": POSITIVE})
def kernel_similarity(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidth: ScalarLike = 1.0,
    paired: bool = False,
) -> Losses:
    """D = E exp(-|D(x) - D(G(z))|^2 / (2 bandwidth^2)), G = -D.

    E is over all pairs of real and fake, unless `paired`.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        bandwidth: Positive, in the units of the samples.
        paired: Whether real i meets fake i alone. Then the shorter batch starts again at its end,
            and the value depends on the order within a batch.

    Source: the Gaussian kernel of Gretton et al. 2012, A Kernel Two-Sample Test, between the
    critic's outputs; preprint https://arxiv.org/abs/0805.2368

    >>> real, fake = jnp.array([[0.0]]), jnp.array([[0.0], [1000.0]])
    >>> float(kernel_similarity(real, fake).discriminator)  # the mean of 1 and 0
    0.5
    """
    x, y = vectors(real, fake)
    if paired:
        squared = jnp.sum(jnp.square(jnp.subtract(*pairs(x, y))), axis=1)
        similarity = jnp.mean(jnp.exp(-squared / (2 * bandwidth**2)))
    else:
        similarity = mean_between(functools.partial(gaussian, bandwidth=bandwidth), x, y)
    return Losses(generator=-similarity, discriminator=similarity)


@loss(ranges={"bandwidths": POSITIVE})
def conditional_mmd(
    real: Float[Array, "n ..."],
    fake: Float[Array, "_n ..."],
    *,
    labels: Int[Array, "_n"],
    bandwidths: Scalars = MMD_GAN_BANDWIDTHS,
    estimator: str = "unbiased",
) -> Losses:
    """G = mean_c MMD^2(real | c, fake | c), D = -G: one MMD^2 for each class c in the batch.

    With a sum of Gaussian kernels. Classes of which the batch holds too few samples (fewer than 2
    for the unbiased estimator) are left out; G = 0 if all are. Time is cubic in n.

    Args:
        real: n samples [n, ...].
        fake: n samples of the same shape [n, ...], of the same classes.
        labels: The class of real i and of fake i [n], any integers.
        bandwidths: Positive, in the units of the samples.
        estimator: "unbiased" or "biased"; see `mmd2`.

    Raises:
        ConfigError: On another estimator, or unequal numbers of samples and labels.

    Source: the estimators of Gretton et al. 2012, A Kernel Two-Sample Test, within each class;
    preprint https://arxiv.org/abs/0805.2368

    >>> x, labels = jnp.array([[0.0], [0.0], [9.0], [9.0]]), jnp.array([0, 0, 1, 1])
    >>> float(conditional_mmd(x, x, labels=labels).generator)
    0.0
    """
    same_length("a conditional MMD", real=real, fake=fake, labels=labels)
    kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
    # A class is told by its first sample, so that their number need not be known.
    classes = jnp.argmax(labels[:, None] == labels[None], axis=1)
    return zero_sum(
        conditional_mmd2(
            real,
            classes,
            fake,
            classes,
            kernel=kernel,
            num_classes=len(labels),
            estimator=estimator,
        )
    )
