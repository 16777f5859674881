"""Cheap metrics inside the compiled loop: on the device, every so many steps, without a host sync.

A monitor is a pure function of the state, so it is sharded, scanned and vmapped as the step is.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan import collectives
from jaxgan.data import Mixture
from jaxgan.evaluation.reference import Reference
from jaxgan.evaluation.samples import Sampler, conditions
from jaxgan.features import FeatureNetwork
from jaxgan.kernels import polynomial
from jaxgan.losses import mmd2
from jaxgan.metrics import mixture_modes
from jaxgan.pixels import model_batch
from jaxgan.purposes import MONITOR
from jaxgan.types import Batch, Metrics

# A state has the attributes `step` and `key`.
Step = Callable[[Any, Batch], tuple[Any, Metrics]]
Monitor = Callable[[Any], Metrics]
Shard = Callable[[Array], Array]

_MAX_REAL = 2000  # real samples that are compared with


def monitored(
    train_step: Step, monitor: Monitor, *, every: int, members: str | None = None
) -> Step:
    """The train step, with the monitor's metrics after steps `every`, 2 `every`, ..., else NaN.

    Args:
        train_step: See `jaxgan.training.steps.make_train_step`.
        monitor: Its metrics are named "monitor/...".
        every: Steps between its uses, at least 1.
        members: The axis name of a sweep, where the step is vmapped over members that are all at
            the same step: only with it do the other steps skip the monitor's work.
    """

    def step(state: Any, batch: Batch) -> tuple[Any, Metrics]:
        state, metrics = train_step(state, batch)
        count = state.step if members is None else jax.lax.pmax(state.step, members)
        nothing = jax.tree.map(
            lambda x: jnp.full(x.shape, jnp.nan, x.dtype), jax.eval_shape(monitor, state)
        )
        values = jax.lax.cond(count % every == 0, monitor, lambda _: nothing, state)
        return state, metrics | {f"monitor/{name}": value for name, value in values.items()}

    return step


def make_monitor(
    reference: Reference,
    sampler: Sampler,
    *,
    num_samples: int,
    shard: Shard = lambda x: x,
    axis_name: str | None = None,
) -> Monitor:
    """The monitor that suits a data set: modes of a mixture, else KID.

    Args:
        reference: What to compare with.
        sampler: Makes samples of a state, not compiled. Under an axis name it gets the whole batch
            and returns all samples on every device.
        num_samples: Samples at a time, over all devices.
        shard: Splits an array over the devices of a mesh (`jaxgan.training.parallel.shard`).
        axis_name: The device axis under pmap; None under jit.
    """
    asked, mixture = conditions(reference.source, num_samples), reference.source.mixture
    if mixture is not None:
        return mixture_monitor(mixture, sampler, asked, shard=shard)
    real = jnp.asarray(reference.real.features[:_MAX_REAL])
    return feature_monitor(
        reference.network, real, sampler, asked, shard=shard, axis_name=axis_name
    )


def mixture_monitor(
    mixture: Mixture, sampler: Sampler, asked: Batch, *, shard: Shard = lambda x: x
) -> Monitor:
    """Mode coverage of a mixture of Gaussians by fresh samples of a state.

    Args:
        mixture: The true modes.
        sampler: As in `make_monitor`.
        asked: What it is asked for: `request(num_samples)` or `conditions(source, num_samples)`.
        shard: As in `make_monitor`.
    """

    def monitor(state: Any) -> Metrics:
        modes = mixture_modes(_draw(sampler, state, asked, shard), mixture.centers, mixture.sigma)
        return {name: jnp.asarray(v, jnp.float32) for name, v in modes._asdict().items()}

    return monitor


def feature_monitor(
    network: FeatureNetwork | None,
    real: Float[Array, "n d"],
    sampler: Sampler,
    asked: Batch,
    *,
    shard: Shard = lambda x: x,
    axis_name: str | None = None,
) -> Monitor:
    """KID of fresh samples of a state against real features: unbiased, so few will do.

    Args:
        network: Must be pure, as those of `jaxgan.features.FEATURES` are; None for points.
        real: Its features of real images.
        sampler: As in `make_monitor`.
        asked: What it is asked for: `request(num_samples)` or `conditions(source, num_samples)`.
        shard: As in `make_monitor`.
        axis_name: The device axis under pmap; None under jit.

    Source: Binkowski et al. 2018, https://arxiv.org/abs/1801.01401, section 4.
    """

    def monitor(state: Any) -> Metrics:
        fake = _draw(sampler, state, asked, shard)
        if network is not None:
            slices = collectives.local_slice(fake, axis_name)
            fake = collectives.gather(network.apply(network.params, slices)[0], axis_name)
        # The kernel of KID is the polynomial one's default.
        return {"kid": mmd2(real, fake, kernel=polynomial)}

    return monitor


def _draw(sampler: Sampler, state: Any, asked: Batch, shard: Shard) -> Float[Array, "n ..."]:
    """One sample for each row of what is asked for, the same on every device."""
    key = jax.random.fold_in(jax.random.fold_in(state.key, MONITOR), state.step)
    asked = jax.tree.map(lambda x: shard(jnp.asarray(x)), model_batch(asked))
    return shard(sampler(state, key, asked))
