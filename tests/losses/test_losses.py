"""What every registered loss must do; expected values are loops over single samples in float64."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from adversarial_references import ADVERSARIAL_REFERENCES
from asking_references import ASKING_REFERENCES, hsic_infogan
from drift_references import DRIFT_REFERENCES, FIELDS
from execution import MODES, central_differences, on_eight_devices, on_one_device
from fitted_references import FITTED_REFERENCES, fitted
from jax.dtypes import canonicalize_dtype
from kernel_references import KERNEL_LOSS_REFERENCES, REPEATED, scale
from similarity_references import (
    ENVELOPES,
    ITERATIONS,
    KEY,
    SHAPES,
    SIMILARITY_REFERENCES,
)

from jaxgan import collectives, registry
from jaxgan.errors import ConfigError
from jaxgan.losses import LOSSES, VIEWS, check_view, needs_pairs
from jaxgan.types import Losses

ADVERSARIAL = list(ADVERSARIAL_REFERENCES)
# Their logits are energies, low where real; only for these is that the right direction.
ENERGIES = ("ebgan",)
# Exponentials overflow float32 past 88; two of the references saturate in float64 before that.
EXTREMES = {
    "f_kl": 80.0,
    "f_reverse_kl": 80.0,
    "f_jensen_shannon": 15.0,
    "f_squared_hellinger": 15.0,
}
ASKS = {name: registry.asks_for(loss.function) for name, loss in LOSSES.items()}
# Sample i goes with label i or latent i: as many of each, in one order.
LINKED = [name for name, asked in ASKS.items() if {"labels", "z"} & set(asked)]


def given(name, fake):
    """What the loss asks for, for these fakes."""
    rng, dtype = np.random.default_rng(5), canonicalize_dtype(fake.dtype)
    z = rng.normal(size=(len(fake), 3)).astype(np.float32)
    others = rng.normal(size=fake.shape).astype(np.float32)
    values = {
        "key": jax.random.key(KEY),
        "labels": jnp.arange(len(fake)) % min(2, fake.shape[-1]),
        "z": jnp.asarray(z, jnp.result_type(dtype, jnp.float32)),
        "others": jnp.asarray(others, jnp.result_type(dtype, jnp.float32)),
    }
    if "reference" in ASKS[name]:
        values["reference"] = fitted(name, math.prod(fake.shape[1:]))
    return {name: values[name] for name in ASKS[name]}


def call(name, real, fake, **hyperparameters):
    settings = ITERATIONS.get(name, {}) | hyperparameters
    return LOSSES[name](real, fake, **given(name, fake), **settings)


CALLS = {name: functools.partial(call, name) for name in LOSSES}
JITTED = {name: jax.jit(loss) for name, loss in CALLS.items()}
GRADIENTS = {name: jax.jit(jax.jacrev(loss, argnums=(0, 1))) for name, loss in CALLS.items()}


# One of each family: of single logits, bounds and pairs of logits; of vectors, images,
# correlations, moments and couplings; of kernels; with labels, latents, fields, what is fitted.
REPRESENTATIVES = (
    *("minimax", "hinge", "f_jensen_shannon", "relativistic_average", "relativistic_pairing"),
    *("l2", "cosine", "ssim", "correlation", "coral", "sliced_wasserstein", "sinkhorn"),
    *("mmd_gaussian", "mmd_bounded_repulsive", "kernel_similarity", "conditional_mmd"),
    *("mode_seeking", "auxiliary_classifier", "drifting", "frechet", "mmd_nystroem"),
)


def once(name, *values):
    """The parameters of a test that is slow where it only repeats that of another loss."""
    return pytest.param(name, *values, marks=[pytest.mark.slow] if name in REPEATED else [])


def seldom(name, *values):
    """The parameters of a test that runs by default for one loss of each family."""
    return pytest.param(name, *values, marks=() if name in REPRESENTATIVES else pytest.mark.slow)


FLOATS = [
    seldom(name, hyperparameter)
    for name, loss in LOSSES.items()
    for hyperparameter, default in loss.hyperparameters.items()
    if isinstance(default, float)
]


REFERENCES = (
    ADVERSARIAL_REFERENCES
    | SIMILARITY_REFERENCES
    | KERNEL_LOSS_REFERENCES
    | ASKING_REFERENCES
    | DRIFT_REFERENCES
    | FITTED_REFERENCES
)


@functools.cache
def given_to_reference(name, shape, dtype):
    """What is asked for depends on the shape alone."""
    asked = given(name, np.empty(shape, dtype))
    return jax.tree.map(np.asarray, {k: v for k, v in asked.items() if k != "key"})


def reference(name, real, fake, **hyperparameters):
    """(generator, discriminator) in float64; the adversarial losses see one logit at a time."""
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if name in ADVERSARIAL and name != "relativistic_pairing":
        real, fake = real.ravel(), fake.ravel()
    asked = given_to_reference(name, fake.shape, canonicalize_dtype(fake.dtype))
    settings = asked | ITERATIONS.get(name, {}) | hyperparameters
    losses = REFERENCES[name](real, fake, **settings)
    return np.array([np.mean(loss) for loss in losses])


def rounding(name, real, fake):
    if name in KERNEL_LOSS_REFERENCES:
        return 2e-6 * scale(name, real, fake)
    return 2e-6 * max(1, np.abs(reference(name, real, fake)).max())


def logits(n, *shape, seed=0, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, *shape)), dtype)


def samples(name, n, k, seed=0, dtype=jnp.float32):
    """n samples of a view that the loss compares, with k entries or a multiple of it."""
    return logits(n, *SHAPES.get(name, ()), k, seed=seed, dtype=dtype)


def batches(name, n, m, k, dtype=jnp.float32):
    """n real and m fake samples, or as many of each as is larger where the loss wants that."""
    n, m = (max(n, m), max(n, m)) if name in LINKED else (n, m)
    return samples(name, n, k, dtype=dtype), samples(name, m, k, seed=1, dtype=dtype)


def test_every_loss_has_a_reference():
    assert REFERENCES.keys() == LOSSES.keys()


@pytest.mark.parametrize(
    ("name", "n", "m", "k"),
    [(name, 7, 3, 3) for name in LOSSES] + [seldom(name, 3, 7, 1) for name in LOSSES],
)
def test_value_matches_a_double_loop(name, n, m, k):
    real, fake = batches(name, n, m, k)
    real, fake = real + 0.5, 2 * fake
    losses = JITTED[name](real, fake)
    assert isinstance(losses, Losses)
    assert all(loss.shape == () and loss.dtype == jnp.float32 for loss in losses)
    expected = reference(name, real, fake)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(name, real, fake))


@pytest.mark.parametrize("name", [name for name in LOSSES if name.startswith("f_")])
def test_other_generators_of_f_gan(name):
    real, fake = logits(6, 2), logits(4, 2, seed=1)
    other = not LOSSES[name].hyperparameters["non_saturating"]
    losses = jax.jit(functools.partial(LOSSES[name], non_saturating=other))(real, fake)
    expected = reference(name, real, fake, non_saturating=other)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=2e-6)


def test_f_gan_at_the_optimal_discriminator_is_the_divergence():
    """Of N(0, 1) and N(1, 1), integrated by trapezoids; D(x) = f'(p/q) by hand (table 5)."""
    x = np.linspace(-12, 13, 20001)
    p, q = (np.exp(-((x - mean) ** 2) / 2) / np.sqrt(2 * np.pi) for mean in (0, 1))
    log_ratio = 0.5 - x
    optimal = {  # v with g_f(v) = f'(p/q)
        "f_kl": 1 + log_ratio,
        "f_reverse_kl": log_ratio,
        "f_jensen_shannon": log_ratio,
        "f_pearson": 2 * np.expm1(log_ratio),
        "f_squared_hellinger": log_ratio / 2,
    }
    m = (p + q) / 2
    divergences = {
        "f_kl": p * log_ratio,
        "f_reverse_kl": -q * log_ratio,
        "f_jensen_shannon": p * np.log(p / m) + q * np.log(q / m),
        "f_pearson": (p - q) ** 2 / q,
        "f_squared_hellinger": (np.sqrt(p) - np.sqrt(q)) ** 2,
    }
    for name, v in optimal.items():
        with jax.enable_x64(True):
            # The loss of a single real and fake logit is the integrand: -D = g p - f*(g) q.
            zero = jnp.zeros(1, jnp.float64)
            bound = functools.partial(LOSSES[name], non_saturating=False)
            losses = jax.vmap(bound, in_axes=(0, None))(jnp.asarray(v)[:, None], zero)
            of_fake = -jax.vmap(bound, in_axes=(None, 0))(zero, jnp.asarray(v)[:, None])[0]
        of_real = -np.float64(losses.discriminator) - np.float64(losses.generator)
        value = np.trapezoid(of_real * p - np.float64(of_fake) * q, x)
        np.testing.assert_allclose(value, np.trapezoid(divergences[name], x), rtol=1e-9)


