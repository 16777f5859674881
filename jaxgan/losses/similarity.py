"""Dissimilarities of single samples, averaged over the pairs that `match` makes.

`match` is "paired": real i with fake i, the shorter batch starting again at its end, so that the
value depends on the order within a batch; "nearest": each fake with its nearest real; or "mean":
the mean of the real batch with the mean of the fake one. Between unrelated samples the paired form
drives a generator to the mean or median: it is meant for views that correspond. E is that mean over
pairs (x, y), and sums and means over k run over the d entries of a flattened sample.
"""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.losses.common import (
    SHRINKAGE,
    at_least,
    matched,
    shrunk_cholesky,
    solve_lower,
    unit,
    unit_deviations,
    vectors,
    zero_sum,
)
from jaxgan.losses.record import loss
from jaxgan.numerics import norms, safe_sqrt
from jaxgan.registry import POSITIVE
from jaxgan.types import Losses


def _absolute(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, "n"]:
    return jnp.sum(jnp.abs(x - y), axis=1)


def _euclidean(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, "n"]:
    return norms(x - y)


def _squared(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, "n"]:
    return jnp.sum(jnp.square(x - y), axis=1)


def _angular(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, "n"]:
    return 1 - jnp.sum(unit(x, 1) * unit(y, 1), axis=1)


def _decorrelation(x: Float[Array, "n d"], y: Float[Array, "n d"]) -> Float[Array, "n"]:
    return 1 - jnp.sum(unit_deviations(x, 1) * unit_deviations(y, 1), axis=1)


def _smooth_absolute(
    x: Float[Array, "n d"], y: Float[Array, "n d"], *, epsilon: ScalarLike
) -> Float[Array, "n"]:
    return jnp.mean(safe_sqrt(jnp.square(x - y) + jnp.square(epsilon)), axis=1)


