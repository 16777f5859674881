"""What the metrics of two feature sets ask of them, checked before anything is computed."""

import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from jaxgan.errors import ConfigError

AnyArray = Array | np.ndarray


def check_matrix(name: str, x: Float[AnyArray, "..."], *, at_least: int = 2) -> None:
    """Raises ConfigError unless x is a finite matrix of enough rows."""
    if x.ndim != 2 or x.shape[0] < at_least or x.shape[1] < 1:
        raise ConfigError(
            f"{name} have shape {x.shape}; the rule is [n, d] with n >= {at_least}: "
            "flatten each sample and pass more of them"
        )
    finite = np.isfinite(x)
    if not finite.all():
        raise ConfigError(
            f"{name} hold {np.size(x) - finite.sum()} NaN or infinite values; "
            "all must be finite: look for a diverged generator"
        )


def check_features(real: Float[AnyArray, "n d"], fake: Float[AnyArray, "m _d"]) -> None:
    """Raises ConfigError unless both are finite matrices of one width with two or more rows."""
    check_matrix("real features", real)
    check_matrix("fake features", fake)
    check_widths(real.shape[1], fake.shape[1])


def check_widths(real: int, fake: int) -> None:
    """Raises ConfigError unless both sets have as many features."""
    if real != fake:
        raise ConfigError(
            f"real has {real} features and fake has {fake}; both must have as "
            "many: take them from the same feature network"
        )


def check_labels(
    name: str, labels: Shaped[AnyArray, "_n"], *, rows: int, num_classes: int
) -> Int[np.ndarray, "_n"]:
    """The labels as an array; raises ConfigError unless there is one of each class per row."""
    labels = np.asarray(labels)
    if labels.shape != (rows,) or not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(
            f"{name} labels are {labels.dtype} of shape {labels.shape}; pass one integer for each "
            f"of the {rows} rows"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ConfigError(
            f"{name} labels run from {labels.min()} to {labels.max()}; they must lie between 0 and "
            f"num_classes - 1 = {num_classes - 1}: pass the data set's number of classes"
        )
    return labels
