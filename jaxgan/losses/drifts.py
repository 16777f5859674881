"""Drifting: fakes follow a field that draws them to real samples and drives them apart."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, ScalarLike

from jaxgan.kernels import Scalars, euclidean_distances
from jaxgan.losses.common import of_generator, product, same_length, vectors
from jaxgan.losses.record import loss
from jaxgan.registry import AT_LEAST_ONE, POSITIVE
from jaxgan.types import Losses

# Of the kernel exp(-|x - y| / (temperature * mean distance)), in the official code.
TEMPERATURES = (0.02, 0.05, 0.2)

# Constants of the official code: what is added to a sample's distance to itself, and the least
# product of two softmaxes, scale, and mean square of a force.
_APART = 100.0
_LEAST_AFFINITY = 1e-6
_LEAST_SCALE = 1e-3
_LEAST_FORCE = 1e-8


@loss(ranges={"temperatures": POSITIVE})
def drifting(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    temperatures: Scalars = TEMPERATURES,
) -> Losses:
    """G = E (x / s - sg(x / s + V(x)))^2, D = 0: fakes x follow the drifting field V.

    V and the unit s are those of `drifting_field`, sg(.) is taken as constant, and the mean is over
    samples and entries. As V has a size of its own at every temperature, the value says little; its
    gradient -2 V / (m d s) is what counts.

    Nothing here trains a discriminator. It compares features of a network that is not trained, or
    of one that another term trains.

    Args:
        real: n samples [n, ...].
        fake: m samples of the same shape [m, ...].
        temperatures: Positive, in units of the mean distance; their forces are added.

    Raises:
        ConfigError: Samples of unequal shapes.

    Source: Deng et al. 2026, Generative Modeling via Drifting, and its public code,
    https://arxiv.org/abs/2602.04770
    """
    y, x = vectors(real, fake)
    field, scale = drifting_field(x, y, temperatures=temperatures)
    return _following(x, field, scale)


@loss(ranges={"temperatures": POSITIVE, "guidance": AT_LEAST_ONE})
def conditional_drifting(
    real: Float[Array | np.ndarray, "n ..."],
    fake: Float[Array | np.ndarray, "m ..."],
    *,
    labels: Int[Array | np.ndarray, "_n"],
    temperatures: Scalars = TEMPERATURES,
    guidance: ScalarLike = 1.0,
) -> Losses:
    """G = E (x / s - sg(x / s + V(x)))^2, D = 0, V the drifting field within the class of x.

    A fake is drawn to the reals of its class and repelled by the other fakes of its class; with
    guidance g > 1 also by all reals, each of weight (g - 1)(n_c - 1) / n, n_c the fakes of its
    class. Softmaxes run over what a fake sees, and over the fakes of its class. With a single class
    and without guidance it is `drifting`.

    Distances and forces are divided by their means over all pairs that are compared. The official
    code, which draws batches class by class, divides by the means of a class: here a batch may hold
    a class once, whose means would be of one sample.

    Args:
        real: n samples [n, ...].
        fake: n samples of the same shape [n, ...].
        labels: The class of real i and of fake i, any integers [n].
        temperatures: As in `drifting`.
        guidance: At least 1: how far the classes are driven beyond the data's.

    Raises:
        ConfigError: Samples of unequal shapes, or another number of fakes or labels than of reals.

    Source: Deng et al. 2026, Generative Modeling via Drifting, and its public code,
    https://arxiv.org/abs/2602.04770
    """
    same_length("conditional drifting", real=real, fake=fake, labels=labels)
    y, x = vectors(real, fake)
    n, labels = len(x), jnp.asarray(labels)
    alike = labels[:, None] == labels[None]
    # Where it is met first stands for a class.
    classes = jnp.argmax(alike, axis=1)
    per_class = jnp.sum(alike, axis=1, dtype=x.dtype)
    guides = (guidance - 1) * (per_class - 1) / n
    ones = jnp.ones((n, n), x.dtype)
    field, scale = _field(
        x,
        jnp.concatenate([x, y, y]),
        jnp.concatenate([ones, jnp.broadcast_to(guides[:, None], (n, n)), ones], axis=1),
        seen=jnp.concatenate([alike, jnp.full((n, n), jnp.greater(guidance, 1)), alike], axis=1),
        classes=classes,
        num_positive=n,
        temperatures=temperatures,
    )
    return _following(x, field, scale)


def drifting_field(
    x: Float[Array | np.ndarray, "n d"],
    y: Float[Array | np.ndarray, "m _d"],
    *,
    negatives: Float[Array | np.ndarray, "k _d"] | None = None,
    x_weights: Float[Array | np.ndarray, "_n"] | None = None,
    y_weights: Float[Array | np.ndarray, "_m"] | None = None,
    negative_weights: Float[Array | np.ndarray, "_k"] | None = None,
    temperatures: Scalars = TEMPERATURES,
) -> tuple[Float[Array, "n d"], Float[Array, ""]]:
    """The field V along which fakes x drift to reals y, in units of s, and s: x / s moves by V.

    s is the mean distance of x to x, y and further negatives over sqrt(d). The affinity of x_i and
    t_j is the root of two softmaxes of -|x_i - t_j| / (temperature * mean distance), over j and
    over i, times the weight of t_j; each positive draws by its affinity times the sum of those of
    the negatives, each negative drives away by its affinity times that of the positives. The forces
    of the temperatures, each divided by its root mean square, are added. No gradient flows.

    Exchanging positives and negatives turns V around, and where they are one set V is 0; but for
    the fakes themselves, which are negatives that do not repel themselves. As forces have a size of
    their own, V is not small where fakes match reals: its mean is then 0. Distances of points that
    coincide are 0 here, and 1e-4 or rounding in the official code.

    Args:
        x: n fakes [n, d], each a negative to the others.
        y: m reals [m, d].
        negatives: k further points [k, d] that repel.
        x_weights: Of x as negatives, at least 0; 1 by default.
        y_weights: Of y, at least 0; 1 by default.
        negative_weights: Of `negatives`, at least 0; 1 by default.
        temperatures: Positive, in units of the mean distance.

    Returns:
        V [n, d] and s.

    Raises:
        ConfigError: Points of unequal dimensions, or another number of weights than of points.

    Source: Deng et al. 2026, Generative Modeling via Drifting, and its public code,
    https://arxiv.org/abs/2602.04770
    """
    y, x = vectors(y, x)
    if negatives is None:
        negatives = x[:0]
    sets = {"x": (x, x_weights), "negatives": (negatives, negative_weights), "y": (y, y_weights)}
    weights = []
    for name, (points, given) in sets.items():
        if given is not None:
            same_length("a drifting field", **{name: points, "weights": given})
        weights.append(jnp.asarray(np.ones(len(points)) if given is None else given, x.dtype))
    return _field(
        x,
        jnp.concatenate([x, vectors(negatives, x)[0] if len(negatives) else negatives, y]),
        jnp.broadcast_to(jnp.concatenate(weights)[None], (len(x), sum(map(len, weights)))),
        seen=None,
        classes=None,
        num_positive=len(y),
        temperatures=temperatures,
    )


def _following(
    x: Float[Array, "n d"], field: Float[Array, "n d"], scale: Float[Array, ""]
) -> Losses:
    """The mean of (x / s - sg(x / s + V))^2; x / s, which may be large, is not rounded."""
    moved = (x - jax.lax.stop_gradient(x)) / scale
    value = jnp.mean(jnp.square(moved - field))
    return of_generator(value)


def _field(
    x: Float[Array, "n d"],
    targets: Float[Array, "k d"],
    weights: Float[Array, "n k"],
    *,
    seen: Bool[Array, "n k"] | None,
    classes: Int[Array, "n"] | None,
    num_positive: int,
    temperatures: Scalars,
) -> tuple[Float[Array, "n d"], Float[Array, ""]]:
    """`drifting_field` of targets of which the first are x and the last positive.

    Args:
        x: Fakes.
        targets: What draws and repels them.
        weights: Of each target for each fake.
        seen: Which targets each fake sees, the same ones in a class; None: all.
        classes: The number of each fake's class, below n; None: all are of one.
        num_positive: How many targets draw.
        temperatures: As in `drifting_field`.
    """
    x, targets, weights = jax.lax.stop_gradient((x, targets, weights))
    n, d = x.shape
    if seen is not None:
        weights = jnp.where(seen, weights, 0)
    # Differences of points far from the origin keep their digits about their mean.
    center = jnp.mean(targets, axis=0, keepdims=True)
    x, targets = x - center, targets - center
    distances = euclidean_distances(x, targets)
    mean = jnp.sum(weights * distances) / jnp.sum(weights)
    scale = jnp.maximum(mean / d**0.5, _LEAST_SCALE)
    distances = distances / jnp.maximum(mean, _LEAST_SCALE)
    distances += _APART * jnp.eye(n, len(targets), dtype=x.dtype)
    field = jnp.zeros_like(x)
    for temperature in temperatures:
        logits = -distances / temperature
        affinity = jax.nn.softmax(logits, axis=1, where=seen) * _over_fakes(logits, classes)
        affinity = jnp.sqrt(jnp.maximum(affinity, _LEAST_AFFINITY)) * weights
        negative, positive = affinity[:, :-num_positive], affinity[:, -num_positive:]
        pull = positive * jnp.sum(negative, axis=1, keepdims=True)
        push = negative * jnp.sum(positive, axis=1, keepdims=True)
        coefficients = jnp.concatenate([-push, pull], axis=1)
        force = product(coefficients, targets) - jnp.sum(coefficients, axis=1, keepdims=True) * x
        force /= scale
        field += force / jnp.sqrt(jnp.maximum(jnp.mean(jnp.square(force)), _LEAST_FORCE))
    return jax.lax.stop_gradient((field, scale))


def _over_fakes(logits: Float[Array, "n k"], classes: Int[Array, "n"] | None) -> Array:
    """The softmax of each column over the fakes, or over those of a row's class."""
    if classes is None:
        return jax.nn.softmax(logits, axis=0)
    n = len(logits)
    shifted = jnp.exp(logits - jax.ops.segment_max(logits, classes, num_segments=n)[classes])
    return shifted / jax.ops.segment_sum(shifted, classes, num_segments=n)[classes]
