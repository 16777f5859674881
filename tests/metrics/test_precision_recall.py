import tracemalloc

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import neighbours, prdc, precision_recall


def reference(real, fake, k):
    """The equations of both papers over whole matrices of float64 differences."""

    def distances(x, y):
        return np.array([[np.sqrt(np.sum((a - b) ** 2)) for b in y] for a in x])

    def radii(x):
        return np.array(
            [np.sort(np.delete(row, i))[k - 1] for i, row in enumerate(distances(x, x))]
        )

    real, fake = real.astype(float), fake.astype(float)
    between = distances(real, fake)
    in_real = between < radii(real)[:, None]
    in_fake = between < radii(fake)[None, :]
    return (
        in_real.any(axis=0).mean(),
        in_fake.any(axis=1).mean(),
        in_real.sum() / (k * len(fake)),
        in_real.any(axis=1).mean(),
    )


def features(kind):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(140, 6)), 0.8 * rng.normal(size=(110, 6)) + 0.3
    if kind == "whole numbers":  # ties everywhere, in exact arithmetic for any method
        real, fake = np.round(real), np.round(2 * fake)
    elif kind == "copies":
        real[100:] = real[:40]
        fake[60:] = fake[0]
    elif kind == "memorised":
        fake[:50] = real[:50]
    elif kind == "collapsed":
        fake[:] = real[3] + 0.1
    elif kind == "ReLU":
        real, fake = np.maximum(real, 0) + 5, np.maximum(fake, 0) + 5
    return real.astype(np.float32), fake.astype(np.float32)


KINDS = ["normal", "whole numbers", "copies", "memorised", "collapsed", "ReLU"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 5])
def test_equals_the_equations(kind, k, monkeypatch):
    monkeypatch.setattr(neighbours, "TILE", 64)
    real, fake = features(kind)
    assert_allclose(prdc(real, jnp.asarray(fake), k=k), reference(real, fake, k), rtol=1e-12)


@pytest.mark.parametrize("kind", ["normal", "whole numbers", "ReLU"])
def test_equals_the_package_of_the_authors(kind):
    package = pytest.importorskip("prdc")
    real, fake = (x.astype(float) for x in features(kind))
    expected = package.compute_prdc(real, fake, nearest_k=5)
    scores = prdc(real, fake, k=5)._asdict()
    assert scores == {name: pytest.approx(value, rel=1e-12) for name, value in expected.items()}


def test_hand_worked_case():
    # Radii to the first neighbour: real 1, 1, 2 at 0, 1, 3; fake 1.5, 1.5, 4 at 0.5, 2, 6.
    # Real balls: 0.5 lies in those of 0 and 1; 2 in that of 3, and in that of 1 it would tie; 6 in
    # none. Fake balls: 0 and 1 lie in that of 0.5; 3 in those of 2 and 6.
    real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [2.0], [6.0]])
    precision, recall, density, coverage = prdc(real, fake, k=1)
    assert_allclose([precision, recall, density, coverage], [2 / 3, 1, 1, 1])


def test_standard_errors_are_those_of_halves_or_quarters():
    """The larger of the variances among disjoint parts of both sets, over their number."""
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(40, 3)), 1.3 * rng.normal(size=(36, 3))
    rng, variances = np.random.default_rng(0), []
    for parts in (2, 4):
        among = []
        for _ in range(6):
            x, y = (np.array_split(rng.permutation(z), parts) for z in (real, fake))
            figures = [reference(*pair, 2) for pair in zip(x, y, strict=True)]
            among.append(np.var(figures, axis=0, ddof=1))
        variances.append(np.mean(among, axis=0) / parts)
    errors = [score.standard_error for score in prdc(real, fake, k=2)]
    assert_allclose(errors, np.sqrt(np.maximum(*variances)), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("d", [8, 32])
def test_intervals_hold_the_means(d):
    rng = np.random.default_rng(1)
    shift = 1 / np.sqrt(d)
    scores = [
        prdc(*(rng.normal(mean, size=(500, d)).astype("f") for mean in (0, shift)))
        for _ in range(100)
    ]
    values = np.array(scores, float)
    errors = np.array([[value.standard_error for value in score] for score in scores])
    held = np.mean(abs(values - values.mean(axis=0)) <= 1.96 * errors, axis=0)
    assert np.all(held > 0.84) and 0.89 < np.mean(held) < 0.98  # with balls held fixed: .82


def test_standard_errors_of_few_samples_are_not_known():
    real, fake = (x[:11] for x in features("normal"))
    assert np.isnan([value.standard_error for value in prdc(real, fake, k=5)]).all()


def test_precision_and_recall_are_not_swapped():
    rng = np.random.default_rng(2)
    narrow, wide = rng.uniform(0, 1, size=(200, 2)), rng.uniform(0, 4, size=(200, 2))
    scores = prdc(wide, narrow)  # every sample is good, most of the data is not reached
    assert scores.precision > 0.95
    assert scores.recall < 0.2
    assert scores.coverage < 0.2


def test_memory_stays_within_tiles(monkeypatch):
    monkeypatch.setattr(neighbours, "TILE", 128)
    monkeypatch.setattr(neighbours, "BLOCK_ENTRIES", 1 << 12)
    real = np.random.default_rng(3).normal(size=(2, 1500, 8)).astype(np.float32)
    tracemalloc.start()
    precision_recall._figures(*real, 5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1500 * 1500 * 4 / 2  # half a matrix of distances


@pytest.mark.parametrize("k", [0, 110])
def test_bad_k_raises(k):
    with pytest.raises(ConfigError, match=rf"k is {k}; .* min\(n, m\) - 1 = 109: lower it"):
        prdc(*features("normal"), k=k)


def test_bad_features_raise():
    with pytest.raises(ConfigError, match="real has 6 features and fake has 5"):
        prdc(features("normal")[0], features("normal")[1][:, :5])
