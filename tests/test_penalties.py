"""Penalties against gradients written out by hand for one sample at a time, in float64."""

import functools
import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device

from jaxgan import collectives, registry
from jaxgan.penalties import PENALTIES, r1, r2, wgan_gp

SHAPE = (2, 3, 1)
FLOATS = [
    (name, hyperparameter)
    for name, penalty in PENALTIES.items()
    for hyperparameter, default in registry.hyperparameters(penalty).items()
    if isinstance(default, float)
]


def images(n, seed=0, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(n, *SHAPE)), dtype)


def critic_params(k=1):
    rng = np.random.default_rng(5)
    return {
        "inner": jnp.asarray(rng.normal(size=(6, 5))),
        "outer": jnp.asarray(rng.normal(size=(5, k))),
    }


def apply(params, x):
    """k logits from one hidden tanh layer."""
    return jnp.tanh(x.reshape(len(x), 6) @ params["inner"]) @ params["outer"]


def input_gradient(params, x):
    """Of the summed logits of one sample: inner (outer 1 * (1 - tanh^2))."""
    inner, outer = (np.asarray(params[name], np.float64) for name in ("inner", "outer"))
    hidden = np.tanh(np.asarray(x, np.float64).ravel() @ inner)
    return inner @ (outer.sum(1) * (1 - hidden**2))


def r1_reference(gradient, real, fake, epsilon):
    """Mescheder et al. 2018, equation 9."""
    return np.mean([np.sum(gradient(x) ** 2) for x in real]) / 2


def r2_reference(gradient, real, fake, epsilon):
    """Mescheder et al. 2018, equation 10."""
    return np.mean([np.sum(gradient(x) ** 2) for x in fake]) / 2


def wgan_gp_reference(gradient, real, fake, epsilon, target=1.0):
    """Gulrajani et al. 2017, algorithm 1, lines 4 to 7."""
    total = 0
    for i, x in enumerate(real):
        mixed = epsilon[i] * x + (1 - epsilon[i]) * fake[i % len(fake)]
        total += (np.sqrt(np.sum(gradient(mixed) ** 2)) - target) ** 2
    return total / len(real)


REFERENCES = {"r1": r1_reference, "r2": r2_reference, "wgan_gp": wgan_gp_reference}


def reference(name, params, real, fake, key, **hyperparameters):
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    epsilon = np.asarray(jax.random.uniform(key, (len(real),)), np.float64)
    gradient = functools.partial(input_gradient, params)
    return REFERENCES[name](gradient, real, fake, epsilon, **hyperparameters)


def evaluate(name, params, real, fake, key, *, axis_name=None, **hyperparameters):
    critic = functools.partial(apply, params)
    return PENALTIES[name](critic, real, fake, key=key, axis_name=axis_name, **hyperparameters)


def test_every_penalty_has_a_reference():
    assert REFERENCES.keys() == PENALTIES.keys()


