"""Tables of numbers: made ones of which the truth is known, and scikit-learn's diabetes data.

A regression has the columns X as the conditions of its samples y, as `jaxgan.games.regression` and
the network `linear` take them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxgan.data.record import dataset
from jaxgan.data.source import Source, from_arrays, unknown_split
from jaxgan.registry import AT_LEAST_ONE, POSITIVE, Range

SEEDS = {"train": 0, "test": 1}

# The correlation of neighbouring columns of X.
_NEIGHBOURS = 0.6


class LinearModel(NamedTuple):
    """y = X beta + intercept + noise N(0, 1), X ~ N(0, covariance).

    Attributes:
        beta: Of p columns.
        intercept: A number.
        noise: The standard deviation of y given X.
        covariance: Of the columns.
    """

    beta: Float[np.ndarray, "p"]
    intercept: float
    noise: float
    covariance: Float[np.ndarray, "p p"]

    @property
    def joint(self) -> Float[np.ndarray, "q q"]:
        """The covariance of the p columns and y."""
        with_y = self.covariance @ self.beta
        variance = self.beta @ with_y + self.noise**2
        return np.block(
            [[self.covariance, with_y[:, None]], [with_y[None], np.array([[variance]])]]
        )


class Columns(NamedTuple):
    """N(mean, covariance), the covariance with distinct eigenvalues.

    Attributes:
        mean: Of d columns.
        covariance: Of the columns.
    """

    mean: Float[np.ndarray, "d"]
    covariance: Float[np.ndarray, "d d"]


def linear_model(*, dimensions: int = 5, noise: float = 0.5) -> LinearModel:
    """The truth of `linear_gaussian`.

    Columns i and j of X have variance 1 and correlation .6^|i - j|, beta_i = (-1)^i (i + 1) / p for
    i from 0, and the intercept is 1/2.

    Args:
        dimensions: p, the columns of X.
        noise: The standard deviation of y given X.
    """
    i = np.arange(dimensions)
    beta = (-1.0) ** i * (i + 1) / dimensions
    return LinearModel(beta, 0.5, noise, _NEIGHBOURS ** np.abs(i[:, None] - i[None]))


def columns_model(*, dimensions: int = 6) -> Columns:
    """The truth of `gaussian_columns`.

    Means are i / d for i from 0, and the eigenvalues of the covariance 4, 2, 1, 1/2 and so on, with
    eigenvectors that are drawn once.

    Args:
        dimensions: d, the columns.
    """
    rng = np.random.Generator(np.random.Philox(len(SEEDS)))
    axes = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))[0]
    i = np.arange(dimensions)
    return Columns(i / dimensions, (axes * (4 * 0.5**i)[None]) @ axes.T)


@dataset(ranges={"size": AT_LEAST_ONE, "dimensions": AT_LEAST_ONE, "noise": POSITIVE})
def linear_gaussian(
    *, split: str = "train", size: int = 2000, dimensions: int = 5, noise: float = 0.5
) -> Source:
    """A linear regression on correlated columns: y = X beta + 1/2 + noise N(0, 1).

    Samples are y, float32 [1], and their conditions X, float32 [dimensions]. `linear_model` has the
    truth.

    Args:
        split: "train" or "test", drawn with different seeds.
        size: The number of rows.
        dimensions: The columns of X.
        noise: The standard deviation of y given X.
    """
    if split not in SEEDS:
        raise unknown_split("linear_gaussian", split, SEEDS)
    truth = linear_model(dimensions=dimensions, noise=noise)
    rng = np.random.Generator(np.random.Philox(SEEDS[split]))
    x = rng.standard_normal((size, dimensions)) @ np.linalg.cholesky(truth.covariance).T
    y = x @ truth.beta + truth.intercept + noise * rng.standard_normal(size)
    return from_arrays(
        y[:, None].astype(np.float32),
        condition=x.astype(np.float32),
        name="linear_gaussian",
        split=split,
        version=f"1-size={size}-dimensions={dimensions}-noise={noise}",
    )


@dataset(ranges={"size": AT_LEAST_ONE, "dimensions": Range(low=2)})
def gaussian_columns(*, split: str = "train", size: int = 2000, dimensions: int = 6) -> Source:
    """A table of correlated Gaussian columns, float32 [dimensions]; `columns_model` has the truth.

    Args:
        split: "train" or "test", drawn with different seeds.
        size: The number of rows.
        dimensions: The columns, at least 2.
    """
    if split not in SEEDS:
        raise unknown_split("gaussian_columns", split, SEEDS)
    truth = columns_model(dimensions=dimensions)
    rng = np.random.Generator(np.random.Philox(SEEDS[split]))
    z = rng.standard_normal((size, dimensions))
    table = truth.mean[None] + z @ np.linalg.cholesky(truth.covariance).T
    return from_arrays(
        table.astype(np.float32),
        name="gaussian_columns",
        split=split,
        version=f"1-size={size}-dimensions={dimensions}",
    )


# The split of scikit-learn's tutorial on supervised learning: the last 20 rows are the test set.
DIABETES_SPLITS = {"train": slice(0, -20), "test": slice(-20, None), "all": slice(None)}


@dataset()
def diabetes(*, split: str = "train") -> Source:
    """Progression of diabetes in 442 patients, from ten measurements of each.

    Samples are the progression, float32 [1], and their conditions the ten columns, float32 [10]:
    age, sex, bmi, bp and s1 to s6. All of them in units of the standard deviation over all 442
    rows, from the mean. So with y' and X' as scikit-learn has them, mean(y') and sd(y') over all
    rows, y' = mean(y') + sd(y') y and X' = X / sqrt(442): a coefficient there is sqrt(442) sd(y')
    times one here.

    Args:
        split: "train" (the first 422), "test" (the last 20) or "all".

    Source: Efron et al. 2004, Least Angle Regression, https://doi.org/10.1214/009053604000000067;
    embedded in scikit-learn.
    """
    # Imported here, as for the digits.
    from sklearn.datasets import load_diabetes

    if split not in DIABETES_SPLITS:
        raise unknown_split("diabetes", split, DIABETES_SPLITS)
    x, y = map(np.asarray, load_diabetes(return_X_y=True))
    chosen = DIABETES_SPLITS[split]
    y = (y - y.mean()) / y.std()
    return from_arrays(
        y[chosen, None].astype(np.float32),
        condition=(x * len(x) ** 0.5)[chosen].astype(np.float32),
        name="diabetes",
        split=split,
    )
