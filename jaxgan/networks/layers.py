"""Layers that the networks share: convolutions, normalisation, noise, activations, initialisers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray, ScalarLike

from jaxgan import collectives
from jaxgan.errors import ConfigError
from jaxgan.networks import convolution
from jaxgan.registry import lookup, unknown

LEAKY_SLOPE = 0.2  # Radford et al. 2016, section 3
BATCH_NORM_MOMENTUM = 0.9  # PyTorch's DCGAN example; flax's .99 lags behind a generator that moves
DCGAN_INIT = nn.initializers.normal(0.02)  # Radford et al. 2016, section 4
NORMS = ("batch", "layer", "first_batch", "none")
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


# Weights of n inputs, and biases where they are not 0.
INITIALIZATIONS = ("lecun_normal", "fan_in_uniform")


def dense(x: Float[Array, "n d"], features: int, initialization: str, **options: Any) -> nn.Dense:
    """A dense layer for x, initialised by one of INITIALIZATIONS; ConfigError on another name.

    With biases of 0 a network of ReLU is linear along every ray at first, and its kinks have to
    move away from the origin.
    """
    if initialization not in INITIALIZATIONS:
        raise unknown("initialization", initialization, INITIALIZATIONS)
    if initialization == "lecun_normal":
        return nn.Dense(features, **options)
    bound = x.shape[-1] ** -0.5

    def uniform(key: PRNGKeyArray, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return nn.Dense(features, kernel_init=uniform, bias_init=uniform, **options)


def activate(x: Float[Array, "n ..."], name: str) -> Float[Array, "n ..."]:
    """Applies an activation by its name in ACTIVATIONS; ConfigError if there is none."""
    return lookup(ACTIVATIONS, name, "activation")(x)


def normalise(
    x: Float[Array, "n ..."],
    kind: str,
    *,
    train: bool,
    dtype: DTypeLike,
    axis_name: str | None,
    affine: bool = True,
) -> Float[Array, "n ..."]:
    """Normalises with a learned scale and offset a channel; call it in a compact module.

    "batch": over all axes but the last, with running statistics in the collection `batch_stats` for
    `train=False`; over the devices of `axis_name` too. "layer": over all axes but the first, as
    WGAN-GP asks of critics. "first_batch": see `FirstBatchNorm`. "none": nothing.

    Args:
        x: What to normalise.
        kind: A name in NORMS.
        train: Whether batch norm uses the batch's own statistics, and updates the running ones.
        dtype: The type of the result.
        axis_name: The device axis that batch statistics are shared over.
        affine: Whether batch norm learns a scale and an offset.

    Raises:
        ConfigError: another kind.

    Source: Ioffe and Szegedy 2015, Batch Normalization, https://arxiv.org/abs/1502.03167; Ba et al.
    2016, Layer Normalization, https://arxiv.org/abs/1607.06450; Gulrajani et al. 2017, Improved
    Training of Wasserstein GANs, https://arxiv.org/abs/1704.00028.
    """
    if kind == "batch":
        norm = nn.BatchNorm(
            use_running_average=not train,
            momentum=BATCH_NORM_MOMENTUM,
            dtype=dtype,
            axis_name=axis_name,
            use_scale=affine,
            use_bias=affine,
            use_fast_variance=False,  # E x^2 - (E x)^2 loses digits where the mean is large
        )
        return norm(x)
    if kind == "layer":
        axes = tuple(range(1, x.ndim))
        return nn.LayerNorm(reduction_axes=axes, dtype=dtype, use_fast_variance=False)(x)
    if kind == "first_batch":
        return FirstBatchNorm(dtype, axis_name)(x, train=train)
    if kind == "none":
        return x
    raise unknown("norm", kind, NORMS)


class FirstBatchNorm(nn.Module):
    """Normalises by the mean and the deviation a channel of the first batch of training, for good.

    This is the data-dependent initialisation of weight normalisation: units start with outputs of
    mean 0 and deviation 1, so that noise of a given size means the same in every layer. It learns
    nothing, and does nothing before that batch. The statistics are in the collection `batch_stats`;
    a channel that was constant is measured again.
    Source: Salimans and Kingma 2016, Weight Normalization, https://arxiv.org/abs/1602.07868,
    section 3.

    Attributes:
        dtype: The type of the result.
        axis_name: The device axis that statistics are shared over.
    """

    dtype: DTypeLike = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "n ... c"], *, train: bool) -> Float[Array, "n ... c"]:
        """Returns the normalised x."""
        mean, deviation = (
            self.variable("batch_stats", name, jnp.zeros, (x.shape[-1],), jnp.float32)
            for name in ("mean", "deviation")
        )
        if _is_stochastic(self, train):
            measured = deviation.value > 0
            found = _moments(jax.lax.stop_gradient(x).astype(jnp.float32), self.axis_name)
            for variable, new in zip((mean, deviation), found, strict=True):
                variable.value = jnp.where(measured, variable.value, new)
        scale = jnp.where(deviation.value > 0, deviation.value, 1)
        shape = (1,) * (x.ndim - 1) + (-1,)
        return ((x - mean.value.reshape(shape)) / scale.reshape(shape)).astype(self.dtype)


def _moments(
    x: Float[Array, "n ... c"], axis_name: str | None
) -> tuple[Float[Array, "c"], Float[Array, "c"]]:
    """The mean and the standard deviation a channel, over the devices of an axis."""
    x = x.reshape(-1, x.shape[-1])
    mean = collectives.mean(x.mean(axis=0), axis_name)
    variance = collectives.mean(jnp.square(x - mean[None]).mean(axis=0), axis_name)
    return mean, jnp.sqrt(variance)


def linear(
    layer: nn.Module,
    x: Float[Array, "n ..."],
    *,
    spectral_norm: bool = False,
    weight_norm: bool = False,
    learned_scale: bool = False,
    train: bool,
) -> Float[Array, "n ..."]:
    """The output of a dense or convolution layer; call it in a compact module.

    Args:
        layer: The layer.
        x: Its input.
        spectral_norm: Whether to divide its kernel, as a matrix of outputs by all else, by its
            largest singular value. One step of power iteration a call follows that value; with
            `train=True` the iteration's vector is kept in the collection `batch_stats`.
        weight_norm: Whether to give the kernel's weights of each output the norm 1.
        learned_scale: Whether weight norm multiplies each output's weights by a learned number.
        train: Whether spectral norm keeps its vector.

    Raises:
        ConfigError: both norms at once.

    Source: Miyato et al. 2018, Spectral Normalization for GANs, https://arxiv.org/abs/1802.05957,
    algorithm 1; Salimans and Kingma 2016, Weight Normalization, https://arxiv.org/abs/1602.07868.
    """
    if spectral_norm and weight_norm:
        raise ConfigError("spectral_norm and weight_norm are both True; they exclude each other")
    if weight_norm:
        return nn.WeightNorm(layer, use_scale=learned_scale)(x)
    if spectral_norm:
        return nn.SpectralNorm(layer)(x, update_stats=train)
    return layer(x)


def gaussian_noise(
    module: nn.Module,
    x: Float[Array, "n ..."],
    deviation: ScalarLike | None,
    *,
    train: bool,
    axis_name: str | None,
) -> Float[Array, "n ..."]:
    """Adds deviation * N(0, 1) to x if `train`; call it in a module's `__call__`.

    The draws are those for the global batch, the same whatever the number of devices. In a module
    of one's own, with a field `axis_name`:

        x = gaussian_noise(self, x, 0.5, train=train, axis_name=self.axis_name)

    Args:
        module: The module that calls; its random stream "noise" must be the same on all devices.
        x: This device's slice of the batch.
        deviation: The standard deviation, which may be traced; None for no noise.
        train: Whether to add noise.
        axis_name: The device axis.

    Source: Salimans et al. 2016, Improved Techniques for Training GANs,
    https://arxiv.org/abs/1606.03498 (their code: in every layer of the discriminator); Sønderby et
    al. 2017, Amortised MAP Inference for Image Super-resolution, https://arxiv.org/abs/1610.04490
    (on its input).
    """
    if deviation is None or not _is_stochastic(module, train):
        return x
    noise = _global_draws(jax.random.normal, module, x, axis_name)
    return x + (deviation * noise).astype(x.dtype)


def dropout(
    module: nn.Module,
    x: Float[Array, "n ..."],
    rate: ScalarLike | None,
    *,
    train: bool,
    axis_name: str | None,
) -> Float[Array, "n ..."]:
    """Zeroes values of x with probability `rate`, and divides others by 1 - rate, if `train`.

    Unlike `flax.linen.Dropout` it takes a traced rate, and zeroes the same values whatever the
    number of devices. Call it as `gaussian_noise`.

    Args:
        module: The module that calls; its random stream "noise" must be the same on all devices.
        x: This device's slice of the batch.
        rate: In [0, 1), which may be traced; None for no dropout.
        train: Whether to drop anything.
        axis_name: The device axis.

    Source: Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting, https://jmlr.org/papers/v15/srivastava14a.html.
    """
    if rate is None or not _is_stochastic(module, train):
        return x
    kept = _global_draws(jax.random.uniform, module, x, axis_name) >= rate
    return jnp.where(kept, x / jnp.asarray(1 - rate, x.dtype), 0)


def perturb(module: Any, x: Float[Array, "n ..."], train: bool) -> Float[Array, "n ..."]:
    """Hidden activations after the `dropout` and with the `noise` of the module's fields."""
    options = {"train": train, "axis_name": module.axis_name}
    return gaussian_noise(
        module, dropout(module, x, module.dropout, **options), module.noise, **options
    )