def test_hand_worked_input_gradient():
    params, x = critic_params(k=2), images(1)
    expected = central_differences(
        lambda x: np.sum(
            np.tanh(x.ravel() @ np.asarray(params["inner"], np.float64))
            @ np.asarray(params["outer"], np.float64)
        ),
        x,
    )
    np.testing.assert_allclose(input_gradient(params, x), expected.ravel(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize(("n", "m", "k"), [(6, 6, 1), (7, 3, 3), (3, 7, 1)])
def test_value_matches_a_loop_over_samples(name, n, m, k, key):
    params, real, fake = critic_params(k), images(n), images(m, seed=1) + 0.5
    value = jax.jit(functools.partial(evaluate, name))(params, real, fake, key)
    assert value.shape == ()
    assert value.dtype == jnp.float32
    expected = reference(name, params, real, fake, key)
    np.testing.assert_allclose(value, expected, rtol=2e-6)


@pytest.mark.parametrize("name", PENALTIES)
def test_gradient_for_the_critic_matches_central_differences(name, key):
    params, real, fake = critic_params(), np.asarray(images(5)), np.asarray(images(3, seed=1))
    gradient = jax.jit(jax.grad(functools.partial(evaluate, name)))(params, real, fake, key)
    for leaf in params:
        expected = central_differences(
            lambda w, leaf=leaf: reference(name, {**params, leaf: w}, real, fake, key), params[leaf]
        )
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(
            gradient[leaf], expected, rtol=0, atol=1e-5 * np.abs(expected).max()
        )


@pytest.mark.parametrize("name", PENALTIES)
def test_half_precision_samples_give_a_float32_penalty(name, key):
    params = jax.tree.map(lambda w: w.astype(jnp.bfloat16), critic_params())
    real, fake = images(6, dtype=jnp.bfloat16), images(4, seed=1, dtype=jnp.bfloat16)
    value = jax.jit(functools.partial(evaluate, name))(params, real, fake, key)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, reference(name, params, real, fake, key), rtol=0.1)


def test_linear_critic_by_hand(key):
    # The gradient is (3, 4) everywhere: r1 = r2 = 25 / 2 and (5 - target)^2, whatever n and m.
    def critic(x):
        return x @ jnp.array([[3.0], [4.0]])

    real, fake = jnp.ones((5, 2)), jnp.zeros((3, 2))
    assert r1(critic, real, fake, key=key, axis_name=None) == 12.5
    assert r2(critic, real, fake, key=key, axis_name=None) == 12.5
    assert wgan_gp(critic, real, fake, key=key, axis_name=None) == 16
    assert wgan_gp(critic, real, fake, key=key, axis_name=None, target=2.0) == 9


def test_wgan_gp_is_two_sided(key):
    def critic(x):
        return 0.25 * x

    samples = jnp.ones((4, 1))
    assert wgan_gp(critic, samples, samples, key=key, axis_name=None) == 0.75**2


def test_r1_looks_only_at_real_and_r2_only_at_fake(key):
    critic, absent = functools.partial(apply, critic_params()), jnp.full((3, *SHAPE), jnp.nan)
    assert np.isfinite(r1(critic, images(5), absent, key=key, axis_name=None))
    assert np.isfinite(r2(critic, absent, images(5), key=key, axis_name=None))


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_order_does_not_matter(name, key):
    params, real, fake = critic_params(), images(6), images(4, seed=1)
    penalty = jax.jit(functools.partial(evaluate, name))
    reversed_ = penalty(params, real[::-1], fake[::-1], key)
    np.testing.assert_allclose(reversed_, penalty(params, real, fake, key), rtol=1e-6)


def test_one_epsilon_per_sample(key):
    # Between 0 and 1 a sample equals its epsilon, which the critic x^2 / 2 shows as its gradient.
    seen = []

    def critic(x):
        jax.debug.callback(lambda x: seen.append(np.asarray(x)), x)
        return jnp.sum(jnp.square(x), axis=(1, 2, 3))[:, None] / 2

    real, fake = jnp.ones((500, *SHAPE)), jnp.zeros((300, *SHAPE))
    penalty = jax.jit(functools.partial(wgan_gp, critic, key=key, axis_name=None))
    value = penalty(real, fake)
    jax.effects_barrier()
    epsilon = seen[0][:, 0, 0, 0]
    np.testing.assert_array_equal(
        seen[0], np.broadcast_to(epsilon[:, None, None, None], real.shape)
    )
    assert len(np.unique(epsilon)) > 490
    # U[0, 1) has mean 1/2 and standard deviation 12^(-1/2): four standard errors.
    assert abs(epsilon.mean() - 0.5) < 4 * (12 * 500) ** -0.5
    np.testing.assert_allclose(value, np.mean((epsilon * 6**0.5 - 1) ** 2), rtol=1e-5)


def test_wgan_gp_of_a_constant_critic_has_a_finite_gradient(key):
    params = {"inner": jnp.ones((6, 5)), "outer": jnp.zeros((5, 1))}
    penalty = jax.jit(jax.value_and_grad(functools.partial(evaluate, "wgan_gp")))
    value, gradient = penalty(params, images(4), images(3), key)
    assert value == 1
    assert all(np.all(np.isfinite(leaf)) for leaf in gradient.values())


@pytest.mark.parametrize(("name", "hyperparameter"), FLOATS)
def test_floats_are_traced(name, hyperparameter, key):
    params, real, fake = critic_params(), images(6), images(4, seed=1)
    values = jnp.array([0.0, 1.0, 2.5])
    swept = jax.jit(
        jax.vmap(lambda v: evaluate(name, params, real, fake, key, **{hyperparameter: v}))
    )(values)
    for value, penalty in zip(values, swept, strict=True):
        expected = reference(name, params, real, fake, key, **{hyperparameter: float(value)})
        np.testing.assert_allclose(penalty, expected, rtol=1e-5)


@pytest.mark.parametrize("name", PENALTIES)
def test_members_of_a_sweep_have_their_own_keys_and_critics(name):
    keys, real, fake = jax.random.split(jax.random.key(1), 3), images(5), images(3, seed=1)
    factors = jnp.array([0.5, 1.0, 2.0])

    def member(factor, key):
        params = jax.tree.map(lambda w: factor * w, critic_params())
        return evaluate(name, params, real, fake, key)

    swept = jax.jit(jax.vmap(member))(factors, keys)
    expected = [jax.jit(member)(factor, key) for factor, key in zip(factors, keys, strict=True)]
    np.testing.assert_allclose(swept, expected, rtol=1e-5)


BATCHES = ((16, 16), (16, 8))


def penalty_step(params, *batches, axis_name):
    """Means over the devices of every penalty and its gradient, for every pair of batch sizes."""
    pairs = zip(batches[::2], batches[1::2], strict=True)
    return collectives.mean(
        {
            (name, sizes): jax.value_and_grad(
                functools.partial(evaluate, name, axis_name=axis_name)
            )(params, real, fake, key=jax.random.key(7))
            for sizes, (real, fake) in zip(BATCHES, pairs, strict=True)
            for name in PENALTIES
        },
        axis_name,
    )


def inputs_of_step():
    pairs = [(images(n), images(m, seed=1)) for n, m in BATCHES]
    return critic_params(), *(x for pair in pairs for x in pair)


@pytest.fixture(scope="module")
def on_one():
    return on_one_device(penalty_step, *inputs_of_step())


@pytest.fixture(scope="module", params=MODES)
def on_eight(request):
    return on_eight_devices(request.param, penalty_step, *inputs_of_step())


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("sizes", BATCHES)
def test_eight_devices_agree_with_one(name, sizes, on_one, on_eight):
    for expected, actual in zip(
        jax.tree.leaves(on_one[name, sizes]), jax.tree.leaves(on_eight[name, sizes]), strict=True
    ):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("name", PENALTIES)
def test_docstring_has_a_formula_and_a_source(name):
    doc = inspect.getdoc(PENALTIES[name]) or ""
    assert re.search(r"\w+ = .*E .*\|grad_x D\(x\)\|", doc)
    assert re.search(r"Source: .+ (19|20)\d\d", doc)
