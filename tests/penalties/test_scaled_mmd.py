"""The witness penalty with other kernels, and the factor of the scaled MMD."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import MODES, central_differences, on_eight_devices, on_one_device

from jaxgan import collectives
from jaxgan.losses import mmd2
from jaxgan.penalties import scaled_mmd_factor, witness


def test_witness_of_a_linear_kernel_is_the_difference_of_the_means(key):
    """k(x, y) = <x, y> and D(x) = x: grad w = mean real - mean fake everywhere, here (3, 4)."""
    real, fake = (
        jnp.tile(jnp.array([[3.0, 5.0]]), (4, 1)),
        jnp.tile(jnp.array([[0.0, 1.0]]), (3, 1)),
    )
    value = witness(
        lambda x: x,
        real,
        fake,
        kernel=lambda x, y: x @ y.T,
        key=key,
        axis_name=None,
        target=2.0,
    )
    np.testing.assert_allclose(value, (5 - 2) ** 2, rtol=1e-6)


def scaled(w, real, fake, *, axis_name, coefficient=10.0):
    """SMMD of linear features, and its gradient: MMD^2 of the whole batch times the factor."""

    def value(w):
        features = (collectives.gather(jnp.tanh(x @ w), axis_name) for x in (real, fake))
        distance = mmd2(*features, kernel=lambda x, y: x @ y.T)
        factor = scaled_mmd_factor(
            lambda x: jnp.tanh(x @ w), real, axis_name=axis_name, coefficient=coefficient
        )
        return factor * distance

    return collectives.mean(jax.value_and_grad(value)(w), axis_name)


def scaled_reference(w, real, fake):
    """Arbel et al. 2018 as in PROTOCOLS.md: MMD^2 / (1 + 10 E |J|_F^2)."""

    def off_diagonal(x):
        gram = x @ x.T
        return (gram.sum() - np.trace(gram)) / (len(x) * (len(x) - 1))

    x, y = np.tanh(real @ w), np.tanh(fake @ w)
    jacobians = [w * (1 - np.tanh(a @ w) ** 2)[None, :] for a in real]
    distance = off_diagonal(x) + off_diagonal(y) - 2 * np.mean(x @ y.T)
    return distance / (1 + 10 * np.mean([np.sum(j**2) for j in jacobians]))


def inputs():
    rng = np.random.default_rng(0)
    return [rng.normal(size=s).astype("f") for s in ((2, 3), (16, 2), (8, 2))]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["one", *MODES])
def test_scaled_mmd_matches_its_reference_on_any_number_of_devices(mode):
    run = on_one_device if mode == "one" else functools.partial(on_eight_devices, mode)
    arrays = inputs()
    value, gradient = run(scaled, *map(jnp.asarray, arrays))
    w, real, fake = (np.float64(x) for x in arrays)
    np.testing.assert_allclose(value, scaled_reference(w, real, fake), atol=1e-7)
    expected = central_differences(lambda w: scaled_reference(w, real, fake), w)
    np.testing.assert_allclose(gradient, expected, atol=1e-5 * np.abs(expected).max() + 1e-7)
