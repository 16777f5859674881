"""Regression against scipy's densities, NumPy's least squares and hand-worked scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxgan.errors import ConfigError
from jaxgan.games import Nets, regression
from jaxgan.networks import LinearGenerator
from jaxgan.training.latents import normal_latents
from jaxgan.types import Batch

N, P, D, LATENT = 9, 4, 2, 3
KEY = jax.random.key(0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


BATCH = Batch(real=normal(N, D), condition=normal(N, P, seed=1))


def nets(latent=LATENT, **fields):
    net = LinearGenerator((D,), **{"conditioning": "concat", **fields})
    shapes = jax.eval_shape(
        lambda z, x: net.init(KEY, z, x, train=True), jnp.ones((1, latent)), jnp.ones((1, P))
    )
    rng = np.random.default_rng(3)
    variables = jax.tree.map(lambda leaf: jnp.float32(rng.normal(size=leaf.shape)), shapes)
    latents = normal_latents(latent)
    return Nets({"generator": net}, {"generator": variables}, key=KEY, latents=latents)


def exact(made):
    return {k: np.float64(v) for k, v in made.variables["generator"]["params"].items()}


def objective(game, made, batch=BATCH):
    losses, _ = game.losses(made, batch, game.generate(made, batch, KEY), KEY)
    return losses["generator"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("latent", "fields"), [(LATENT, {}), (LATENT, {"covariance": "diagonal"}), (D, {})]
)
def test_the_likelihood_is_that_of_scipy(latent, fields):
    made = nets(latent, **fields)
    params = exact(made)
    factor = params["factor"] if not fields else np.diag(params["factor"])
    means = BATCH.condition @ params["beta"] + params["bias"]
    expected = -np.mean(
        [
            multivariate_normal.logpdf(y, mean, factor.T @ factor)
            for y, mean in zip(np.float64(BATCH.real), means, strict=True)
        ]
    )
    ours = objective(regression(objective="likelihood"), made)
    np.testing.assert_allclose(ours["likelihood"], expected, rtol=2e-5)


def test_squared_errors_and_scores_are_by_hand():
    made = nets()
    params = exact(made)
    means = BATCH.condition @ params["beta"] + params["bias"]
    errors = np.mean((BATCH.real - means) ** 2, axis=1)
    assert objective(regression(), made)["mse"] == pytest.approx(errors.mean(), rel=1e-5)
    game = regression(objective="rmse")
    assert objective(game, made)["rmse"] == pytest.approx(errors.mean() ** 0.5, rel=1e-5)
    np.testing.assert_allclose(game.sample(made, BATCH, KEY), means, atol=1e-5)
    scores = game.scores(made, BATCH, KEY)
    np.testing.assert_allclose(scores["squared_error"], errors, rtol=1e-4)
    variance = np.float64(BATCH.real).var(axis=0).mean()
    assert np.mean(scores["r_squared"]) == pytest.approx(1 - errors.mean() / variance, abs=1e-5)


def test_samples_of_the_likelihood_are_draws():
    made = nets()
    params, rows = exact(made), 20_000
    x = np.repeat(BATCH.condition[:1], rows, axis=0)
    batch = Batch(real=np.zeros((rows, D), np.float32), condition=x)
    y = regression(objective="likelihood").sample(made, batch, KEY)
    covariance = params["factor"].T @ params["factor"]
    np.testing.assert_allclose(np.cov(y.T), covariance, atol=0.05 * np.abs(covariance).max())


def test_labels_stand_for_missing_conditions():
    labels = np.arange(N) % P
    coded = BATCH.replace(condition=np.eye(P, dtype=np.float32)[labels])
    named = BATCH.replace(condition=None, labels=labels)
    for name in ("mse", "likelihood"):
        game, made = regression(objective=name), nets(num_classes=P)
        one, other = (objective(game, made, batch)[name] for batch in (coded, named))
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match=r"unknown objective 'mes'; did you mean 'mse'\?"):
        regression(objective="mes")
    with pytest.raises(ConfigError, match="neither conditions nor labels to regress on"):
        objective(regression(), nets(), BATCH.replace(condition=None))
    with pytest.raises(ConfigError, match=r"latent\.dim is 1, and y has 2 values"):
        objective(regression(objective="likelihood"), nets(1))
    for dtype in ("float32", "bfloat16"):
        silent = nets(covariance="none", dtype=dtype)
        with pytest.raises(ConfigError, match="the same y of every z, as with covariance 'none'"):
            objective(regression(objective="likelihood"), silent)
    with pytest.raises(ConfigError, match=r"samples of shape \(2,\), and the data has \(3,\)"):
        objective(regression(), nets(), BATCH.replace(real=normal(N, 3)))