def test_f_gan_where_the_formulas_of_the_table_saturate():
    real, fake = jnp.array([[-1e4], [1e4]]), jnp.array([[1e4], [-1e4], [1e4]])
    shifted = LOSSES["minimax"](real, fake)
    shift = np.array([np.log(2), -np.log(4)])
    jensen_shannon, hellinger = (
        functools.partial(LOSSES[name], non_saturating=False)
        for name in ("f_jensen_shannon", "f_squared_hellinger")
    )
    np.testing.assert_allclose(jensen_shannon(real, fake), shift + shifted, rtol=1e-6)
    losses = hellinger(jnp.array([80.0]), jnp.array([80.0]))
    np.testing.assert_allclose(losses, (-np.exp(80), np.exp(80)), rtol=1e-6)
    losses = hellinger(jnp.array([1e-6]), jnp.array([1e-6]))
    np.testing.assert_allclose(losses.generator, -1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("shape", [(), (2, 3, 1)])
@pytest.mark.slow
def test_any_shape_of_logits(name, shape):
    real, fake = logits(4, *shape), logits(3, *shape, seed=1)
    expected = reference(name, real, fake)
    np.testing.assert_allclose(JITTED[name](real, fake), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", [once(name) for name in LOSSES])
@pytest.mark.slow
def test_half_precision_logits_give_float32_losses(name):
    real, fake = batches(name, 6, 4, 2, dtype=jnp.bfloat16)
    losses = JITTED[name](real, fake)
    assert all(loss.dtype == jnp.float32 for loss in losses)
    expected = reference(name, real, fake)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(name, real, fake))


@pytest.mark.parametrize(
    "name", [seldom(name) for name in LOSSES if name not in (*ENVELOPES, *FIELDS)]
)
def test_gradients_match_central_differences(name):
    real, fake = map(np.asarray, batches(name, 5, 3, 2))
    with jax.enable_x64(True):
        arrays = jnp.asarray(real, jnp.float64), jnp.asarray(fake, jnp.float64)
        by_player = GRADIENTS[name](*arrays)
    expected = (
        central_differences(lambda x: reference(name, x, fake), real),
        central_differences(lambda x: reference(name, real, x), fake),
    )
    for player, gradients in enumerate(by_player):
        for gradient, e in zip(gradients, expected, strict=True):
            assert gradient.dtype == np.float64
            np.testing.assert_allclose(gradient, e[..., player], rtol=0, atol=1e-8)


def test_gradients_of_hsic_take_the_median_distances_as_constants():
    real, fake = map(np.asarray, batches("hsic_infogan", 6, 6, 2))
    z = np.asarray(given("hsic_infogan", fake)["z"], np.float64)
    medians = [
        np.median(np.sqrt(np.sum((x[:, None] - x[None]) ** 2, -1))[np.triu_indices(6, 1)])
        for x in (np.float64(fake), z)
    ]
    with jax.enable_x64(True):
        gradient = GRADIENTS["hsic_infogan"](jnp.float64(real), jnp.float64(fake)).generator[1]
    expected = central_differences(
        lambda fake: hsic_infogan(real, fake, z=z, medians=medians)[0], fake
    )
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", LINKED)
def test_samples_stay_with_what_they_are_linked_to(name):
    """Whatever the order; and another order of the latents or labels alone is another value."""
    real, fake = batches(name, 8, 8, 3)
    asked, order = given(name, fake), np.random.default_rng(2).permutation(8)
    loss = jax.jit(LOSSES[name])
    value = loss(real, fake, **asked).generator
    moved = {key: x[order] for key, x in asked.items()}
    np.testing.assert_allclose(loss(real[order], fake[order], **moved).generator, value, atol=1e-5)
    assert abs(loss(real, fake, **moved).generator - value) > 1e-3


@pytest.mark.parametrize("name", LINKED)
def test_linked_samples_are_as_many(name):
    real, fake = samples(name, 6, 3), samples(name, 6, 3, seed=1)
    asked = {key: x[:5] for key, x in given(name, fake).items()}
    with pytest.raises(ConfigError, match=r"6 .*\b5 "):
        jax.eval_shape(LOSSES[name], real, fake, **asked)


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in LINKED])
@pytest.mark.slow
def test_order_within_the_batch_matters_where_pairs_are_needed_alone(name):
    rng = np.random.default_rng(2)
    real, fake = samples(name, 8, 2), samples(name, 8, 2, seed=1)
    expected, tolerance = reference(name, real, fake), rounding(name, real, fake)
    first, second = rng.permutation(8), rng.permutation(8)
    together = JITTED[name](real[first], fake[first])
    np.testing.assert_allclose(together, expected, rtol=0, atol=tolerance)
    apart = np.array(JITTED[name](real[first], fake[second]))
    assert needs_pairs(LOSSES[name]) == (np.abs(apart - expected).max() > 100 * tolerance)
    if not needs_pairs(LOSSES[name]):
        np.testing.assert_allclose(apart, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("l2", {"match": match}) for match in ("paired", "nearest", "mean")]
    + [("kernel_similarity", {"paired": paired}) for paired in (True, False)],
)
def test_hyperparameters_may_ask_for_pairs(name, settings):
    real, fake = samples(name, 6, 2), samples(name, 4, 2, seed=1)
    loss = jax.jit(functools.partial(LOSSES[name], **settings))
    changed = not np.allclose(loss(real, fake), loss(real, fake[::-1]), rtol=0, atol=1e-4)
    assert changed == needs_pairs(LOSSES[name], **settings)


