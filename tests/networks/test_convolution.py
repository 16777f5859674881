"""Against the definitions in NumPy float64, lax's own derivatives, and central differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.test_util import check_grads

from jaxgan.errors import ConfigError
from jaxgan.networks import Conv, convolution
from jaxgan.networks.convolution import canonical_conv, canonical_conv_transpose

N, IN, OUT = 3, 2, 5
DIMENSIONS = ("NHWC", "HWIO", "NHWC")
GEOMETRIES = [(stride, k, (14, 7)) for stride in (1, 2) for k in (3, 4, 5)]
GEOMETRIES += [(1, 4, (7, 8)), (2, 4, (7, 8)), (1, 1, (7, 8))]
# Derivatives: an odd kernel with each stride, and an even one with the stride that networks have.
# A kernel of one pixel is a product of matrices.
FAST = [(1, 3, (14, 7)), (2, 3, (14, 7)), (2, 4, (7, 8)), (1, 1, (7, 8))]


def lax_conv(x, w, *, stride=1, padding="SAME"):
    strides = np.broadcast_to(stride, 2).tolist()
    return lax.conv_general_dilated(x, w, strides, padding, dimension_numbers=DIMENSIONS)


def lax_conv_transpose(x, w, *, stride=1, padding="SAME"):
    strides = np.broadcast_to(stride, 2).tolist()
    return lax.conv_transpose(x, w, strides, padding, dimension_numbers=DIMENSIONS)


OPERATIONS = pytest.mark.parametrize(
    "ours, theirs",
    [(canonical_conv, lax_conv), (canonical_conv_transpose, lax_conv_transpose)],
    ids=["conv", "conv_transpose"],
)


def operands(k=4, sides=(8, 7), dtype=jnp.float32, batch=()):
    """Inputs and a kernel, drawn by NumPy because XLA compiles jax.random.normal for long."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((*batch, N, *sides, IN))
    w = rng.standard_normal((*batch, k, k, IN, OUT))
    return jnp.asarray(x, dtype), jnp.asarray(w, dtype)


def correlate(x, w):
    """sum over a, b, i of x[n, h + a, w + b, i] w[a, b, i, o], without padding."""
    (kh, kw), (h, width) = w.shape[:2], x.shape[1:3]
    out = np.empty((x.shape[0], h - kh + 1, width - kw + 1, w.shape[3]))
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            window = x[:, row : row + kh, column : column + kw, :]
            out[:, row, column, :] = np.einsum("nabi,abio->no", window, w)
    return out


