"""Generators that are trained by comparing distributions, without an adversary."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from jaxgan.errors import ConfigError
from jaxgan.games.common import Samples, ranged
from jaxgan.games.game import Game
from jaxgan.games.nets import Nets
from jaxgan.games.terms import OUTPUTS, Penalty, adversarial, condition, of_data_shape
from jaxgan.games.views import (
    Frozen,
    Term,
    View,
    asked_of,
    check_views,
    compared,
    fitting,
    frozen_view,
    in_chunks,
    weights_of,
)
from jaxgan.registry import NON_NEGATIVE
from jaxgan.types import Batch, Metrics


class Seen(NamedTuple):
    """What losses compare of the fakes.

    Attributes:
        views: By the views' names.
        others: The same of as many further fakes, where a loss asks for them.
        z: The latents of the fakes.
    """

    views: dict[str, View]
    others: dict[str, View] | None
    z: Float[Array, "n latent"]


@ranged(chunk=NON_NEGATIVE)
def distribution_matching(
    terms: Mapping[str, Term],
    penalties: Mapping[str, Penalty] | None = None,
    frozen: Mapping[str, Frozen] | None = None,
    *,
    chunk: int = 0,
) -> Game:
    """A generator alone, trained by losses of samples or of frozen networks' features.

    Drifting, reference MMD, score and Sinkhorn drift, the Frechet distance, and every other loss
    that compares two sets. The generator gets the condition of each sample, or else its label. A
    term on an output of the discriminator makes it the adversarial game: an MMD GAN, for example.

    Args:
        terms: At least one, by name.
        penalties: Of the discriminator, where a term compares its outputs.
        frozen: The views of networks that are not trained, by name.
        chunk: Samples that are generated and looked at together, over all devices: the memory of a
            step grows with it, and not with the batch. Gradients are exact. It must divide the
            batch; 0: all at once.

    Raises:
        ConfigError: Penalties without a discriminator, a chunk with one, a chunk that does not
            divide the batch, or one with a generator that normalises by batch statistics.

    Source: Deng et al. 2026, Generative Modeling via Drifting, https://arxiv.org/abs/2602.04770;
    before it Li et al. 2015, Generative Moment Matching Networks,
    https://arxiv.org/abs/1502.02761
    """
    frozen = frozen or {}
    names = sorted({term.on for term in terms.values()})
    check_views(names)
    of_critic = [on for on in names if on in OUTPUTS]
    if of_critic and chunk:
        raise ConfigError(
            f"chunk is {chunk}, and a term compares the {of_critic[0]} of a discriminator, which "
            "sees the whole batch; compare images or features of a frozen network, or leave it out"
        )
    if of_critic:
        return adversarial(terms, penalties, frozen=frozen)
    if penalties:
        raise ConfigError(
            "penalties concern the discriminator, and no term uses one; remove them, or set "
            "loss.on to logits or features"
        )
    again = any("others" in term.asks for term in terms.values())

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Seen:
        given, n = condition(batch), len(batch.real)
        z = nets.latents(key, n)
        seen = views(nets, batch, z, given)
        if not again:
            return Seen(seen, None, z)
        further = nets.latents(jax.random.fold_in(key, _OTHERS), n)
        return Seen(seen, jax.lax.stop_gradient(views(nets, batch, further, given)), z)

    def views(nets: Nets, batch: Batch, z: Float[Array, "n latent"], given: Any) -> dict[str, View]:
        if not chunk:
            samples = of_data_shape(nets.generator(z, given), batch)
            return {on: _view(nets, frozen, on, samples) for on in names}
        _check_chunked(nets, batch, z, given)
        generator = nets.fixed("generator")

        def of_chunk(inputs: tuple[Array, Any], index: Array) -> dict[str, View]:
            return looked(nets, generator(*inputs, part=index))

        return _in_chunks(nets, of_chunk, (z, given))

    def looked(nets: Nets, samples: Float[Array, "n ..."]) -> dict[str, View]:
        """All views of the samples of a chunk."""
        return {
            on: frozen[on].apply(weights_of(nets, frozen[on]), samples) if on in frozen else samples
            for on in names
        }

    def _in_chunks(nets: Nets, function: Any, inputs: Any) -> dict[str, View]:
        local = jax.tree.map(nets.local, inputs)
        made = in_chunks(function, local, chunk=chunk, axis_name=nets.axis_name)
        return jax.tree.map(nets.gather, made)

    def of_real(nets: Nets, batch: Batch) -> dict[str, View]:
        if not chunk:
            return {on: _view(nets, frozen, on, batch.real) for on in names}
        return _in_chunks(nets, lambda x, _: looked(nets, x), jnp.asarray(batch.real))

    def losses(
        nets: Nets, batch: Batch, seen: Seen, key: PRNGKeyArray
    ) -> tuple[dict[str, dict[str, Array]], Metrics]:
        real = of_real(nets, batch)
        of_terms = {}
        for index, (name, term) in enumerate(terms.items()):
            others = None if seen.others is None else seen.others[term.on]
            known = {"labels": batch.labels, "z": seen.z, "others": others}
            further = asked_of(term, name, nets, known, jax.random.fold_in(key, index))
            views = real[term.on], seen.views[term.on]
            value = compared(term, nets, *views, further, batch.labels)
            of_terms[name] = term.weight * value.generator
        return {"generator": of_terms}, {}

    def sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Array:
        return nets.generator(nets.latents(key, len(batch.real)), condition(batch))

    states = tuple(term.network for term in terms.values() if term.network is not None)
    turns = (("generator", *states),)
    return Game(generate, losses, sample, turns=turns, fit=fitting(terms, frozen))


# Folded into a step's key: other latents than those of the fakes that learn.
_OTHERS = 2**31


def _view(nets: Nets, frozen: Mapping[str, Frozen], on: str, x: Samples) -> View:
    return frozen_view(nets, frozen[on], x) if on in frozen else x


def _check_chunked(
    nets: Nets, batch: Batch, z: Float[Array, "n latent"], given: Shaped[Array, "n ..."] | None
) -> None:
    """Initialises the generator; ConfigError where it keeps statistics of its batches."""
    if "generator" not in nets.variables:
        of_data_shape(nets.generator(z, given), batch)
    if jax.tree.leaves(nets.variables["generator"]["batch_stats"]):
        raise ConfigError(
            "the generator normalises by statistics of its batch, which would be those of a chunk; "
            "choose another generator.network.kwargs.norm, or leave out game.kwargs.chunk"
        )
