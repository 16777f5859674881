"""The train step: one pure function (state, batch) -> (state, metrics) for every way to run it.

It runs under jit, sharded jit, pmap, shard_map, `lax.scan` and, over seeds and floats, vmap.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxgan import collectives
from jaxgan.games.terms import (
    Hparams,
    Metrics,
    Objective,
    apply,
    discriminator_loss,
    generator_loss,
)
from jaxgan.penalties import orthogonal
from jaxgan.training.controllers import adjusted
from jaxgan.training.state import GANState, TrainState, average, variables
from jaxgan.types import Batch, PyTree

TrainStep = Callable[[GANState, Batch], tuple[GANState, Metrics]]
Latents = Callable[[PRNGKeyArray, int], Float[Array, "n latent"]]
Schedule = Callable[[Int[Array, ""], Hparams], Float[Array, ""]]


def normal_latents(dim: int) -> Latents:
    """Draws z ~ N(0, I) of `dim` dimensions."""
    return lambda key, n: jax.random.normal(key, (n, dim))


def uniform_latents(dim: int) -> Latents:
    """Draws z ~ U[-1, 1] of `dim` dimensions."""
    return lambda key, n: jax.random.uniform(key, (n, dim), minval=-1.0)


def make_train_step(
    objective: Objective,
    *,
    latents: Latents,
    schedule: Schedule,
    discriminator_steps: int = 1,
    fresh_latents: bool = False,
) -> TrainStep:
    """A train step: `discriminator_steps` updates of the discriminator, then one of the generator.

    The generator's update shares the forward pass of the last discriminator update: its gradient is
    pulled back through `jax.vjp`. Where `hparams` holds a `discriminator_share`, an update of the
    discriminator is taken with that probability, else computed in vain.

    Args:
        objective: What the players minimise, what the controllers adjust, and the device axis.
        latents: Draws z.
        schedule: Factor on both learning rates, from (step, hparams).
        discriminator_steps: At least 1.
        fresh_latents: Draw new latents for the generator's update, at one more forward pass.

    Returns:
        A function of the state and of a batch of n * discriminator_steps real samples, of which
        minibatch j is every `discriminator_steps`-th one from the j-th. Its metrics are scalars
        over the whole batch; those of the discriminator are of its last update.
    """
    axis_name, last = objective.axis_name, discriminator_steps - 1

    def train_step(state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        latents_key, objective_key = jax.random.split(key)
        real = _minibatches(jnp.asarray(batch.real), discriminator_steps)
        n = real.shape[1] * collectives.size(axis_name)
        rate = schedule(state.step, state.hparams)

        def forward(index):
            z = latents(jax.random.fold_in(latents_key, index), n)
            return _forward(state.generator, collectives.local_slice(z, axis_name))

        def update(discriminator, real, fake, index):
            key = jax.random.fold_in(objective_key, index)
            new, metrics = _update_discriminator(
                objective, discriminator, real, fake, state.hparams, rate, key
            )
            share = state.hparams.get("discriminator_share")
            if share is not None:
                key = jax.random.fold_in(objective_key, discriminator_steps + 1 + index)
                taken = jax.random.bernoulli(key, share)
                new = jax.tree.map(partial(jnp.where, taken), new, discriminator)
            return new, metrics

        def generate_and_update(discriminator, inputs):
            real, index = inputs
            return update(discriminator, real, forward(index)[0], index)

        discriminator, metrics = state.discriminator, {}
        if discriminator is not None and last:
            inputs = real[:last], jnp.arange(last)
            discriminator, _ = jax.lax.scan(generate_and_update, discriminator, inputs)
        fake, pull_back, stats = forward(last)
        if discriminator is not None:
            discriminator, metrics = update(discriminator, real[last], fake, last)
        if fresh_latents:
            fake, pull_back, stats = forward(discriminator_steps)

        gradient, (measured, generator_metrics) = jax.grad(generator_loss, argnums=1, has_aux=True)(
            objective,
            fake,
            real[last],
            discriminator,
            state.hparams,
            jax.random.fold_in(objective_key, discriminator_steps),
        )
        (grads,) = pull_back(gradient)
        grads = collectives.mean(grads, axis_name)
        generator = _descend(state.generator, grads, state.hparams, "generator", rate)
        generator = generator.replace(batch_stats=stats)
        ema_params = average(
            state.ema_params,
            variables(generator),
            step=state.step + 1,
            half_life=state.hparams["ema_half_life"],
        )
        metrics |= generator_metrics | {"gradient_norm/generator": optax.tree.norm(grads)}
        hparams = adjusted(objective.controllers, state.hparams, measured)
        for controller in objective.controllers:
            name = controller.path.replace(".", "/")
            metrics |= {f"{name}/measured": measured[controller.path]}
            metrics |= {f"{name}/adjusted": hparams[controller.adjusts]}
        return state.replace(
            step=state.step + 1,
            generator=generator,
            discriminator=discriminator,
            ema_params=ema_params,
            hparams=hparams,
        ), metrics

    return train_step


def _minibatches(x: Array, count: int) -> Array:
    """[n * count, ...] to [count, n, ...], interleaved: a device's slice is a slice of each."""
    return jnp.moveaxis(x.reshape(x.shape[0] // count, count, *x.shape[1:]), 1, 0)


def _forward(
    generator: TrainState, z: Float[Array, "n latent"]
) -> tuple[Array, Callable[[Array], tuple[PyTree]], PyTree]:
    """Samples, the pull-back of a gradient on them to the parameters, and the new statistics."""
    return jax.vjp(
        lambda params: apply(generator, params, generator.batch_stats, z),
        generator.params,
        has_aux=True,
    )


def _update_discriminator(
    objective: Objective,
    discriminator: TrainState,
    real: Float[Array, "n ..."],
    fake: Float[Array, "n ..."],
    hparams: Hparams,
    rate: Float[Array, ""],
    key: PRNGKeyArray,
) -> tuple[TrainState, Metrics]:
    grads, (stats, metrics) = jax.grad(discriminator_loss, argnums=1, has_aux=True)(
        objective, discriminator.params, discriminator, real, fake, hparams, key
    )
    grads, metrics = collectives.mean((grads, metrics), objective.axis_name)
    metrics |= {"gradient_norm/discriminator": optax.tree.norm(grads)}
    discriminator = _descend(discriminator, grads, hparams, "discriminator", rate)
    return discriminator.replace(batch_stats=stats), metrics


def _descend(
    player: TrainState, grads: PyTree, hparams: Hparams, name: str, rate: Float[Array, ""]
) -> TrainState:
    """One optimiser step with the learning rate and the arguments that `hparams` holds.

    Before it, the gradient of the orthogonal regularisation is added, where `hparams` has a weight
    for it (`jaxgan.penalties.orthogonal`); after it, where `hparams` has a limit, weights are
    clipped to it (Arjovsky et al. 2017, Wasserstein GAN, algorithm 1).
    """
    prefix = f"{name}.optimizer.kwargs."
    arguments = {
        path.removeprefix(prefix): value
        for path, value in hparams.items()
        if path.startswith(prefix)
    }
    arguments["learning_rate"] = hparams[f"{name}.learning_rate"] * rate
    weight = hparams.get(f"{name}.orthogonal")
    if weight is not None:
        towards = jax.grad(orthogonal)(player.params)
        grads = jax.tree.map(lambda g, slope: g + weight * slope, grads, towards)
    opt_state: Any = player.opt_state
    opt_state = opt_state._replace(hyperparams={**opt_state.hyperparams, **arguments})
    player = player.replace(opt_state=opt_state).apply_gradients(grads=grads)
    limit = hparams.get(f"{name}.clip_weights")
    if limit is None:
        return player
    return player.replace(params=jax.tree.map(lambda w: jnp.clip(w, -limit, limit), player.params))
