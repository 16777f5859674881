"""Transformations of updates, against arithmetic by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.optimizers import clip_weights


def test_clipped_weights():
    """One step of size 1 along -gradient, by hand; the limit is state, so nothing recompiles."""
    clip = optax.inject_hyperparams(clip_weights)(limit=0.25)
    optimizer = optax.chain(optax.sgd(1.0), clip)
    params = {"w": jnp.array([0.0, 0.2, -0.2, 3.0])}
    gradient = {"w": jnp.array([0.1, -0.3, 0.3, 0.0])}

    @jax.jit
    def descend(params, state):
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    state = optimizer.init(params)
    new, state = descend(params, state)
    np.testing.assert_allclose(new["w"], [-0.1, 0.25, -0.25, 0.25], atol=1e-6)
    state[1].hyperparams["limit"] = jnp.float32(0.05)
    new, _ = descend(params, state)
    np.testing.assert_allclose(new["w"], [-0.05, 0.05, -0.05, 0.05], atol=1e-6)
    assert descend._cache_size() == 1
