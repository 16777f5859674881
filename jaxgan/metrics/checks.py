"""What the metrics of two feature sets ask of them, checked before anything is computed."""

import numpy as np
from jaxtyping import Array, Float

from jaxgan.errors import ConfigError

Features = Array | np.ndarray


def check_features(real: Float[Features, "n d"], fake: Float[Features, "m _d"]) -> None:
    """Raises ConfigError unless both are finite matrices of one width with two or more rows."""
    for name, x in (("real", real), ("fake", fake)):
        if x.ndim != 2 or x.shape[0] < 2:
            raise ConfigError(
                f"{name} features have shape {x.shape}; the rule is [n, d] with n >= 2: "
                "flatten each sample and pass more of them"
            )
        if not np.isfinite(x).all():
            raise ConfigError(
                f"{name} features hold {np.size(x) - np.isfinite(x).sum()} NaN or infinite values; "
                "all must be finite: look for a diverged generator"
            )
    if real.shape[1] != fake.shape[1]:
        raise ConfigError(
            f"real has {real.shape[1]} features and fake has {fake.shape[1]}; both must have as "
            "many: take them from the same feature network"
        )
