"""The two-branch generator, in NumPy float64 and against `MLPGenerator`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.networks import MLPGenerator, TwoBranchGenerator

KEY = jax.random.key(0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("second", [None, "relu"])
def test_it_is_its_formula(second):
    """G(z) = tanh(W [tanh(W_1 z); h_2(W_2 z)])."""
    net, z = TwoBranchGenerator((2, 3), width=8, second_activation=second), normal(5, 4)
    y, variables = net.init_with_output(KEY, jnp.asarray(z), train=True)
    w = {name: np.float64(layer["kernel"]) for name, layer in variables["params"].items()}
    assert {k: v.shape for k, v in w.items()} == {
        "first": (4, 8),
        "second": (4, 8),
        "joined": (16, 6),
    }
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == 2 * 4 * 8 + 16 * 6
    h = (lambda x: np.maximum(x, 0)) if second else np.tanh
    hidden = np.concatenate([np.tanh(z @ w["first"]), h(z @ w["second"])], axis=1)
    np.testing.assert_allclose(y, np.tanh(hidden @ w["joined"]).reshape(5, 2, 3), atol=1e-6)


def test_with_one_activation_it_is_a_wider_layer():
    net = TwoBranchGenerator((6,), width=8, activation="relu", use_bias=True, output="linear")
    z = normal(5, 4)
    y, variables = net.init_with_output(KEY, jnp.asarray(z), train=True)
    p = variables["params"]
    joined = {k: jnp.concatenate([p["first"][k], p["second"][k]], -1) for k in ("kernel", "bias")}
    same = {"params": {"Dense_0": joined, "Dense_1": p["joined"]}}
    expected = MLPGenerator((6,), (16,), output="linear").apply(same, jnp.asarray(z), train=True)
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.slow
def test_output_scale_conditions_and_types():
    z, labels = normal(4000, 16), np.arange(4000) % 3
    net = TwoBranchGenerator((40,), output="linear", activation="linear")
    y, _ = net.init_with_output(KEY, jnp.asarray(z), train=True)
    np.testing.assert_allclose(np.std(y), 1, atol=0.1)
    given = TwoBranchGenerator((4, 4, 1), conditioning="concat", num_classes=3, dtype="bfloat16")
    y, variables = given.init_with_output(KEY, jnp.asarray(z), labels, train=False)
    assert (y.shape, y.dtype) == ((4000, 4, 4, 1), jnp.float32) and np.abs(y).max() <= 1
    assert variables["params"]["first"]["kernel"].shape == (16 + 3, 128)
