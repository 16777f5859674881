"""The Frechet distance as a loss: moments averaged over steps against those of the training set."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan.losses.common import fitted_to, of_generator, product
from jaxgan.losses.record import loss
from jaxgan.registry import Range
from jaxgan.types import Losses

Reference = Mapping[str, Float[Array | np.ndarray, "..."]]

DECAYS = Range(low=0, high=1, below=True)


class FrechetAverages(NamedTuple):
    """Moments of fakes averaged over steps, about the mean of the training set.

    Attributes:
        mean: E (x - mean_r) [d].
        second: E (x - mean_r)(x - mean_r)^T [d, d].
        count: The number of batches in them, as a float.
    """

    mean: Float[Array, "d"]
    second: Float[Array, "d d"]
    count: Float[Array, ""]


def frechet_averages(d: int, dtype: Any = jnp.float32) -> FrechetAverages:
    """The averages before the first batch of features of d entries.

    Args:
        d: How many features there are.
        dtype: Of the averages.

    Source: of 2026, https://arxiv.org/abs/2604.28190
    """
    return FrechetAverages(jnp.zeros(d, dtype), jnp.zeros((d, d), dtype), jnp.zeros((), dtype))


class FrechetNetwork(nn.Module):
    """`frechet` with its averages as statistics. It has no parameters.

    It takes the features of the whole batch: where a step is split over devices, they are gathered
    first, and every device has the same averages.
    """

    whole_batch: ClassVar[bool] = True

    @nn.compact
    def __call__(
        self,
        real: Float[Array, "n ..."],
        fake: Float[Array, "m ..."],
        *,
        reference: Reference,
        decay: ScalarLike,
        train: bool,
    ) -> Losses:
        """The losses; in training also moves the averages, but for the call that initialises.

        Args:
            real: Real samples of all devices.
            fake: Fake samples of all devices.
            reference: What `frechet_fit` made.
            decay: Of the averages, in [0, 1).
            train: Whether the averages move.
        """
        x = _points(real, fake, reference)
        start = frechet_averages(x.shape[1], x.dtype)
        variables = [
            self.variable("batch_stats", name, lambda zeros=zeros: zeros)
            for name, zeros in start._asdict().items()
        ]
        averages = FrechetAverages(*(variable.value for variable in variables))
        value, moved = averaged_frechet(x, averages, reference=reference, decay=decay)
        if train and not self.is_initializing():
            for variable, average in zip(variables, moved, strict=True):
                variable.value = average
        return of_generator(value)


def frechet_fit(features: Float[np.ndarray, "n d"], *, key: PRNGKeyArray) -> dict[str, np.ndarray]:
    """The moments of the training set, in float64: "mean", "covariance" (over n) and its "root".

    Args:
        features: Of the whole training set [n, d].
        key: Not used.

    Source: of 2026, https://arxiv.org/abs/2604.28190
    """
    del key
    features = np.asarray(features, np.float64)
    mean = features.mean(axis=0)
    centred = features - mean
    covariance = centred.T @ centred / len(features)
    variances, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T
    moments = {"mean": mean, "covariance": covariance, "root": root}
    return {name: moment.astype(np.float32) for name, moment in moments.items()}


@loss(ranges={"decay": DECAYS}, fit=frechet_fit, network=FrechetNetwork)
def frechet(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    reference: Reference,
    decay: ScalarLike = 0.999,
) -> Losses:
    """G = |mu - mu_r|^2 + tr(S + S_r - 2 (S_r^1/2 S S_r^1/2)^1/2), D = 0: a Frechet distance.

    mu and S are the mean and the covariance of the fakes, over m, averaged over steps in training:
    mu <- b sg(mu) + (1 - b) E x, and so the second moments. This batch alone has a gradient, which
    is 1 - b of what it would be. b = min(decay, t / (t + 1)) at step t = 0, 1, ..., so that the
    first batches count alike, without bias to where the averages start. mu_r and S_r are those of
    the training set, fitted once. There is no critic: compare features of a network that is not
    trained.

    Called directly it is a function of this batch alone, as in the first step; `averaged_frechet`
    takes averages and returns them. Where S is singular, as of fewer fakes than features, gradients
    are those within its range.

    Args:
        real: Not used, except that it must have the shape of a sample.
        fake: m samples [m, ...].
        reference: What `frechet_fit` made: "mean" [d], "covariance" [d, d] and its "root".
        decay: In [0, 1). Without it, 0, the distance is that of a batch, and biased by its size.

    Raises:
        ConfigError: A reference of another width.

    Source: of 2026, the Frechet distance as a loss with averaged moments,
    https://arxiv.org/abs/2604.28190, which divides each of several by sg(G) + .01
    """
    del decay
    x = _points(real, fake, reference)
    start = frechet_averages(x.shape[1], x.dtype)
    return of_generator(averaged_frechet(x, start, reference=reference, decay=0.0)[0])


def averaged_frechet(
    fake: Float[Array | np.ndarray, "m ..."],
    averages: FrechetAverages,
    *,
    reference: Reference,
    decay: ScalarLike = 0.999,
) -> tuple[Float[Array, ""], FrechetAverages]:
    """`frechet` of moments averaged with those of the steps before, and the next averages.

    Args:
        fake: m samples [m, ...] of d entries.
        averages: Those that the last step returned, or `frechet_averages(d)`.
        reference: What `frechet_fit` made.
        decay: In [0, 1).

    Raises:
        ConfigError: A reference of another width.

    Source: of 2026, https://arxiv.org/abs/2604.28190
    """
    x = _points(fake, fake, reference)
    moments = (jnp.asarray(reference[name], x.dtype) for name in ("mean", "root"))
    mean, root = jax.lax.stop_gradient(tuple(moments))
    # About the mean of the training set second moments do not cancel.
    x = x - mean[None]
    kept = jnp.minimum(decay, averages.count / (averages.count + 1))

    def averaged(old: Array, new: Array) -> Array:
        return kept * jax.lax.stop_gradient(old) + (1 - kept) * new

    shift = averaged(averages.mean, jnp.mean(x, axis=0))
    second = averaged(averages.second, product(x.T, x) / len(x))
    covariance = second - shift[:, None] * shift[None]
    value = jnp.sum(jnp.square(shift)) + jnp.trace(covariance) + jnp.sum(jnp.square(root))
    value -= 2 * _trace_of_root(covariance, root)
    moved = FrechetAverages(shift, second, averages.count + 1)
    return value, jax.lax.stop_gradient(moved)


def _points(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    reference: Reference,
) -> Float[Array, "m d"]:
    return fitted_to(reference, "frechet", real, fake, mean=0, root=1)


@jax.custom_jvp
def _trace_of_root(covariance: Float[Array, "d d"], root: Float[Array, "d d"]) -> Float[Array, ""]:
    """The trace of (R S R)^1/2, R = S_r^1/2, as the sum of the singular values of R S^1/2.

    Eigenvalues of R S R would spread over twice as many orders of magnitude.
    """
    return jnp.sum(_left_vectors(covariance, root)[1])


@_trace_of_root.defjvp
def _trace_of_root_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """By S it is R (R S R)^-1/2 R / 2, which S, being singular, does not feel where it is 0."""
    (covariance, root), (tangent, _) = primals, tangents
    vectors, values = _left_vectors(covariance, root)
    sensed = product(root, vectors)
    floor = jnp.finfo(values.dtype).eps * len(values) ** 0.5 * jnp.max(values)
    inverses = 1 / jnp.maximum(values, jnp.maximum(floor, jnp.finfo(values.dtype).tiny))
    gradient = product(sensed * jnp.where(values > floor, inverses, 0)[None], sensed.T) / 2
    return jnp.sum(values), jnp.sum(gradient * tangent)


def _left_vectors(
    covariance: Float[Array, "d d"], root: Float[Array, "d d"]
) -> tuple[Float[Array, "d d"], Float[Array, "d"]]:
    """The left singular vectors and the singular values of R S^1/2."""
    variances, axes = jnp.linalg.eigh((covariance + covariance.T) / 2)
    # What is below the rounding of the largest is 0: its root would be thousands of times larger.
    noise = 4 * len(variances) ** 0.5 * jnp.finfo(variances.dtype).eps * variances[-1]
    spread = jnp.sqrt(jnp.where(variances > noise, variances, 0))
    left, values, _ = jnp.linalg.svd(product(root, axes * spread[None]), full_matrices=False)
    return left, values
