"""The views that losses compare: samples, outputs of a discriminator, features of frozen networks.

Here is what the views of frozen networks are, how they are taken a chunk at a time, and how a loss
is applied to a view of several scales.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, ScalarLike, Shaped

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.games.nets import Nets
from jaxgan.losses import CODES
from jaxgan.types import Losses, PyTree

# One array [n, ...], or several sets of vectors, by scale: [n, positions, d].
View = Shaped[Array | np.ndarray, "n ..."] | Mapping[str, Float[Array, "n _l _d"]]
Fit = Callable[[Any, PRNGKeyArray], dict[str, PyTree]]

# Keeps a normalised loss finite at 0.
_SMALLEST_SIZE = 1e-7


class LabelCode(NamedTuple):
    """How labels are appended to a view, as vectors with one entry that is not 0.

    Then a loss compares the joint distributions of samples and labels; as the scale grows, class
    by class.

    Attributes:
        scale: That entry, in the units of the view.
        num_classes: Length of the vectors.
    """

    scale: float
    num_classes: int

    def __call__(self, labels: Int[Array | np.ndarray, "n"]) -> Float[Array, "n c"]:
        """The vectors."""
        return self.scale * jax.nn.one_hot(labels, self.num_classes)


class Term(NamedTuple):
    """A loss in the sum.

    Attributes:
        loss: (real, fake, **asked) -> Losses, its hyperparameters bound. Where `network` is set, it
            takes that network before them.
        weight: Factor on it.
        on: The view that it compares: "images", a field of the discriminator's `Outputs`, or the
            key of a frozen view.
        players: Who minimises it: "both" or "generator".
        asks: What else it wants, of `jaxgan.registry.ASKABLE`.
        jacobian_scale: c of a factor 1 / (1 + c E |J_D(real)|^2) on it, D being the view that it
            compares (`jaxgan.penalties.scaled_mmd_factor`); None: no factor.
        normalized: Whether it is divided by its own size, which passes no gradient: then terms on
            several encoders count alike.
        label_code: Appends labels to the view; None: does not.
        fit: (source, key) -> what the loss asks for as `reference`, made before the first step.
        network: The network that keeps its state, where it has one.
    """

    loss: Callable[..., Losses]
    weight: ScalarLike = 1.0
    on: str = "logits"
    players: str = "both"
    asks: tuple[str, ...] = ()
    jacobian_scale: ScalarLike | None = None
    normalized: bool = False
    label_code: LabelCode | None = None
    fit: Fit | None = None
    network: str | None = None


class Frozen(NamedTuple):
    """A network that is not trained, as a view of samples.

    Attributes:
        name: Of the network: views of one share its weights.
        apply: (weights, samples) -> the view of each of them; pure.
        load: (source) -> weights, nested dicts of arrays, made before the first step.
    """

    name: str
    apply: Callable[[PyTree, Float[Array, "n ..."]], View]
    load: Callable[[Any], dict[str, PyTree]]


def check_views(names: Iterable[str]) -> None:
    """Raises ConfigError where a game of samples is to compare codes."""
    if CODES in names:
        raise ConfigError(
            f"a term compares {CODES}, which this game has none of; choose another view, or set "
            "game.name to wae"
        )


def frozen_view(nets: Nets, view: Frozen, x: Float[Array | np.ndarray, "n ..."]) -> View:
    """What a frozen network makes of a whole batch."""
    return jax.tree.map(nets.gather, view.apply(weights_of(nets, view), nets.local(x)))


def fitting(
    terms: Mapping[str, Term], frozen: Mapping[str, Frozen]
) -> Callable[[Nets, Any, PRNGKeyArray], dict[str, PyTree]] | None:
    """`Game.fit` of these terms and views: weights, and what losses are fitted to; None if none."""
    fitted = {name: term.fit for name, term in terms.items() if term.fit is not None}
    if not frozen and not fitted:
        return None

    def fit(nets: Nets, source: Any, key: PRNGKeyArray) -> dict[str, PyTree]:
        del nets
        weights = {view.name: view.load(source) for view in frozen.values()}
        made = {
            name: of_term(source, jax.random.fold_in(key, index))
            for index, (name, of_term) in enumerate(fitted.items())
        }
        return {"frozen": weights, "terms": made}

    return fit


def asked_of(
    term: Term, name: str, nets: Nets, known: Mapping[str, Any], key: PRNGKeyArray
) -> dict[str, Any]:
    """What a term asks for; ConfigError where the data or the game does not have it."""
    reference = nets.reference["terms"][name] if term.fit is not None else nets.reference
    return asked(term.asks, {"reference": reference, **known}, key)


def asked(names: tuple[str, ...], known: Mapping[str, Any], key: PRNGKeyArray) -> dict[str, Any]:
    """What an entry asks for; ConfigError where the data or the game does not have it."""
    found = {name: key if name == "key" else known.get(name) for name in names}
    for name, value in found.items():
        if value is None:
            raise ConfigError(f"a loss asks for {name}, which this run does not have; leave it out")
    return found


def compared(
    term: Term,
    nets: Nets,
    real: View,
    fake: View,
    further: Mapping[str, Any],
    labels: Int[Array | np.ndarray, "_n"] | None,
) -> Losses:
    """The term's losses, without its weight: of several scales the sum over scales.

    At each scale it is the mean over positions, of which each is compared with itself alone.
    """
    if term.label_code is not None:
        assert labels is not None  # as the data has classes
        append = partial(_labelled, codes=term.label_code(labels))
        real, fake = append(real), append(fake)
        further = {n: append(x) if n == "others" else x for n, x in further.items()}
    loss = term.loss if term.network is None else partial(term.loss, getattr(nets, term.network))
    if isinstance(real, Mapping):
        losses = _of_scales(loss, term, real, fake, dict(further))
    else:
        losses = loss(real, fake, **further)
    if not term.normalized:
        return losses
    sizes = (jax.lax.stop_gradient(jnp.abs(value)) + _SMALLEST_SIZE for value in losses)
    return Losses(*(value / size for value, size in zip(losses, sizes, strict=True)))


def _labelled(view: View, codes: Float[Array, "n c"]) -> View:
    """The view with a row of codes beside each of its vectors."""
    if isinstance(view, Mapping):
        return {scale: _beside(x, codes[:, None]) for scale, x in view.items()}
    return _beside(jnp.asarray(view).reshape(len(view), -1), codes)


def _beside(x: Float[Array, "n ... d"], codes: Float[Array, "n ... c"]) -> Float[Array, "n ... e"]:
    codes = jnp.broadcast_to(codes, (*x.shape[:-1], codes.shape[-1]))
    return jnp.concatenate([x, codes.astype(x.dtype)], axis=-1)


def _of_scales(
    loss: Callable[..., Losses], term: Term, real: Any, fake: Any, further: dict[str, Any]
) -> Losses:
    if term.network is not None or term.fit is not None:
        raise ConfigError(
            f"a term on {term.on!r} is fitted to the data, or keeps a state, and compares one set "
            f"of features: set its `on` to frozen:{term.on.partition(':')[2]}"
        )
    # What is a view of the fakes has scales too; all else is the same for all positions.
    others = further.pop("others", None)

    def at(scale: str) -> Losses:
        views = [view[scale] for view in (real, fake, others) if view is not None]

        def of_position(x: Array, y: Array, *others: Array) -> Losses:
            return loss(x, y, **further, **dict(zip(("others",), others, strict=False)))

        return jax.tree.map(jnp.mean, jax.vmap(of_position, in_axes=1)(*views))

    return jax.tree.map(lambda *values: sum(values), *map(at, real))


def in_chunks(
    function: Callable[[PyTree, Array], PyTree],
    inputs: PyTree,
    *,
    chunk: int,
    axis_name: str | None = None,
) -> PyTree:
    """`function(inputs, 0)` of a batch, computed a chunk at a time and without residuals.

    A gradient runs each chunk again, so that temporaries grow with the chunk and not with the
    batch; it is the exact one, since outputs are put together before anything compares them.

    Args:
        function: (rows of the inputs, index of the chunk) -> arrays of as many rows; pure.
        inputs: Arrays of n rows; under an axis name those of this device.
        chunk: Rows of a chunk, over all devices. It must divide the batch, and be a multiple of the
            number of devices.
        axis_name: The device axis.

    Raises:
        ConfigError: A chunk that does not.

    Source: Gao et al. 2021, Scaling Deep Contrastive Learning Batch Size under Memory Limited
    Setup, https://arxiv.org/abs/2101.06983
    """
    devices = collectives.size(axis_name)
    n = len(jax.tree.leaves(inputs)[0])
    if chunk % devices or n * devices % chunk:
        raise ConfigError(
            f"chunk is {chunk}; it must divide the batch of {n * devices}"
            + (f" and be a multiple of the {devices} devices" if devices > 1 else "")
        )
    count = n * devices // chunk

    def split(x: Array) -> Array:
        # Each chunk takes rows from all over the batch, so that a sharded batch stays where it is.
        return jnp.moveaxis(x.reshape(n // count, count, *x.shape[1:]), 1, 0)

    def joined(x: Array) -> Array:
        return jnp.moveaxis(x, 0, 1).reshape(n, *x.shape[2:])

    def body(parts: tuple[PyTree, Array]) -> PyTree:
        return function(*parts)

    parts = jax.tree.map(split, inputs), jnp.arange(count)
    # Inside a loop nothing can be merged across its steps.
    return jax.tree.map(joined, jax.lax.map(jax.checkpoint(body, prevent_cse=False), parts))


def weights_of(nets: Nets, view: Frozen) -> PyTree:
    """The weights of a frozen network, from the reference."""
    return nets.reference["frozen"][view.name]
