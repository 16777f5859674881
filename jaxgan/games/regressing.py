"""Regression: a generator of y given X that is trained on pairs, without an adversary."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.stats import multivariate_normal
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from jaxgan.errors import ConfigError
from jaxgan.games.common import squared_error
from jaxgan.games.game import Game
from jaxgan.games.nets import Nets
from jaxgan.games.terms import condition, of_data_shape
from jaxgan.losses import mse, rmse
from jaxgan.numerics import depends
from jaxgan.registry import unknown
from jaxgan.types import Batch, Metrics

OBJECTIVES = ("mse", "rmse", "likelihood")


class Predicted(NamedTuple):
    """What a generator that is affine in z says of y given X: N(mean, factor^T factor).

    Attributes:
        mean: G(0, X).
        factor: Rows G(e_k, X) - G(0, X), e_k the k-th unit vector; None where it is not asked for.
    """

    mean: Float[Array, "n ..."]
    factor: Float[Array, "n latent d"] | None = None


def regression(*, objective: str = "mse") -> Game:
    """Regresses samples y on their conditions X (labels, where there are no conditions).

    G(z, X) is taken to be affine in normal z, as the network `linear` is; of another generator this
    is its tangent at z = 0. With m = G(0, X) and the rows L_k = G(e_k, X) - G(0, X):

        mse          E mean_j (y_j - m_j)^2
        rmse         its root, over the whole batch
        likelihood   -E log N(y; m, L^T L), which learns the noise too

    Samples are m under the first two, which say nothing of the noise, and draws G(z, X) under the
    last. Scores of held-out samples: `squared_error`, a mean over the values of y, and `r_squared`,
    one minus its ratio to the variance of the values in a batch (of up to 500).

    Args:
        objective: "mse", "rmse" or "likelihood".

    Raises:
        ConfigError: Another objective, data without conditions and labels, or, for the likelihood,
            fewer latents than values of y or a generator without noise.

    Source: Hastie et al. 2009, The Elements of Statistical Learning, sections 2.6.3 and 3.2,
    https://hastie.su.domains/ElemStatLearn/
    """
    if objective not in OBJECTIVES:
        raise unknown("objective", objective, OBJECTIVES)

    def mean_of(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        z = jnp.zeros_like(nets.latents(key, len(batch.real)))
        return of_data_shape(nets.generator(z, _given(batch)), batch)

    def generate(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Predicted:
        mean = mean_of(nets, batch, key)
        if objective != "likelihood":
            return Predicted(mean)
        n, latent = nets.latents(key, len(mean)).shape
        if latent < mean[0].size:
            raise ConfigError(
                f"latent.dim is {latent}, and y has {mean[0].size} values; the likelihood needs as "
                "many latents at least: raise it"
            )
        units = jnp.repeat(jnp.eye(latent), n, axis=0)
        x = _given(batch)
        moved = nets.generator(units, jnp.tile(x, (latent, *(1,) * (x.ndim - 1))))
        generator = nets.fixed("generator")
        if not depends(lambda z: generator(z, x), units[:n]):
            raise ConfigError(
                "the generator makes the same y of every z, as with covariance 'none', and the "
                "likelihood needs its noise; set covariance to 'full', or the objective to 'mse'"
            )
        rows = moved.reshape(latent, n, -1) - mean.reshape(1, n, -1)
        return Predicted(mean, jnp.moveaxis(rows, 0, 1))

    def losses(
        nets: Nets, batch: Batch, fakes: Predicted, key: PRNGKeyArray
    ) -> tuple[dict[str, dict[str, Float[Array, ""]]], Metrics]:
        del nets, key
        y = jnp.asarray(batch.real)
        if fakes.factor is None:
            measure = {"mse": mse, "rmse": rmse}[objective]
            value = measure(y, fakes.mean).generator
        else:
            covariance = jnp.swapaxes(fakes.factor, 1, 2) @ fakes.factor
            values, means = (x.reshape(len(y), -1) for x in (y, fakes.mean))
            value = -jnp.mean(multivariate_normal.logpdf(values, means, covariance))
        return {"generator": {objective: value}}, {}

    def sample(nets: Nets, batch: Batch, key: PRNGKeyArray) -> Float[Array, "n ..."]:
        if objective != "likelihood":
            return mean_of(nets, batch, key)
        return nets.generator(nets.latents(key, len(batch.real)), _given(batch))

    def scores(nets: Nets, batch: Batch, key: PRNGKeyArray) -> dict[str, Float[Array, "n"]]:
        y = jnp.asarray(batch.real)
        error = squared_error(mean_of(nets, batch, key), y)
        return {"squared_error": error, "r_squared": 1 - error / jnp.mean(jnp.var(y, axis=0))}

    return Game(generate, losses, sample=sample, turns=(("generator",),), scores=scores)


def _given(batch: Batch) -> Shaped[Array, "n ..."]:
    """X."""
    x = condition(batch)
    if x is None:
        raise ConfigError(
            "the data has neither conditions nor labels to regress on; choose a data set that has "
            "them, such as linear_gaussian"
        )
    return jnp.asarray(x)
