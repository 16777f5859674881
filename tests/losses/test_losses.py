"""What every registered loss must do; expected values are loops over single logits in float64."""

import functools
import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device
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
from jaxgan.losses import LOSSES, VIEWS, check_view, needs_pairs, views
from jaxgan.types import Losses

MODULES = ("adversarial", "f_divergences", "relativistic")
ADVERSARIAL = [n for n, loss in LOSSES.items() if loss.__module__.rpartition(".")[2] in MODULES]
# Their logits are energies, low where real; only for these is that the right direction.
ENERGIES = ("ebgan",)
# Exponentials overflow float32 past 88; two of the references saturate in float64 before that.
EXTREMES = {
    "f_kl": 80.0,
    "f_reverse_kl": 80.0,
    "f_jensen_shannon": 15.0,
    "f_squared_hellinger": 15.0,
}
SETTINGS = {
    name: ({"key": jax.random.key(KEY)} if registry.takes_key(loss) else {})
    | ITERATIONS.get(name, {})
    for name, loss in LOSSES.items()
}
CALLS = {name: functools.partial(loss, **SETTINGS[name]) for name, loss in LOSSES.items()}
JITTED = {name: jax.jit(loss) for name, loss in CALLS.items()}
GRADIENTS = {name: jax.jit(jax.jacrev(loss, argnums=(0, 1))) for name, loss in CALLS.items()}


def once(name, *values):
    """The parameters of a test that is slow where it only repeats that of another loss."""
    return pytest.param(name, *values, marks=[pytest.mark.slow] if name in REPEATED else [])


FLOATS = [
    once(name, hyperparameter)
    for name, loss in LOSSES.items()
    for hyperparameter, default in registry.hyperparameters(loss).items()
    if isinstance(default, float)
]


def log_sigmoid(t):
    return -np.logaddexp(0, -t)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def cross_entropy(real, fake):
    return -mean(log_sigmoid(t) for t in real) - mean(log_sigmoid(-t) for t in fake)


def minimax(real, fake):
    """Goodfellow et al. 2014, equation 1: min over G, max over D."""
    return mean(log_sigmoid(-t) for t in fake), cross_entropy(real, fake)


def non_saturating(real, fake):
    """Goodfellow et al. 2014, section 3."""
    return -mean(log_sigmoid(t) for t in fake), cross_entropy(real, fake)


def least_squares(real, fake, real_target=1.0, fake_target=0.0, generator_target=1.0):
    """Mao et al. 2017, equation 2."""
    discriminator = mean((t - real_target) ** 2 for t in real) / 2
    discriminator += mean((t - fake_target) ** 2 for t in fake) / 2
    return mean((t - generator_target) ** 2 for t in fake) / 2, discriminator


def hinge(real, fake):
    """Lim and Ye 2017."""
    discriminator = mean(max(0, 1 - t) for t in real) + mean(max(0, 1 + t) for t in fake)
    return -mean(fake), discriminator


def wasserstein(real, fake):
    """Arjovsky et al. 2017, algorithm 1."""
    return -mean(fake), mean(fake) - mean(real)


def relativistic_average(real, fake):
    """Jolicoeur-Martineau 2019, RaSGAN."""
    real_margins, fake_margins = [t - mean(fake) for t in real], [t - mean(real) for t in fake]
    return cross_entropy(fake_margins, real_margins), cross_entropy(real_margins, fake_margins)


def relativistic_pairing(real, fake):
    """PROTOCOLS.md: softplus(-(D(x) - D(G(z)))), swapped for G; the shorter batch repeats."""
    longer = max(len(real), len(fake))
    margins = [real[i % len(real)] - fake[i % len(fake)] for i in range(longer)]
    return -mean(log_sigmoid(-t) for t in margins), -mean(log_sigmoid(t) for t in margins)


def relativistic_average_least_squares(real, fake):
    """Jolicoeur-Martineau 2019, RaLSGAN."""

    def loss(above, below):
        return mean((a - mean(below) - 1) ** 2 for a in above) + mean(
            (b - mean(above) + 1) ** 2 for b in below
        )

    return loss(fake, real), loss(real, fake)


