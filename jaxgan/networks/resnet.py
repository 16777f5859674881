"""The residual networks of SNGAN and of the projection discriminator.

A block of the generator normalises, activates, doubles the sides by repetition and convolves twice;
one of the discriminator activates, convolves twice and halves the sides by means. Beside it runs a
convolution of 1 x 1 where sides or channels change; it is done at the smaller sides, which gives
the same numbers.

The networks of the sources, by the side of the images:

| side | generator `widths` | discriminator `widths` | `halvings` |
| --- | --- | --- | --- |
| 32 | 256, 256, 256, 256 | 128, 128, 128, 128 | 2 |
| 48 | 512, 256, 128, 64 | 64, 128, 256, 512, 1024 | 4 |
| 64 | 1024, 512, 256, 128, 64 | 64, 128, 256, 512, 1024 | 5 |

For 28, 256, 256, 256 and 128, 128, 128, 128 will do.

Source: Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks, tables 4
and 5, https://arxiv.org/abs/1802.05957; Miyato and Koyama 2018, cGANs with Projection
Discriminator, https://arxiv.org/abs/1802.05637; initialisation, and side 64, as in the authors'
https://github.com/pfnet-research/sngan_projection.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
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
    Conv,
    compute_dtype,
    gaussian_noise,
    linear,
    normalise,
    perturb,
)
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.networks.resampling import mean_of_four, repeat_twice
from jaxgan.networks.sides import halved_side
from jaxgan.registry import NON_NEGATIVE
from jaxgan.types import Outputs

# Of the convolutions before a rectifier; and of all other layers (Glorot and Bengio 2010).
RESIDUAL_INIT = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")
PLAIN_INIT = nn.initializers.glorot_uniform()


class ResNetGenerator(nn.Module):
    """A dense layer to the base side, residual blocks that double it, and a last convolution.

    Attributes:
        shape: (side, side, channels) of one image.
        widths: Channels of the dense layer's maps, and then of each block, of which there are as
            many as doublings: see the table of this module.
        norm: "batch", "layer" or "none", before each activation.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        conditioning: "none" ignores the condition; "concat" joins it to z; "batch_norm" makes the
            gain and the offset of the blocks' batch norm linear in it. Labels enter as one-hot
            codes.
        num_classes: How many classes labels have.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: for a shape that is not square, or a side that the doublings do not lead to.
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (256, 256, 256, 256)
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
        base = halved_side(self.shape, len(self.widths) - 1, "resnet", "widths")
        dtype = compute_dtype(self.dtype)
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=GENERATOR_CONDITIONING,
        )
        z = z.reshape(len(z), -1)
        z = join(z, code) if self.conditioning == "concat" else z
        first, *widths = self.widths
        dense = nn.Dense(base * base * first, dtype=dtype, kernel_init=PLAIN_INIT)
        x = linear(dense, z, spectral_norm=self.spectral_norm, train=train)
        x = x.reshape(-1, base, base, first)
        for width in widths:
            x = _doubling_block(self, x, code, width, train)
        x = normalise(x, self.norm, train=train, dtype=dtype, axis_name=self.axis_name)
        x = _convolution(self, self.shape[-1], 3, PLAIN_INIT, train)(nn.relu(x))
        return jnp.tanh(x.astype(jnp.float32))


