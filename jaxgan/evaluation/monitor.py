"""Cheap metrics inside the compiled loop: on the device, every so many steps, without a host sync.

A monitor is a pure function of the state, so it is sharded, scanned and vmapped as the step is.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxgan import collectives
from jaxgan.config import Config
from jaxgan.data import Mixture, Source
from jaxgan.evaluation.reference import Log, make_reference
from jaxgan.features import FeatureNetwork
from jaxgan.games.terms import Metrics
from jaxgan.kernels import polynomial
from jaxgan.losses import mmd2
from jaxgan.metrics import mixture_modes
from jaxgan.training.state import GANState, sample
from jaxgan.training.steps import Latents, TrainStep
from jaxgan.types import Batch

Monitor = Callable[[GANState], Metrics]
Place = Callable[[Array], Array]

# Steps fold 0, 1, 2, ... into the run's key; this is out of their reach.
_MONITOR = 2**32 - 4

_MAX_REAL = 2000  # real samples of one look


def monitored(
    train_step: TrainStep, monitor: Monitor, *, every: int, members: str | None = None
) -> TrainStep:
    """The train step, with the monitor's metrics after steps `every`, 2 `every`, ..., else NaN.

    Args:
        train_step: See `jaxgan.steps.make_train_step`.
        monitor: Its metrics are named "monitor/...".
        every: Steps between its uses, at least 1.
        members: The axis name of a sweep, where the step is vmapped over members that are all at
            the same step: only with it do the other steps skip the monitor's work.
    """

    def step(state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        state, metrics = train_step(state, batch)
        count = state.step if members is None else jax.lax.pmax(state.step, members)
        nothing = jax.tree.map(
            lambda x: jnp.full(x.shape, jnp.nan, x.dtype), jax.eval_shape(monitor, state)
        )
        values = jax.lax.cond(count % every == 0, monitor, lambda _: nothing, state)
        return state, metrics | {f"monitor/{name}": value for name, value in values.items()}

    return step


def make_monitor(
    config: Config,
    source: Source,
    latents: Latents,
    *,
    place: Place = lambda x: x,
    axis_name: str | None = None,
    log: Log = print,
) -> Monitor:
    """The monitor that suits a data set: modes of a mixture, else KID.

    Args:
        config: Says on how many samples, with which features, and how the data set is read.
        source: What the generator is trained on.
        latents: Draws z.
        place: Spreads an array over the devices of a mesh (`jaxgan.parallel.spread`).
        axis_name: The device axis under pmap; None under jit.
        log: Told when a classifier is trained.

    Raises:
        ConfigError: features that the data set cannot have.
    """
    spread = {"num_samples": config.num_monitor_samples, "place": place, "axis_name": axis_name}
    if source.mixture is not None:
        return mixture_monitor(source.mixture, latents, **spread)
    reference = make_reference(config.data, source, features=config.eval_features, log=log)
    real = jnp.asarray(reference.real.features[:_MAX_REAL])
    return feature_monitor(reference.network, real, latents, **spread)


def mixture_monitor(
    mixture: Mixture,
    latents: Latents,
    *,
    num_samples: int,
    place: Place = lambda x: x,
    axis_name: str | None = None,
) -> Monitor:
    """Mode coverage of a mixture of Gaussians by fresh samples of the averaged generator.

    Args:
        mixture: The true modes.
        latents: Draws z.
        num_samples: Samples in one look, over all devices.
        place: Spreads an array over the devices of a mesh (`jaxgan.parallel.spread`).
        axis_name: The device axis under pmap; None under jit.
    """

    def monitor(state: GANState) -> Metrics:
        samples = _draw(state, latents, num_samples, place, axis_name)
        samples = collectives.gather(samples, axis_name)
        modes = mixture_modes(samples, mixture.centers, mixture.sigma)
        return {name: jnp.asarray(v, jnp.float32) for name, v in modes._asdict().items()}

    return monitor


def feature_monitor(
    network: FeatureNetwork | None,
    real: Float[Array, "n d"],
    latents: Latents,
    *,
    num_samples: int,
    place: Place = lambda x: x,
    axis_name: str | None = None,
) -> Monitor:
    """KID of fresh samples of the averaged generator against real features: unbiased, so cheap.

    Args:
        network: Must be pure, as those of `jaxgan.features.FEATURES` are; None for points.
        real: Its features of real images.
        latents: Draws z.
        num_samples: Samples in one look, over all devices.
        place: Spreads an array over the devices of a mesh (`jaxgan.parallel.spread`).
        axis_name: The device axis under pmap; None under jit.
    """

    def monitor(state: GANState) -> Metrics:
        samples = _draw(state, latents, num_samples, place, axis_name)
        features = samples if network is None else network.apply(network.params, samples)[0]
        # KID's kernel is the polynomial one's default (Binkowski et al. 2018).
        fake = collectives.gather(features, axis_name)
        return {"kid": mmd2(real, fake, kernel=polynomial)}

    return monitor


def _draw(
    state: GANState, latents: Latents, n: int, place: Place, axis_name: str | None
) -> Float[Array, "m ..."]:
    """This device's part of n samples."""
    key = jax.random.fold_in(jax.random.fold_in(state.key, _MONITOR), state.step)
    return sample(state, collectives.local_slice(place(latents(key, n)), axis_name))
