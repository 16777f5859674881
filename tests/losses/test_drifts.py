"""Fields that fakes follow, which are constants of the gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drift_references import DRIFT_REFERENCES, TEMPERATURES
from drift_references import drifting as by_loops
from drift_references import drifting_field as field_by_loops
from execution import central_differences

from jaxgan.errors import ConfigError
from jaxgan.losses import LOSSES, conditional_drifting, drifting, drifting_field


def samples(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def batches(n=6, m=5, d=2):
    return samples(n, d), 0.7 * samples(m, d, seed=1) + 0.5


def test_the_field_is_that_of_the_official_code():
    """Of many points, with negatives and weights, compiled; V is about 3 on average."""
    y, x = batches(40, 32, 16)
    negatives, rng = samples(9, 16, seed=2), np.random.default_rng(3)
    weights = [rng.uniform(size=k).astype(np.float32) for k in (32, 40, 9)]
    names = ("x_weights", "y_weights", "negative_weights")
    options = {"negatives": negatives, **dict(zip(names, weights, strict=True))}
    for settings in ({}, options):
        field, unit = jax.jit(drifting_field)(x, y, **settings)
        expected = field_by_loops(x, y, **settings)
        np.testing.assert_allclose(field, expected[0], rtol=0, atol=1e-5)
        np.testing.assert_allclose(unit, expected[1], rtol=1e-6)


@pytest.mark.slow
def test_the_field_of_a_large_batch_far_from_the_origin():
    y, x = (z + 1000 for z in batches(256, 256, 64))
    field, _ = jax.jit(drifting_field)(x, y)
    np.testing.assert_allclose(field, field_by_loops(x, y)[0], rtol=0, atol=2e-4)


def test_positives_and_negatives_exchanged_turn_the_field_around():
    """And where they are one set it vanishes; fakes that weigh nothing do not repel."""
    (y, x), z = batches(7, 4), samples(8, 2, seed=2)
    field = jax.jit(functools.partial(drifting_field, x_weights=np.zeros(4, np.float32)))
    forth, back = field(x, y, negatives=z)[0], field(x, z, negatives=y)[0]
    assert jnp.mean(jnp.abs(forth)) > 0.5
    np.testing.assert_allclose(forth, -back, rtol=0, atol=2e-5)
    np.testing.assert_allclose(field(x, y, negatives=y)[0], 0, atol=5e-3)


def test_points_that_are_all_one_stay():
    x = jnp.ones((4, 3))
    losses, slope = jax.jit(jax.value_and_grad(lambda x: drifting(x[:2], x).generator))(x)
    np.testing.assert_allclose(losses, 0, atol=1e-12)
    np.testing.assert_allclose(slope, 0, atol=1e-5)  # the rounding of the mean


@pytest.mark.parametrize("name", ["drifting", "conditional_drifting"])
def test_gradients_take_the_field_as_constant(name):
    real, fake = batches(6, 6)
    labels = np.array([3, 3, -1, 3, -1, 3])
    settings = {
        "drifting": {"temperatures": (0.1, 0.5)},
        "conditional_drifting": {"labels": labels, "guidance": 2.0},
    }[name]
    with jax.enable_x64(True):
        arrays = jnp.float64(real), jnp.float64(fake)
        of_loss = functools.partial(LOSSES[name], **settings)
        gradients = jax.jit(jax.jacrev(of_loss, (0, 1)))(*arrays)
    value = functools.partial(DRIFT_REFERENCES[name], real, frozen=fake, **settings)
    expected = central_differences(lambda x: value(x)[0], fake)
    np.testing.assert_allclose(gradients.generator[1], expected, rtol=0, atol=1e-7)
    for nothing in (gradients.generator[0], *gradients.discriminator):
        np.testing.assert_array_equal(nothing, 0)


def test_values_do_not_depend_on_order():
    real, fake = batches(9, 9)
    loss, order = jax.jit(drifting), np.random.default_rng(4).permutation(9)
    np.testing.assert_allclose(loss(real[order], fake)[0], loss(real, fake)[0], rtol=1e-5)
    slope = jax.jit(jax.grad(lambda x: drifting(real, x).generator))
    np.testing.assert_allclose(slope(fake[order]), slope(fake)[order], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_one_class_is_as_none():
    real, fake = batches(8, 8, 3)
    labels = jnp.full(8, 7)
    together = jax.jit(jax.value_and_grad(lambda x: drifting(real, x).generator))(fake)
    apart = jax.jit(
        jax.value_and_grad(lambda x: conditional_drifting(real, x, labels=labels).generator)
    )(fake)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def test_classes_do_not_see_each_other():
    """However far apart: each follows its own field, in units of what is compared."""
    labels = np.arange(8) % 2
    real, fake = batches(8, 8, 3)
    loss = jax.jit(jax.value_and_grad(lambda x, y: conditional_drifting(y, x, labels=labels)[0]))
    value, slope = loss(fake, real)
    far = 50 * labels[:, None].astype(np.float32)
    np.testing.assert_allclose(loss(fake + far, real + far)[0], value, rtol=1e-4)
    np.testing.assert_allclose(loss(fake + far, real + far)[1], slope, rtol=0, atol=1e-4)
    for label in (0, 1):  # directions are those of the official field of the class
        of = labels == label
        field, _ = field_by_loops(fake[of], real[of], r=(0.2,))
        one = jax.jit(
            jax.grad(lambda x: conditional_drifting(real, x, labels=labels, temperatures=(0.2,))[0])
        )(fake)[of]
        cosine = np.sum(-one * field) / (np.linalg.norm(one) * np.linalg.norm(field))
        assert cosine > 0.98


def test_guidance_drives_classes_apart():
    """Fakes that match the reals of their class stay near it on average, or go outwards."""
    labels = np.arange(64) % 2
    shift = np.where(labels, 1.0, -1.0)[:, None].astype(np.float32)
    real, fake = (z + shift for z in (samples(64, 2), samples(64, 2, seed=1)))

    traces = []

    @jax.jit
    def outward(guidance):
        traces.append(guidance)
        loss = functools.partial(conditional_drifting, real, labels=labels, guidance=guidance)
        slope = jax.grad(lambda x: loss(x).generator)(fake)
        return -jnp.sum(slope * shift) / jnp.sum(jnp.abs(slope))

    pushes = [outward(guidance) for guidance in (1.0, 2.0, 4.0)]
    assert pushes[0] < pushes[1] - 0.2 < pushes[2] - 0.4
    assert len(traces) == 1


def test_temperatures_are_traced():
    (real, fake), traces = batches(), []

    @jax.jit
    def loss(temperatures):
        traces.append(temperatures)
        return drifting(real, fake, temperatures=temperatures)

    for temperatures in (TEMPERATURES, (0.1, 0.2, 0.3)):
        expected = by_loops(real, fake, temperatures=temperatures)
        np.testing.assert_allclose(loss(temperatures), expected, rtol=0, atol=2e-5)
    assert len(traces) == 1


def test_wrong_input_is_refused_in_one_line():
    real, fake = batches()
    for call, message in (
        (lambda: drifting(real[:, :1], fake), r"shapes \(1,\) and \(2,\)"),
        (lambda: drifting(real[:0], fake), "batches of 0 and 5"),
        (lambda: drifting(real, fake, temperatures=(0.1, 0.0)), "must be greater than 0"),
        (lambda: conditional_drifting(real, fake, labels=np.zeros(6, int)), "6 real, 5 fake"),
        (lambda: drifting_field(fake, real, y_weights=np.ones(3, np.float32)), "6 y, 3 weights"),
        (lambda: drifting_field(fake, real, negatives=np.ones((2, 3))), "they must be equal"),
    ):
        with pytest.raises(ConfigError, match=message) as error:
            call()
        assert "\n" not in str(error.value)