def relativistic_average_hinge(real, fake):
    """Jolicoeur-Martineau 2019, RaHingeGAN."""

    def loss(above, below):
        return mean(max(0, 1 - (a - mean(below))) for a in above) + mean(
            max(0, 1 + (b - mean(above))) for b in below
        )

    return loss(fake, real), loss(real, fake)


def ebgan(real, fake, margin=1.0):
    """Zhao et al. 2017, equations 1 and 2."""
    return mean(fake), mean(real) + mean(max(0, margin - t) for t in fake)


# Nowozin et al. 2016, table 6: output activation g_f(v), and conjugate f*(t).
F_GAN = {
    "f_kl": (lambda v: v, lambda t: np.exp(t - 1)),
    "f_reverse_kl": (lambda v: -np.exp(-v), lambda t: -1 - np.log(-t)),
    "f_jensen_shannon": (
        lambda v: np.log(2) - np.logaddexp(0, -v),
        lambda t: -np.log(2 - np.exp(t)),
    ),
    "f_pearson": (lambda v: v, lambda t: t**2 / 4 + t),
    "f_squared_hellinger": (lambda v: 1 - np.exp(-v), lambda t: t / (1 - t)),
    "f_total_variation": (lambda v: np.tanh(v) / 2, lambda t: t),
}


def f_gan(name):
    activation, conjugate = F_GAN[name]

    def reference(real, fake, non_saturating=name in ("f_kl", "f_pearson")):
        """Nowozin et al. 2016, equation 4, and section 3.2 for the non-saturating generator."""
        of_fake = mean(conjugate(activation(v)) for v in fake)
        generator = -mean(activation(v) for v in fake) if non_saturating else -of_fake
        return generator, of_fake - mean(activation(v) for v in real)

    return reference


REFERENCES = (
    {
        reference.__name__: reference
        for reference in (
            minimax,
            non_saturating,
            least_squares,
            hinge,
            wasserstein,
            ebgan,
            relativistic_average,
            relativistic_average_least_squares,
            relativistic_average_hinge,
            relativistic_pairing,
        )
    }
    | {name: f_gan(name) for name in F_GAN}
    | SIMILARITY_REFERENCES
    | KERNEL_LOSS_REFERENCES
)


def reference(name, real, fake, **hyperparameters):
    """(generator, discriminator) in float64; the adversarial losses see one logit at a time."""
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    if name in ADVERSARIAL and name != "relativistic_pairing":
        real, fake = real.ravel(), fake.ravel()
    losses = REFERENCES[name](real, fake, **ITERATIONS.get(name, {}) | hyperparameters)
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


def test_every_loss_has_a_reference():
    assert REFERENCES.keys() == LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("n", "m", "k"), [(7, 3, 3), (3, 7, 1)])
def test_value_matches_a_double_loop(name, n, m, k):
    real, fake = samples(name, n, k) + 0.5, 2 * samples(name, m, k, seed=1)
    losses = JITTED[name](real, fake)
    assert isinstance(losses, Losses)
    assert all(loss.shape == () and loss.dtype == jnp.float32 for loss in losses)
    expected = reference(name, real, fake)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(name, real, fake))


@pytest.mark.parametrize("name", [name for name in LOSSES if name.startswith("f_")])
def test_other_generators_of_f_gan(name):
    real, fake = logits(6, 2), logits(4, 2, seed=1)
    other = not registry.hyperparameters(LOSSES[name])["non_saturating"]
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
def test_any_shape_of_logits(name, shape):
    real, fake = logits(4, *shape), logits(3, *shape, seed=1)
    expected = reference(name, real, fake)
    np.testing.assert_allclose(JITTED[name](real, fake), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", [once(name) for name in LOSSES])
def test_half_precision_logits_give_float32_losses(name):
    real = samples(name, 6, 2, dtype=jnp.bfloat16)
    fake = samples(name, 4, 2, seed=1, dtype=jnp.bfloat16)
    losses = JITTED[name](real, fake)
    assert all(loss.dtype == jnp.float32 for loss in losses)
    expected = reference(name, real, fake)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(name, real, fake))


