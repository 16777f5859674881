"""The linear generator and the quadratic discriminator, in NumPy float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxgan.errors import ConfigError
from jaxgan.networks import LinearGenerator, QuadraticDiscriminator

N, LATENT, P = 7, 4, 5
KEY = jax.random.key(0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def drawn(net, *inputs):
    """Variables of the shapes that `init` gives, all of deviation 1."""
    rng = np.random.default_rng(1)
    inputs = map(jnp.asarray, inputs)
    variables = jax.eval_shape(partial(net.init, train=True), KEY, *inputs)
    return jax.tree.map(lambda leaf: jnp.float32(rng.standard_normal(leaf.shape)), variables)


def applied(net, variables, *inputs):
    return net.apply(variables, *map(jnp.asarray, inputs), train=True)


def exact(variables):
    return {name: np.float64(value) for name, value in variables["params"].items()}


@pytest.mark.parametrize("covariance", ["none", "diagonal", "full"])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_linear_regression(covariance, bias):
    net = LinearGenerator((3,), "concat", covariance, bias=bias)
    z, x = normal(N, LATENT), normal(N, P, seed=2)
    variables = drawn(net, z, x)
    params = exact(variables)
    shapes = {"none": {}, "diagonal": {"factor": (3,)}, "full": {"factor": (LATENT, 3)}}[covariance]
    shapes |= {"beta": (P, 3)} | ({"bias": (3,)} if bias else {})
    assert {name: value.shape for name, value in params.items()} == shapes
    factors = {
        "none": np.zeros((LATENT, 3)),
        "diagonal": np.eye(LATENT, 3) * params.get("factor", 0),
        "full": params.get("factor"),
    }
    expected = x @ params["beta"] + params.get("bias", 0) + z @ factors[covariance]
    y = applied(net, variables, z, x)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_samples_have_the_shape_of_the_data_and_take_labels():
    net = LinearGenerator((2, 3), "concat", num_classes=4)
    z, labels = normal(N, LATENT), np.arange(N) % 4
    variables = drawn(net, z, labels)
    params = exact(variables)
    expected = params["beta"][labels] + params["bias"] + z @ params["factor"]
    y = applied(net, variables, z, labels)
    np.testing.assert_allclose(y, expected.reshape(N, 2, 3), atol=1e-5)
    half = LinearGenerator((3,), dtype="bfloat16")
    assert applied(half, drawn(half, z), z).dtype == jnp.float32


def test_each_part_has_variance_one_at_first():
    z, x = normal(4000, 64), normal(4000, 50, seed=2)
    for net in (LinearGenerator((40,)), LinearGenerator((40,), "concat", "none")):
        y, _ = net.init_with_output(KEY, jnp.asarray(z), jnp.asarray(x), train=True)
        assert abs(np.mean(y)) < 0.02
        np.testing.assert_allclose(np.var(y), 1, atol=0.1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"covariance": "ful"}, r"unknown covariance 'ful'; did you mean 'full'\?"),
        ({"covariance": "none"}, "conditioning and covariance are both 'none'"),
        ({"covariance": "diagonal"}, "4 latents for 5 values; set latent.dim to 5 or more"),
        ({"conditioning": "concat"}, "got no condition"),
    ],
)
def test_what_it_cannot_be_is_said(fields, message):
    with pytest.raises(ConfigError, match=message):
        LinearGenerator((5,), **fields).init(KEY, jnp.asarray(normal(N, LATENT)), train=True)


def test_the_discriminator_is_a_quadratic_function():
    net, x, c = QuadraticDiscriminator(2, "concat"), normal(N, 3), normal(N, 1, seed=2)
    variables = drawn(net, x, c)
    layer = {k: np.float64(v) for k, v in variables["params"]["Dense_0"].items()}
    both = np.float64(np.concatenate([x, c], axis=1))
    outputs = applied(net, variables, x, c)
    for k in range(2):
        linear, products = np.split(layer["kernel"][:, k], [4])
        a = np.zeros((4, 4))
        a[np.triu_indices(4)] = products
        a = np.diag(np.diag(a)) + (a - np.diag(np.diag(a))) / np.sqrt(2)
        a = (a + a.T) - np.diag(np.diag(a))
        expected = np.einsum("ni,ij,nj->n", both, a, both) + both @ linear + layer["bias"][k]
        np.testing.assert_allclose(outputs.logits[:, k], expected, atol=1e-4)
        norm = np.sum(a**2) + np.sum(linear**2)
        np.testing.assert_allclose(norm, np.sum(layer["kernel"][:, k] ** 2))
    assert outputs.features.shape == (N, 4 + 10)


def test_it_can_tell_two_gaussians_as_well_as_can_be():
    """The log ratio of scipy's densities is in the span of the features."""
    x = np.random.default_rng(0).standard_normal((300, 3))
    covariance = np.diag([2.0, 0.5, 1.0]) + 0.3
    ratio = multivariate_normal.logpdf(x, np.ones(3), covariance) - multivariate_normal.logpdf(
        x, np.zeros(3), np.eye(3)
    )
    net = QuadraticDiscriminator()
    outputs, _ = net.init_with_output(KEY, jnp.float32(x), train=True)
    np.testing.assert_array_equal(outputs.logits, 0)
    features = np.c_[np.float64(outputs.features), np.ones(300)]
    coefficients = np.linalg.lstsq(features, ratio, rcond=None)[0]
    np.testing.assert_allclose(features @ coefficients, ratio, atol=1e-4)
