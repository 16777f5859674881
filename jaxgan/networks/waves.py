"""One-dimensional DCGAN for waveforms: kernels of 25 samples, steps of 4.

The length of a waveform is divided by 4 until it is at most 16, or no multiple of 4. Each division
but the first doubles the channels, from `width` on. Waveforms are [n, length], or
[n, length, channels].

Source: Donahue et al. 2019, Adversarial Audio Synthesis (WaveGAN),
https://arxiv.org/abs/1802.04208, tables 3 and 4; without its phase shuffle.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.networks import convolution
from jaxgan.networks.conditioning import (
    DISCRIMINATOR_CONDITIONING,
    GENERATOR_CONDITIONING,
    Condition,
    code_of,
    join,
    normalise_given,
)
from jaxgan.networks.heads import outputs_of
from jaxgan.networks.layers import activate, compute_dtype, gaussian_noise, linear, perturb
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.types import Outputs

STRIDE = 4
_SHORTEST, _LONGEST = 5, 16  # of the lengths that division leads to
_INIT = nn.initializers.lecun_normal()


class WaveGenerator(nn.Module):
    """A dense layer to the base length, then transposed convolutions that quadruple it.

    Attributes:
        shape: (length,) or (length, channels) of one waveform.
        width: Channels of the last hidden layer.
        kernel_size: Length of the kernels.
        norm: "batch", "layer" or "none", on all layers but the last.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        conditioning: "none" ignores the condition; "concat" joins it to z; "batch_norm" makes the
            gain and the offset of batch norm linear in it. Labels enter as one-hot codes.
        num_classes: How many classes labels have.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: a length that is none from 5 to 16 times 4, 16, 64, ...
    """

    shape: tuple[int, ...]
    width: int = 64
    kernel_size: int = 25
    norm: str = "batch"
    spectral_norm: bool = False
    conditioning: str = "none"
    num_classes: int | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, z: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n length ..."]:
        """Returns n waveforms [n, *shape] in (-1, 1), float32."""
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=GENERATOR_CONDITIONING,
        )
        z = z.reshape(len(z), -1)
        z = join(z, code) if self.conditioning == "concat" else z
        base, divisions = _base(self.shape)
        dtype = compute_dtype(self.dtype)
        use_bias = self.norm != "batch"
        widths = [self.width * 2**i for i in reversed(range(divisions))]
        through = partial(linear, spectral_norm=self.spectral_norm, train=train)

        x = through(nn.Dense(base * widths[0], use_bias=use_bias, dtype=dtype), z)
        x = x.reshape(-1, base, widths[0])
        x = activate(normalise_given(self, x, code, train), "relu")
        for width in widths[1:]:
            x = through(ConvTranspose1D(width, self.kernel_size, STRIDE, use_bias, dtype), x)
            x = activate(normalise_given(self, x, code, train), "relu")
        channels = self.shape[1] if len(self.shape) == 2 else 1
        x = through(ConvTranspose1D(channels, self.kernel_size, STRIDE, True, dtype), x)
        return jnp.tanh(x.astype(jnp.float32)).reshape(-1, *self.shape)


class WaveDiscriminator(nn.Module):
    """Convolutions that divide the waveform's length by 4, then a dense layer.

    Also an encoder, with `num_outputs` the length of its codes.

    Attributes:
        width: Channels of the first layer.
        kernel_size: Length of the kernels.
        norm: "batch", "layer" or "none", on all layers but the first and the last.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        num_outputs: 1 logit, or k critic features for kernel losses.
        final_bias: Whether the last layer has a bias: none for translation-invariant losses, which
            give it no gradient but rounding noise.
        conditioning: "none" ignores the condition; "concat" joins it to the input as channels, a
            code as constant ones; "projection" adds <v, features> to the logits, v linear in it.
            Labels enter as one-hot codes.
        num_classes: How many classes labels have, and the class logits.
        auxiliary: Whether to return class logits too.
        num_auxiliary: Their number, if it is not `num_classes`.
        noise: Standard deviation of Gaussian noise on the input of all layers but the first.
        input_noise: That of noise on the waveforms.
        dropout: Share of the values that are zeroed in the input of all layers but the first.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: for a length that is none from 5 to 16 times 4, 16, 64, ...
    """

    width: int = 64
    kernel_size: int = 25
    norm: str = "none"
    spectral_norm: bool = False
    num_outputs: int = 1
    final_bias: bool = True
    conditioning: str = "none"
    num_classes: int | None = None
    auxiliary: bool = False
    num_auxiliary: int | None = None
    noise: ScalarLike | None = None
    input_noise: ScalarLike | None = None
    dropout: ScalarLike | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Outputs:
        """Returns logits [n, num_outputs] and the last activations [n, d], in float32.

        And class logits if `auxiliary`.
        """
        divisions = _base(x.shape[1:])[1]
        dtype = compute_dtype(self.dtype)
        use_bias = self.norm != "batch"
        through = partial(linear, spectral_norm=self.spectral_norm, train=train)
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=DISCRIMINATOR_CONDITIONING,
        )

        x = gaussian_noise(self, x, self.input_noise, train=train, axis_name=self.axis_name)
        x = x.reshape(*x.shape[:2], -1)
        x = join(x, code) if self.conditioning == "concat" else x
        x = through(Conv1D(self.width, self.kernel_size, STRIDE, True, dtype), x)
        x = activate(x, "leaky_relu")
        for i in range(1, divisions):
            conv = Conv1D(self.width * 2**i, self.kernel_size, STRIDE, use_bias, dtype)
            x = through(conv, perturb(self, x, train))
            x = activate(normalise_given(self, x, code, train), "leaky_relu")
        features = x.reshape(len(x), -1).astype(jnp.float32)
        return outputs_of(self, features, code, train=train, kernel_init=_INIT)


class Conv1D(nn.Module):
    """A convolution along the length, to ceil(length / stride), with parameters in float32."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n length i"]) -> Float[Array, "n length_out o"]:
        """Returns the convolution of x."""
        return _along(self, convolution.conv, x)


