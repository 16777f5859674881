"""BEGAN against the recursion written out in Python floats, and on a game that it balances."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.losses import began, began_balance


def test_losses_by_hand():
    losses = began(jnp.array([1.0, 3.0]), jnp.array([[4.0], [5.0], [6.0]]), k=0.4)
    np.testing.assert_allclose(losses, (5, 2 - 0.4 * 5), rtol=1e-6)


def test_balance_follows_the_recursion_of_the_paper():
    """Berthelot et al. 2017, section 3.4; energies that push k against both of its limits."""
    rng = np.random.default_rng(0)
    expected_k, k, visited = 0.0, jnp.zeros(()), []
    step = jax.jit(began_balance)
    for t in range(60):
        real, fake = rng.uniform(0, 2, 5), rng.uniform(0, 2, 3) * (2 if t > 30 else 0.2)
        balance = 0.7 * sum(real) / 5 - sum(fake) / 3
        expected_k = min(max(expected_k + 0.1 * balance, 0), 1)
        k, measure = step(k, jnp.float32(real), jnp.float32(fake), diversity=0.7, rate=0.1)
        np.testing.assert_allclose(k, expected_k, atol=1e-5)
        np.testing.assert_allclose(measure, sum(real) / 5 + abs(balance), rtol=1e-5)
        visited.append(expected_k)
    assert min(visited) == 0
    assert max(visited) == 1


def test_k_does_not_reach_the_generator():
    gradient = jax.grad(lambda k: began(jnp.ones(3), jnp.ones(2), k=k).generator)(0.5)
    assert gradient == 0
    assert jax.grad(lambda k: began(jnp.ones(3), 2 * jnp.ones(2), k=k).discriminator)(0.5) == -2
