"""What a conditional generator predicts: means and intervals of several draws."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from jaxgan.errors import ConfigError
from jaxgan.evaluation import draw, request
from jaxgan.evaluation.samples import Sampler
from jaxgan.registry import AT_LEAST_ONE, Range, check_range

_LEVEL = Range(low=0, high=1, above=True, below=True)


class Prediction(NamedTuple):
    """Of n inputs.

    Attributes:
        mean: Of the draws.
        lower: The lower end of the central interval, value by value.
        upper: The upper end.
    """

    mean: Float[np.ndarray, "n ..."]
    lower: Float[np.ndarray, "n ..."]
    upper: Float[np.ndarray, "n ..."]


def predicted(
    sampler: Sampler,
    state: Any,
    x: Shaped[Array | np.ndarray, "n ..."],
    *,
    key: PRNGKeyArray,
    num_samples: int,
    level: float,
) -> Prediction:
    """Means and central intervals of draws of a generator, given x.

    With m draws that come from the truth, a further one lies between the k-th smallest and the k-th
    largest with probability 1 - 2 k / (m + 1): the ends are these quantiles, interpolated, so that
    the level holds for few draws too. It says nothing of errors of the generator itself.

    Args:
        sampler: Makes samples of a state; see `jaxgan.evaluation.draw`.
        state: Of the run.
        x: n conditions.
        key: For the draws.
        num_samples: m, the draws of each, at least (1 + level) / (1 - level).
        level: Of the interval, in (0, 1).

    Raises:
        ConfigError: A number out of range, or too few draws for the level.

    Source: the exchangeability of draws, as in Vovk et al. 2005, Algorithmic Learning in a Random
    World, https://doi.org/10.1007/b106715
    """
    check_range(num_samples, AT_LEAST_ONE, "num_samples")
    check_range(level, _LEVEL, "level")
    # Rounding must not ask for one draw more: (1 + .9) / (1 - .9) is 19.000000000000004.
    needed = int(np.ceil((1 + level) / (1 - level) - 1e-6))
    if num_samples < needed:
        raise ConfigError(
            f"num_samples is {num_samples}, and an interval of level {level} needs {needed} draws; "
            "draw more, or lower the level"
        )
    n = len(x)
    asked = request(n * num_samples, condition=np.repeat(np.asarray(x), num_samples, axis=0))
    samples = draw(sampler, state, key, n * num_samples, conditions=asked)[0]
    samples = samples.reshape(n, num_samples, *samples.shape[1:])
    ends = partial(np.quantile, samples, axis=1, method="weibull")
    lower, upper = (ends((1 + sign * level) / 2) for sign in (-1, 1))
    return Prediction(samples.mean(axis=1), lower, upper)
