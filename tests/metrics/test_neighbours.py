import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics import neighbours
from jaxgan.metrics.neighbours import nearest, squared_distances_of_pairs, tiles_below

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(neighbours, "TILE", 64)


def points(n, d, kind):
    x = RNG.normal(size=(n, d))
    return {
        "normal": x,
        "far from 0": x + 1e4,
        "ReLU": np.maximum(x - 1.0, 0.0),
        "tiny": 1e-30 * x,
        "an outlier": np.concatenate([x[1:], 1e8 * x[:1]]),
        "two tight clusters": 1e-5 * x + (np.arange(n) % 2)[:, None],
    }[kind].astype(np.float32)


KINDS = ["normal", "far from 0", "ReLU", "tiny", "an outlier", "two tight clusters"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [3, 40])
def test_nearest_agrees_with_brute_force_in_float64(kind, d):
    x, y = points(150, d, kind), points(131, d, kind)
    # Sums of squared differences, which scikit-learn takes only if told so.
    oracle = NearestNeighbors(n_neighbors=4, algorithm="brute", metric="sqeuclidean")
    direct = np.square(x[:, None].astype(float) - y[None]).sum(axis=2)
    squared, rows = nearest(x, y, k=4)
    assert_array_equal(rows, np.argsort(direct, axis=1, kind="stable")[:, :4])
    assert_allclose(squared, np.sort(direct, axis=1)[:, :4], rtol=1e-13)
    if kind == "normal":
        distances, indices = oracle.fit(y.astype(float)).kneighbors(x.astype(float))
        assert_allclose(squared, distances, rtol=1e-10)
        assert_array_equal(rows, indices)


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_within_a_set_leave_the_point_out(kind):
    x = points(150, 20, kind)
    direct = np.square(x[:, None].astype(float) - x[None]).sum(axis=2)
    np.fill_diagonal(direct, np.inf)
    squared, rows = nearest(x, k=3)
    assert_array_equal(rows, np.argsort(direct, axis=1, kind="stable")[:, :3])
    assert_allclose(squared, np.sort(direct, axis=1)[:, :3], rtol=1e-13)


def test_copies_are_neighbours_at_no_distance():
    x = points(90, 12, "far from 0")
    x[80] = x[70] = x[5]
    squared, rows = nearest(x, k=2)
    assert_array_equal(rows[[5, 70, 80]], [[70, 80], [5, 80], [5, 70]])
    assert not squared[[5, 70, 80]].any()
    assert np.count_nonzero(squared[:, 0]) == 87


@pytest.mark.parametrize("kind", KINDS)
def test_comparisons_decide_ties_as_float64_differences_do(kind):
    x = points(150, 20, kind)
    y = np.concatenate([x[:80], points(50, 20, kind)])  # every limit below is met by a pair
    limits_x, limits_y = nearest(x, k=2)[0][:, 1], nearest(y, k=2)[0][:, 1]
    i, j = (indices.ravel() for indices in np.indices((150, 130)))
    squared = squared_distances_of_pairs(x, i, y, j).reshape(150, 130)
    assert np.sum(squared == limits_x[:, None]) > 10
    below_x, below_y = np.zeros((2, 150, 130), bool)
    for rows, columns, of_x, of_y in tiles_below(x, y, limits_x, limits_y):
        below_x[rows, columns], below_y[rows, columns] = of_x, of_y
    assert_array_equal(below_x, squared < limits_x[:, None])
    assert_array_equal(below_y, squared < limits_y[None, :])


def test_few_pairs_are_decided_one_by_one(monkeypatch):
    # Else the answers would be right and the matrix products in vain.
    counts = []

    def counted(x, rows, y, columns):
        counts.append(len(rows))
        return squared_distances_of_pairs(x, rows, y, columns)

    monkeypatch.setattr(neighbours, "squared_distances_of_pairs", counted)
    for kind in ("normal", "ReLU", "two tight clusters"):
        counts.clear()
        x, y = points(300, 64, kind), points(300, 64, kind)
        squared, _ = nearest(x, y, k=3)
        assert sum(counts) < 1.2 * 3 * 300
        counts.clear()
        list(tiles_below(x, y, squared[:, -1], squared[:, -1]))
        assert sum(counts) < 0.01 * 300 * 300
