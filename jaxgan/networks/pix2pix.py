"""pix2pix: a U-Net that translates images, and a discriminator of their patches.

Source: Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks,
https://arxiv.org/abs/1611.07004, section 6.1; biases as in the authors'
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix.
"""

from functools import partial

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, ScalarLike

from jaxgan.errors import ConfigError
from jaxgan.networks.conditioning import (
    GENERATOR_CONDITIONING,
    JOINED_CONDITIONING,
    Condition,
    code_of,
    join,
    normalise_given,
)
from jaxgan.networks.layers import (
    DCGAN_INIT,
    Conv,
    ConvTranspose,
    activate,
    compute_dtype,
    dropout,
    gaussian_noise,
    linear,
    normalise,
    perturb,
)
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.networks.sides import halved_side, square_side
from jaxgan.registry import AT_LEAST_ONE
from jaxgan.types import Outputs

# Layers are up to this many times as wide as the narrowest hidden one.
_WIDEST = 8

# The first layers of a U-Net's decoder have dropout, so many.
_DROPPED = 3


class UNetGenerator(nn.Module):
    """Strided convolutions that halve an image, and transposed ones that double it again.

    Each of these also sees what the encoder had at its side.

    Attributes:
        shape: (side, side, channels) of one image that it makes.
        width: Channels at half the side. They double with each halving, up to 8 times as many.
        halvings: How many; None: while the side is even. The paper halves 256 to 1.
        kernel_size: Side of the kernels.
        norm: "batch", "layer" or "none", on all layers but the first and the last one of the
            encoder and the last one of the decoder.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        conditioning: "none" ignores a second input; "concat" joins it to the image, a code as
            constant maps; "batch_norm" makes the gain and the offset of batch norm linear in it.
            Labels enter as one-hot codes.
        num_classes: How many classes labels have.
        dropout: Share of the values that are zeroed after the first three layers of the decoder,
            in training alone; .5 in the paper, where it is all the noise that there is.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.

    Raises:
        ConfigError: for an image of another side than `shape`, or a side that cannot be halved as
            often.
    """

    shape: tuple[int, ...]
    width: int = 64
    halvings: int | None = None
    kernel_size: int = 4
    norm: str = "batch"
    spectral_norm: bool = False
    conditioning: str = "none"
    num_classes: int | None = None
    dropout: ScalarLike | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n h w c"]:
        """Returns the translations of n images [n, side, side, c], in (-1, 1), float32."""
        if x.ndim != 4 or x.shape[1:3] != self.shape[:2]:
            raise ConfigError(
                f"unet got an input of shape {x.shape} to make images of {self.shape}; it "
                "translates images of the same side: choose a game that gives it some"
            )
        dtype, use_bias = compute_dtype(self.dtype), self.norm != "batch"
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=GENERATOR_CONDITIONING,
        )
        widths = [self.width * min(2**i, _WIDEST) for i in range(self._halvings())]
        through = partial(linear, spectral_norm=self.spectral_norm, train=train)
        x = join(x, code) if self.conditioning == "concat" else x

        seen = []
        for index, width in enumerate(widths):
            conv = Conv(width, self.kernel_size, 2, use_bias, dtype, DCGAN_INIT)
            x = through(conv, activate(x, "leaky_relu") if index else x)
            innermost = index == len(widths) - 1
            x = x if innermost or not index else normalise_given(self, x, code, train)
            seen.append(x)
        x = seen.pop()
        for index, width in enumerate(widths[-2::-1]):
            conv = ConvTranspose(width, self.kernel_size, 2, use_bias, dtype, DCGAN_INIT)
            x = normalise_given(self, through(conv, nn.relu(x)), code, train)
            rate = self.dropout if index < _DROPPED else None
            x = dropout(self, x, rate, train=train, axis_name=self.axis_name)
            x = jnp.concatenate([seen.pop(), x], axis=-1)
        last = ConvTranspose(self.shape[-1], self.kernel_size, 2, True, dtype, DCGAN_INIT)
        return jnp.tanh(through(last, nn.relu(x)).astype(jnp.float32))

    def _halvings(self) -> int:
        side = square_side(self.shape, "unet")
        if self.halvings is None and side % 2:
            raise ConfigError(
                f"image side {side}; unet halves it at least once: make it even with data.resize "
                "or data.pad"
            )
        halvings = (side & -side).bit_length() - 1 if self.halvings is None else self.halvings
        halved_side(self.shape, halvings, "unet", "halvings")
        return halvings


