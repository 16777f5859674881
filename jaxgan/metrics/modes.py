"""What a generator covers: the modes of a mixture of Gaussians, the classes of a data set."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import rel_entr
from jaxtyping import Array, Float, Int

from jaxgan.errors import ConfigError

HIGH_QUALITY_RADIUS = 3.0  # in sigmas; VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086)


class MixtureModes(NamedTuple):
    """How n samples cover a mixture of k Gaussians.

    Attributes:
        modes: Modes with a high-quality sample, of k.
        high_quality: Share of samples within 3 sigma of their nearest mode. A perfect sampler
            scores 1 - exp(-4.5) = 0.9889; more means that variance was lost.
        reverse_kl: KL(modes of the high-quality samples || uniform) in nats. Its largest value,
            log k, stands also for no high-quality sample at all.
        std_ratio: Standard deviation along an axis of a mode's high-quality samples about their
            own mean, over sigma, averaged over the axes and over the modes with two such samples;
            0 where no mode has two. A perfect sampler scores 0.974, for the tails are cut at 3
            sigma; less means that variance was lost.
    """

    modes: Int[Array, ""]
    high_quality: Float[Array, ""]
    reverse_kl: Float[Array, ""]
    std_ratio: Float[Array, ""]


class ClassCoverage(NamedTuple):
    """The number of classes seen, and KL(class histogram || uniform) in nats."""

    classes: int
    kl: float


@jax.jit
def mixture_modes(
    samples: Float[Array | np.ndarray, "n _d"],
    centers: Float[Array | np.ndarray, "k _d"],
    sigma: float | Float[Array, ""],
) -> MixtureModes:
    """Mode coverage of a mixture of equal isotropic Gaussians; works under jit and vmap.

    A sample belongs to its nearest centre. One that is not finite is of low quality.

    Args:
        samples: n generated points in the plane.
        centers: The k modes.
        sigma: Standard deviation of every mode along each axis.

    Raises:
        ConfigError: `samples` is not [n, 2] or `centers` not [k, 2], with n, k >= 1.

    Source: Srivastava et al. 2017, arXiv:1705.07761; reverse KL as in Lin et al. 2018,
    arXiv:1712.04086.
    """
    for name, x in (("samples", samples), ("centers", centers)):
        if x.ndim != 2 or x.shape[0] < 1 or x.shape[1] != 2:
            raise ConfigError(f"{name} have shape {x.shape}; it must be [rows, 2] with rows >= 1")
    k = centers.shape[0]
    offsets = jnp.asarray(samples)[:, None, :] - jnp.asarray(centers)[None, :, :]
    distances = jnp.sum(offsets**2, axis=-1)
    nearest = jnp.argmin(distances, axis=1)[:, None] == jnp.arange(k)[None, :]
    hits = nearest & (distances <= (HIGH_QUALITY_RADIUS * sigma) ** 2)

    counts = hits.sum(axis=0)
    total = counts.sum()
    reverse_kl = rel_entr(counts / jnp.maximum(total, 1), jnp.full(k, 1.0 / k)).sum()

    members = jnp.where(hits[:, :, None], offsets, 0.0)
    means = members.sum(axis=0) / jnp.maximum(counts, 1)[:, None]
    deviations = jnp.where(hits[:, :, None], offsets - means[None, :, :], 0.0)
    variances = jnp.sum(deviations**2, axis=0) / jnp.maximum(counts - 1, 1)[:, None]
    stds = jnp.sqrt(variances).mean(axis=1)  # 0 for a mode of fewer than two samples
    return MixtureModes(
        modes=jnp.sum(counts > 0),
        high_quality=total / samples.shape[0],
        reverse_kl=jnp.where(total > 0, reverse_kl, jnp.log(float(k))),
        std_ratio=stds.sum() / jnp.maximum(jnp.sum(counts > 1), 1) / sigma,
    )


def class_coverage(labels: Int[Array | np.ndarray, "n"], *, num_classes: int) -> ClassCoverage:
    """Class coverage of n generated samples, on the host; classes are taken as equally likely.

    For stacked MNIST a label is the number of three digits, and `num_classes` 1,000.

    Args:
        labels: The class that a classifier gives to each sample.
        num_classes: How many classes there are.

    Raises:
        ConfigError: There is no label, or one outside of 0 .. num_classes - 1.

    Source: Metz et al. 2017, arXiv:1611.02163, and Lin et al. 2018, arXiv:1712.04086.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0:
        raise ConfigError(f"labels have shape {labels.shape}; it must be [n] with n >= 1")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ConfigError(
            f"labels run from {labels.min()} to {labels.max()}; they must lie between 0 and "
            f"num_classes - 1 = {num_classes - 1}: pass the classifier's number of classes"
        )
    counts = np.bincount(labels, minlength=num_classes)
    p = counts[counts > 0] / labels.size
    return ClassCoverage(classes=int(p.size), kl=float(np.sum(p * np.log(p * num_classes))))