@pytest.mark.parametrize("name", LOSSES)
def test_every_view_is_taken_or_refused(name):
    shapes = {"images": (4, 5, 1), "features": (6,), "logits": (2,), "class_logits": (3,)}
    record, sizes = LOSSES[name], (5, 5) if name in LINKED else (5, 3)
    assert set(record.views) <= shapes.keys() == set(VIEWS)
    for on, shape in shapes.items():
        real, fake = (jax.ShapeDtypeStruct((n, *shape), jnp.float32) for n in sizes)
        if on in record.views:
            check_view(record, name, on, "loss")
            losses = jax.eval_shape(CALLS[name], real, fake)
            assert all(loss.shape == () for loss in losses)
        else:
            with pytest.raises(ConfigError, match=f"loss.on is '{on}'; {name} compares"):
                check_view(record, name, on, "loss")


def test_verdicts_are_of_logits_and_structure_is_of_images():
    assert LOSSES["hinge"].views == ("logits", "features")
    assert LOSSES["ssim"].views == ("images",)
    assert LOSSES["l2"].views == ("images", "features", "logits")
    assert LOSSES["auxiliary_classifier"].views == ("class_logits",)


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("real_sign", (-1, 1))
@pytest.mark.parametrize("fake_sign", (-1, 1))
def test_extreme_logits(name, real_sign, fake_sign):
    largest = EXTREMES.get(name, 1e4)
    real = real_sign * jnp.array([[largest], [largest + 1]])
    fake = fake_sign * jnp.array([[largest], [largest - 1], [largest]])
    losses, expected = JITTED[name](real, fake), reference(name, real, fake)
    # The slope of a square at a margin between such logits is almost 4.
    np.testing.assert_allclose(losses, expected, rtol=1e-6, atol=4 * np.spacing(np.float32(1e4)))
    for gradient in jax.tree.leaves(GRADIENTS[name](real, fake)):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_players_pull_in_the_right_direction(name):
    # Below 1 and above 0 even least squares asks for larger real and smaller fake logits.
    real, fake = 0.1 + 0.8 * jax.random.uniform(jax.random.key(0), (2, 6, 1))
    fake = fake[:4]
    by_player = GRADIENTS[name](real, fake)
    sign = -1 if name in ENERGIES else 1
    by_real, by_fake = by_player.discriminator
    assert np.all(sign * by_real < 0)
    assert np.all(sign * by_fake > 0)
    assert np.all(sign * by_player.generator[1] < 0)


