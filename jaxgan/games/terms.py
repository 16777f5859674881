"""The adversarial game of two players: a weighted sum of losses on views, plus penalties."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike, Shaped

from jaxgan.errors import ConfigError
from jaxgan.games.game import Game
from jaxgan.games.nets import Nets
from jaxgan.games.views import (
    Frozen,
    Term,
    asked,
    asked_of,
    check_views,
    compared,
    fitting,
    frozen_view,
)
from jaxgan.losses import pack, packed
from jaxgan.penalties import lazy, randomly_signed, scaled_mmd_factor
from jaxgan.types import Batch, Losses, Metrics, Outputs

Augment = Callable[..., Float[Array, "n ..."]]
Views = dict[str, tuple[Any, Any]]  # real and fake, by the view's name

# The views that the discriminator takes.
OUTPUTS = tuple(Outputs.__dataclass_fields__)


class Penalty(NamedTuple):
    """A regulariser of the discriminator.

    Attributes:
        penalty: (critic, real, fake, *, key, axis_name) -> scalar, its hyperparameters bound.
        weight: Factor on it.
        every: Updates of the discriminator between its uses (see `jaxgan.penalties.lazy`); 1 where
            `network` or `of_generator` is set.
        network: The network that keeps its state, where it has one: then the penalty is
            (of_real, of_fake) -> scalar of that network and the critic's outputs, as LeCam is.
        of_generator: Whether it is (critic, generate, z, fake, *, key, axis_name) -> Losses, with a
            part for the generator too, as latent consistency is.
    """

    penalty: Callable[..., Any]
    weight: ScalarLike = 1.0
    every: int = 1
    network: str | None = None
    of_generator: bool = False


class Measure(NamedTuple):
    """What a controller measures.

    Attributes:
        measure: (real, fake, **asked) -> scalar.
        on: The view that it measures.
        asks: What else it wants, of `jaxgan.registry.ASKABLE`.
    """

    measure: Callable[..., Float[Array, ""]]
    on: str = "logits"
    asks: tuple[str, ...] = ()


class Fakes(NamedTuple):
    """What the adversarial game generates.

    Attributes:
        samples: G(z, condition).
        z: The latents.
    """

    samples: Float[Array, "n ..."]
    z: Float[Array, "n latent"]


def adversarial(
    terms: Mapping[str, Term],
    penalties: Mapping[str, Penalty] | None = None,
    *,
    augmentation: Augment | None = None,
    measures: Mapping[str, Measure] | None = None,
    packing: int = 1,
    frozen: Mapping[str, Frozen] | None = None,
) -> Game:
    """The game of Goodfellow et al. 2014 with any losses: sum of weight * term, plus penalties.

    Both networks get the condition of each sample, or else its label, as a second argument.

    Penalties act on one view, that of the first term which trains the discriminator (both players
    minimise it, and it does not compare images). Where those outputs are not logits, each gets a
    random sign (`jaxgan.penalties.randomly_signed`), the same for all samples and drawn anew in
    every step: then R1, R2, WGAN-GP and DRAGAN, which take the gradient of the outputs' sum, see
    |J_D|_F^2 on average.

    Args:
        terms: At least one, by name.
        penalties: Added to the discriminator's loss, by name.
        augmentation: (x, *, key, axis_name) -> x: what the discriminator sees of real and fake, in
            the updates of both players (Zhao et al. 2020; Karras et al. 2020).
        measures: What controllers measure, by label, in the generator's turn.
        packing: Samples that the discriminator judges together (Lin et al. 2018, PacGAN).
        frozen: The views of networks that are not trained, by name.

    Raises:
        ConfigError: Penalties of a discriminator where no term has one, a discriminator that
            nothing trains, a penalty that cannot be lazy, or a name of both a term and a penalty.
    """
    penalties, measures, frozen = penalties or {}, measures or {}, frozen or {}
    views = {entry.on for entry in (*terms.values(), *measures.values())}
    check_views(views)
    penalised = next((t.on for t in terms.values() if _trains_outputs(t)), "logits")
    scaled = any(term.jacobian_scale is not None for term in terms.values())
    has_discriminator = bool(views - {"images", *frozen})
    if both := sorted(terms.keys() & penalties.keys()):
        raise ConfigError(f"{both[0]!r} names a term and a penalty; rename the term")
    if not has_discriminator and (penalties or scaled or augmentation is not None):
        raise ConfigError(
            "penalties, augmentation and jacobian_scale concern the discriminator, and no term "
            "uses one; remove them, or set loss.on to logits or features"
        )
    for name, penalty in penalties.items():
        if penalty.every != 1 and (penalty.network is not None or penalty.of_generator):
            raise ConfigError(
                f"penalties.{name}.every is {penalty.every}, and this penalty acts in every step; "
                "leave it out"
            )
    if (
        has_discriminator
        and not penalties
        and all(term.players == "generator" for term in terms.values())
    ):
        raise ConfigError(
            "every term is the generator's alone, and nothing trains the discriminator; set "
            "players of one of them to both"
        )

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Fakes:
        z = nets.latents(key, len(batch.real))
        return Fakes(of_data_shape(nets.generator(z, condition(batch)), batch), z)

    def losses(
        nets: Nets, batch: Batch, fakes: Fakes, key: PRNGKeyArray
    ) -> tuple[dict[str, dict[str, Array]], Metrics]:
        terms_key, penalties_key = jax.random.split(key)
        seen_by = partial(_seen, nets, augmentation, packing, batch, fakes)
        seen = seen_by(jax.random.fold_in(key, _AUGMENTATION)) if has_discriminator else None
        sides = _views(views, nets, frozen, batch, fakes, seen)
        known = {"labels": batch.labels, "z": fakes.z}
        of_terms = {
            name: _value(term, name, nets, sides, seen, known, jax.random.fold_in(terms_key, index))
            for index, (name, term) in enumerate(terms.items())
        }
        of_penalties = {
            name: _penalty(
                penalty, nets, penalised, seen, fakes, jax.random.fold_in(penalties_key, index)
            )
            for index, (name, penalty) in enumerate(penalties.items())
        }
        totals = {"generator": {}, "discriminator": {}}
        for name, term in terms.items():
            totals["generator"][name] = term.weight * of_terms[name].generator
            if term.players == "both":
                totals["discriminator"][name] = term.weight * of_terms[name].discriminator
        for name, penalty in penalties.items():
            totals["discriminator"][name] = penalty.weight * of_penalties[name].discriminator
            if penalty.of_generator:
                totals["generator"][name] = penalty.weight * of_penalties[name].generator
        metrics = {}
        if has_discriminator:
            metrics["logits/real"], metrics["logits/fake"] = map(jnp.mean, sides["logits"])
        for index, (label, measure) in enumerate(measures.items()):
            further_key = jax.random.fold_in(key, len(terms) + index)
            further = asked(measure.asks, {"reference": nets.reference, **known}, further_key)
            metrics[measured(label)] = measure.measure(*sides[measure.on], **further)
        return totals, metrics

    def sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Array:
        return generate(nets, batch, key).samples

    of_penalties = tuple(p.network for p in penalties.values() if p.network is not None)
    of_terms = tuple(term.network for term in terms.values() if term.network is not None)
    turns = (("generator", *of_terms),)
    if has_discriminator:
        turns = (("discriminator", *of_penalties), *turns)
    return Game(generate, losses, sample, turns=turns, fit=fitting(terms, frozen))


# Folded into a step's key, beyond any number of terms and measures; and into a penalty's.
_AUGMENTATION, _SIGNS = 2**31, 2**31 + 1


def measured(label: str) -> str:
    """The name of the metric that holds what a controller measures."""
    return f"controllers/{label}/measured"


def condition(batch: Batch) -> Shaped[Array | np.ndarray, "n ..."] | None:
    """What networks are conditioned on: the batch's condition or, without one, its labels."""
    return batch.labels if batch.condition is None else batch.condition


