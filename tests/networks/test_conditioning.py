"""Conditional networks against NumPy float64, and against plain ones of a joined input."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from execution import on_eight_devices, on_one_device

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.networks import (
    ConditionalBatchNorm,
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    code_of,
    join,
)

N, LATENT, SIDE, CLASSES = 16, 5, 12, 3
LABELS = jnp.arange(N) * 7 % CLASSES
GENERATORS = {
    "mlp": MLPGenerator((SIDE, SIDE, 1), (8, 6), norm="batch"),
    "dcgan": DCGANGenerator((SIDE, SIDE, 1), width=4),
}
DISCRIMINATORS = {"mlp": MLPDiscriminator((8, 6)), "dcgan": DCGANDiscriminator(width=4)}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


CONDITIONS = {"labels": LABELS, "code": normal(N, 2, seed=2)}
# The other two pairs are slow.
BOTH = [
    pytest.param(
        kind, name, marks=pytest.mark.slow if (kind == "code") != (name == "dcgan") else ()
    )
    for kind in CONDITIONS
    for name in ("mlp", "dcgan")
]
Z, X = normal(N, LATENT), normal(N, SIDE, SIDE, 1, seed=1)


def one_hot(condition):
    return np.eye(CLASSES, dtype=np.float32)[condition] if condition.ndim == 1 else condition


def variables_of(net, *inputs):
    """Variables of the shapes that `init` gives, all of deviation .2; positive variances."""
    rng = np.random.default_rng(3)
    shapes = jax.eval_shape(partial(net.init, train=True), jax.random.key(0), *inputs)
    return jax.tree.map(lambda leaf: jnp.float32(0.2 * rng.standard_normal(leaf.shape)), shapes)


def apply(net, variables, *inputs):
    return net.apply(variables, *inputs, train=True, mutable=["batch_stats"])[0]


@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_concat_joins_the_condition_to_z(name, kind):
    condition = CONDITIONS[kind]
    plain = GENERATORS[name]
    net = plain.clone(conditioning="concat", num_classes=CLASSES)
    variables = variables_of(net, Z, condition)
    joined = jnp.concatenate([Z, one_hot(condition)], axis=1)
    expected = apply(plain, variables, joined)
    np.testing.assert_array_equal(apply(net, variables, Z, condition), expected)


@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_concat_joins_the_condition_to_the_samples(name, kind):
    """To an image as constant maps, one a number of the code."""
    condition = CONDITIONS[kind]
    plain = DISCRIMINATORS[name]
    net = plain.clone(conditioning="concat", num_classes=CLASSES)
    variables = variables_of(net, X, condition)
    code = one_hot(condition)
    if name == "mlp":
        joined = np.concatenate([X.reshape(N, -1), code], axis=1)
    else:
        joined = np.zeros((N, SIDE, SIDE, 1 + code.shape[1]), np.float32)
        joined[..., :1] = X
        joined[..., 1:] += np.asarray(code)[:, None, None, :]
    expected = apply(plain, variables, jnp.asarray(joined))
    np.testing.assert_array_equal(apply(net, variables, X, condition).logits, expected.logits)


def test_an_image_as_condition_is_joined_as_channels_or_flattened():
    image = normal(N, SIDE, SIDE, 2, seed=5)
    np.testing.assert_array_equal(join(X, image), np.concatenate([X, image], axis=-1))
    flat = np.concatenate([Z, image.reshape(N, -1)], axis=-1)
    np.testing.assert_array_equal(join(Z, image), flat)
    with pytest.raises(ConfigError, match=r"shape \(16, 6, 6, 2\) beside.*\(16, 12, 12, 1\)"):
        join(X, image[:, ::2, ::2])


def test_an_image_can_be_the_input_of_a_dense_generator():
    net = GENERATORS["mlp"]
    variables = variables_of(net, X)
    flat = apply(net, variables, X.reshape(N, -1))
    assert flat.shape == (N, SIDE, SIDE, 1)
    np.testing.assert_array_equal(apply(net, variables, X), flat)


@pytest.mark.parametrize("num_outputs", [1, 2])
@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_projection_adds_v_times_features(name, kind, num_outputs):
    """Miyato and Koyama 2018: y^T V phi(x) + psi(phi(x)), in float64."""
    condition = CONDITIONS[kind]
    plain = DISCRIMINATORS[name].clone(num_outputs=num_outputs)
    net = plain.clone(conditioning="projection", num_classes=CLASSES)
    variables = variables_of(net, X, condition)
    outputs, without = apply(net, variables, X, condition), apply(plain, variables, X)
    matrix = np.float64(variables["params"]["projection"]["kernel"])
    features, code = np.float64(outputs.features), np.float64(one_hot(condition))
    expected = np.float64(without.logits)
    for i in range(N):
        expected[i] += sum(code[i, k] * (matrix[:, k] @ features[i]) for k in range(code.shape[1]))
    np.testing.assert_allclose(outputs.logits, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", CONDITIONS)
@pytest.mark.parametrize("shape", [(N, 4), (N, 3, 2, 4)])
def test_conditional_batch_norm_has_a_gain_and_an_offset_for_each_condition(shape, kind):
    """Sums over samples in float64; with running statistics in evaluation."""
    condition, x = CONDITIONS[kind], 3 + 2 * normal(*shape, seed=6)
    code, net = jnp.asarray(one_hot(condition)), ConditionalBatchNorm()
    variables = variables_of(net, x, code)
    variables["batch_stats"]["BatchNorm_0"]["var"] = jnp.full(4, 2.0)
    a, b = (np.float64(variables["params"][name]["kernel"]) for name in ("gain", "offset"))
    gain, offset = (np.float64(code) @ matrix for matrix in (a, b))
    axes = tuple(range(len(shape) - 1))
    x64, spread = np.float64(x), (N, *(1,) * (len(shape) - 2), 4)

    def expected(mean, var):
        standardised = (x64 - mean) / np.sqrt(var + 1e-5)
        return standardised * (1 + gain.reshape(spread)) + offset.reshape(spread)

    out, updated = net.apply(variables, x, code, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(out, expected(x64.mean(axes), x64.var(axes)), atol=2e-5)
    stats = variables["batch_stats"]["BatchNorm_0"]
    later = net.apply(variables, x, code, train=False)
    np.testing.assert_allclose(later, expected(np.float64(stats["mean"]), 2.0), atol=2e-5)
    moved = 0.9 * np.float64(stats["mean"]) + 0.1 * x64.mean(axes)
    np.testing.assert_allclose(updated["batch_stats"]["BatchNorm_0"]["mean"], moved, atol=1e-5)


def test_conditional_batch_norm_starts_without_a_condition(key):
    code = jnp.asarray(one_hot(LABELS))
    out, variables = ConditionalBatchNorm().init_with_output(key, Z, code, train=True)
    assert jax.tree.map(jnp.shape, variables["params"]) == {
        "gain": {"kernel": (CLASSES, LATENT)},
        "offset": {"kernel": (CLASSES, LATENT)},
    }
    z = np.float64(Z)
    np.testing.assert_allclose(out, (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5), atol=1e-5)


@pytest.mark.parametrize("name", GENERATORS)
def test_conditional_batch_norm_makes_classes_differ(name):
    """One z for all, so that only its class tells a sample from others."""
    net = GENERATORS[name].clone(conditioning="batch_norm", num_classes=CLASSES)
    z = Z.at[1:].set(Z[0])
    variables = variables_of(net, z, LABELS)
    for norm in variables["batch_stats"].values():
        # Positive activations, which ReLU lets through.
        norm["BatchNorm_0"] = {key: v * 0 + 1 for key, v in norm["BatchNorm_0"].items()}
        norm["BatchNorm_0"]["mean"] -= 3
    out = net.apply(variables, z, LABELS, train=False)
    same = np.asarray(LABELS)[:, None] == np.asarray(LABELS)
    distance = jnp.abs(out[:, None] - out[None]).max((2, 3, 4))
    assert jnp.all(distance[same] < 1e-5) and jnp.all(distance[~same] > 1e-3)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_auxiliary_class_logits_are_a_further_layer_on_the_features(name):
    plain = DISCRIMINATORS[name]
    net = plain.clone(auxiliary=True, num_classes=CLASSES)
    variables = variables_of(net, X)
    outputs = apply(net, variables, X)
    layer = jax.tree.map(np.float64, variables["params"]["classes"])
    expected = np.float64(outputs.features) @ layer["kernel"] + layer["bias"]
    np.testing.assert_allclose(outputs.class_logits, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(outputs.logits, apply(plain, variables, X).logits)
    assert apply(plain, variables, X).class_logits is None
    shapes = jax.eval_shape(
        partial(net.clone(num_auxiliary=7).init_with_output, train=True), jax.random.key(0), X
    )
    assert shapes[0].class_logits.shape == (N, 7)


@pytest.mark.parametrize(
    ("net", "condition", "message"),
    [
        (MLPGenerator((2,), conditioning="concat"), None, "'concat' and the network got no cond"),
        (MLPDiscriminator(conditioning="projection"), None, "got no condition; call it with label"),
        (MLPDiscriminator(conditioning="projection"), LABELS, "num_classes unset; set num_classes"),
        (MLPGenerator((2,), conditioning="concat"), LABELS, "'concat' on labels with num_classes"),
        (MLPGenerator((2,), conditioning="projection"), LABELS, "unknown conditioning 'projection"),
        (MLPDiscriminator(conditioning="batch_norm"), LABELS, "unknown conditioning 'batch_norm'"),
        (MLPDiscriminator(conditioning="projetion"), LABELS, "did you mean 'projection'"),
        (
            MLPGenerator((2,), conditioning="batch_norm", num_classes=3),
            LABELS,
            "conditioning is 'batch_norm' and norm is 'none'; set norm to 'batch'",
        ),
        (MLPDiscriminator(conditioning="concat", num_classes=3), LABELS == 1, "type bool and shap"),
        (MLPDiscriminator(auxiliary=True), None, "auxiliary is True with num_classes and num_aux"),
    ],
)
def test_what_a_condition_lacks_is_said(key, net, condition, message):
    with pytest.raises(ConfigError, match=message):
        net.init(key, Z, condition, train=True)


def test_codes_of_numpy_labels_and_of_no_conditioning():
    options = {"num_classes": CLASSES, "allowed": ("none", "concat")}
    code = code_of(np.array([2, 0]), "concat", **options)
    np.testing.assert_array_equal(code, [[0, 0, 1], [1, 0, 0]])
    assert code_of(np.array([2, 0]), "none", **options) is None


@pytest.mark.parametrize("mode", [pytest.param("pmap", marks=pytest.mark.slow), "shard_map"])
def test_conditional_players_are_the_same_on_one_device_and_on_eight(mode):
    """Values and gradients; every parameter of both players moves the loss."""
    options = {"num_classes": CLASSES}
    generator = GENERATORS["dcgan"].clone(conditioning="batch_norm", **options)
    judge = DISCRIMINATORS["dcgan"].clone(conditioning="projection", auxiliary=True, **options)
    fixed = [variables_of(generator, Z, LABELS), variables_of(judge, X, LABELS)]

    def function(params, z, labels, *, axis_name):
        def loss(params):
            states = [{**v, "params": p} for v, p in zip(fixed, params, strict=True)]
            fake = apply(generator.clone(axis_name=axis_name), states[0], z, labels)
            outputs = apply(judge.clone(axis_name=axis_name), states[1], fake, labels)
            return jnp.mean(outputs.logits**2) + jnp.mean(outputs.class_logits**2)

        return collectives.mean(jax.value_and_grad(loss)(params), axis_name)

    params = [v["params"] for v in fixed]
    expected = on_one_device(function, params, Z, LABELS)
    ours = on_eight_devices(mode, function, params, Z, LABELS)
    scale = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=0, atol=1e-5 * scale), ours, expected)
    assert all(np.abs(leaf).max() > 1e-5 * scale for leaf in jax.tree.leaves(expected))
