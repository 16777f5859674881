"""DCGAN for square images of many sizes.

The side of an image is halved until it is odd or at most 4: the base side, 3, 4, 5 or 7. Each
halving but the first doubles the channels, from `width` on.

Source: Radford et al. 2016, Unsupervised Representation Learning with Deep Convolutional GANs,
https://arxiv.org/abs/1511.06434.
"""

from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, ScalarLike

from jaxgan.networks.conditioning import (
    DISCRIMINATOR_CONDITIONING,
    GENERATOR_CONDITIONING,
    Condition,
    code_of,
    join,
    normalise_given,
)
from jaxgan.networks.heads import outputs_of
from jaxgan.networks.layers import (
    DCGAN_INIT,
    Conv,
    ConvTranspose,
    activate,
    compute_dtype,
    gaussian_noise,
    linear,
    perturb,
)
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.networks.sides import base_side
from jaxgan.types import Outputs


class DCGANGenerator(nn.Module):
    """A dense layer to the base side, then transposed convolutions that double it to the image's.

    Attributes:
        shape: (side, side, channels) of one image.
        width: Channels of the last hidden layer.
        kernel_size: Side of the kernels.
        norm: "batch", "layer", "first_batch" or "none", on all layers but the last.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        conditioning: "none" ignores the condition; "concat" joins it to z; "batch_norm" makes the
            gain and the offset of batch norm linear in it. Labels enter as one-hot codes.
        num_classes: How many classes labels have.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: for a shape that is not square, or a side that is no base doubled.
    """

    shape: tuple[int, ...]
    width: int = 64
    kernel_size: int = 4
    norm: str = "batch"
    spectral_norm: bool = False
    conditioning: str = "none"
    num_classes: int | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, z: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n h w c"]:
        """Returns n images [n, *shape] in (-1, 1), float32."""
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=GENERATOR_CONDITIONING,
        )
        z = z.reshape(len(z), -1)
        z = join(z, code) if self.conditioning == "concat" else z
        base, halvings = base_side(self.shape, "dcgan")
        dtype = compute_dtype(self.dtype)
        use_bias = self.norm != "batch"
        widths = [self.width * 2**i for i in reversed(range(halvings))]
        through = partial(linear, spectral_norm=self.spectral_norm, train=train)

        units = base * base * widths[0]
        x = through(nn.Dense(units, use_bias=use_bias, dtype=dtype, kernel_init=DCGAN_INIT), z)
        x = x.reshape(-1, base, base, widths[0])
        x = activate(normalise_given(self, x, code, train), "relu")
        for width in widths[1:]:
            x = through(ConvTranspose(width, self.kernel_size, 2, use_bias, dtype, DCGAN_INIT), x)
            x = activate(normalise_given(self, x, code, train), "relu")
        channels = self.shape[-1]
        x = through(ConvTranspose(channels, self.kernel_size, 2, True, dtype, DCGAN_INIT), x)
        return jnp.tanh(x.astype(jnp.float32))


class DCGANDiscriminator(nn.Module):
    """Strided convolutions that halve the image's side to the base side, then a dense layer.

    Also an encoder, with `num_outputs` the length of its codes.

    Attributes:
        width: Channels of the first layer.
        kernel_size: Side of the kernels.
        norm: "batch", "layer", "first_batch" or "none", on all layers but the first and the last.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        num_outputs: 1 logit, or k critic features for kernel losses.
        final_bias: Whether the last layer has a bias: none for translation-invariant losses, which
            give it no gradient but rounding noise.
        learned_bandwidth: Whether to divide the logits by a learned positive number, 1 at first:
            the bandwidth of a kernel that compares them. Without spectral norm the last layer can
            learn it as well.
        conditioning: "none" ignores the condition; "concat" joins it to the input as channels, a
            code as constant maps; "projection" adds <v, features> to the logits, v linear in it.
            Labels enter as one-hot codes.
        num_classes: How many classes labels have, and the class logits.
        auxiliary: Whether to return class logits too.
        num_auxiliary: Their number, if it is not `num_classes`.
        noise: Standard deviation of Gaussian noise on the input of all layers but the first.
        input_noise: That of noise on the images.
        dropout: Share of the values that are zeroed in the input of all layers but the first.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: for images that are not square, or of a side that is no base doubled.
    """

    width: int = 64
    kernel_size: int = 4
    norm: str = "batch"
    spectral_norm: bool = False
    num_outputs: int = 1
    final_bias: bool = True
    learned_bandwidth: bool = False
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
        _, halvings = base_side(x.shape[1:], "dcgan")
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
        x = join(x, code) if self.conditioning == "concat" else x
        x = through(Conv(self.width, self.kernel_size, 2, True, dtype, DCGAN_INIT), x)
        x = activate(x, "leaky_relu")
        for i in range(1, halvings):
            conv = Conv(self.width * 2**i, self.kernel_size, 2, use_bias, dtype, DCGAN_INIT)
            x = through(conv, perturb(self, x, train))
            x = activate(normalise_given(self, x, code, train), "leaky_relu")
        features = x.reshape(len(x), -1).astype(jnp.float32)
        return outputs_of(
            self,
            features,
            code,
            train=train,
            kernel_init=DCGAN_INIT,
            learned_bandwidth=self.learned_bandwidth,
        )


NETWORKS["dcgan"] = Network(DCGANGenerator, DCGANDiscriminator, SHARED_RANGES)