def _trains_outputs(term: Term) -> bool:
    return term.players == "both" and term.on in OUTPUTS


def of_data_shape(samples: Float[Array, "n ..."], batch: Batch) -> Float[Array, "n ..."]:
    """The samples; ConfigError where the data has another shape."""
    if samples.shape[1:] != batch.real.shape[1:]:
        raise ConfigError(
            f"the generator makes samples of shape {samples.shape[1:]}, and the data has "
            f"{batch.real.shape[1:]}; they must be equal: give the last layer that many outputs"
        )
    return samples


class _Seen(NamedTuple):
    """What the discriminator sees on this device.

    Attributes:
        real: Real samples, augmented and packed.
        fake: Fakes, likewise.
        condition: What the discriminator is conditioned on.
        outputs: What it makes of real and fake.
        packing: Samples that it judges together.
        given: The condition of each sample.
    """

    real: Array
    fake: Array
    condition: Array | None
    outputs: tuple[Outputs, Outputs]
    packing: int
    given: Array | None


def _seen(
    nets: Nets,
    augmentation: Augment | None,
    packing: int,
    batch: Batch,
    fakes: Fakes,
    key: PRNGKeyArray,
) -> _Seen:
    real, fake = nets.local(batch.real), nets.local(fakes.samples)
    given = condition(batch)
    given = None if given is None else nets.local(given)
    if augmentation is not None:
        real_key, fake_key = jax.random.split(key)
        real = augmentation(real, key=real_key, axis_name=nets.axis_name)
        fake = augmentation(fake, key=fake_key, axis_name=nets.axis_name)
    if packing > 1:
        real, fake = pack(real, packing), pack(fake, packing)
    seen = given if packing == 1 else None  # a pack has as many conditions as samples
    judge = partial(_judged, nets, seen)
    return _Seen(real, fake, seen, (judge(real), judge(fake)), packing, given)


