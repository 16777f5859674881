"""The published weights of InceptionV3: where they are, what they hold, and how they are folded.

A file holds, for each convolution, `NAME.conv.weight` [o, i, kh, kw]; for the batch normalisation
after it `NAME.bn.weight`, the scale, `NAME.bn.bias`, the offset, `NAME.bn.running_mean` and
`NAME.bn.running_var`, all [o]; at last `fc.weight` [1008, 2048] and `fc.bias` [1008].
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.errors import ConfigError
from jaxgan.features.weight_files import STATISTICS, check_arrays, fold_normalisation
from jaxgan.runtime import cache_directory
from jaxgan.types import PyTree

FILE_NAME = "pt_inception-2015-12-05-6726825d.pth"
RELEASE = "https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights"
VARIABLE = "JAXGAN_INCEPTION_WEIGHTS"
EPSILON = 1e-3  # of the batch normalisations

# Bookkeeping of training that some files hold.
_IGNORED = ".bn.num_batches_tracked"


def find_weights(path: str | Path | None = None, cache_dir: Path | None = None) -> Path:
    """The file of weights: `path`, else $JAXGAN_INCEPTION_WEIGHTS, else FILE_NAME in the cache.

    Args:
        path: An explicit file.
        cache_dir: The cache; default `cache_directory()`.

    Raises:
        ConfigError: There is no such file; says where to get it.
    """
    cached = (cache_dir or cache_directory()) / FILE_NAME
    found = Path(path or os.environ.get(VARIABLE) or cached).expanduser()
    if not found.is_file():
        raise ConfigError(
            f"no Inception weights at {found}; download {FILE_NAME} from {RELEASE} to {cached}, or "
            f"name a file with weights= or {VARIABLE}"
        )
    return found


def published_shapes(params: PyTree) -> dict[str, tuple[int, ...]]:
    """The arrays that a file must hold for these parameters, with their shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path, kernel in _kernels(params).items():
        name, features = ".".join(path), kernel.shape[-1]
        if len(kernel.shape) == 2:
            shapes |= {f"{name}.weight": kernel.shape[::-1], f"{name}.bias": (features,)}
            continue
        height, width, channels, _ = kernel.shape
        shapes[f"{name}.conv.weight"] = (features, channels, height, width)
        for statistic in STATISTICS:
            shapes[f"{name}.bn.{statistic}"] = (features,)
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
    remedy = f"these are not the weights for FID; use {FILE_NAME}"
    check_arrays(kept, published_shapes(params), source, remedy)
    kept = {name: np.asarray(array, np.float64) for name, array in kept.items()}
    folded = {}
    for path in _kernels(params):
        name = ".".join(path)
        if f"{name}.weight" in kept:
            kernel, bias = kept[f"{name}.weight"].T, kept[f"{name}.bias"]
            folded[path] = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        else:
            kernel = kept[f"{name}.conv.weight"].transpose(2, 3, 1, 0)
            statistics = {key: kept[f"{name}.bn.{key}"] for key in STATISTICS}
            folded[path] = fold_normalisation(kernel, statistics, EPSILON)
    return unflatten_dict(folded)


def _kernels(params: PyTree) -> dict[tuple[str, ...], Any]:
    """Each layer's kernel, by the path of the layer."""
    arrays = flatten_dict(params).items()
    return {path[:-1]: array for path, array in arrays if path[-1] == "kernel"}
