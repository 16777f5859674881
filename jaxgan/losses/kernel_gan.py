"""Losses that compare real and fake by a kernel: of critic features, or of images (GMMN).

Arrays of any shape are flattened to one vector a sample. MMD^2 is `mmd.mmd2`.
"""

import functools
import inspect
import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from jaxgan.kernels import (
    GMMN_BANDWIDTHS,
    KERNELS,
    REPULSIVE_BANDWIDTHS,
    euclidean_distances,
    gaussian,
    gaussian_mixture,
    mean_between,
    mean_within,
    safe_power,
    squared_distances,
)
from jaxgan.kernels.functions import Scalars
from jaxgan.losses.common import at_least, opposed, pairs, vectors
from jaxgan.losses.mmd import mmd2, pair_means
from jaxgan.types import Losses, LossFn


def _mmd_loss(kernel: Callable[..., Float[Array, "n m"]]) -> Callable[..., Losses]:
    """MMD^2 with this kernel, whose hyperparameters become the loss's own."""

    def loss(
        real: Float[Array, "n ..."],
        fake: Float[Array, "m ..."],
        *,
        estimator: str = "unbiased",
        **hyperparameters: ScalarLike | Scalars,
    ) -> Losses:
        bound = functools.partial(kernel, **hyperparameters)
        return opposed(mmd2(real, fake, kernel=bound, estimator=estimator))

    name = f"mmd_{kernel.__name__}"
    formula, _, details = (inspect.getdoc(kernel) or "").partition("\n")
    real, fake, estimator, _ = inspect.signature(loss).parameters.values()
    of_kernel = inspect.signature(kernel).parameters.values()
    own = [p for p in of_kernel if p.kind is p.KEYWORD_ONLY]
    parameters = [real, fake, *own, estimator]
    loss.__signature__ = inspect.Signature(parameters, return_annotation=Losses)
    loss.__name__ = loss.__qualname__ = name
    loss.__doc__ = (
        f"G = MMD^2(real, fake), D = -MMD^2, {formula}\n\n{details.strip()}\n"
        "The losses are those of Li et al. 2017, MMD GAN, which compares critic features."
    )
    return loss


MMD_LOSSES: dict[str, LossFn] = {
    f"mmd_{name}": _mmd_loss(kernel) for name, kernel in KERNELS.items()
}


def gmmn(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidths: Scalars = GMMN_BANDWIDTHS,
) -> Losses:
    """G = sqrt(MMD^2), D = -G, MMD^2 biased, with a sum of Gaussian kernels.

    Source: Li et al. 2015, Generative Moment Matching Networks; bandwidths of its code for MNIST.
    """
    kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
    # The root's gradient at 0 is set to 0.
    distance = safe_power(mmd2(real, fake, kernel=kernel, estimator="biased"), 0.5)
    return opposed(distance)


def mmd_repulsive(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidths: Scalars = REPULSIVE_BANDWIDTHS,
    repulsion: ScalarLike = 1.0,
) -> Losses:
    """D = r E k(x, x') - (r - 1) E k(x, y) - E k(y, y'), G = MMD^2, x real and y fake, x != x'.

    r is `repulsion`: 1 makes D explore how the reals differ, -1 is the attractive -MMD^2. The
    kernel is a sum of Gaussians.
    Source: Wang et al. 2019, Improving MMD-GAN Training with Repulsive Loss Function, equations 4
    and 5.
    """
    x, y = _pairs_of_samples(real, fake)
    kernel = functools.partial(gaussian_mixture, bandwidths=bandwidths)
    of_x, of_y, between = pair_means(kernel, x, y)
    return Losses(
        generator=of_x + of_y - 2 * between,
        discriminator=jnp.multiply(repulsion, of_x - between) + between - of_y,
    )


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
    `lower` (squared distances); G's kernel is not bounded.
    Source: Wang et al. 2019, Improving MMD-GAN Training with Repulsive Loss Function; the bounds
    are those of its code.
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


def energy_distance(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    exponent: ScalarLike = 1.0,
    estimator: str = "unbiased",
) -> Losses:
    """G = 2 E |x - y|^a - E |x - x'|^a - E |y - y'|^a, D = -G, x real, y fake, a = exponent.

    a in (0, 2). It is twice the MMD^2 of the energy kernel, computed from the distances alone.
    Source: Szekely and Rizzo 2013, Energy Statistics; Sejdinovic et al. 2013 (as an MMD).
    """
    kernel = functools.partial(_negative_distance, exponent=exponent)
    return opposed(mmd2(real, fake, kernel=kernel, estimator=estimator))


def _negative_distance(
    x: Float[Array, "n d"], y: Float[Array, "m d"], *, exponent: ScalarLike
) -> Float[Array, "n m"]:
    return -safe_power(squared_distances(x, y), exponent / 2)


def cramer(real: Float[Array, "n ..."], fake: Float[Array, "m ..."]) -> Losses:
    """D = E f(y) - E f(x), f(t) = E |t - y'| - |t|, G = 2 E |x - y| - E |y - y'|, y != y' fake.

    f is the Cramer critic on features x of the real and y of the fake batch; all pairs of the
    batch stand for the paper's two independent fakes. G is the energy distance less its part
    without fakes.
    Source: Bellemare et al. 2017, The Cramer Distance as a Solution to Biased Wasserstein
    Gradients, algorithm 1.
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


def kernel_similarity(
    real: Float[Array, "n ..."],
    fake: Float[Array, "m ..."],
    *,
    bandwidth: ScalarLike = 1.0,
    paired: bool = False,
) -> Losses:
    """D = E exp(-|D(x) - D(G(z))|^2 / (2 bandwidth^2)), G = -D.

    E is over all pairs of real and fake; if `paired`, real i meets fake i, the shorter batch
    starts again at its end, and the value depends on the order within a batch.
    Source: the Gaussian kernel of Gretton et al. 2012, between the critic's outputs.
    """
    x, y = vectors(real, fake)
    if paired:
        squared = jnp.sum(jnp.square(jnp.subtract(*pairs(x, y))), axis=1)
        similarity = jnp.mean(jnp.exp(-squared / (2 * bandwidth**2)))
    else:
        similarity = mean_between(functools.partial(gaussian, bandwidth=bandwidth), x, y)
    return Losses(generator=-similarity, discriminator=similarity)


KERNEL_LOSSES: dict[str, LossFn] = {
    **MMD_LOSSES,
    "gmmn": gmmn,
    "mmd_repulsive": mmd_repulsive,
    "mmd_bounded_repulsive": mmd_bounded_repulsive,
    "energy_distance": energy_distance,
    "cramer": cramer,
    "kernel_similarity": kernel_similarity,
}