def _is_stochastic(module: nn.Module, train: bool) -> bool:
    """Whether the module draws now: not while it is initialised, where no device axis may exist."""
    return train and not module.is_initializing()


def _global_draws(
    draw: Callable[..., Array], module: nn.Module, x: Array, axis_name: str | None
) -> Array:
    """This device's slice of draws for the whole batch, of the shape of its slice x."""
    shape = (len(x) * collectives.size(axis_name), *x.shape[1:])
    return collectives.local_slice(draw(module.make_rng("noise"), shape), axis_name)


class Conv(nn.Module):
    """A convolution, NHWC, with parameters in float32, by default to sides of ceil(h / stride).

    With `groups` over 1, channels fall into as many equal runs, and those of a run see the same run
    of the input only (Xie et al. 2017, https://arxiv.org/abs/1611.05431).

    Raises:
        ConfigError: where `groups` does not divide the channels of the input and of the output.
    """

    features: int
    kernel_size: int | tuple[int, int]
    stride: int = 1
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    groups: int = 1
    padding: convolution.Padding = "SAME"

    @nn.compact
    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h_out w_out o"]:
        """Returns the convolution of x."""
        channels = x.shape[-1]
        if self.groups < 1 or channels % self.groups or self.features % self.groups:
            raise ConfigError(
                f"a convolution of {channels} to {self.features} channels in {self.groups} groups; "
                "their number must divide both: change it or the channels"
            )
        operation = partial(convolution.conv, padding=self.padding, groups=self.groups)
        return _convolve(self, operation, x, channels // self.groups)


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
        return _convolve(self, convolution.conv_transpose, x, x.shape[-1])


def _convolve(
    module: Conv | ConvTranspose, operation: Callable[..., Array], x: Array, inputs: int
) -> Array:
    size = module.kernel_size
    sides = (size, size) if isinstance(size, int) else size
    kernel = module.param("kernel", module.kernel_init, (*sides, inputs, module.features))
    x = operation(x.astype(module.dtype), kernel.astype(module.dtype), stride=module.stride)
    if not module.use_bias:
        return x
    bias = module.param("bias", nn.initializers.zeros, (module.features,))
    return x + bias.astype(module.dtype)[None, None, None, :]
