"""Orthogonality of weights against loops over pairs of filters, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import central_differences

from jaxgan.penalties import orthogonal

PARAMS = {
    "dense": {"kernel": np.random.default_rng(0).normal(size=(5, 3)).astype("f")},
    "conv": {"kernel": np.random.default_rng(1).normal(size=(2, 3, 2, 4)).astype("f")},
    "norm": {"scale": np.full(7, 9, "f")},
}


def expected(params, diagonal):
    """Brock et al. 2019, equations 3 and 2: over pairs of filters."""
    total = 0
    for kernel in (params["dense"]["kernel"], params["conv"]["kernel"]):
        filters = np.moveaxis(np.float64(kernel), -1, 0).reshape(kernel.shape[-1], -1)
        for i, a in enumerate(filters):
            for j, b in enumerate(filters):
                if i != j or diagonal:
                    total += (a @ b - (i == j)) ** 2
    return total


@pytest.mark.parametrize("diagonal", [False, True])
def test_orthogonal(diagonal):
    penalty = jax.jit(jax.value_and_grad(lambda p: orthogonal(p, diagonal=diagonal)))
    value, gradient = penalty(PARAMS)
    np.testing.assert_allclose(value, expected(PARAMS, diagonal), rtol=1e-5)
    slopes = central_differences(
        lambda w: expected({**PARAMS, "dense": {"kernel": w}}, diagonal), PARAMS["dense"]["kernel"]
    )
    np.testing.assert_allclose(
        gradient["dense"]["kernel"], slopes, rtol=0, atol=1e-5 * np.abs(slopes).max()
    )
    assert not gradient["norm"]["scale"].any()


def test_orthogonal_filters_of_any_norm_cost_nothing_without_the_diagonal():
    kernel = jnp.array([[3.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
    assert orthogonal({"kernel": kernel}) == 0
    assert orthogonal({"kernel": kernel}, diagonal=True) == 8**2 + 0.75**2


def test_no_kernels_no_penalty():
    assert orthogonal({"bias": jnp.ones(3)}) == 0
