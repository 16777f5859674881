"""Against torch's interpolation, pooling and strided convolutions with the filter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import mean_of_four, repeat_twice, smooth_double, smooth_halve
from tests.networks.variables import normal

PAIRS = [
    (repeat_twice, "nearest"),
    (mean_of_four, "average_pool"),
    (smooth_double, "filtered_double"),
    (smooth_halve, "filtered_halve"),
]


@pytest.mark.parametrize("ours, theirs", PAIRS, ids=lambda x: getattr(x, "__name__", ""))
def test_values_and_second_derivatives_are_those_of_torch(ours, theirs):
    torch = pytest.importorskip("torch")
    from tests.networks import torch_layers

    theirs = getattr(torch_layers, theirs)
    x = normal(2, 6, 8, 3)
    np.testing.assert_allclose(ours(x), theirs(torch_layers.tensor(x)), atol=1e-6)

    def penalty(x):
        return jnp.sum(jax.grad(lambda x: jnp.sum(ours(x) ** 3))(x) ** 2)

    leaf = torch_layers.tensor(x).requires_grad_()
    (slope,) = torch.autograd.grad((theirs(leaf) ** 3).sum(), leaf, create_graph=True)
    (expected,) = torch.autograd.grad((slope**2).sum(), leaf)
    scale = float(expected.abs().max())
    np.testing.assert_allclose(jax.jit(jax.grad(penalty))(x), expected, atol=1e-5 * scale)


@pytest.mark.parametrize("double", [repeat_twice, smooth_double])
def test_halving_is_the_adjoint_of_doubling_over_four(double):
    halve = mean_of_four if double is repeat_twice else smooth_halve
    x, y = normal(2, 3, 4, 2), normal(2, 6, 8, 2, seed=1)
    np.testing.assert_allclose(jnp.vdot(double(x), y), 4 * jnp.vdot(x, halve(y)), rtol=1e-4)


def test_constants_stay_away_from_the_borders():
    ones = jnp.ones((1, 8, 8, 1))
    np.testing.assert_allclose(smooth_double(ones)[:, 1:-1, 1:-1], 1, atol=1e-6)
    np.testing.assert_allclose(smooth_halve(ones)[:, 1:-1, 1:-1], 1, atol=1e-6)
