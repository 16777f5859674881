"""LeCam against the recursion in Python floats."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.penalties import lecam, lecam_anchors


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
