"""Layers that the networks share: convolutions, normalisation, activations, initialisers."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxgan.networks import convolution
from jaxgan.registry import lookup, unknown

LEAKY_SLOPE = 0.2  # Radford et al. 2016, section 3
BATCH_NORM_MOMENTUM = 0.9  # PyTorch's DCGAN example; flax's .99 lags behind a generator that moves
DCGAN_INIT = nn.initializers.normal(0.02)  # Radford et al. 2016, section 4
NORMS = ("batch", "layer", "none")
DTYPES: dict[str, DTypeLike] = {"bfloat16": jnp.bfloat16, "float32": jnp.float32}

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": nn.elu,
    "gelu": nn.gelu,
    "leaky_relu": partial(nn.leaky_relu, negative_slope=LEAKY_SLOPE),
    "linear": lambda x: x,
    "relu": nn.relu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "softplus": nn.softplus,
    "tanh": jnp.tanh,
}


def compute_dtype(name: str) -> DTypeLike:
    """The type to compute in, by its name in DTYPES; ConfigError if there is none."""
    return lookup(DTYPES, name, "dtype")


def activate(x: Float[Array, "n ..."], name: str) -> Float[Array, "n ..."]:
    """Applies an activation by its name in ACTIVATIONS; ConfigError if there is none."""
    return lookup(ACTIVATIONS, name, "activation")(x)


def normalise(
    x: Float[Array, "n ..."], kind: str, *, train: bool, dtype: DTypeLike, axis_name: str | None
) -> Float[Array, "n ..."]:
    """Normalises with a learned scale and offset a channel; call it in a compact module.

    "batch": over all axes but the last, with running statistics in the collection `batch_stats` for
    `train=False`; over the devices of `axis_name` too (Ioffe and Szegedy 2015). "layer": over all
    axes but the first, as WGAN-GP asks of critics (Ba et al. 2016; Gulrajani et al. 2017). "none":
    nothing. Raises ConfigError for other kinds.
    """
    if kind == "batch":
        norm = nn.BatchNorm(
            use_running_average=not train,
            momentum=BATCH_NORM_MOMENTUM,
            dtype=dtype,
            axis_name=axis_name,
        )
        return norm(x)
    if kind == "layer":
        return nn.LayerNorm(reduction_axes=tuple(range(1, x.ndim)), dtype=dtype)(x)
    if kind == "none":
        return x
    raise unknown("norm", kind, NORMS)


def linear(
    layer: nn.Module, x: Float[Array, "n ..."], *, spectral_norm: bool, train: bool
) -> Float[Array, "n ..."]:
    """The output of a dense or convolution layer; call it in a compact module.

    With `spectral_norm` its kernel, as a matrix of outputs by all else, is divided by its largest
    singular value, which one step of power iteration a call follows; with `train=True` the
    iteration's vector is kept in the collection `batch_stats` (Miyato et al. 2018, algorithm 1).
    """
    if not spectral_norm:
        return layer(x)
    return nn.SpectralNorm(layer)(x, update_stats=train)


class Conv(nn.Module):
    """A convolution, NHWC, to sides of ceil(h / stride), with parameters in float32."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h_out w_out o"]:
        """Returns the convolution of x."""
        return _convolve(self, convolution.conv, x)


class ConvTranspose(nn.Module):
    """A transposed convolution, NHWC, to sides of h * stride, with parameters in float32."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h_out w_out o"]:
        """Returns the transposed convolution of x."""
        return _convolve(self, convolution.conv_transpose, x)


def _convolve(module: Conv | ConvTranspose, operation: Callable[..., Array], x: Array) -> Array:
    shape = (module.kernel_size, module.kernel_size, x.shape[-1], module.features)
    kernel = module.param("kernel", module.kernel_init, shape)
    x = operation(x.astype(module.dtype), kernel.astype(module.dtype), stride=module.stride)
    if not module.use_bias:
        return x
    bias = module.param("bias", nn.initializers.zeros, (module.features,))
    return x + bias.astype(module.dtype)[None, None, None, :]
