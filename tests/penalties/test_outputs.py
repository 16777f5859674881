"""LeCam against the recursion in Python floats."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from execution import MODES, on_eight_devices, on_one_device

from jaxgan import collectives
from jaxgan.penalties import PENALTIES, lecam, lecam_anchors


def test_penalty_and_anchors_over_steps():
    """Tseng et al. 2021 as in PROTOCOLS.md; anchors as optax.ema with debiasing."""
    rng, anchors, step = np.random.default_rng(0), lecam_anchors(), jax.jit(lecam)
    ema = optax.ema(0.9)
    ema_state = ema.init((jnp.zeros(()), jnp.zeros(())))
    for _ in range(12):
        real, fake = rng.normal(0.5, 2, (5, 1)), rng.normal(-0.5, 2, (3, 1))
        (of_real, of_fake), ema_state = ema.update(
            (jnp.float32(real.mean()), jnp.float32(fake.mean())), ema_state
        )
        expected = np.mean([max(0, x - of_fake) ** 2 for x in real.ravel()])
        expected += np.mean([max(0, of_real - x) ** 2 for x in fake.ravel()])
        penalty, anchors = step(jnp.float32(real), jnp.float32(fake), anchors, decay=0.9)
        np.testing.assert_allclose(penalty, expected, rtol=1e-5)
        np.testing.assert_allclose((anchors.real, anchors.fake), (of_real, of_fake), atol=1e-5)
    assert anchors.count == 12


def test_no_gradient_through_the_anchors():
    """2 (D - a) / n of the logits beyond the anchors: 3, -3 about 0, and 1, -5 about -2."""
    real, fake = jnp.array([[3.0], [-3.0]]), jnp.array([[1.0], [-5.0]])

    def penalty(real, fake):
        return lecam(real, fake, lecam_anchors())[0]

    by_real, by_fake = jax.grad(penalty, argnums=(0, 1))(real, fake)
    np.testing.assert_allclose(by_real, [[5], [0]], rtol=1e-5)
    np.testing.assert_allclose(by_fake, [[0], [-5]], rtol=1e-5)


def test_the_decay_is_traced_and_zero_keeps_only_the_last_batch():
    _, first = lecam(jnp.ones((2, 1)), jnp.zeros((3, 1)), lecam_anchors(), decay=0.0)
    _, second = jax.jit(lecam)(5 * jnp.ones((2, 1)), jnp.zeros((3, 1)), first, decay=0.0)
    assert second.real == 5


def batches(n):
    rng = np.random.default_rng(1)
    return jnp.float32(rng.normal(0.5, 2, (n, 16, 1))), jnp.float32(rng.normal(-0.5, 2, (n, 8, 1)))


def dtype(x):
    return x.dtype


def test_network_is_the_function_with_its_anchors_as_statistics():
    """Initialised by a first call, which does not count; not moved where it is not trained."""
    network, anchors, (real, fake) = PENALTIES["lecam"].network(), lecam_anchors(), batches(4)
    _, variables = network.init_with_output({}, real[0], fake[0], decay=0.9, train=True)
    assert set(variables) == {"batch_stats"}
    assert not any(jax.tree.leaves(variables))
    for x, y in zip(real, fake, strict=True):
        value, moved = network.apply(
            variables, x, y, decay=0.9, train=True, mutable=["batch_stats"]
        )
        assert network.apply(variables, x, y, decay=0.9, train=False) == value
        assert jax.tree.map(dtype, moved) == jax.tree.map(dtype, variables)
        expected, anchors = lecam(x, y, anchors, decay=0.9)
        variables = moved
        assert value == expected
        assert moved["batch_stats"] == anchors._asdict()


def lecam_step(w, real, fake, *, axis_name):
    """Three steps on whole batches, and the gradient; the state is the same on every device."""
    network = PENALTIES["lecam"].network()
    assert network.whole_batch

    def value(w):
        total, variables = 0.0, {"batch_stats": lecam_anchors()._asdict()}
        for _ in range(3):
            logits = (collectives.gather(jnp.tanh(x * w), axis_name) for x in (real, fake))
            penalty, variables = network.apply(
                variables, *logits, decay=0.5, train=True, mutable=["batch_stats"]
            )
            total += penalty
        return total, variables

    (total, variables), gradient = jax.value_and_grad(value, has_aux=True)(w)
    return collectives.mean((total, gradient, variables), axis_name)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_eight_devices_agree_with_one(mode):
    w, (real,), (fake,) = jnp.float32(0.7), *batches(1)
    expected = on_one_device(lecam_step, w, real, fake)
    actual = on_eight_devices(mode, lecam_step, w, real, fake)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), actual, expected)
    assert expected[0] > 0


def test_the_decay_of_a_sweep():
    _, anchors = lecam(*(x[0] for x in batches(2)), lecam_anchors())
    real, fake = (x[1] for x in batches(2))
    decays = [0.0, 0.5, 0.99]
    swept = jax.vmap(lambda decay: lecam(real, fake, anchors, decay=decay)[0])(jnp.array(decays))
    expected = [lecam(real, fake, anchors, decay=decay)[0] for decay in decays]
    np.testing.assert_allclose(swept, expected, rtol=1e-5)
