"""Records: what they say of each loss, and how they call it."""

import ast
import functools
import inspect
import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from range_checks import refused

from jaxgan import losses, registry
from jaxgan.errors import ConfigError
from jaxgan.kernels import KERNELS
from jaxgan.losses import LOSSES, Loss, check_view, loss, needs_pairs, pearson
from jaxgan.types import Losses

# Names and defaults that configs of earlier versions rely on.
MATCH = {"match": "paired"}
ESTIMATOR = {"estimator": "unbiased"}
NON_SATURATING, SATURATING = {"non_saturating": True}, {"non_saturating": False}
KNOWN = {
    "barlow_twins": {"redundancy": 0.005},
    "cca": {"shrinkage": 0.1},
    "charbonnier": {"epsilon": 0.001, **MATCH},
    "coral": {},
    "correlation": MATCH,
    "correlation_matching": {"rank_temperature": None},
    "cosine": MATCH,
    "cramer": {},
    "diversity_matching": {},
    "ebgan": {"margin": 1.0},
    "energy_distance": {"exponent": 1.0, **ESTIMATOR},
    "f_jensen_shannon": SATURATING,
    "f_kl": NON_SATURATING,
    "f_pearson": NON_SATURATING,
    "f_reverse_kl": SATURATING,
    "f_squared_hellinger": SATURATING,
    "f_total_variation": SATURATING,
    "feature_matching": {},
    "gmmn": {"bandwidths": (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)},
    "hinge": {},
    "kernel_similarity": {"bandwidth": 1.0, "paired": False},
    "l1": MATCH,
    "l2": MATCH,
    "least_squares": {"real_target": 1.0, "fake_target": 0.0, "generator_target": 1.0},
    "mae": MATCH,
    "mahalanobis": {"shrinkage": 0.1, **MATCH},
    "max_sliced_wasserstein": {"num_projections": 16, "num_steps": 10},
    "minimax": {},
    "mmd_arc_cosine": {"order": 1, **ESTIMATOR},
    "mmd_bounded_repulsive": {"bandwidth": 1.0, "lower": 0.25, "upper": 4.0},
    "mmd_cosine": ESTIMATOR,
    "mmd_energy": {"exponent": 1.0, **ESTIMATOR},
    "mmd_gaussian": {"bandwidth": 1.0, **ESTIMATOR},
    "mmd_gaussian_mixture": {
        "bandwidths": (1.0, 2.0, 4.0, 8.0, 16.0),
        "weights": (1.0,),
        "average": False,
        **ESTIMATOR,
    },
    "mmd_inverse_multiquadric": {"bandwidth": 1.0, "exponent": 0.5, **ESTIMATOR},
    "mmd_laplacian": {"bandwidth": 1.0, **ESTIMATOR},
    "mmd_linear": ESTIMATOR,
    "mmd_matern32": {"bandwidth": 1.0, **ESTIMATOR},
    "mmd_matern52": {"bandwidth": 1.0, **ESTIMATOR},
    "mmd_median": {"scales": (1.0,), **ESTIMATOR},
    "mmd_polynomial": {"degree": 3, "scale": 1.0, "offset": 1.0, **ESTIMATOR},
    "mmd_rational_quadratic": {"alphas": (0.2, 0.5, 1.0, 2.0, 5.0), **ESTIMATOR},
    "mmd_rational_quadratic_linear": {"alphas": (0.2, 0.5, 1.0, 2.0, 5.0), **ESTIMATOR},
    "mmd_repulsive": {
        "bandwidths": (1.0, math.sqrt(2), 2.0, math.sqrt(8), 4.0),
        "repulsion": 1.0,
    },
    "ms_ssim": MATCH,
    "mse": MATCH,
    "non_saturating": {},
    "one_minus_l2": MATCH,
    "pearson": {"axis": "batch", "squared": False},
    "relativistic_average": {},
    "relativistic_average_hinge": {},
    "relativistic_average_least_squares": {},
    "relativistic_pairing": {},
    "rmse": MATCH,
    "sinkhorn": {"epsilon": 0.1, "num_iterations": 100, "p": 2},
    "sliced_wasserstein": {"num_projections": 128, "p": 2},
    "spearman": {"temperature": 0.1, "axis": "batch", "squared": False},
    "squared_l2": MATCH,
    "ssim": MATCH,
    "wasserstein": {},
}
# Numbers that may be anything.
FREE = {"real_target", "fake_target", "generator_target", "repulsion"}

