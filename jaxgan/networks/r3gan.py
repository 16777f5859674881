"""R3GAN: residual networks without norms, styles or other additions.

A block is x + C3(a(C2(a(C1 x)))): convolutions of 1 x 1 to `expansion` times the channels, of 3 x 3
in groups, and of 1 x 1 back, with a leaky ReLU a of biased inputs. The last one starts at 0 and the
others at a deviation of L^(-1/4) sqrt(2 / 1.04 / inputs), L the number of blocks of the network, so
that no norm is needed (Fixup, Zhang et al. 2019, https://arxiv.org/abs/1901.09321).

The networks halve and double sides as DCGAN's do, to a base of 3, 4, 5 or 7, through a low-pass
filter; a convolution of 1 x 1 changes the width where it must. Widths are `width` up to side 32 and
half as wide for each doubling beyond it, as in the presets for FFHQ.

The defaults are the paper's for sides of 32: 20.73 million parameters in the generator of 64
latents and 20.68 million in the discriminator.

Source: Huang et al. 2024, The GAN is dead; long live the GAN! A Modern GAN Baseline,
https://arxiv.org/abs/2501.05441; widths, initialisation and conditions as in the authors'
https://github.com/brownvc/R3GAN.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.networks.conditioning import JOINED_CONDITIONING, Condition, code_of, join
from jaxgan.networks.layers import LEAKY_SLOPE, Conv, activate, compute_dtype
from jaxgan.networks.record import NETWORKS, SHARED_RANGES, Network
from jaxgan.networks.resampling import smooth_double, smooth_halve
from jaxgan.networks.sides import base_side
from jaxgan.types import Outputs

# The side above which widths are halved.
_WIDEST = 32

# A leaky ReLU makes variance 1 of a variance of this (He et al. 2015).
_SQUARED_GAIN = 2 / (1 + LEAKY_SLOPE**2)


def fan_in(squared_gain: float) -> nn.initializers.Initializer:
    """Normal, of the deviation sqrt(squared_gain / inputs)."""
    return nn.initializers.variance_scaling(squared_gain, "fan_in", "normal")


class R3GANGenerator(nn.Module):
    """A learned base of images, scaled channel by channel by a linear map of z, then blocks.

    Attributes:
        shape: (side, side, channels) of one image.
        width: Channels of the blocks, up to sides of 32.
        blocks: How many at each side.
        expansion: How many times wider they are inside.
        group_size: Channels of a group of their 3 x 3 convolution.
        output: "linear", as in the paper, for samples that may leave [-1, 1], or another
            activation, such as "tanh".
        conditioning: "none" ignores the condition; "concat" joins a linear map of it, of the length
            of z, to z. Labels enter as one-hot codes.
        num_classes: How many classes labels have.
        dtype: The type to compute in: "float32" or "bfloat16".
        axis_name: Unused: there are no batch statistics.

    Raises:
        ConfigError: for a shape that is not square, a side that is no base doubled, or widths that
            groups do not divide.
    """

    shape: tuple[int, ...]
    width: int = 768
    blocks: int = 2
    expansion: int = 2
    group_size: int = 16
    output: str = "linear"
    conditioning: str = "none"
    num_classes: int | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, z: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Float[Array, "n h w c"]:
        """Returns n images [n, *shape] in float32."""
        del train  # nothing here depends on it
        base, doublings = base_side(self.shape, "r3gan")
        widths = [_width_at(self.width, base << i) for i in range(doublings + 1)]
        z = z.reshape(len(z), -1)
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=JOINED_CONDITIONING,
        )
        if code is not None:
            embed = _linear(z.shape[1], name="classes")
            z = join(z, embed(code.reshape(len(code), -1)))
        scales = _linear(widths[0])(z)
        basis = self.param("basis", nn.initializers.normal(1.0), (base, base, widths[0]))
        x = (basis[None] * scales[:, None, None, :]).astype(compute_dtype(self.dtype))
        for index, width in enumerate(widths):
            if index:
                x = smooth_double(_to_width(self, x, width))
            x = _blocks(self, x, self.blocks * len(widths))
        x = _plain(self, self.shape[-1])(x)
        return activate(x.astype(jnp.float32), self.output)


class R3GANDiscriminator(nn.Module):
    """Blocks, a weighted sum of each channel over the base side, and a linear map.

    Also an encoder, with `num_outputs` the length of its codes.

    Attributes:
        width: Channels of the blocks, up to sides of 32.
        blocks: How many at each side.
        expansion: How many times wider they are inside.
        group_size: Channels of a group of their 3 x 3 convolution.
        num_outputs: 1 logit, or k critic features for kernel losses.
        conditioning: "none" ignores the condition; "concat" joins it to the input as channels, a
            code as constant maps; "projection" makes the logit <v, W features>, v linear in the
            condition, with no part that ignores it, as in the authors' code. Labels enter as
            one-hot codes.
        num_classes: How many classes labels have.
        dtype: The type that hidden layers compute in: "float32" or "bfloat16".
        axis_name: Unused: there are no batch statistics.

    Raises:
        ConfigError: for images that are not square, of a side that is no base doubled, widths that
            groups do not divide, or a projection with several outputs.
    """

    width: int = 768
    blocks: int = 2
    expansion: int = 2
    group_size: int = 16
    num_outputs: int = 1
    conditioning: str = "none"
    num_classes: int | None = None
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Float[Array, "n ..."], condition: Condition | None = None, *, train: bool
    ) -> Outputs:
        """Returns logits [n, num_outputs] and the sums of the last channels [n, d], in float32."""
        del train  # nothing here depends on it
        base, halvings = base_side(x.shape[1:], "r3gan")
        widths = [_width_at(self.width, base << i) for i in reversed(range(halvings + 1))]
        code = code_of(
            condition,
            self.conditioning,
            num_classes=self.num_classes,
            allowed=("none", "concat", "projection"),
        )
        x = join(x, code) if self.conditioning == "concat" else x
        x = _plain(self, widths[0])(x)
        for index, width in enumerate(widths):
            if index:
                x = _to_width(self, smooth_halve(x), width)
            x = _blocks(self, x, self.blocks * len(widths))
        start = nn.initializers.normal(1 / base)
        basis = self.param("basis", start, (base, base, widths[-1]))
        features = jnp.sum(x.astype(jnp.float32) * basis[None], axis=(1, 2))
        if self.conditioning != "projection" or code is None:
            return Outputs(logits=_linear(self.num_outputs)(features), features=features)
        if self.num_outputs != 1:
            raise ConfigError(
                f"conditioning 'projection' with {self.num_outputs} outputs; r3gan's makes one "
                "logit: set num_outputs to 1"
            )
        mapped = _linear(widths[0])(features)
        embed = _linear(widths[0], squared_gain=1 / widths[0], name="projection")
        classes = embed(code.reshape(len(code), -1))
        return Outputs(logits=jnp.sum(mapped * classes, axis=1, keepdims=True), features=features)


def _width_at(width: int, side: int) -> int:
    """The width of the blocks at a side."""
    while side > _WIDEST:
        width, side = width // 2, side // 2
    return width


def _linear(units: int, *, squared_gain: float = 1.0, name: str | None = None) -> nn.Dense:
    return nn.Dense(units, use_bias=False, kernel_init=fan_in(squared_gain), name=name)


def _plain(module: Any, width: int) -> Conv:
    """A convolution of 1 x 1 that keeps the variance."""
    dtype = compute_dtype(module.dtype)
    return Conv(width, 1, use_bias=False, dtype=dtype, kernel_init=fan_in(1.0))


def _to_width(module: Any, x: Array, width: int) -> Array:
    return x if x.shape[-1] == width else _plain(module, width)(x)


def _blocks(module: R3GANGenerator | R3GANDiscriminator, x: Array, total: int) -> Array:
    """The residual blocks at one side, of `total` in the network."""
    width = x.shape[-1]
    inner = width * module.expansion
    if inner % module.group_size:
        raise ConfigError(
            f"width {width} times expansion {module.expansion} is no multiple of group_size "
            f"{module.group_size}; change one of them"
        )
    convolve = partial(Conv, dtype=compute_dtype(module.dtype))
    start = fan_in(_SQUARED_GAIN / total**0.5)
    for _ in range(module.blocks):
        y = activate(convolve(inner, 1, kernel_init=start)(x), "leaky_relu")
        y = convolve(inner, 3, kernel_init=start, groups=inner // module.group_size)(y)
        y = activate(y, "leaky_relu")
        x = x + convolve(width, 1, use_bias=False, kernel_init=nn.initializers.zeros)(y)
    return x


_RANGES = {"num_classes": SHARED_RANGES["num_classes"]}
NETWORKS["r3gan"] = Network(R3GANGenerator, R3GANDiscriminator, _RANGES)
