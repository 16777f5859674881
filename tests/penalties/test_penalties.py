"""Penalties against gradients written out by hand for one sample at a time, in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device

from jaxgan import collectives
from jaxgan.penalties import PENALTIES

SHAPE = (2, 3, 1)
# Of a critic, real and fake samples alone; the others have tests of their own.
NAMES = [name for name, p in PENALTIES.items() if p.network is None and not p.of_generator]
FLOATS = [
    (name, hyperparameter)
    for name in NAMES
    for hyperparameter, default in PENALTIES[name].hyperparameters.items()
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


def forward(params, x):
    """The k logits of one sample."""
    inner, outer = (np.asarray(params[name], np.float64) for name in ("inner", "outer"))
    return np.tanh(x.ravel() @ inner) @ outer


def input_jacobian(params, x):
    """inner diag(1 - tanh^2) outer, [6, k], of one sample."""
    inner, outer = (np.asarray(params[name], np.float64) for name in ("inner", "outer"))
    return inner @ ((1 - np.tanh(x.ravel() @ inner) ** 2)[:, None] * outer)


def slope(params, x):
    """The norm of the gradient of one sample's summed logits."""
    return np.sqrt(np.sum(input_jacobian(params, x).sum(1) ** 2))


def uniform(key, *shape):
    return np.asarray(jax.random.uniform(key, shape), np.float64)


def between(real, fake, key):
    """Gulrajani et al. 2017, algorithm 1, lines 4 to 6."""
    epsilon = uniform(key, len(real))
    return [
        e * x + (1 - e) * fake[i % len(fake)]
        for i, (e, x) in enumerate(zip(epsilon, real, strict=True))
    ]


def r1_reference(params, real, fake, key):
    """Mescheder et al. 2018, equation 9."""
    return np.mean([slope(params, x) ** 2 for x in real]) / 2


def r2_reference(params, real, fake, key):
    """Mescheder et al. 2018, equation 10."""
    return np.mean([slope(params, x) ** 2 for x in fake]) / 2


def wgan_gp_reference(params, real, fake, key, target=1.0, one_sided=False):
    """Gulrajani et al. 2017, algorithm 1, line 7; Petzka et al. 2018 where one-sided."""
    excess = [slope(params, x) - target for x in between(real, fake, key)]
    return np.mean([max(0, e) ** 2 if one_sided else e**2 for e in excess])


def dragan_reference(params, real, fake, key, target=1.0, noise="scaled"):
    """PROTOCOLS.md: x + alpha * .5 * std * U[0,1], or x + std * (U - .5)."""
    alpha_key, noise_key = jax.random.split(key)
    alpha, u, total = uniform(alpha_key, len(real)), uniform(noise_key, *real.shape), 0
    for i, x in enumerate(real):
        shift = alpha[i] * 0.5 * u[i] if noise == "scaled" else u[i] - 0.5
        total += (slope(params, x + np.std(real) * shift) - target) ** 2
    return total / len(real)


def jacobian_reference(params, real, fake, key):
    """Arbel et al. 2018: the squared Frobenius norm of the Jacobian, without the sum over k."""
    return np.mean([np.sum(input_jacobian(params, x) ** 2) for x in real])


def witness_gaussian_reference(params, real, fake, key, bandwidth=1.0, target=1.0):
    """PROTOCOLS.md: w(x) = mean k(x, real) - mean k(x, fake); (|grad w| - 1)^2."""

    def feature_gradient(f, others):
        terms = [np.exp(-np.sum((f - o) ** 2) / (2 * bandwidth**2)) * (o - f) for o in others]
        return np.mean(terms, axis=0) / bandwidth**2

    of_real, of_fake = ([forward(params, x) for x in batch] for batch in (real, fake))
    total = 0
    for x in between(real, fake, key):
        f = forward(params, x)
        by_feature = feature_gradient(f, of_real) - feature_gradient(f, of_fake)
        total += (np.sqrt(np.sum((input_jacobian(params, x) @ by_feature) ** 2)) - target) ** 2
    return total / len(real)


def activation_l2_reference(params, real, fake, key):
    return sum(np.mean([forward(params, x) ** 2 for x in batch]) for batch in (real, fake))


def moved(image, shift, flip):
    """Pixel (i, j) from (i, j) + shift, or the nearest pixel inside; then mirrored, or not."""
    h, w, _ = image.shape
    out = np.empty_like(image)
    for i, j in np.ndindex(h, w):
        row, column = min(max(i + shift[0], 0), h - 1), min(max(j + shift[1], 0), w - 1)
        out[i, j] = image[row, w - 1 - column if flip else column]
    return out


def consistency_reference(params, real, fake, key, noise=0.1):
    """Zhang et al. 2020: |D(x) - D(T(x))|^2."""
    shift_key, flip_key = jax.random.split(key)
    shifts = np.asarray(jax.random.randint(shift_key, (len(real), 2), -4, 5))
    flips = np.asarray(jax.random.bernoulli(flip_key, 0.5, (len(real),)))
    return np.mean(
        [
            np.sum((forward(params, x) - forward(params, moved(x, shift, flip))) ** 2)
            for x, shift, flip in zip(real, shifts, flips, strict=True)
        ]
    )