RANGES = [(name, setting) for name, record in LOSSES.items() for setting in record.ranges]
REAL, FAKE = (
    jnp.asarray(np.random.default_rng(i).normal(size=(6, 3)), jnp.float32) for i in (0, 1)
)


@pytest.mark.parametrize("name", LOSSES)
def test_the_record_is_of_the_function_that_the_package_exports(name):
    record = LOSSES[name]
    assert getattr(losses, name) is record.function
    assert name in losses.__all__
    assert record.__name__ == record.function.__name__ == name
    assert inspect.getdoc(record) == inspect.getdoc(record.function)
    assert registry.hyperparameters(record) == registry.hyperparameters(record.function)


def test_every_known_name_keeps_its_hyperparameters():
    for name, hyperparameters in KNOWN.items():
        assert LOSSES[name].hyperparameters == hyperparameters, name


def test_every_kernel_has_a_loss():
    assert {f"mmd_{name}" for name in KERNELS} <= LOSSES.keys()


def test_what_is_exported_twice_is_the_same():
    assert losses.soft_spearman is losses.spearman
    assert losses.sinkhorn_divergence is losses.sinkhorn


@pytest.mark.parametrize(("name", "setting"), RANGES)
def test_values_out_of_range_are_refused_with_the_rule(name, setting):
    record = LOSSES[name]
    registry.bind(record.function, {}, "loss", record.ranges)
    default = record.hyperparameters[setting]
    for bad, allowed in refused(record.ranges[setting], default):
        message = re.escape(f"loss.kwargs.{setting} is {bad}; it must be {allowed}")
        with pytest.raises(ConfigError, match=message):
            registry.bind(record.function, {setting: bad}, "loss", record.ranges)
        with pytest.raises(ConfigError, match=f"{setting} of {name} is"):
            record.function(REAL, FAKE, **{setting: bad})


@pytest.mark.parametrize("name", LOSSES)
def test_every_number_has_a_range_or_needs_none(name):
    for setting, default in LOSSES[name].hyperparameters.items():
        first = default[0] if isinstance(default, tuple) else default
        if isinstance(first, int | float) and not isinstance(first, bool) and setting not in FREE:
            assert setting in LOSSES[name].ranges, setting


def test_a_scalar_makes_the_game_zero_sum():
    def distance(real, fake, *, scale=2.0):
        return scale * jnp.mean(jnp.abs(jnp.mean(real, 0) - jnp.mean(fake, 0)))

    record = registry.as_record(Loss, distance)
    value = distance(REAL, FAKE, scale=3.0)
    np.testing.assert_allclose(record(REAL, FAKE, scale=3.0), (value, -value))
    assert record.views == ("images", "features", "logits")
    assert not needs_pairs(record)


def test_a_similarity_is_subtracted_from_one():
    np.testing.assert_allclose(
        LOSSES["pearson"](REAL, FAKE), (1 - pearson(REAL, FAKE), pearson(REAL, FAKE) - 1), rtol=1e-6
    )


def test_losses_of_both_players_are_passed_on():
    def both(real, fake):
        return Losses(jnp.mean(fake), jnp.mean(real))

    record = registry.as_record(Loss, both)
    assert record is registry.as_record(Loss, record)
    np.testing.assert_array_equal(record(REAL, FAKE), both(REAL, FAKE))


def test_a_paired_record_repeats_the_shorter_batch():
    with pytest.raises(ConfigError, match="6 with 4 samples"):
        pearson(REAL, FAKE[:4])
    repeated = jnp.concatenate([FAKE[:4], FAKE[:2]])
    for one, other in (((REAL, FAKE[:4]), (REAL, repeated)), ((FAKE[:4], REAL), (repeated, REAL))):
        np.testing.assert_array_equal(LOSSES["pearson"](*one), LOSSES["pearson"](*other))


