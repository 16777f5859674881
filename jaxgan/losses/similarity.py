"""Dissimilarities of single samples, averaged over the pairs that `match` makes.

`match` is "paired": real i with fake i, the shorter batch starting again at its end, so that the
value depends on the order within a batch; "nearest": each fake with its nearest real; or "mean":
the mean of the real batch with the mean of the fake one. Between unrelated samples the paired form
drives a generator to the mean or median; it is meant for views that correspond. E is that mean over
pairs (x, y), and sums and means over k run over the d entries of a flattened sample.
"""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.losses.common import (
    at_least,
    matched,
    norms,
    opposed,
    safe_sqrt,
    shrunk_cholesky,
    solve_lower,
    unit,
    unit_deviations,
    vectors,
)
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


def l1(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E sum_k |x_k - y_k|, D = -G.

    Source: Mathieu et al. 2016, Deep Multi-Scale Video Prediction Beyond Mean Square Error,
    with p = 1.
    """
    return opposed(matched(_absolute, *vectors(real, fake), match))


def mae(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E mean_k |x_k - y_k|, D = -G: `l1` over the number of entries.

    Source: Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks,
    equation 3, in its code's scale.
    """
    real, fake = vectors(real, fake)
    return opposed(matched(_absolute, real, fake, match) / real.shape[1])


def l2(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E |x - y|, D = -G: Euclidean, with gradient 0 where x = y.

    Source: Dosovitskiy and Brox 2016, Generating Images with Perceptual Similarity Metrics based on
    Deep Networks, which squares it.
    """
    return opposed(matched(_euclidean, *vectors(real, fake), match))


def squared_l2(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E |x - y|^2, D = -G.

    Source: Mathieu et al. 2016, Deep Multi-Scale Video Prediction Beyond Mean Square Error,
    with p = 2.
    """
    return opposed(matched(_squared, *vectors(real, fake), match))


def mse(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E mean_k (x_k - y_k)^2, D = -G: `squared_l2` over the number of entries.

    Source: Wang and Bovik 2009, Mean Squared Error: Love It or Leave It?
    """
    real, fake = vectors(real, fake)
    return opposed(matched(_squared, real, fake, match) / real.shape[1])


def rmse(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = sqrt(E mean_k (x_k - y_k)^2), D = -G: one root, over the whole batch.

    Source: Willmott and Matsuura 2005, Advantages of the Mean Absolute Error (MAE) over the Root
    Mean Square Error (RMSE).
    """
    return opposed(safe_sqrt(mse(real, fake, match=match).generator))


def one_minus_l2(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = -(1 - E |x - y|), D = -G: the similarity 1 - L2, which the generator maximises.

    Its gradient is that of `l2`.
    Source: Dosovitskiy and Brox 2016, Generating Images with Perceptual Similarity Metrics based on
    Deep Networks, for L2 as a training loss; 1 - L2 is common in tutorials.
    """
    return opposed(matched(_euclidean, *vectors(real, fake), match) - 1)


def mahalanobis(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    shrinkage: ScalarLike = 0.1,
    match: str = "paired",
) -> Losses:
    """G = E sqrt((x - y)^T S^-1 (x - y)), D = -G, S the shrunk covariance of the real batch.

    S = (1 - shrinkage) C + shrinkage (trace C / d) I, with shrinkage in (0, 1], and C over n - 1,
    n >= 2. Gradients flow through S too. (Tutorials give this name to what is `l1` here.)
    Source: Mahalanobis 1936, On the Generalised Distance in Statistics; Ledoit and Wolf 2004, A
    Well-Conditioned Estimator for Large-Dimensional Covariance Matrices.
    """
    real, fake = vectors(real, fake)
    at_least(2, "covariance of a real batch", "use a larger batch", len(real))
    factor = shrunk_cholesky(real, shrinkage)
    whitened = solve_lower(factor, real), solve_lower(factor, fake)
    return opposed(matched(_euclidean, *whitened, match))


def cosine(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E (1 - <x, y> / (|x| |y|)), D = -G, in [0, 2]; 1 where x or y is 0.

    Source: Salton et al. 1975, A Vector Space Model for Automatic Indexing.
    """
    return opposed(matched(_angular, *vectors(real, fake), match))


def correlation(
    real: Float[Array, "n ..."], fake: Float[Array, "m ..."], *, match: str = "paired"
) -> Losses:
    """G = E (1 - r(x, y)), D = -G, in [0, 2]: Pearson's r over the d >= 2 entries of a sample.

    1 where x or y is constant. `pearson` correlates over the batch instead.
    Source: Rodgers and Nicewander 1988, Thirteen Ways to Look at the Correlation Coefficient.
    """
    real, fake = vectors(real, fake)
    at_least(2, "correlation over features", "use wider features or cosine", real.shape[1])
    return opposed(matched(_decorrelation, real, fake, match))


def charbonnier(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    epsilon: ScalarLike = 1e-3,
    match: str = "paired",
) -> Losses:
    """G = E mean_k sqrt((x_k - y_k)^2 + epsilon^2), D = -G: `mae`, smooth at 0.

    Source: Charbonnier et al. 1994, Two Deterministic Half-Quadratic Regularization Algorithms for
    Computed Imaging; Lai et al. 2017, Deep Laplacian Pyramid Networks.
    """
    measure = functools.partial(_smooth_absolute, epsilon=epsilon)
    return opposed(matched(measure, *vectors(real, fake), match))


def feature_matching(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """G = |E f(x) - E f(G(z))|^2, D = -G: `squared_l2` of the batches' means, on features f.

    In the paper the discriminator trains on another loss: use it as a term of the generator.
    Source: Salimans et al. 2016, Improved Techniques for Training GANs, section 3.1.
    """
    return squared_l2(real, fake, match="mean")
