"""Which of two samples of numbers is the larger: the area under the ROC curve."""

import numpy as np
from jaxtyping import Float

from jaxgan.errors import ConfigError
from jaxgan.metrics.estimate import Estimate


def probability_below(x: Float[np.ndarray, "m"], y: Float[np.ndarray, "n"]) -> Estimate:
    """P(x < y) + P(x = y) / 2: the area under the ROC curve of telling y from x by size.

    1/2 where both come from one distribution, 1 where every y exceeds every x.

    Args:
        x: At least 2 numbers, such as the scores of normal samples.
        y: At least 2 numbers, such as the scores of anomalous ones.

    Raises:
        ConfigError: Fewer than 2 numbers, or NaN among them.

    Source: of the standard error, DeLong, DeLong and Clarke-Pearson 1988, Comparing the Areas under
    Two or More Correlated Receiver Operating Characteristic Curves,
    https://doi.org/10.2307/2531595

    >>> probability_below(np.array([1.0, 2.0]), np.array([2.0, 3.0])).value
    0.875
    """
    for name, values in (("x", x), ("y", y)):
        if len(values) < 2 or np.isnan(values).any():
            raise ConfigError(
                f"{name} has {len(values)} numbers, {np.isnan(values).sum()} of them NaN; pass two "
                "or more, none NaN"
            )
    above_x, below_y = 1 - _share_below(y, x), _share_below(x, y)
    error = np.sqrt(above_x.var(ddof=1) / len(x) + below_y.var(ddof=1) / len(y))
    return Estimate(above_x.mean(), error)


def _share_below(
    x: Float[np.ndarray, "n"], limits: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m"]:
    """The share of x below each limit, those equal to it counted half."""
    ordered = np.sort(x)
    ends = [np.searchsorted(ordered, limits, side=side) for side in ("left", "right")]
    return (ends[0] + ends[1]) / (2 * len(x))