def test_an_array_is_no_loss():
    def unreduced(real, fake):
        return jnp.sum(jnp.square(real - fake), axis=1)

    with pytest.raises(ConfigError, match=r"unreduced returned an array of shape \(6,\).*the mean"):
        Loss(unreduced)(REAL, FAKE)


def test_records_may_be_transformed_as_functions():
    record = LOSSES["l2"]
    value = record(REAL, FAKE)
    np.testing.assert_allclose(jax.jit(record)(REAL, FAKE), value, rtol=1e-6)
    batches = jnp.stack([REAL, FAKE]), jnp.stack([FAKE, FAKE])
    np.testing.assert_allclose(jax.vmap(record)(*batches).generator, (value[0], 0), rtol=1e-6)
    static = jax.jit(lambda f, x, y: f(x, y), static_argnums=0)
    np.testing.assert_allclose(static(record, REAL, FAKE), value, rtol=1e-6)
    partial = functools.partial(record, match="mean")
    for gradient in jax.jacrev(partial)(REAL, FAKE):
        assert np.all(np.isfinite(gradient))


def test_the_decorator_registers_what_refuses_bad_input(monkeypatch):
    monkeypatch.setattr("jaxgan.losses.record.LOSSES", registered := {})

    def moments(real, fake, *, order=1.0):
        return jnp.abs(jnp.mean(real**order) - jnp.mean(fake**order))

    ranges = {"order": registry.POSITIVE}
    checked = loss(views=("images",), paired=True, ranges=ranges)(moments)
    record = registered["moments"]
    assert (record.function, record.views, record.paired) == (checked, ("images",), True)
    assert checked(REAL, FAKE, order=2.0) == moments(REAL, FAKE, order=2.0)
    with pytest.raises(ConfigError, match="order of moments is 0; it must be greater than 0"):
        checked(REAL, FAKE, order=0)
    with pytest.raises(ConfigError, match="moments of batches of 0 and 6; it needs at least 1"):
        checked(REAL[:0], FAKE)
    assert record.ranges == ranges
    assert needs_pairs(record)


def test_a_wrong_view_is_refused():
    check_view(LOSSES["hinge"], "hinge", "logits", "loss")
    message = "terms.a.on is 'images'; hinge compares logits or features alone: set it to logits"
    with pytest.raises(ConfigError, match=message):
        check_view(LOSSES["hinge"], "hinge", "images", "terms.a")


@pytest.mark.parametrize("name", LOSSES)
def test_docstring_has_formulas_arguments_and_a_source(name):
    record = LOSSES[name]
    doc = inspect.getdoc(record) or ""
    assert re.search(r"\bD = .*\bG = |\bG = .*\bD = ", doc.splitlines()[0])
    described(doc)
    documented = set(re.findall(r"^    (\w+): ", doc, re.MULTILINE))
    wanted = {*record.hyperparameters, *registry.asks_for(record.function)}
    assert wanted - {"estimator"} <= documented


def described(doc):
    assert "\nArgs:\n" in doc
    source = re.search(r"^Source: .*?(\n\n|\Z)", doc, re.DOTALL | re.MULTILINE)
    assert source
    assert re.search(r"(19|20)\d\d", source[0])
    assert re.search(r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.)", source[0])


@pytest.mark.parametrize(
    "name", [n for n in losses.__all__ if n.islower() and n not in LOSSES] + sorted(KERNELS)
)
def test_public_functions_are_described(name):
    plumbing = ("check_view", "loss", "needs_pairs", "zero_sum")
    doc = inspect.getdoc(KERNELS.get(name) or getattr(losses, name)) or ""
    assert doc
    if name not in plumbing:
        described(doc)


def test_no_module_has_the_name_of_what_the_package_exports():
    for package in ("losses", "kernels"):
        folder = Path(losses.__file__).parent.parent / package
        exported = {
            alias.name
            for node in ast.walk(ast.parse((folder / "__init__.py").read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not exported & {path.stem for path in folder.glob("*.py")}