class ConvTranspose1D(nn.Module):
    """A transposed convolution along the length, to length * stride, parameters in float32."""

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n length i"]) -> Float[Array, "n length_out o"]:
        """Returns the transposed convolution of x."""
        return _along(self, convolution.conv_transpose, x)


def _along(module: Conv1D | ConvTranspose1D, operation: Callable[..., Array], x: Array) -> Array:
    """The operation on images of one row."""
    shape = (module.kernel_size, x.shape[-1], module.features)
    kernel = module.param("kernel", _INIT, shape)
    x, kernel = (a.astype(module.dtype) for a in (x, kernel))
    x = operation(x[:, None], kernel[None], stride=(1, module.stride))[:, 0]
    if not module.use_bias:
        return x
    bias = module.param("bias", nn.initializers.zeros, (module.features,))
    return x + bias.astype(module.dtype)[None, None, :]


def _base(shape: tuple[int, ...]) -> tuple[int, int]:
    """The base length of a waveform and the number of divisions that lead to it; see the module."""
    if len(shape) not in (1, 2):
        raise ConfigError(
            f"samples of shape {shape}; wave makes waveforms: use a shape (length,) or "
            "(length, channels)"
        )
    base, divisions = shape[0], 0
    while base > _LONGEST and base % STRIDE == 0:
        base, divisions = base // STRIDE, divisions + 1
    if not _SHORTEST <= base <= _LONGEST or divisions == 0:
        raise ConfigError(
            f"waveforms of length {shape[0]}; wave's is 5 to 16 times a power of 4: use "
            f"{_length_near(shape[0])}"
        )
    return base, divisions


def _length_near(length: int) -> int:
    bases = range(_SHORTEST, _LONGEST + 1)
    lengths = [base * STRIDE**i for base in bases for i in range(1, length.bit_length())]
    return min(lengths, key=lambda known: abs(known - length), default=_SHORTEST * STRIDE)


NETWORKS["wave"] = Network(WaveGenerator, WaveDiscriminator, SHARED_RANGES)
