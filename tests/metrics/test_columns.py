"""Correlations of columns against scipy's, and their p-values against exact and uniform ones."""

import itertools

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn.datasets import load_diabetes

import jaxgan
from jaxgan.errors import ConfigError, DataError
from jaxgan.metrics import correlations


def test_correlations_are_scipys():
    """On scikit-learn's diabetes data, which has ties."""
    bunch = load_diabetes()
    found = correlations(bunch.data, names=bunch.feature_names, num_permutations=9)
    assert found.names == tuple(bunch.feature_names) and found.num_rows == 442
    np.testing.assert_allclose(found.pearson, np.corrcoef(bunch.data.T), atol=1e-12)
    np.testing.assert_allclose(found.spearman, stats.spearmanr(bunch.data).statistic, atol=1e-12)


def test_p_values_of_few_rows_are_those_of_all_pairings():
    """By hand: every order of five rows, two sides."""
    x, y = np.array([1.0, 2, 3, 4, 10]), np.array([2.0, 1, 3, 9, 8])
    found = correlations({"x": x, "y": y}, num_permutations=200_000)
    for p, ranked in ((found.pearson_p, False), (found.spearman_p, True)):
        a, b = map(stats.rankdata, (x, y)) if ranked else (x, y)
        r = np.corrcoef(a, b)[0, 1]
        all_r = np.array([np.corrcoef(a, order)[0, 1] for order in itertools.permutations(b)])
        sides = (all_r >= r - 1e-12).mean(), (all_r <= r + 1e-12).mean()
        assert p[0, 1] == p[1, 0] == pytest.approx(min(1, 2 * min(sides)))


def test_p_values_of_unrelated_columns_are_uniform_and_few_pairs_are_found():
    table = np.random.default_rng(0).standard_normal((50, 20))
    found = correlations(table, num_permutations=199)
    above = np.triu_indices(20, 1)
    for p in (found.pearson_p[above], found.spearman_p[above]):
        assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert len(found.together()) == 0


def test_a_monotone_relation_is_whole_for_ranks():
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal(100), rng.standard_normal((2, 100))
    found = correlations({"x": x, "exp": np.exp(3 * x), "noise": noise[0], "other": noise[1]})
    (pair,) = found.together()
    assert pair == found.pairs()[0] and pair[:2] == ("x", "exp")
    assert pair.spearman == pytest.approx(1) and pair.pearson < 0.8
    assert pair.spearman_p == pytest.approx(2 / 1000)


def test_tables_of_every_kind_are_the_same_table():
    rng = np.random.default_rng(0)
    array = rng.standard_normal((30, 3))
    named = {"a": array[:, 0], "b": array[:, 1].tolist(), "c": array[:, 2]}
    structured = np.rec.fromarrays(list(array.T), names="a,b,c").view(np.ndarray)
    one, *others = (
        correlations(named, num_permutations=19),
        correlations(structured, num_permutations=19),
        correlations(array, names=["a", "b", "c"], num_permutations=19),
    )
    for other in others:
        assert str(one) == str(other)
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, y)
    assert correlations(array, num_permutations=1).names == ("0", "1", "2")


def test_it_is_shown_as_a_table_and_as_a_heat_map(tmp_path):
    bunch = load_diabetes()
    found = jaxgan.correlations(bunch.data, names=bunch.feature_names, num_permutations=499)
    lines = str(found).splitlines()
    assert lines[1].split() == ["*", "s1", "-", "s2", "0.897", "0.004", "0.879", "0.004"]
    assert lines[-2] == "  and 25 weaker pairs: see pairs()"
    assert lines[-1].startswith("442 rows; *: go together, at a false discovery rate of 5 %")
    figure = found.plot(tmp_path / "heat.png")
    with Image.open(tmp_path / "heat.png") as picture:
        assert min(picture.size) > 600
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert len(shown) == 100 and shown[1] == ".17" and shown[10] == ".18"


GOOD = np.arange(5.0)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"a": GOOD, "b": np.ones(5)}, DataError, "column 'b' is 1 in every row; leave it out"),
        ({"a": GOOD, "b": [*GOOD[:4], np.nan]}, DataError, "column 'b' has 1 values that are miss"),
        ({"a": GOOD, "b": list("abcde")}, DataError, "column 'b' is <U1.*one number a row"),
        ({"a": GOOD, "b": GOOD[:3]}, DataError, "unequal lengths, {'a': 5, 'b': 3}"),
        ({"a": GOOD}, DataError, "1 columns and 5 rows; correlations need at least 2 columns"),
        ({}, DataError, "0 columns and 0 rows"),
        (np.ones((2, 2)), DataError, "2 columns and 2 rows"),
        (GOOD, DataError, r"shape \(5,\); it must be \[rows, columns\]"),
    ],
)
def test_mistakes_are_named(table, error, message):
    with pytest.raises(error, match=message):
        correlations(table)


def test_wrong_arguments_are_named():
    table = np.random.default_rng(0).standard_normal((5, 2))
    with pytest.raises(ConfigError, match="num_permutations is 0; it must be at least 1"):
        correlations(table, num_permutations=0)
    with pytest.raises(ConfigError, match="the table has 2 columns; give each a name"):
        correlations(table, names=["a"])
    with pytest.raises(ConfigError, match="have names; omit them"):
        correlations({"a": GOOD, "b": GOOD**2}, names=["a", "b"])
    with pytest.raises(ConfigError, match=r"level is 1\.5"):
        correlations(table, num_permutations=1).together(level=1.5)