@pytest.mark.parametrize(("name", "hyperparameter"), FLOATS)
def test_floats_are_traced(name, hyperparameter):
    real, fake = batches(name, 6, 4, 2)
    values = jnp.array([0.3, 0.5, 1.0] if hyperparameter == "shrinkage" else [0.5, 1.0, 2.0])

    def loss(value):
        return CALLS[name](real, fake, **{hyperparameter: value})

    swept, slopes = jax.jit(lambda v, at: (jax.vmap(loss)(v), jax.jacfwd(loss)(at)))(values, 0.7)
    swept = np.stack(swept, axis=1)
    for value, losses in zip(values, swept, strict=True):
        expected = reference(name, real, fake, **{hyperparameter: float(value)})
        np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(name, real, fake))
    if name not in FIELDS:
        expected = central_differences(
            lambda v: reference(name, real, fake, **{hyperparameter: v.item()})[0], 0.7
        )
        np.testing.assert_allclose(slopes.generator, expected, rtol=0, atol=1e-5)


def adversarial_step(params, real, z, *, axis_name):
    """Losses and gradients of all registered losses, with a linear generator and critic."""

    def losses_of(params, name):
        fake = z @ params["generator"]
        real_view, fake_view = (
            collectives.gather(x @ params["critic"], axis_name) for x in (real, fake)
        )
        if name in LINKED:
            real_view = real_view[: len(fake_view)]
        if len(SHAPES.get(name, ())) == 2:
            real_view, fake_view = (x.reshape(-1, 3, 3, 1) for x in (real_view, fake_view))
        return CALLS[name](real_view, fake_view)

    return {
        name: collectives.mean(
            (losses_of(params, name), jax.jacrev(losses_of)(params, name)), axis_name
        )
        for name in LOSSES
    }


def inputs_of_step():
    params = {"generator": logits(2, 4, seed=3), "critic": logits(4, 9, seed=4)}
    return params, logits(16, 4), logits(8, 2, seed=1)


@pytest.fixture(scope="module")
def on_one():
    return on_one_device(adversarial_step, *inputs_of_step())


@pytest.fixture(scope="module", params=MODES)
def on_eight(request):
    return on_eight_devices(request.param, adversarial_step, *inputs_of_step())


# tests/test_parallel.py trains with every loss on eight devices; this compares single gradients.
@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_eight_devices_agree_with_one(name, on_one, on_eight):
    for expected, actual in zip(
        jax.tree.leaves(on_one[name]), jax.tree.leaves(on_eight[name]), strict=True
    ):
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * scale)
