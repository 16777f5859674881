"""Latents against their definitions, and paths against NumPy's trigonometry in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.training.latents import (
    linear_path,
    normal_latents,
    spherical_path,
    truncated_normal_latents,
    truncated_uniform_latents,
    uniform_latents,
)

KEY = jax.random.key(1)


@pytest.mark.parametrize(
    ("latents", "distribution"),
    [
        (normal_latents(5), stats.norm()),
        (uniform_latents(5), stats.uniform(-1, 2)),
        (truncated_normal_latents(5, 0.7), stats.truncnorm(-0.7, 0.7)),
        (truncated_uniform_latents(5, 0.3), stats.uniform(-0.3, 0.6)),
    ],
)
def test_draws_have_their_distribution(latents, distribution):
    z = np.asarray(latents(KEY, 2000))
    assert z.shape == (2000, 5)
    assert stats.kstest(z.ravel(), distribution.cdf).pvalue > 1e-3


def test_paths_are_straight_or_great_circles():
    start, end = np.asarray(jax.random.normal(KEY, (2, 6, 4)), np.float64)
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (start, end)]
    angle = np.arccos(np.sum(unit[0] * unit[1], axis=1, keepdims=True))
    spherical, linear = jax.jit(spherical_path), jax.jit(linear_path)
    for share in (0.0, 0.3, 1.0):
        ours = [path(jnp.float32(start), jnp.float32(end), share) for path in (spherical, linear)]
        on_circle = np.sin((1 - share) * angle) * start + np.sin(share * angle) * end
        np.testing.assert_allclose(ours[0], on_circle / np.sin(angle), atol=1e-5)
        np.testing.assert_allclose(ours[1], (1 - share) * start + share * end, atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_paths_between_one_direction_and_itself_are_straight(factor):
    start = jnp.array([[1.0], [2.0]])
    made = spherical_path(start, factor * 3 * start, 0.25)
    np.testing.assert_allclose(made, 0.75 * start + 0.25 * factor * 3 * start, atol=1e-5)