class ResNetDiscriminator(nn.Module):
    """Residual blocks, of which the first halve the sides; a sum over positions; a dense layer.

    Also an encoder, with `num_outputs` the length of its codes.

    Attributes:
        widths: Channels of each block: see the table of this module.
        halvings: How many blocks halve the sides.
        norm: "batch", "layer" or "none", before each activation of the blocks but the first.
        spectral_norm: Whether to divide every kernel by its largest singular value, as SNGAN does.
        num_outputs: 1 logit, or k critic features for kernel losses.
        final_bias: Whether the last layer has a bias: none for translation-invariant losses, which
            give it no gradient but rounding noise, and none in the authors' code for side 32.
        conditioning: "none" ignores the condition; "concat" joins it to the input as channels, a
            code as constant maps; "projection" adds <v, features> to the logits, v linear in it.
            Labels enter as one-hot codes.
        num_classes: How many classes labels have, and the class logits.
        auxiliary: Whether to return class logits too.
        num_auxiliary: Their number, if it is not `num_classes`.
        noise: Standard deviation of Gaussian noise on the input of all blocks but the first.
        input_noise: That of noise on the images.
        dropout: Share of the values that are zeroed in the input of all blocks but the first.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: for images that are not square, of a side that cannot be halved as often, or
            more halvings than blocks.
    """

    widths: tuple[int, ...] = (128, 128, 128, 128)
    halvings: int = 2
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
        """Returns logits [n, num_outputs] and the last activations [n, widths[-1]], in float32.

        Those are rectified and summed over the image. And class logits if `auxiliary`.
        """
        halved_side(x.shape[1:], self.halvings, "resnet", "halvings")
        if self.halvings > len(self.widths):
            raise ConfigError(
                f"halvings is {self.halvings} with {len(self.widths)} blocks; each halves at most "
                "once: lower halvings or lengthen widths"
            )
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=DISCRIMINATOR_CONDITIONING,
        )
        x = gaussian_noise(self, x, self.input_noise, train=train, axis_name=self.axis_name)
        x = join(x, code) if self.conditioning == "concat" else x
        for index, width in enumerate(self.widths):
            x = perturb(self, x, train) if index else x
            x = _halving_block(self, x, width, train, first=not index, halve=index < self.halvings)
        features = nn.relu(x).astype(jnp.float32).sum(axis=(1, 2))
        return outputs_of(self, features, code, train=train, kernel_init=PLAIN_INIT)


def _doubling_block(
    module: ResNetGenerator, x: Array, code: Array | None, width: int, train: bool
) -> Array:
    convolve = partial(_convolution, module, width, train=train)
    y = nn.relu(normalise_given(module, x, code, train))
    y = convolve(3, RESIDUAL_INIT)(repeat_twice(y))
    y = nn.relu(normalise_given(module, y, code, train))
    y = convolve(3, RESIDUAL_INIT)(y)
    return y + repeat_twice(convolve(1, PLAIN_INIT)(x))


def _halving_block(
    module: ResNetDiscriminator, x: Array, width: int, train: bool, *, first: bool, halve: bool
) -> Array:
    channels = x.shape[-1]
    pool = mean_of_four if halve else lambda x: x

    def activated(x: Array) -> Array:
        dtype = compute_dtype(module.dtype)
        axis_name = module.axis_name
        return nn.relu(normalise(x, module.norm, train=train, dtype=dtype, axis_name=axis_name))

    # Images are not rectified, and too thin for a hidden layer of their own channels.
    hidden = width if first else channels
    y = x if first else activated(x)
    y = _convolution(module, hidden, 3, RESIDUAL_INIT, train)(y)
    y = nn.relu(y) if first else activated(y)
    y = _convolution(module, width, 3, RESIDUAL_INIT, train)(y)
    changes = halve or channels != width
    x = _convolution(module, width, 1, PLAIN_INIT, train)(pool(x)) if changes else x
    return pool(y) + x


def _convolution(
    module: Any, width: int, kernel_size: int, init: nn.initializers.Initializer, train: bool
) -> Any:
    """A convolution with a bias, and spectral norm where the module has it."""
    dtype = compute_dtype(module.dtype)
    layer = Conv(width, kernel_size, dtype=dtype, kernel_init=init)
    return partial(linear, layer, spectral_norm=module.spectral_norm, train=train)


NETWORKS["resnet"] = Network(
    ResNetGenerator, ResNetDiscriminator, {**SHARED_RANGES, "halvings": NON_NEGATIVE}
)
