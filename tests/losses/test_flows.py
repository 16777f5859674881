"""Fakes that follow differences of scores, and of transport maps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drift_references import DRIFT_REFERENCES, log_shadow
from drift_references import barycentric as barycentric_by_scaling
from execution import central_differences
from scipy.integrate import quad

from jaxgan.errors import ConfigError
from jaxgan.losses import LOSSES, barycentric_map, score_drift, sinkhorn_drift

KERNELS = {  # of the distance, at bandwidth h
    "gaussian": lambda r, h: np.exp(-(r**2) / (2 * h**2)),
    "laplacian": lambda r, h: np.exp(-r / h),
    "rational_quadratic": lambda r, h: (1 + r**2 / (4 * h**2)) ** -2,
}


def double(x):
    return np.asarray(x, np.float64)


def samples(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def batches(n=6, m=5, d=2):
    return samples(n, d), 0.7 * samples(m, d, seed=1) + 0.5


def test_every_kernel_is_integrated():
    """K(r) is the integral of k(s) s from r on, which is half that of k over squares."""
    for name, kernel in KERNELS.items():
        for r, h in ((0.3, 0.7), (1.2, 0.4)):
            expected, _ = quad(lambda s, k=kernel, h=h: k(s, h) * s, r, np.inf)
            np.testing.assert_allclose(np.exp(log_shadow(name, r, h)), expected, rtol=1e-6)


SINKHORN = {
    "others": samples(5, 2, seed=2),
    "epsilon": 0.5,
    "step": 0.7,
    "num_iterations": 300,
}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param(
            "score_drift",
            {"kernel": kernel, "bandwidths": (0.3, 1.0)},
            marks=pytest.mark.slow if i else (),
        )
        for i, kernel in enumerate(KERNELS)
    ]
    + [("sinkhorn_drift", SINKHORN)],
)
def test_values_and_gradients_at_other_fakes_as_constants(name, settings):
    """n != m, and each kernel."""
    real, fake = batches()
    with jax.enable_x64(True):
        of_loss = functools.partial(LOSSES[name], **settings)
        both = jax.jit(lambda *x: (of_loss(*x), jax.jacrev(of_loss, (0, 1))(*x)))
        losses, gradients = both(jnp.float64(real), jnp.float64(fake))
    value = functools.partial(DRIFT_REFERENCES[name], real, frozen=fake, **settings)
    np.testing.assert_allclose(losses, np.array(value(fake)), rtol=0, atol=1e-8)
    expected = central_differences(lambda x: value(x)[0], fake)
    np.testing.assert_allclose(gradients.generator[1], expected, rtol=0, atol=1e-8)
    for nothing in (gradients.generator[0], *gradients.discriminator):
        np.testing.assert_array_equal(nothing, 0)


def test_gaussian_score_drift_is_the_difference_of_scores():
    """Of kernel density estimates with sigma = median / 2, in float32 at a batch's size."""
    real, fake = batches(256, 256, 16)
    loss = functools.partial(score_drift, bandwidths=(0.5,))
    slope = jax.jit(jax.grad(lambda x: loss(real, x).generator))(fake)
    squared = np.sum((double(real)[:, None] - real[None]) ** 2, axis=-1)
    variance = np.median(squared[np.triu_indices(256, 1)]) / 4
    for i in (0, 100):
        shifts = []
        for points in (np.delete(fake, i, axis=0), real):
            differences = double(points) - fake[i]
            weights = np.exp(-np.sum(differences**2, axis=1) / (2 * variance))
            shifts.append(weights @ differences / weights.sum())
        expected = (shifts[0] - shifts[1]) / variance / 256
        np.testing.assert_allclose(slope[i], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_fakes_far_from_all_reals_are_drawn_to_them():
    """Where every kernel underflows float32."""
    real, fake = batches()
    slope = jax.jit(jax.grad(lambda x: score_drift(real, x, bandwidths=(0.1,)).generator))
    pull = -np.asarray(slope(fake + 1000))
    assert np.all(np.isfinite(pull))
    assert np.all(pull < 0)


def test_barycentric_maps_are_those_of_the_plan():
    real, fake = batches(7, 5, 3)
    found = jax.jit(barycentric_map)(fake, real, epsilon=2.0)
    expected = barycentric_by_scaling(double(fake), double(real), 2.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_flow_of_equal_batches_stands():
    """Fakes whose others are the reals."""
    real, fake = batches(8, 8)
    value, slope = jax.jit(
        jax.value_and_grad(lambda x: sinkhorn_drift(real, x, others=real).generator)
    )(fake)
    assert value == 0
    np.testing.assert_array_equal(slope, 0)


def test_points_that_are_all_one_stay():
    x = jnp.ones((4, 3))
    for loss in (score_drift, functools.partial(sinkhorn_drift, others=x)):
        slope = jax.jit(jax.grad(lambda y, f=loss: f(x, y).generator))(x)
        np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_floats_are_traced():
    (real, fake), traces = batches(), []

    @jax.jit
    def loss(bandwidths):
        traces.append(bandwidths)
        return score_drift(real, fake, bandwidths=bandwidths)

    for bandwidths in ((0.1, 0.5), (0.3, 2.0)):
        expected = DRIFT_REFERENCES["score_drift"](real, fake, bandwidths=bandwidths)
        np.testing.assert_allclose(loss(bandwidths), expected, rtol=1e-5)
    assert len(traces) == 1


def test_wrong_input_is_refused_in_one_line():
    real, fake = batches()
    for call, message in (
        (lambda: score_drift(real[:1], fake), "of 1 and 5; it needs at least 2"),
        (lambda: score_drift(real, fake, kernel="gausian"), "did you mean 'gaussian'"),
        (lambda: score_drift(real, fake, bandwidths=(0.0,)), "must be greater than 0"),
        (lambda: sinkhorn_drift(real, fake, others=fake[:3]), r"\(5, 2\) with others \(3, 2\)"),
        (lambda: sinkhorn_drift(real, fake[:0], others=fake[:0]), "batches of 6 and 0"),
        (lambda: barycentric_map(fake, real, epsilon=1.0, num_iterations=1), "at least 2"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            call()
        assert "\n" not in str(error.value)
