"""Linear experiments against NumPy's least squares and scikit-learn's PCA; terms that correlate."""

import dataclasses

import jax
import numpy as np
import pytest
from programs import one_device
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

import jaxgan
from experiments import linear_gaussian, linear_pca, mnist_correlation
from jaxgan.config import Ramp, TermConfig, override
from jaxgan.data import load, whole
from jaxgan.errors import ConfigError
from jaxgan.runs.build import build

KEY = jax.random.key(0)


def parameters(state):
    """The averaged weights, in float64."""
    return jax.tree.map(np.float64, state.averages["generator"]["params"])


def data_of(config, split="train"):
    batch = whole(load(config.data.name, split=split, kwargs=config.data.kwargs))
    if batch.condition is None:
        return np.float64(batch.real)
    return np.float64(batch.condition), np.float64(batch.real[:, 0])


def least_squares(x, y):
    """Coefficients, with the intercept last."""
    return np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]


def learned(params):
    return np.append(params["beta"][:, 0], params["bias"])


@pytest.mark.parametrize("objective", ["mse", "likelihood"])
def test_regression_comes_to_least_squares(objective):
    """Within 1e-2 in 400 steps of the compiled loop; the likelihood learns the noise too."""
    config = override(linear_gaussian.config(), "game.kwargs.objective", objective)
    config = override(config, "data.kwargs.size", 500)
    config = override(config, "data.batch_size", 500)
    config = dataclasses.replace(
        override(config, "generator.learning_rate", Ramp(0.05, 0.005)),
        steps=400,
        ema_half_life=5.0,
        parallel="jit",
    )
    program = build(config, one_device())
    state = jax.jit(program.init)(KEY)
    run_steps = jax.jit(program.run_steps, static_argnums=2)
    state, _ = run_steps(state, program.data(), 400)
    x, y = data_of(config)
    solution = least_squares(x, y)
    params = parameters(state)
    np.testing.assert_allclose(learned(params), solution, atol=1e-2)
    if objective == "likelihood":
        residuals = y - np.c_[x, np.ones(len(x))] @ solution
        np.testing.assert_allclose(np.linalg.norm(params["factor"]), residuals.std(), atol=1e-2)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    """A run of the likelihood that is saved and found again."""
    config = override(linear_gaussian.config(), "game.kwargs.objective", "likelihood")
    config = dataclasses.replace(config, steps=1000, ema_half_life=20.0)
    workdir = tmp_path_factory.mktemp("run") / "likelihood"
    jaxgan.train(config, workdir)
    return jaxgan.load(workdir)


@pytest.mark.slow
def test_predictions_have_the_coverage_of_the_closed_form(predictor):
    """On held-out rows; in closed form an interval of 90 % is 2 * 1.645 sigma wide."""
    x, y = data_of(predictor.config, "test")
    found = predictor.predict(np.float32(x), key=KEY, num_samples=99)
    held = (found.lower[:, 0] <= y) & (y <= found.upper[:, 0])
    assert abs(held.mean() - 0.9) < 4 * np.sqrt(0.09 / len(y))
    fit = least_squares(*data_of(predictor.config))
    np.testing.assert_allclose(found.mean[:, 0], np.c_[x, np.ones(len(x))] @ fit, atol=0.25)
    assert np.mean(found.upper - found.lower) == pytest.approx(2 * 1.645 * 0.5, rel=0.04)
    with pytest.raises(ConfigError, match=r"x has shape \(3, 4\); it must be \[n, 5\]"):
        predictor.predict(np.zeros((3, 4), np.float32), key=KEY)


@pytest.mark.slow
def test_an_adversary_finds_the_coefficients_and_the_covariance(tmp_path):
    """Of X and y together: least squares within 5 %, NumPy's covariance within 5 % Frobenius."""
    config = override(linear_gaussian.config(), "game.name", "adversarial")
    run = jaxgan.train(config, tmp_path / "run")
    params, (x, y) = parameters(run.state), data_of(config)
    solution = least_squares(x, y)
    assert np.linalg.norm(learned(params) - solution) < 0.05 * np.linalg.norm(solution)
    many = run.predict(np.float32(x), key=KEY, num_samples=19)
    noise = np.linalg.norm(params["factor"])
    made = np.cov(np.c_[x, x @ params["beta"]].T) + np.diag([0.0] * 5 + [noise**2])
    real = np.cov(np.c_[x, y].T)
    assert np.linalg.norm(made - real) < 0.05 * np.linalg.norm(real)
    assert np.corrcoef(many.mean[:, 0], x @ params["beta"][:, 0])[0, 1] > 0.98


@pytest.mark.parametrize("latent", [6, 2])
@pytest.mark.slow
def test_a_quadratic_critic_finds_the_covariance_or_its_principal_components(latent, tmp_path):
    config = override(linear_pca.config(), "latent.dim", latent)
    params = parameters(jaxgan.train(config, tmp_path / "run").state)
    table = data_of(config)
    pca = PCA(latent).fit(table)
    best = (pca.components_.T * pca.explained_variance_) @ pca.components_
    made = params["factor"].T @ params["factor"]
    assert np.linalg.norm(made - best) < 0.05 * np.linalg.norm(best)
    np.testing.assert_allclose(params["bias"], table.mean(axis=0), atol=0.05)
    axes = np.linalg.svd(params["factor"])[2][:latent]
    cosines = np.linalg.svd(axes @ pca.components_.T)[1]
    assert np.degrees(np.arccos(np.clip(cosines, 0, 1))).max() < 1


@pytest.mark.slow
def test_diabetes_comes_to_the_published_fit():
    """scikit-learn's tutorial on supervised learning: R^2 .585 on the last 20 rows."""
    config = override(linear_gaussian.config(), "data.name", "diabetes")
    config = override(config, "data.batch_size", 422)
    program = build(config, one_device())
    state = jax.jit(program.init)(KEY)
    run_steps = jax.jit(program.run_steps, static_argnums=2)
    found = learned(parameters(run_steps(state, program.data(), config.steps)[0]))
    np.testing.assert_allclose(found, least_squares(*data_of(config)), atol=1e-2)
    x, y = data_of(config, "test")
    assert r2_score(y, x @ found[:-1] + found[-1]) == pytest.approx(0.585, abs=1e-3)


@pytest.mark.slow
def test_the_terms_of_mnist_correlation_and_of_tutorials_are_added():
    """On the embedded digits, with smaller networks."""
    config = mnist_correlation.config()
    options = {"on": "features", "players": "generator"}
    rows = TermConfig(name="pearson", kwargs={"axis": "features"}, **options)
    changes = {
        "data.name": "digits",
        "data.batch_size": 16,
        "generator.network.kwargs.width": 4,
        "discriminator.network.kwargs.widths": (8, 4),
    }
    for name, value in changes.items():
        config = override(config, name, value)
    config = dataclasses.replace(config, terms={**config.terms, "rows": rows})
    program = build(config, one_device())
    state = jax.jit(program.init)(KEY)
    state, metrics = jax.jit(program.run_steps, static_argnums=2)(state, program.data(), 2)
    names = {f"generator/{label}" for label in ("loss", "pearson", "spearman", "rows")}
    assert names <= metrics.keys()
    assert all(np.isfinite(metrics[name]).all() for name in names)
    assert 0 <= min(metrics["generator/rows"]) <= max(metrics["generator/rows"]) <= 2
