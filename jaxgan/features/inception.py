"""InceptionV3 as FID uses it: the graph that TensorFlow published on 2015-12-05.

It differs from the network of the paper in its poolings: averages leave the padding out, and the
pool branch of the last block takes maxima. Inference only: each convolution holds the batch
normalisation that follows it (epsilon 1e-3), folded into its kernel and bias.

Blocks and branches are named as in the published weights (see `inception_weights`).

Source: Szegedy et al. 2016, arXiv:1512.00567; Heusel et al. 2017, arXiv:1706.08500; the poolings as
in pytorch-fid.
"""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from jaxgan.features.inception_weights import find_weights, fold
from jaxgan.features.network import (
    FeatureMaps,
    FeatureNetwork,
    ImageData,
    coloured,
    sown_maps,
    weights_name,
)
from jaxgan.features.resize import resize_bilinear
from jaxgan.features.weight_files import read_weights
from jaxgan.networks.convolution import Padding
from jaxgan.networks.layers import Conv
from jaxgan.registry import lookup
from jaxgan.types import PyTree

SIDE = 299
NUM_FEATURES = 2048
NUM_CLASSES = 1008

# Images a call. On CPUs the first layers' maps of few images stay nearer: an image of 32 takes 1.15
# times as long as one of 8.
_BATCH, _BATCH_ON_CPU = 50, 8

Kernel = tuple[int, int]
Layer = tuple[str, int, Kernel]
Maps = Float[Array, "n h w c"]
OutputMaps = Float[Array, "n h_out w_out o"]


def _conv(
    x: Array,
    name: str,
    features: int,
    kernel: Kernel,
    *,
    stride: int = 1,
    padding: Padding = "SAME",
) -> Array:
    """A convolution with bias, then ReLU; call it in a compact module."""
    return nn.relu(Conv(features, kernel, stride, padding=padding, name=name)(x))


def _chain(x: Array, *layers: Layer) -> Array:
    for layer in layers:
        x = _conv(x, *layer)
    return x


def _halve(x: Array, name: str, features: int) -> Array:
    return _conv(x, name, features, (3, 3), stride=2, padding="VALID")


def _pool(
    x: Array, reduce: Callable[[Any, Any], Any], initial: float, stride: int, padding: Padding
) -> Array:
    """Over windows of 3 x 3, one axis after the other, which is up to 4 times as fast."""
    for axis in (1, 2):
        window, strides = [1, 1, 1, 1], [1, 1, 1, 1]
        window[axis], strides[axis] = 3, stride
        x = lax.reduce_window(x, initial, reduce, window, strides, padding)
    return x


def _halving_pool(x: Array) -> Array:
    return _pool(x, lax.max, -jnp.inf, 2, "VALID")


def _average_pool(x: Array) -> Array:
    counts = _pool(jnp.ones((1, *x.shape[1:3], 1), x.dtype), lax.add, 0.0, 1, "SAME")
    return _pool(x, lax.add, 0.0, 1, "SAME") / counts


def _max_pool(x: Array) -> Array:
    return _pool(x, lax.max, -jnp.inf, 1, "SAME")


def _join(*branches: Array) -> Array:
    return jnp.concatenate(branches, axis=-1)


class BlockA(nn.Module):
    """Branches of 1 x 1, 5 x 5 and two 3 x 3, and a pool: 224 + pool_features channels."""

    pool_features: int

    @nn.compact
    def __call__(self, x: Maps) -> OutputMaps:
        """Returns maps of the same sides."""
        return _join(
            _chain(x, ("branch1x1", 64, (1, 1))),
            _chain(x, ("branch5x5_1", 48, (1, 1)), ("branch5x5_2", 64, (5, 5))),
            _chain(
                x,
                ("branch3x3dbl_1", 64, (1, 1)),
                ("branch3x3dbl_2", 96, (3, 3)),
                ("branch3x3dbl_3", 96, (3, 3)),
            ),
            _chain(_average_pool(x), ("branch_pool", self.pool_features, (1, 1))),
        )