def defined_conv(x, w, stride, padding):
    """Pad so that ceil(h / stride) windows fit, the odd row last; take every stride-th window."""
    if padding == "SAME":
        total = [max((-(-h // stride) - 1) * stride + w.shape[0] - h, 0) for h in x.shape[1:3]]
        x = np.pad(x, [(0, 0), *[(t // 2, t - t // 2) for t in total], (0, 0)])
    return correlate(x, w)[:, ::stride, ::stride, :]


def defined_conv_transpose(x, w, stride, padding):
    """Spread the inputs stride apart, correlate with every overlap, crop to h * stride for SAME."""
    n, h, width, channels = x.shape
    k = w.shape[0]
    spread = np.zeros((n, (h - 1) * stride + 1, (width - 1) * stride + 1, channels))
    spread[:, ::stride, ::stride, :] = x
    out = correlate(np.pad(spread, [(0, 0), (k - 1, k - 1), (k - 1, k - 1), (0, 0)]), w)
    low = (k - stride) // 2 if padding == "SAME" else 0
    sides = (h * stride, width * stride) if padding == "SAME" else out.shape[1:3]
    return out[:, low : low + sides[0], low : low + sides[1], :]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride, k, sides", GEOMETRIES)
def test_values_are_those_of_the_definitions(stride, k, sides, padding):
    x, w = operands(k, sides)
    both = jax.jit(
        lambda x, w: [
            f(x, w, stride=stride, padding=padding)
            for f in (canonical_conv, canonical_conv_transpose)
        ]
    )
    x64, w64 = np.float64(x), np.float64(w)
    ours, ours_transposed = both(x, w)
    np.testing.assert_allclose(ours, defined_conv(x64, w64, stride, padding), atol=1e-4)
    expected = defined_conv_transpose(x64, w64, stride, padding)
    np.testing.assert_allclose(ours_transposed, expected, atol=1e-4)


@OPERATIONS
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride, k", [(3, 2), pytest.param(3, 4, marks=pytest.mark.slow)])
def test_kernels_shorter_than_the_stride_and_strides_of_three(ours, theirs, stride, k, padding):
    x, w = operands(k)
    assert_same_derivatives(
        lambda x, w: ours(x, w, stride=stride, padding=padding),
        lambda x, w: theirs(x, w, stride=stride, padding=padding),
        x,
        w,
    )


def derivatives(f, x, w):
    """The value, both gradients of a loss of it, and both gradients of those gradients' norm."""

    def loss(x, w):
        return jnp.sum(jnp.sin(f(x, w)))

    def penalty(x, w):
        return sum(jnp.sum(g**2) for g in jax.grad(loss, (0, 1))(x, w))

    return f(x, w), jax.grad(loss, (0, 1))(x, w), jax.grad(penalty, (0, 1))(x, w)


def assert_same(ours, theirs, tolerance=1e-5):
    """Equal up to the tolerance on the scale of each array."""

    def check(ours, theirs):
        assert ours.dtype == theirs.dtype
        ours, theirs = np.float64(ours), np.float64(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())

    jax.tree.map(check, ours, theirs)


def assert_same_derivatives(ours, theirs, x, w, tolerance=1e-5):
    both = jax.jit(lambda x, w: (derivatives(ours, x, w), derivatives(theirs, x, w)))
    assert_same(*both(x, w), tolerance)


@OPERATIONS
@pytest.mark.parametrize(
    "stride, k, sides",
    [pytest.param(*g, marks=() if g in FAST else pytest.mark.slow) for g in GEOMETRIES],
)
def test_first_and_second_derivatives_are_those_of_lax(ours, theirs, stride, k, sides):
    x, w = operands(k, sides)
    assert_same_derivatives(
        lambda x, w: ours(x, w, stride=stride), lambda x, w: theirs(x, w, stride=stride), x, w
    )


@OPERATIONS
@pytest.mark.parametrize(
    "stride, k, side",
    [
        (4, 25, 16),
        *(
            pytest.param(*geometry, marks=pytest.mark.slow)
            for geometry in [(4, 25, 64), (4, 16, 5), (1, 3, 7)]
        ),
    ],
)
def test_along_one_axis(ours, theirs, stride, k, side):
    """Images of one row, and kernels that are longer than what they slide over."""
    x, w = operands(k, (1, side))
    w, strides = w[:1], (1, stride)
    assert_same_derivatives(
        lambda x, w: ours(x, w, stride=strides), lambda x, w: theirs(x, w, stride=strides), x, w
    )


@OPERATIONS
def test_each_axis_has_its_own_stride(ours, theirs):
    x, w = operands(3, (9, 8))
    assert_same_derivatives(
        lambda x, w: ours(x, w, stride=(3, 2)), lambda x, w: theirs(x, w, stride=(3, 2)), x, w
    )


GROUPS, PER_GROUP = 3, 2


def grouped(f, **options):
    return lambda x, w: f(x, w, groups=GROUPS, **options)


def lax_grouped(x, w, *, groups, stride=1):
    return lax.conv_general_dilated(
        x, w, (stride, stride), "SAME", dimension_numbers=DIMENSIONS, feature_group_count=groups
    )


def grouped_operands(batch=()):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((*batch, N, 6, 7, GROUPS * PER_GROUP))
    w = rng.standard_normal((*batch, 3, 3, PER_GROUP, GROUPS * 4))
    return jnp.float32(x), jnp.float32(w)


@pytest.mark.parametrize("stride", [1, 2])
def test_groups_and_their_derivatives_are_those_of_lax(stride):
    ours, theirs = grouped(canonical_conv, stride=stride), grouped(lax_grouped, stride=stride)
    assert_same_derivatives(ours, theirs, *grouped_operands())


@pytest.mark.slow
def test_groups_under_vmap_of_training():
    x, w = grouped_operands(batch=(2,))

    def trained(f):
        return jax.vmap(lambda w: descent(lambda x, w, stride: f(x, w), x[0], w))

    assert_same(
        *jax.jit(lambda w: (trained(grouped(canonical_conv))(w), trained(grouped(lax_grouped))(w)))(
            w
        ),
        1e-4,
    )


def test_each_group_sees_its_own_inputs():
    x, w = grouped_operands()
    out = convolution.conv(x, w, groups=GROUPS)
    for group in range(GROUPS):
        of_x, of_w = (slice(size * group, size * (group + 1)) for size in (PER_GROUP, 4))
        expected = defined_conv(np.float64(x[..., of_x]), np.float64(w[..., of_w]), 1, "SAME")
        np.testing.assert_allclose(out[..., of_w], expected, atol=1e-4)


def test_groups_must_divide_the_channels(key):
    with pytest.raises(ConfigError, match="4 to 6 channels in 3 groups; their number must divide"):
        Conv(6, kernel_size=3, groups=3).init(key, jnp.ones((1, 5, 5, 4)))


@OPERATIONS
def test_bfloat16_is_as_close_as_its_seven_bits(ours, theirs):
    x, w = operands(dtype=jnp.bfloat16)
    assert_same_derivatives(
        lambda x, w: ours(x, w, stride=2), lambda x, w: theirs(x, w, stride=2), x, w, 2**-7
    )


@OPERATIONS
@pytest.mark.slow
def test_third_derivatives_are_those_of_central_differences(ours, theirs):
    del theirs
    with jax.enable_x64(True):
        x, w = operands(3, (3, 2), jnp.float64)
        second = jax.jit(lambda x, w: derivatives(lambda x, w: ours(x, w, stride=2), x, w)[2])
        check_grads(second, (x, w), order=1, modes=["rev"], atol=1e-5, rtol=1e-5)


@OPERATIONS
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)], ids=str)
@pytest.mark.slow
def test_vmap_of_derivatives_and_derivatives_of_vmap(ours, theirs, axes):
    x, w = operands(batch=(2,))
    x, w = (a if axis == 0 else a[0] for a, axis in zip((x, w), axes, strict=True))

    def mixed(f):
        """The value, the gradients of a vmap, and those of a penalty on the vmap of gradients."""

        def loss(x, w):
            return jnp.sum(jnp.sin(f(x, w, stride=2)))

        def penalty(x, w):
            slopes = jax.vmap(jax.grad(loss, (0, 1)), axes)(x, w)
            return sum(jnp.sum(slope**2) for slope in slopes)

        def total(x, w):
            return jax.vmap(loss, axes)(x, w).sum() + penalty(x, w)

        return lambda x, w: (jax.vmap(loss, axes)(x, w), jax.grad(total, (0, 1))(x, w))

    assert_same(*jax.jit(lambda x, w: (mixed(ours)(x, w), mixed(theirs)(x, w)))(x, w))


@OPERATIONS
def test_nested_vmap_over_inputs_and_weights(ours, theirs):
    x, w = operands(batch=(2, 4))[0], operands(batch=(2,))[1]

    def nested(f):
        inner = jax.vmap(lambda x, w: f(x, w, stride=2), (0, None))
        return jax.grad(lambda x, w: jnp.sum(jnp.sin(jax.vmap(inner)(x, w))), (0, 1))

    assert_same(*jax.jit(lambda x, w: (nested(ours)(x, w), nested(theirs)(x, w)))(x, w))


def descent(f, x, w, steps=3):
    """Gradient descent on a loss and its gradient penalty in one scan: what training does."""

    def loss(w):
        def energy(x):
            return jnp.sum(jnp.sin(f(x, w, stride=2)))

        value, slope = jax.value_and_grad(energy)(x)
        return value + jnp.sum(slope**2)

    def step(w, _):
        return w - 1e-3 * jax.grad(loss)(w), loss(w)

    return lax.scan(step, w, None, length=steps)


@OPERATIONS
def test_vmapped_scanned_training_and_its_gradient(ours, theirs):
    x, w = operands(batch=(2,))

    def unrolled(f):
        """A gradient through training, of a population that shares its data."""
        trained = jax.vmap(lambda w: descent(f, x[0], w))
        return lambda w: (trained(w), jax.grad(lambda w: trained(w)[1].sum())(w))

    assert_same(*jax.jit(lambda w: (unrolled(ours)(w), unrolled(theirs)(w)))(w), 1e-4)


@OPERATIONS
@pytest.mark.parametrize("check_vma", [False, True])
def test_gradients_over_devices_are_those_of_one(ours, theirs, check_vma):
    devices = 4
    x, w = operands(batch=(devices,))

    def gradients(x, w):
        w = lax.pcast(w, "devices", to="varying") if check_vma else w
        grads = jax.grad(lambda x, w: jnp.sum(jnp.sin(ours(x[0], w, stride=2))), (0, 1))(x, w)
        return grads[0], lax.psum(grads[1], "devices")

    mesh = jax.make_mesh((devices,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
    spec, whole = jax.P("devices"), jax.P()
    mapped = jax.shard_map(
        gradients, mesh=mesh, in_specs=(spec, whole), out_specs=(spec, whole), check_vma=check_vma
    )
    flat = x.reshape(-1, *x.shape[2:])
    expected = jax.grad(lambda x, w: jnp.sum(jnp.sin(theirs(x, w, stride=2))), (0, 1))(flat, w[0])
    assert_same(jax.jit(mapped)(x, w[0]), (expected[0].reshape(x.shape), expected[1]))


@OPERATIONS
def test_pmap(ours, theirs):
    x, w = operands(batch=(4,))
    w = w[0]

    def gradients(f):
        return jax.grad(lambda w, x: jnp.sum(jnp.sin(f(x, w, stride=2))))

    summed = jax.pmap(
        lambda w, x: lax.psum(gradients(ours)(w, x), "devices"),
        axis_name="devices",
        in_axes=(None, 0),
        out_axes=None,
    )
    assert_same(summed(w, x), gradients(theirs)(w, x.reshape(-1, *x.shape[2:])))


def convolutions(jaxpr):
    """The parameters of every convolution of a jaxpr, inner jaxprs too."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            yield equation.params
        for inner in jaxprs_in_params(equation.params):
            yield from convolutions(inner)


@pytest.mark.parametrize(
    "ours, theirs, operands",
    [
        (canonical_conv, lax_conv, operands),
        (canonical_conv_transpose, lax_conv_transpose, operands),
        (
            partial(canonical_conv, groups=GROUPS),
            partial(lax_grouped, groups=GROUPS),
            grouped_operands,
        ),
    ],
    ids=["conv", "conv_transpose", "groups"],
)
def test_only_plain_convolutions_are_left_to_xla(ours, theirs, operands):
    """Other dimension orders and groups are what XLA:CPU is slow at."""
    x, w = operands(batch=(2,))

    def left(f):
        train = jax.make_jaxpr(jax.vmap(lambda x, w: descent(f, x, w)))
        return list(convolutions(train(x, w).jaxpr))

    def plain(params):
        return (
            params["dimension_numbers"] == ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))
            and params["feature_group_count"] == params["batch_group_count"] == 1
        )

    assert all(plain(params) for params in left(ours)) and left(ours)
    assert not all(plain(params) for params in left(theirs))


@pytest.mark.parametrize(
    "name, theirs", [("conv", lax_conv), ("conv_transpose", lax_conv_transpose)]
)
def test_the_plain_form_on_cpu_and_lax_elsewhere(monkeypatch, name, theirs):
    x, w = operands()

    def traced(operation):
        return str(jax.make_jaxpr(lambda x, w: operation(x, w, stride=2))(x, w))

    operation = getattr(convolution, name)
    assert "custom_vjp" in traced(operation)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert traced(operation) == traced(theirs)


@pytest.mark.parametrize("k", (1, 3))
def test_large_images_without_padding_match_lax_in_value_and_gradients(k):
    """They get a column more, which is cut off."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((2, 32, 34, 32)), jnp.float32)
    w = jnp.asarray(rng.standard_normal((k, k, 32, 4)), jnp.float32)

    def value_and_gradients(operation):
        def total(x, w):
            out = operation(x, w, padding="VALID")
            return jnp.sum(jnp.sin(out)), out

        return jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))(x, w)

    ours, theirs = map(value_and_gradients, (canonical_conv, lax_conv))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("n", (17, 64, 70, 129))
@OPERATIONS
def test_large_batches_match_lax_in_value_and_gradients(ours, theirs, n):
    """They are split into chunks, which are filled up where the batch is no multiple of them."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((n, 5, 4, IN)), jnp.float32)
    w = jnp.asarray(rng.standard_normal((3, 3, IN, OUT)), jnp.float32)

    def value_and_gradients(operation):
        def total(x, w):
            return jnp.sum(jnp.sin(operation(x, w, stride=2)))

        return jax.jit(jax.value_and_grad(total, (0, 1)))(x, w)

    for a, b in zip(*map(jax.tree.leaves, map(value_and_gradients, (ours, theirs))), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=3e-6 * np.abs(b).max())
