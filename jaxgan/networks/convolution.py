"""2-D convolutions, NHWC by HWIO, whose derivatives of every order stay fast on XLA:CPU.

With s the stride and p the padding before an axis, everything here is a gradient of one trilinear
form of an image x, a kernel w and an output y:

    T(x, w, y) = sum over n, o, a, i, j of x[n, s o + a - p, i] w[a, i, j] y[n, o, j]

dT/dy is the convolution of x, dT/dx the transposed convolution of y, dT/dw the weight gradient. The
derivative of each is made of the other two, so reverse mode never leaves the family.

XLA:CPU is fast for convolutions in plain NHWC, HWIO form, and 6 to 30 times slower for what lax
makes instead: the weight gradient of a strided transposed convolution, every gradient inside a
loop, and grouped convolutions, among them those that `vmap` makes of batched kernels. So there the
family is written out in the plain form and has its own rules for reverse mode (forward mode is
given up) and for `vmap`; a convolution in groups is the `vmap` of one over them. Other backends get
lax's convolutions.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Padding = Literal["SAME", "VALID"]
Pads = tuple[tuple[int, int], tuple[int, int]]
Strides = tuple[int, int]
Role = Literal["x", "w", "y"]
Operands = dict[str, Array]

DIMENSIONS = ("NHWC", "HWIO", "NHWC")

# Samples in a convolution, at most: of larger batches XLA:CPU takes up to twice as long for each
# sample. Of a weight gradient they are the channels that are summed over.
CHUNKS = {"x": 64, "w": 16, "y": 64}

NO_PADS: Pads = ((0, 0), (0, 0))

# Sides and channels from which XLA:CPU takes 1.1 to 4 times as long where nothing is padded: one
# column more costs less.
LARGE = 32

# For each role that is computed: the axis of each operand that a batch can be folded into, and the
# axis of the result that it comes out in.
_FREE_AXES: dict[str, dict[str, tuple[int, int]]] = {
    "y": {"x": (0, 0), "w": (3, 3)},
    "x": {"y": (0, 0), "w": (2, 3)},
    "w": {"x": (3, 2), "y": (3, 3)},
}


def conv(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw inputs o"],
    *,
    stride: int | Strides = 1,
    padding: Padding = "SAME",
    groups: int = 1,
) -> Float[Array, "n h_out w_out o"]:
    """The convolution (cross-correlation) of `lax.conv_general_dilated`.

    SAME pads to sides of ceil(h / stride), VALID does not pad; the stride is one for both axes, or
    one for each. With groups, equal runs of consecutive channels, each group of outputs sees the
    group of `inputs` = i / groups inputs of its own place.
    """
    if jax.default_backend() != "cpu":
        return lax.conv_general_dilated(
            x,
            kernel,
            _strides(stride),
            padding,
            dimension_numbers=DIMENSIONS,
            feature_group_count=groups,
        )
    return canonical_conv(x, kernel, stride=stride, padding=padding, groups=groups)


def conv_transpose(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw i o"],
    *,
    stride: int | Strides = 1,
    padding: Padding = "SAME",
) -> Float[Array, "n h_out w_out o"]:
    """The transposed convolution of `lax.conv_transpose`, the adjoint of a strided convolution.

    SAME makes sides of h * stride, VALID of h * stride + max(k - stride, 0).
    """
    if jax.default_backend() != "cpu":
        return lax.conv_transpose(
            x, kernel, _strides(stride), padding, dimension_numbers=DIMENSIONS
        )
    return canonical_conv_transpose(x, kernel, stride=stride, padding=padding)


def canonical_conv(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw inputs o"],
    *,
    stride: int | Strides = 1,
    padding: Padding = "SAME",
    groups: int = 1,
) -> Float[Array, "n h_out w_out o"]:
    """`conv` in the form that XLA:CPU is fast at; reverse mode only."""
    if groups > 1:
        of_group = partial(canonical_conv, stride=stride, padding=padding)
        x, kernel = (a.reshape(*a.shape[:-1], groups, -1) for a in (x, kernel))
        y = jax.vmap(of_group, in_axes=3, out_axes=3)(x, kernel)
        return y.reshape(*y.shape[:3], -1)
    strides = _strides(stride)
    pads = _pads(x.shape[1:3], kernel.shape[:2], strides, padding)
    return _contract("y", strides, pads, {"x": x, "w": kernel})


def canonical_conv_transpose(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "kh kw i o"],
    *,
    stride: int | Strides = 1,
    padding: Padding = "SAME",
) -> Float[Array, "n h_out w_out o"]:
    """`conv_transpose` in the form that XLA:CPU is fast at; reverse mode only."""
    strides, k = _strides(stride), kernel.shape[:2]
    extra = [0 if padding == "SAME" else max(a - s, 0) for a, s in zip(k, strides, strict=True)]
    grown = tuple(a * s + e for a, s, e in zip(x.shape[1:3], strides, extra, strict=True))
    pads = _pads(grown, k, strides, padding)
    return _contract("x", strides, pads, {"y": x, "w": _adjoint(kernel)})


def _strides(stride: int | Strides) -> Strides:
    return (stride, stride) if isinstance(stride, int) else stride


def _pads(sides: tuple[int, ...], k: tuple[int, ...], strides: Strides, padding: Padding) -> Pads:
    """The padding of each axis that the outputs use to the last row: negative where they crop."""

    def pads(side: int, k: int, stride: int) -> tuple[int, int]:
        if padding == "SAME":
            out = -(-side // stride)
            low = max((out - 1) * stride + k - side, 0) // 2
        else:
            out = (side - k) // stride + 1
            low = 0
        return low, (out - 1) * stride + k - side - low

    return pads(sides[0], k[0], strides[0]), pads(sides[1], k[1], strides[1])


def _adjoint(w: Array) -> Array:
    """The kernel turned by 180 degrees, inputs and outputs swapped."""
    return w[::-1, ::-1].swapaxes(2, 3)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _contract(role: Role, strides: Strides, pads: Pads, operands: Operands) -> Array:
    """dT/d(role), given the other two operands of the trilinear form."""
    return _mapped(role, strides, pads)(operands)


def _contract_fwd(
    role: Role, strides: Strides, pads: Pads, operands: Operands
) -> tuple[Array, Operands]:
    return _contract(role, strides, pads, operands), operands


def _contract_bwd(
    role: Role, strides: Strides, pads: Pads, operands: Operands, cotangent: Array
) -> tuple[Operands]:
    form = {**operands, role: cotangent}
    rest = {target: {k: form[k] for k in form if k != target} for target in operands}
    return ({target: _contract(target, strides, pads, rest[target]) for target in rest},)


_contract.defvjp(_contract_fwd, _contract_bwd)


@cache
def _mapped(role: Role, strides: Strides, pads: Pads) -> Callable[[Operands], Array]:
    """`_convolve` with its `vmap` rule: one batched operand is folded in, two are mapped over."""

    @jax.custom_batching.custom_vmap
    def convolve(operands: Operands) -> Array:
        return _convolve(role, strides, pads, operands)

    @convolve.def_vmap
    def rule(size: int, batched: list[dict[str, bool]], operands: Operands) -> tuple[Array, bool]:
        names = [name for name in operands if batched[0][name]]
        if len(names) == 2:
            return lax.map(convolve, operands), True
        (name,) = names
        source, target = _FREE_AXES[role][name]
        folded = {**operands, name: _fold(operands[name], source)}
        return _unfold(convolve(folded), target, size), True

    return convolve


def _fold(x: Array, axis: int) -> Array:
    """The leading axis merged into the axis that is `axis` without it."""
    x = jnp.moveaxis(x, 0, axis)
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])


def _unfold(x: Array, axis: int, size: int) -> Array:
    """The inverse of `_fold`."""
    x = x.reshape(*x.shape[:axis], size, -1, *x.shape[axis + 1 :])
    return jnp.moveaxis(x, axis, 0)


def _convolve(role: Role, strides: Strides, pads: Pads, operands: Operands) -> Array:
    """One member of the family by chunks of a large batch, each one convolution in plain form."""
    if _is_pointwise(strides, pads, operands):
        return _pointwise(role, operands)
    of_batch = {name: a for name, a in operands.items() if name != "w"}
    n = next(len(a) for a in of_batch.values())
    chunks = -(-n // CHUNKS[role])
    if chunks == 1:
        return _plain(role, strides, pads, operands)
    size = -(-n // chunks)

    def split(a: Array) -> Array:
        """In equal chunks, the last filled up with zeros, which add nothing to a kernel."""
        filled = jnp.pad(a, ((0, chunks * size - n), *3 * ((0, 0),)))
        return filled.reshape(chunks, size, *a.shape[1:])

    def of_chunk(chunk: Operands) -> Array:
        return _plain(role, strides, pads, {**operands, **chunk})

    of_chunks = jax.tree.map(split, of_batch)
    if role != "w":
        result = lax.map(of_chunk, of_chunks)
        return result.reshape(-1, *result.shape[2:])[:n]
    first = of_chunk(jax.tree.map(lambda a: a[0], of_chunks))
    rest = jax.tree.map(lambda a: a[1:], of_chunks)
    return lax.scan(lambda total, chunk: (total + of_chunk(chunk), None), first, rest)[0]


def _is_pointwise(strides: Strides, pads: Pads, operands: Operands) -> bool:
    """Whether the kernel is 1 x 1 and every pixel counts."""
    if strides != (1, 1) or pads != NO_PADS:
        return False
    if "w" in operands:
        return operands["w"].shape[:2] == (1, 1)
    return operands["x"].shape[1:3] == operands["y"].shape[1:3]


def _pointwise(role: Role, operands: Operands) -> Array:
    """One member of the family of 1 x 1 kernels: products of matrices, where XLA:CPU is faster.

    Convolutions take 1.1 to 1.4 times as long; those of a kernel's gradient 2 to 4 times.
    """
    rows = {name: a.reshape(-1, a.shape[-1]) for name, a in operands.items()}
    if role == "w":
        return jnp.matmul(rows["x"].T, rows["y"])[None, None]
    name, matrix = ("x", rows["w"]) if role == "y" else ("y", rows["w"].T)
    return jnp.matmul(rows[name], matrix).reshape(*operands[name].shape[:3], -1)


def _plain(role: Role, strides: Strides, pads: Pads, operands: Operands) -> Array:
    """One member of the family as one convolution in plain form."""
    plain = partial(lax.conv_general_dilated, dimension_numbers=DIMENSIONS)
    if role == "y":
        x, w = operands["x"], operands["w"]
        if strides == (1, 1) and pads == NO_PADS and min(x.shape[1:]) >= LARGE:
            return plain(x, w, strides, ((0, 0), (0, 1)))[:, :, :-1]
        return plain(x, w, strides, [(low, max(high, 0)) for low, high in pads])
    if role == "x":
        y, w = operands["y"], operands["w"]
        k = w.shape[:2]
        # XLA:CPU takes ten times as long where a kernel is longer than what it slides over.
        extra = [max(a - side, 0) for a, side in zip(k, y.shape[1:3], strict=True)]
        if any(extra):
            y = jnp.pad(y, ((0, 0), (0, extra[0]), (0, extra[1]), (0, 0)))
        used = [
            (a - 1 - low, a - 1 - high - e * stride)
            for a, (low, high), e, stride in zip(k, pads, extra, strides, strict=True)
        ]
        return plain(y, _adjoint(w), (1, 1), used, lhs_dilation=strides)
    x, y = operands["x"].transpose(3, 1, 2, 0), operands["y"].transpose(1, 2, 0, 3)
    return plain(x, y, (1, 1), pads, rhs_dilation=strides).transpose(1, 2, 0, 3)