class BlockB(nn.Module):
    """Halves the sides, with 480 channels more."""

    @nn.compact
    def __call__(self, x: Maps) -> OutputMaps:
        """Returns maps of half the sides."""
        double = _chain(x, ("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)))
        return _join(
            _halve(x, "branch3x3", 384), _halve(double, "branch3x3dbl_3", 96), _halving_pool(x)
        )


class BlockC(nn.Module):
    """Branches of 1 x 1, of 7 x 7 and two 7 x 7 in factors, and a pool: 768 channels."""

    width: int

    @nn.compact
    def __call__(self, x: Maps) -> OutputMaps:
        """Returns maps of the same sides."""
        return _join(
            _chain(x, ("branch1x1", 192, (1, 1))),
            _chain(
                x,
                ("branch7x7_1", self.width, (1, 1)),
                ("branch7x7_2", self.width, (1, 7)),
                ("branch7x7_3", 192, (7, 1)),
            ),
            _chain(
                x,
                ("branch7x7dbl_1", self.width, (1, 1)),
                ("branch7x7dbl_2", self.width, (7, 1)),
                ("branch7x7dbl_3", self.width, (1, 7)),
                ("branch7x7dbl_4", self.width, (7, 1)),
                ("branch7x7dbl_5", 192, (1, 7)),
            ),
            _chain(_average_pool(x), ("branch_pool", 192, (1, 1))),
        )


class BlockD(nn.Module):
    """Halves the sides, with 512 channels more."""

    @nn.compact
    def __call__(self, x: Maps) -> OutputMaps:
        """Returns maps of half the sides."""
        seven = _chain(
            x,
            ("branch7x7x3_1", 192, (1, 1)),
            ("branch7x7x3_2", 192, (1, 7)),
            ("branch7x7x3_3", 192, (7, 1)),
        )
        return _join(
            _halve(_chain(x, ("branch3x3_1", 192, (1, 1))), "branch3x3_2", 320),
            _halve(seven, "branch7x7x3_4", 192),
            _halving_pool(x),
        )


class BlockE(nn.Module):
    """Branches that end in 1 x 3 beside 3 x 1, and a pool: 2,048 channels."""

    pool: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: Maps) -> OutputMaps:
        """Returns maps of the same sides."""
        single = _chain(x, ("branch3x3_1", 384, (1, 1)))
        double = _chain(x, ("branch3x3dbl_1", 448, (1, 1)), ("branch3x3dbl_2", 384, (3, 3)))
        return _join(
            _chain(x, ("branch1x1", 320, (1, 1))),
            _chain(single, ("branch3x3_2a", 384, (1, 3))),
            _chain(single, ("branch3x3_2b", 384, (3, 1))),
            _chain(double, ("branch3x3dbl_3a", 384, (1, 3))),
            _chain(double, ("branch3x3dbl_3b", 384, (3, 1))),
            _chain(self.pool(x), ("branch_pool", 192, (1, 1))),
        )


class InceptionV3(nn.Module):
    """Images of at least 75 pixels, 299 by convention, to pooled features and class logits."""

    @nn.compact
    def __call__(
        self, x: Float[Array, "n h w 3"]
    ) -> tuple[Float[Array, "n 2048"], Float[Array, "n 1008"]]:
        """Returns the features of the last pool, and logits, for images in [-1, 1].

        Keeps the last maps of 64, 192, 288, 768 and 2,048 channels as `sown_maps`.
        """
        x = _halve(x, "Conv2d_1a_3x3", 32)
        x = _conv(x, "Conv2d_2a_3x3", 32, (3, 3), padding="VALID")
        x = _conv(x, "Conv2d_2b_3x3", 64, (3, 3))
        self.sow("intermediates", "maps", x)
        x = _halving_pool(x)
        x = _conv(x, "Conv2d_3b_1x1", 80, (1, 1))
        x = _conv(x, "Conv2d_4a_3x3", 192, (3, 3), padding="VALID")
        self.sow("intermediates", "maps", x)
        x = _halving_pool(x)
        x = BlockA(32, name="Mixed_5b")(x)
        x = BlockA(64, name="Mixed_5c")(x)
        x = BlockA(64, name="Mixed_5d")(x)
        self.sow("intermediates", "maps", x)
        x = BlockB(name="Mixed_6a")(x)
        x = BlockC(128, name="Mixed_6b")(x)
        x = BlockC(160, name="Mixed_6c")(x)
        x = BlockC(160, name="Mixed_6d")(x)
        x = BlockC(192, name="Mixed_6e")(x)
        self.sow("intermediates", "maps", x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(_average_pool, name="Mixed_7b")(x)
        x = BlockE(_max_pool, name="Mixed_7c")(x)
        self.sow("intermediates", "maps", x)
        features = x.mean(axis=(1, 2))
        head = nn.Dense(NUM_CLASSES, precision=lax.Precision.HIGHEST, name="fc")
        return features, head(features)


def _as_pytorch_fid(images: Maps) -> OutputMaps:
    """Resized with aligned centres; white is 1."""
    return resize_bilinear(images, SIDE, alignment="centers")


def _as_tensorflow(images: Maps) -> OutputMaps:
    """Resized with aligned corners; bytes x are scaled to (x - 128) / 128: white is 127/128."""
    return (resize_bilinear(images, SIDE, alignment="corners") * 127.5 - 0.5) / 128.0


PREPROCESSINGS: dict[str, Callable[[Array], Array]] = {
    "pytorch": _as_pytorch_fid,
    "tensorflow": _as_tensorflow,
}


@partial(jax.jit, static_argnums=0)
def _forward(
    preprocess: Callable[[Array], Array], params: PyTree, images: Float[Array, "n h w c"]
) -> tuple[Float[Array, "n 2048"], Float[Array, "n 1008"]]:
    # Scores must not depend on a GPU's or TPU's habit of rounding products to fewer bits.
    with jax.default_matmul_precision("highest"):
        x = preprocess(coloured(images, "Inception"))
        return cast(tuple[Array, Array], InceptionV3().apply(params, x))


@partial(jax.jit, static_argnums=0)
def _maps(
    preprocess: Callable[[Array], Array], params: PyTree, images: Float[Array, "n h w c"]
) -> FeatureMaps:
    with jax.default_matmul_precision("highest"):
        return sown_maps(InceptionV3(), params, preprocess(coloured(images, "Inception")))


@cache
def param_shapes() -> PyTree:
    """The parameters as `jax.ShapeDtypeStruct`s."""
    images = jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32)
    return jax.eval_shape(InceptionV3().init, jax.random.key(0), images)["params"]


def load_inception(
    weights: str | Path | None = None,
    *,
    preprocessing: str = "pytorch",
    cache_dir: Path | None = None,
) -> FeatureNetwork:
    """InceptionV3 with published weights: features of the last pool [n, 2048], logits [n, 1008].

    Images of any side with 3 channels, or 1 that is repeated, are resized to 299 x 299.

    Args:
        weights: The file to read, else as `find_weights`.
        preprocessing: "pytorch" as pytorch-fid, whose figures most papers quote; "tensorflow" as
            the original code of FID and Inception score, and torch-fidelity.
        cache_dir: Where weights are looked for; default `cache_directory()`.

    Raises:
        ConfigError: No weights, or not these weights, or an unknown preprocessing.
    """
    preprocess = lookup(PREPROCESSINGS, preprocessing, "preprocessing")
    path = find_weights(weights, cache_dir)
    params = {"params": fold(read_weights(path), param_shapes(), str(path))}
    return FeatureNetwork(
        name=f"{weights_name('inception', params)}-{preprocessing}",
        params=jax.device_put(params),
        apply=partial(_forward, preprocess),
        batch_size=_BATCH_ON_CPU if jax.default_backend() == "cpu" else _BATCH,
        maps=partial(_maps, preprocess),
    )


def inception_features(
    data: ImageData, *, weights: str | None = None, preprocessing: str = "pytorch"
) -> FeatureNetwork:
    """InceptionV3 with published weights, as `load_inception`, whatever the data set."""
    return load_inception(weights, preprocessing=preprocessing, cache_dir=data.cache_dir)