class PatchDiscriminator(nn.Module):
    """Convolutions that give one logit for each patch of an image (PatchGAN).

    The sides of the patches, which overlap, are 16, 34 and 70 for 1, 2 and 3 halvings. Every loss
    on logits takes each of them for a verdict of its own, which is the mean over patches of the
    paper; gradient penalties are of the sum of a sample's verdicts.

    Attributes:
        width: Channels of the first layer. They double with each further one, up to 8 times as
            many.
        halvings: Strided convolutions, before two that are not.
        kernel_size: Side of the kernels.
        norm: "batch", "layer" or "none", on all layers but the first and the last.
        spectral_norm: Whether to divide every kernel by its largest singular value.
        final_bias: Whether the last layer has a bias: none for translation-invariant losses, which
            give it no gradient but rounding noise.
        conditioning: "none" ignores the condition; "concat" joins it to the input as channels, a
            code as constant maps. Labels enter as one-hot codes.
        num_classes: How many classes labels have.
        noise: Standard deviation of Gaussian noise on the input of all layers but the first.
        input_noise: That of noise on the images.
        dropout: Share of the values that are zeroed in the input of all layers but the first.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: The device axis that batch statistics are shared over.
    """

    width: int = 64
    halvings: int = 3
    kernel_size: int = 4
    norm: str = "batch"
    spectral_norm: bool = False
    final_bias: bool = True
    conditioning: str = "none"
    num_classes: int | None = None
    noise: ScalarLike | None = None
    input_noise: ScalarLike | None = None
    dropout: ScalarLike | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w c"], condition: Condition | None = None, *, train: bool
    ) -> Outputs:
        """Returns logits [n, patches] and the last hidden activations [n, d], in float32.

        There are ceil(side / 2^halvings)^2 patches: borders are padded, where the authors' code
        leaves out one row and one column at each layer without stride.
        """
        dtype, use_bias = compute_dtype(self.dtype), self.norm != "batch"
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=JOINED_CONDITIONING,
        )
        through = partial(linear, spectral_norm=self.spectral_norm, train=train)
        x = gaussian_noise(self, x, self.input_noise, train=train, axis_name=self.axis_name)
        x = join(x, code) if self.conditioning == "concat" else x
        for index in range(self.halvings + 1):
            width = self.width * min(2**index, _WIDEST)
            stride = 2 if index < self.halvings else 1
            biased = use_bias or not index
            conv = Conv(width, self.kernel_size, stride, biased, dtype, DCGAN_INIT)
            x = through(conv, perturb(self, x, train) if index else x)
            norm = self.norm if index else "none"
            x = normalise(x, norm, train=train, dtype=dtype, axis_name=self.axis_name)
            x = activate(x, "leaky_relu")
        features = x.astype(jnp.float32)
        last = Conv(1, self.kernel_size, use_bias=self.final_bias, kernel_init=DCGAN_INIT)
        logits = through(last, perturb(self, features, train))
        n = len(x)
        return Outputs(logits=logits.reshape(n, -1), features=features.reshape(n, -1))


_SHARED = {name: SHARED_RANGES[name] for name in ("num_classes", "dropout")}
_NOISE = {name: SHARED_RANGES[name] for name in ("noise", "input_noise")}
NETWORKS["unet"] = Network(generator=UNetGenerator, ranges={**_SHARED, "halvings": AT_LEAST_ONE})
NETWORKS["patch"] = Network(discriminator=PatchDiscriminator, ranges={**_SHARED, **_NOISE})