def balanced_consistency_reference(params, real, fake, key, noise=0.1):
    """Zhao et al. 2021: CR at the real and at the fake samples."""
    real_key, fake_key = jax.random.split(key)
    return consistency_reference(params, real, real, real_key) + consistency_reference(
        params, fake, fake, fake_key
    )


REFERENCES = {
    reference.__name__.removesuffix("_reference"): reference
    for reference in (
        r1_reference,
        r2_reference,
        wgan_gp_reference,
        dragan_reference,
        jacobian_reference,
        witness_gaussian_reference,
        activation_l2_reference,
        consistency_reference,
        balanced_consistency_reference,
    )
}


def reference(name, params, real, fake, key, **hyperparameters):
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    return REFERENCES[name](params, real, fake, key, **hyperparameters)


def evaluate(name, params, real, fake, key, *, axis_name=None, **hyperparameters):
    critic = functools.partial(apply, params)
    return PENALTIES[name](critic, real, fake, key=key, axis_name=axis_name, **hyperparameters)


def test_every_penalty_has_a_reference():
    assert set(REFERENCES) == set(NAMES)
    assert set(PENALTIES) - set(NAMES) == {"lecam", "latent_consistency"}


def test_hand_worked_input_jacobian():
    params, x = critic_params(k=2), images(1)[0]
    for k in range(2):
        expected = central_differences(lambda x, k=k: forward(params, x)[k], x)
        np.testing.assert_allclose(
            input_jacobian(params, np.float64(x))[:, k], expected.ravel(), rtol=0, atol=1e-8
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("n", "m", "k"), [pytest.param(6, 6, 1, marks=pytest.mark.slow), (7, 3, 3), (3, 7, 1)]
)
def test_value_matches_a_loop_over_samples(name, n, m, k, key):
    params, real, fake = critic_params(k), images(n), images(m, seed=1) + 0.5
    value = jax.jit(functools.partial(evaluate, name))(params, real, fake, key)
    assert value.shape == ()
    assert value.dtype == jnp.float32
    expected = reference(name, params, real, fake, key)
    np.testing.assert_allclose(value, expected, rtol=2e-6)


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_half_precision_samples_give_a_float32_penalty(name, key):
    params = jax.tree.map(lambda w: w.astype(jnp.bfloat16), critic_params())
    real, fake = images(6, dtype=jnp.bfloat16), images(4, seed=1, dtype=jnp.bfloat16)
    value = jax.jit(functools.partial(evaluate, name))(params, real, fake, key)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, reference(name, params, real, fake, key), rtol=0.1)


@pytest.mark.parametrize(
    ("name", "option"), [("wgan_gp", {"one_sided": True}), ("dragan", {"noise": "centred"})]
)
def test_options(name, option, key):
    params, real, fake = critic_params(), images(7), images(3, seed=1)
    value = jax.jit(functools.partial(evaluate, name, target=2.0, **option))(
        params, real, fake, key
    )
    expected, default = (
        reference(name, params, real, fake, key, target=2.0, **kwargs) for kwargs in (option, {})
    )
    assert abs(expected - default) > 1e-2
    np.testing.assert_allclose(value, expected, rtol=2e-6)


@pytest.mark.parametrize("name", ["r1", "r2", "jacobian", "activation_l2"])
def test_order_does_not_matter(name, key):
    params, real, fake = critic_params(), images(6), images(4, seed=1)
    penalty = jax.jit(functools.partial(evaluate, name))
    reversed_ = penalty(params, real[::-1], fake[::-1], key)
    np.testing.assert_allclose(reversed_, penalty(params, real, fake, key), rtol=1e-6)


@pytest.mark.parametrize("name", ["wgan_gp", "dragan", "witness_gaussian"])
def test_a_constant_critic_has_a_finite_gradient(name, key):
    params = {"inner": jnp.ones((6, 5)), "outer": jnp.zeros((5, 1))}
    penalty = jax.jit(jax.value_and_grad(functools.partial(evaluate, name)))
    value, gradient = penalty(params, images(4), images(3), key)
    assert value == 1
    assert all(np.all(np.isfinite(leaf)) for leaf in gradient.values())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "hyperparameter"), FLOATS)
def test_floats_are_traced(name, hyperparameter, key):
    params, real, fake = critic_params(), images(6), images(4, seed=1)
    values = jnp.array([0.4, 1.0, 2.5])
    swept = jax.jit(
        jax.vmap(lambda v: evaluate(name, params, real, fake, key, **{hyperparameter: v}))
    )(values)
    for value, penalty in zip(values, swept, strict=True):
        expected = reference(name, params, real, fake, key, **{hyperparameter: float(value)})
        np.testing.assert_allclose(penalty, expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
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
            for name in NAMES
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


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", BATCHES)
def test_eight_devices_agree_with_one(name, sizes, on_one, on_eight):
    for expected, actual in zip(
        jax.tree.leaves(on_one[name, sizes]), jax.tree.leaves(on_eight[name, sizes]), strict=True
    ):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * scale)