def _judged(nets: Nets, given: Array | None, x: Array) -> Outputs:
    conditions = None if given is None else nets.gather(given)
    return nets.discriminator(nets.gather(x), conditions)


def _views(
    names: set[str],
    nets: Nets,
    frozen: Mapping[str, Frozen],
    batch: Batch,
    fakes: Fakes,
    seen: _Seen | None,
) -> Views:
    """Real and fake of each view in use, of the whole batch."""

    def view(on: str) -> tuple[Any, Any]:
        if on == "images":
            return batch.real, fakes.samples
        if on in frozen:
            look = partial(frozen_view, nets, frozen[on])
            return look(batch.real), look(fakes.samples)
        assert seen is not None
        real, fake = (getattr(output, on) for output in seen.outputs)
        if real is None:
            raise ConfigError(
                f"a term compares {on}, and the discriminator returns none; "
                "choose another view or a discriminator that has it"
            )
        return real, fake

    return {on: view(on) for on in sorted(names | ({"logits"} if seen else set()))}


def _value(
    term: Term,
    name: str,
    nets: Nets,
    views: Views,
    seen: _Seen | None,
    known: Mapping[str, Any],
    key: PRNGKeyArray,
) -> Losses:
    further = asked_of(term, name, nets, known, key)
    losses = compared(term, nets, *views[term.on], further, known["labels"])
    if term.jacobian_scale is None:
        return losses
    assert seen is not None
    factor = scaled_mmd_factor(
        _critic(nets, seen.condition, term.on),
        seen.real,
        axis_name=nets.axis_name,
        coefficient=term.jacobian_scale,
    )
    return Losses(*(factor * loss for loss in losses))


def _penalty(
    penalty: Penalty, nets: Nets, on: str, seen: _Seen | None, fakes: Fakes, key: PRNGKeyArray
) -> Losses:
    assert seen is not None
    nothing = jnp.zeros(())
    of_real, of_fake = (getattr(output, on) for output in seen.outputs)
    if penalty.network is not None:
        return Losses(nothing, penalty.penalty(getattr(nets, penalty.network), of_real, of_fake))
    critic = _critic(nets, seen.condition, on)
    if on != "logits":
        critic = randomly_signed(critic, of_real.shape[1:], jax.random.fold_in(key, _SIGNS))
    options = {"key": key, "axis_name": nets.axis_name}
    if penalty.of_generator:
        generator = nets.fixed("generator")
        return penalty.penalty(
            packed(critic, seen.packing),
            lambda z: generator(z, seen.given),
            nets.local(fakes.z),
            nets.local(fakes.samples),
            **options,
        )
    value = lazy(
        partial(penalty.penalty, critic, seen.real, seen.fake, **options),
        nets.steps.get("discriminator", jnp.zeros((), jnp.int32)),
        every=penalty.every,
        axis_name=nets.axis_name,
    )
    return Losses(nothing, value)


def _critic(nets: Nets, given: Array | None, on: str) -> Callable[[Array], Array]:
    """A view of samples on this device, as a function with the statistics fixed."""
    discriminator = nets.fixed("discriminator")
    return lambda x: getattr(discriminator(x, given), on)
