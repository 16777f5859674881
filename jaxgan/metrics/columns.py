"""Which columns of a table go together: correlations with permutation tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Shaped

from jaxgan.errors import ConfigError, DataError

# Pairs that a table shows.
_SHOWN = 20

# Numbers of permuted columns at a time.
_PART = 2**22


class Pair(NamedTuple):
    """Two columns.

    Attributes:
        first: The name of one.
        second: That of the other.
        pearson: r, in [-1, 1].
        pearson_p: Its p-value.
        spearman: rho, in [-1, 1].
        spearman_p: Its p-value.
    """

    first: str
    second: str
    pearson: float
    pearson_p: float
    spearman: float
    spearman_p: float

    @property
    def p(self) -> float:
        """Of both tests together: twice the smaller p-value, at most 1 (Bonferroni)."""
        return min(1.0, 2 * min(self.pearson_p, self.spearman_p))


class Correlations(NamedTuple):
    """The correlations of d columns; `print` shows the pairs, `plot` a heat map.

    Attributes:
        names: Of the columns.
        num_rows: The rows that they were computed from.
        pearson: r of each two columns, in [-1, 1].
        spearman: rho of each two columns: r of their ranks.
        pearson_p: p-values of r, of two sides; 0 on the diagonal.
        spearman_p: p-values of rho, likewise.
    """

    names: tuple[str, ...]
    num_rows: int
    pearson: Float[np.ndarray, "d d"]
    spearman: Float[np.ndarray, "d d"]
    pearson_p: Float[np.ndarray, "d d"]
    spearman_p: Float[np.ndarray, "d d"]

    def pairs(self) -> list[Pair]:
        """All pairs, those of the largest |r| or |rho| first."""
        found = [
            Pair(self.names[i], self.names[j], *(float(x[i, j]) for x in self._matrices()))
            for i, j in zip(*np.triu_indices(len(self.names), 1), strict=True)
        ]
        return sorted(found, key=lambda pair: -max(abs(pair.pearson), abs(pair.spearman)))

    def together(self, *, level: float = 0.05) -> list[Pair]:
        """The pairs that go together, at a false discovery rate of at most `level`.

        Args:
            level: In (0, 1): the share of such pairs that may be chance, on average.

        Raises:
            ConfigError: A level out of range.

        Source: Benjamini and Hochberg 1995, Controlling the False Discovery Rate,
        https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
        """
        from scipy.stats import false_discovery_control

        if not 0 < level < 1:
            raise ConfigError(f"level is {level}; it must be in (0, 1)")
        pairs = self.pairs()
        adjusted = false_discovery_control([pair.p for pair in pairs])
        return [pair for pair, p in zip(pairs, adjusted, strict=True) if p <= level]

    def plot(self, path: str | Path | None = None) -> Any:
        """A heat map: Pearson's r above the diagonal, Spearman's rho below it.

        Args:
            path: Where to save it; None: nowhere.

        Returns:
            The `matplotlib.figure.Figure`.
        """
        from matplotlib.figure import Figure

        d = len(self.names)
        values = np.triu(self.pearson) + np.tril(self.spearman, -1)
        side = 2.5 + 0.45 * d
        figure = Figure(figsize=(side + 1, side), dpi=120, layout="constrained")
        axes = figure.add_subplot(title="Pearson above, Spearman below")
        image = axes.imshow(values, vmin=-1, vmax=1, cmap="RdBu_r")
        axes.set_xticks(range(d), self.names, rotation=90)
        axes.set_yticks(range(d), self.names)
        for (i, j), value in np.ndenumerate(values):
            colour = "white" if abs(value) > 0.6 else "black"
            text = f"{value:.2f}".replace("0.", ".")
            axes.text(j, i, text, ha="center", va="center", fontsize=7, color=colour)
        figure.colorbar(image, ax=axes)
        if path is not None:
            figure.savefig(path)
        return figure

    def __str__(self) -> str:
        """A table of the strongest pairs; a star marks those of `together`."""
        stars = {pair[:2] for pair in self.together()}
        pairs = self.pairs()
        width = max(len("columns"), *(len(f"{p.first} - {p.second}") for p in pairs[:_SHOWN]))
        lines = [f"  {'columns':<{width}} {'Pearson':>8} {'p':>7} {'Spearman':>9} {'p':>7}"]
        lines += [
            f"{'*' if pair[:2] in stars else ' '} {f'{pair.first} - {pair.second}':<{width}} "
            f"{pair.pearson:>8.3f} {pair.pearson_p:>7.2g} "
            f"{pair.spearman:>9.3f} {pair.spearman_p:>7.2g}"
            for pair in pairs[:_SHOWN]
        ]
        if len(pairs) > _SHOWN:
            lines.append(f"  and {len(pairs) - _SHOWN} weaker pairs: see pairs()")
        lines.append(
            f"{self.num_rows} rows; *: go together, at a false discovery rate of 5 % over "
            f"{len(pairs)} pairs"
        )
        return "\n".join(lines)

    def _matrices(self) -> tuple[Float[np.ndarray, "d d"], ...]:
        return self.pearson, self.pearson_p, self.spearman, self.spearman_p


def correlations(
    table: Any,
    *,
    names: Sequence[str] | None = None,
    num_permutations: int = 999,
    seed: int = 0,
) -> Correlations:
    """Which columns of a table go together: Pearson's r and Spearman's rho with p-values.

    A p-value is the share of random pairings of the rows of two columns that correlate as far, on
    either side, doubled (`scipy.stats.permutation_test`); the smallest possible is
    2 / (num_permutations + 1). It assumes independent rows, and nothing of their distribution.
    Many columns need many permutations, or no p-value is small enough for all of their pairs.

    Args:
        table: Columns by name (a dict, a data frame), a structured array, or an array
            [n rows, d columns]. Of at least 2 columns and 3 rows.
        names: Of the columns of a plain array; default: their numbers.
        num_permutations: Random pairings, at least 1.
        seed: The same one makes the same pairings.

    Raises:
        DataError: Columns of unequal lengths, too few rows or columns, values that are missing, or
            no numbers, or a column that is constant.
        ConfigError: Names that are not one a column, or fewer than 1 permutation.

    Source: Rodgers and Nicewander 1988, https://doi.org/10.1080/00031305.1988.10475524; Spearman
    1904, https://doi.org/10.2307/1412159; Good 2005, Permutation, Parametric and Bootstrap Tests of
    Hypotheses, https://doi.org/10.1007/b138696

    >>> a = np.arange(20.0)
    >>> found = correlations({"a": a, "b": a**3, "c": np.cos(a)})
    >>> [pair[:2] for pair in found.together()]
    [('a', 'b')]
    """
    from scipy.stats import permutation_test, rankdata

    if num_permutations < 1:
        raise ConfigError(f"num_permutations is {num_permutations}; it must be at least 1")
    columns = _columns(table, names)
    values = np.stack([_numbers(name, column) for name, column in columns.items()])
    d, n = values.shape
    first, second = np.triu_indices(d, 1)
    rng = np.random.default_rng(seed)
    found = []
    for kind in (values, rankdata(values, axis=1)):
        deviations = kind - kind.mean(axis=1, keepdims=True)
        units = deviations / np.linalg.norm(deviations, axis=1, keepdims=True)
        tested = permutation_test(
            (units[first], units[second]),
            lambda x, y, axis: np.sum(x * y, axis=axis),
            permutation_type="pairings",
            vectorized=True,
            n_resamples=num_permutations,
            batch=max(1, _PART // (n * len(first))),
            axis=1,
            rng=rng,
        )
        r, p = np.eye(d), np.zeros((d, d))
        r[first, second] = r[second, first] = np.clip(tested.statistic, -1, 1)
        p[first, second] = p[second, first] = tested.pvalue
        found.append((r, p))
    (pearson, pearson_p), (spearman, spearman_p) = found
    return Correlations(tuple(columns), n, pearson, spearman, pearson_p, spearman_p)


def _columns(table: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """The columns of any kind of table, by name."""
    if isinstance(table, Mapping) or hasattr(table, "keys"):
        columns = {str(name): table[name] for name in table.keys()}  # noqa: SIM118 - data frames
    elif getattr(getattr(table, "dtype", None), "names", None):
        columns = {name: table[name] for name in table.dtype.names}
    else:
        array = np.asarray(table)
        if array.ndim != 2:
            raise DataError(f"the table has shape {array.shape}; it must be [rows, columns]")
        chosen = [str(i) for i in range(array.shape[1])] if names is None else list(names)
        if len(chosen) != array.shape[1] or len(set(chosen)) != len(chosen):
            raise ConfigError(
                f"names are {chosen}, and the table has {array.shape[1]} columns; give each a name "
                "of its own"
            )
        return _checked(dict(zip(chosen, array.T, strict=True)))
    if names is not None:
        raise ConfigError("names are given, and the columns of this table have names; omit them")
    return _checked(columns)


def _checked(columns: dict[str, Any]) -> dict[str, Any]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(columns) < 2 or min(lengths.values()) < 3:
        raise DataError(
            f"the table has {len(columns)} columns and {min(lengths.values(), default=0)} rows; "
            "correlations need at least 2 columns and 3 rows"
        )
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns have unequal lengths, {lengths}; give one value a row")
    return columns


def _numbers(name: str, column: Shaped[Array | np.ndarray, "n"] | Any) -> Float[np.ndarray, "n"]:
    """A column in float64, which can be correlated."""
    found = np.asarray(column)
    if found.ndim != 1 or found.dtype.kind not in "biuf":
        raise DataError(
            f"column {name!r} is {found.dtype}{list(found.shape)}; it must be one number a row: "
            "leave it out, or code it"
        )
    found = found.astype(np.float64)
    if missing := np.count_nonzero(~np.isfinite(found)):
        raise DataError(
            f"column {name!r} has {missing} values that are missing or infinite; drop these rows, "
            "or fill them"
        )
    if found.min() == found.max():
        raise DataError(f"column {name!r} is {found[0]:g} in every row; leave it out")
    return found