@pytest.mark.parametrize("name", [once(name) for name in LOSSES if name not in ENVELOPES])
def test_gradients_match_central_differences(name):
    real, fake = np.asarray(samples(name, 5, 2)), np.asarray(samples(name, 3, 2, seed=1))
    with jax.enable_x64(True):
        arrays = jnp.asarray(real, jnp.float64), jnp.asarray(fake, jnp.float64)
        by_player = GRADIENTS[name](*arrays)
    for player, gradients in enumerate(by_player):
        expected = (
            central_differences(lambda x, i=player: reference(name, x, fake)[i], real),
            central_differences(lambda x, i=player: reference(name, real, x)[i], fake),
        )
        for gradient, e in zip(gradients, expected, strict=True):
            assert gradient.dtype == np.float64
            np.testing.assert_allclose(gradient, e, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_order_within_the_batch_matters_where_pairs_are_needed_alone(name):
    rng = np.random.default_rng(2)
    real, fake = samples(name, 8, 2), samples(name, 8, 2, seed=1)
    expected, tolerance = reference(name, real, fake), rounding(name, real, fake)
    first, second = rng.permutation(8), rng.permutation(8)
    together = JITTED[name](real[first], fake[first])
    np.testing.assert_allclose(together, expected, rtol=0, atol=tolerance)
    apart = np.array(JITTED[name](real[first], fake[second]))
    assert needs_pairs(name) == (np.abs(apart - expected).max() > 100 * tolerance)
    if not needs_pairs(name):
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
    assert changed == needs_pairs(name, **settings)


@pytest.mark.parametrize("name", LOSSES)
def test_every_view_is_taken_or_refused(name):
    shapes = {"images": (4, 5, 1), "features": (6,), "logits": (2,)}
    assert set(views(name)) <= shapes.keys() == set(VIEWS)
    for on, shape in shapes.items():
        real, fake = (jax.ShapeDtypeStruct((n, *shape), jnp.float32) for n in (5, 3))
        if on in views(name):
            check_view(name, on, "loss")
            losses = jax.eval_shape(CALLS[name], real, fake)
            assert all(loss.shape == () for loss in losses)
        else:
            with pytest.raises(ConfigError, match=f"loss.on is '{on}'; {name} compares"):
                check_view(name, on, "loss")


def test_verdicts_are_of_logits_and_structure_is_of_images():
    assert views("hinge") == ("logits", "features")
    assert views("ssim") == ("images",)
    assert views("l2") == ("images", "features", "logits")
    for function in (views, needs_pairs):
        with pytest.raises(ConfigError, match="unknown loss 'hing'; did you mean 'hinge'"):
            function("hing")


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
    real, fake = samples(name, 6, 2), samples(name, 4, 2, seed=1)
    values = jnp.array([0.3, 0.5, 1.0] if hyperparameter == "shrinkage" else [0.5, 1.0, 2.0])

    def loss(value):
        return CALLS[name](real, fake, **{hyperparameter: value})

    swept, slopes = jax.jit(lambda v, at: (jax.vmap(loss)(v), jax.jacfwd(loss)(at)))(values, 0.7)
    swept = np.stack(swept, axis=1)
    for value, losses in zip(values, swept, strict=True):
        expected = reference(name, real, fake, **{hyperparameter: float(value)})
        np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(name, real, fake))
    expected = central_differences(
        lambda v: reference(name, real, fake, **{hyperparameter: v.item()})[0], 0.7
    )
    np.testing.assert_allclose(slopes.generator, expected, rtol=0, atol=1e-5)


def adversarial_step(params, real, z, *, axis_name):
    """Losses and gradients of all registered losses, with a linear generator and critic."""

    def losses_of(params, name):
        fake = z @ params["generator"]
        views = (collectives.gather(x @ params["critic"], axis_name) for x in (real, fake))
        if len(SHAPES.get(name, ())) == 2:
            views = (x.reshape(-1, 3, 3, 1) for x in views)
        return CALLS[name](*views)

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


@pytest.mark.parametrize("name", LOSSES)
def test_docstring_has_formulas_and_a_source(name):
    doc = inspect.getdoc(LOSSES[name]) or ""
    assert re.search(r"\bD = .*\bG = |\bG = .*\bD = ", doc.splitlines()[0])
    assert re.search(r"Source: .+ (19|20)\d\d", doc)
