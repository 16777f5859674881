"""Expected values: the scaling worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.pixels import model_batch, to_model, to_uint8
from jaxgan.types import Batch


def test_scaling_and_its_inverse():
    pixels = np.arange(256, dtype=np.uint8).reshape(2, 8, 16, 1)
    scaled = jax.jit(to_model)(pixels)
    assert scaled.dtype == jnp.float32
    np.testing.assert_allclose(
        scaled.ravel()[jnp.array([0, 51, 255])], [-1.0, -0.6, 1.0], atol=1e-6
    )
    np.testing.assert_array_equal(to_uint8(scaled), pixels)
    np.testing.assert_array_equal(to_uint8(np.array([-7.0, -1.003, 0.0, 1.01])), [0, 0, 128, 255])
    points = jnp.array([[0.5, -3.0]])
    np.testing.assert_array_equal(to_model(points), points)


def test_a_batch_is_scaled_in_every_stream():
    pixels = np.array([[0, 51, 255]], np.uint8)
    labels = np.array([7], np.int32)
    points = np.array([[0.5]], np.float32)
    few = Batch(real=pixels, labels=labels, condition=points)
    batch = Batch(real=points, labels=labels, condition=pixels, streams={"few": few})
    scaled = jax.jit(model_batch)(batch)
    expected = [[-1.0, -0.6, 1.0]]
    np.testing.assert_allclose(scaled.condition, expected, atol=1e-6)
    np.testing.assert_allclose(scaled.streams["few"].real, expected, atol=1e-6)
    assert scaled.streams["few"].real.dtype == scaled.condition.dtype == jnp.float32
    np.testing.assert_array_equal(scaled.real, points)
    np.testing.assert_array_equal(scaled.streams["few"].condition, points)
    for stream in (scaled, scaled.streams["few"]):
        np.testing.assert_array_equal(stream.labels, labels)
    assert model_batch(Batch(real=points)).condition is None