@loss()
def l1(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E sum_k |x_k - y_k|, D = -G.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Mathieu et al. 2016, Deep Multi-Scale Video Prediction Beyond Mean Square Error,
    with p = 1, https://arxiv.org/abs/1511.05440

    >>> float(l1(jnp.array([[1.0, 2.0]]), jnp.array([[4.0, 0.0]])).generator)
    5.0
    """
    return zero_sum(matched(_absolute, *vectors(real, fake), match))


@loss()
def mae(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E mean_k |x_k - y_k|, D = -G: `l1` over the number of entries.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks,
    equation 3, in its code's scale, https://arxiv.org/abs/1611.07004

    >>> float(mae(jnp.array([[1.0, 2.0]]), jnp.array([[4.0, 0.0]])).generator)
    2.5
    """
    real, fake = vectors(real, fake)
    return zero_sum(matched(_absolute, real, fake, match) / real.shape[1])


@loss()
def l2(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E |x - y|, D = -G: Euclidean, with gradient 0 where x = y.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Dosovitskiy and Brox 2016, Generating Images with Perceptual Similarity Metrics based on
    Deep Networks, which squares it, https://arxiv.org/abs/1602.02644

    >>> real, fake = jnp.array([[0.0, 0.0], [3.0, 4.0]]), jnp.array([[3.0, 4.0]])
    >>> float(l2(real, fake).generator), float(l2(real, fake, match="nearest").generator)
    (2.5, 0.0)
    """
    return zero_sum(matched(_euclidean, *vectors(real, fake), match))


@loss()
def squared_l2(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E |x - y|^2, D = -G.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Mathieu et al. 2016, Deep Multi-Scale Video Prediction Beyond Mean Square Error,
    with p = 2, https://arxiv.org/abs/1511.05440

    >>> float(squared_l2(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])).generator)
    25.0
    """
    return zero_sum(matched(_squared, *vectors(real, fake), match))


@loss()
def mse(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E mean_k (x_k - y_k)^2, D = -G: `squared_l2` over the number of entries.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Wang and Bovik 2009, Mean Squared Error: Love It or Leave It?,
    https://doi.org/10.1109/MSP.2008.930649

    >>> float(mse(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])).generator)
    12.5
    """
    real, fake = vectors(real, fake)
    return zero_sum(matched(_squared, real, fake, match) / real.shape[1])


@loss()
def rmse(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = sqrt(E mean_k (x_k - y_k)^2), D = -G: one root, over the whole batch.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Willmott and Matsuura 2005, Advantages of the Mean Absolute Error (MAE) over the Root
    Mean Square Error (RMSE), https://doi.org/10.3354/cr030079

    >>> float(rmse(jnp.array([[1.0, 2.0]]), jnp.array([[4.0, 5.0]])).generator)
    3.0
    """
    return zero_sum(safe_sqrt(mse(real, fake, match=match).generator))


@loss()
def one_minus_l2(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = -(1 - E |x - y|), D = -G: the similarity 1 - L2, which the generator maximises.

    Its gradient is that of `l2`.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Dosovitskiy and Brox 2016, Generating Images with Perceptual Similarity Metrics based on
    Deep Networks, for L2 as a training loss, https://arxiv.org/abs/1602.02644; 1 - L2 is common in
    tutorials.

    >>> float(one_minus_l2(jnp.array([[0.0, 0.0]]), jnp.array([[3.0, 4.0]])).generator)
    4.0
    """
    return zero_sum(matched(_euclidean, *vectors(real, fake), match) - 1)


@loss(ranges={"shrinkage": SHRINKAGE})
def mahalanobis(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    shrinkage: ScalarLike = 0.1,
    match: str = "paired",
) -> Losses:
    """G = E sqrt((x - y)^T S^-1 (x - y)), D = -G, S the shrunk covariance of the real batch.

    S = (1 - shrinkage) C + shrinkage (trace C / d) I, with C over n - 1. Gradients flow through S
    too. (Tutorials give this name to what is `l1` here.)

    Args:
        real: n >= 2 samples [n, ...].
        fake: m samples of the same shape [m, ...].
        shrinkage: In (0, 1]; at 1 this is `l2` over the root of the mean variance.
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Mahalanobis 1936, On the Generalised Distance in Statistics,
    https://doi.org/10.1007/s13171-019-00164-5 (reprint); Ledoit and Wolf 2004, A Well-Conditioned
    Estimator for Large-Dimensional Covariance Matrices,
    https://doi.org/10.1016/S0047-259X(03)00096-4

    >>> real, fake = jnp.array([[0.0], [4.0]]), jnp.array([[2.0], [2.0]])  # of variance 8
    >>> round(float(mahalanobis(real, fake).generator) ** 2, 4)
    0.5
    """
    real, fake = vectors(real, fake)
    at_least(2, "covariance of a real batch", "use a larger batch", len(real))
    factor = shrunk_cholesky(real, shrinkage)
    whitened = solve_lower(factor, real), solve_lower(factor, fake)
    return zero_sum(matched(_euclidean, *whitened, match))


@loss()
def cosine(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E (1 - <x, y> / (|x| |y|)), D = -G, in [0, 2]; 1 where x or y is 0.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Salton et al. 1975, A Vector Space Model for Automatic Indexing,
    https://doi.org/10.1145/361219.361220

    >>> float(cosine(jnp.array([[2.0, 0.0]]), jnp.array([[-3.0, 0.0]])).generator)
    2.0
    """
    return zero_sum(matched(_angular, *vectors(real, fake), match))


@loss()
def correlation(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E (1 - r(x, y)), D = -G, in [0, 2]: Pearson's r over the entries of a sample.

    1 where x or y is constant. `pearson` correlates over the batch instead.

    Args:
        real: n samples [n, ...] of at least 2 entries.
        fake: m samples of the same shape [m, ...].
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Rodgers and Nicewander 1988, Thirteen Ways to Look at the Correlation Coefficient,
    https://doi.org/10.1080/00031305.1988.10475524

    >>> real, fake = jnp.array([[1.0, 3.0]]), jnp.array([[5.0, 5.0], [7.0, 7.0]])
    >>> float(correlation(real, fake).generator)  # constant samples
    1.0
    """
    real, fake = vectors(real, fake)
    at_least(2, "correlation over features", "use wider features or cosine", real.shape[1])
    return zero_sum(matched(_decorrelation, real, fake, match))


@loss(ranges={"epsilon": POSITIVE})
def charbonnier(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    epsilon: ScalarLike = 1e-3,
    match: str = "paired",
) -> Losses:
    """G = E mean_k sqrt((x_k - y_k)^2 + epsilon^2), D = -G: `mae`, smooth at 0.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        epsilon: Positive, in the units of the samples; below it the loss is nearly quadratic.
        match: "paired", "nearest" or "mean"; see `jaxgan.losses.similarity`.

    Source: Charbonnier et al. 1994, Two Deterministic Half-Quadratic Regularization Algorithms for
    Computed Imaging, https://doi.org/10.1109/ICIP.1994.413553; Lai et al. 2017, Deep Laplacian
    Pyramid Networks, https://arxiv.org/abs/1704.03915

    >>> float(charbonnier(jnp.array([[0.0]]), jnp.array([[3.0]]), epsilon=4.0).generator)
    5.0
    """
    measure = functools.partial(_smooth_absolute, epsilon=epsilon)
    return zero_sum(matched(measure, *vectors(real, fake), match))


@loss()
def feature_matching(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = |E f(x) - E f(G(z))|^2, D = -G: `squared_l2` of the batches' means, on features f.

    In the paper the discriminator trains on another loss: use it as a term of the generator.

    Args:
        real: f(x), features of n real samples [n, ...].
        fake: f(G(z)), features of m fake samples of the same shape [m, ...].

    Source: Salimans et al. 2016, Improved Techniques for Training GANs, section 3.1,
    https://arxiv.org/abs/1606.03498

    >>> real, fake = jnp.array([[0.0, 1.0], [2.0, 3.0]]), jnp.array([[4.0, 6.0]])
    >>> float(feature_matching(real, fake).generator)  # means (1, 2) and (4, 6)
    25.0
    """
    return squared_l2(real, fake, match="mean")
