"""Every score by its registry name, its floor, and what it says where something is missing."""

import jax
import numpy as np
import pytest

from jaxgan.data import Mixture
from jaxgan.errors import ConfigError
from jaxgan.evaluation.reference import Features
from jaxgan.evaluation.scores import (
    HIGHER_IS_BETTER,
    SCORES,
    Sides,
    check_names,
    figures,
    floor,
    floor_sides,
    score,
)
from jaxgan.metrics import METRICS

KEY = jax.random.key(0)


def features(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 4)) + labels[:, None] + shift
    logits = 4.0 * (labels[:, None] == np.arange(3)) + rng.normal(size=(n, 3))
    return Features(x.astype("f"), logits.astype("f"), labels)


SIDES = Sides(features(300, 0), features(200, 1, shift=3.0), features(150, 2), 3)
CENTERS = np.array([[0, 0], [4, 0], [0, 4]], "f")
POINTS = Sides(
    *(
        Features(CENTERS[np.arange(n) % 3] + 0.3 * np.random.default_rng(n).normal(size=(n, 2)))
        for n in (300, 200)
    ),
    mixture=Mixture(CENTERS, 0.3),
)


def sides_of(name):
    return POINTS if name == "mixture_modes" else SIDES


@pytest.mark.parametrize("name", SCORES)
def test_every_score_returns_its_figures_and_a_floor(name):
    values = score(sides_of(name), [name], KEY)
    assert tuple(values) == SCORES[name].figures
    floors = floor(sides_of(name), [name], KEY)
    assert set(floors) == set(values)
    for value in (*values.values(), *floors.values()):
        assert np.isfinite(value) and np.isfinite(value.standard_error)


@pytest.mark.parametrize("name", ["fid", "fid_infinity", "kid", "kid_blocks", "cmmd", "intra_fid"])
def test_a_shift_lies_far_above_the_floor(name):
    (value,), (level,) = (f(SIDES, [name], KEY).values() for f in (score, floor))
    assert value > level + 5 * (value.standard_error + level.standard_error)


def test_what_is_better_the_higher_is_lower_for_a_shift():
    values, floors = (f(SIDES, ["prdc"], KEY) for f in (score, floor))
    assert all(values[name] < floors[name] for name in values)
    assert set(values) <= HIGHER_IS_BETTER


def test_only_figures_of_features_bear_their_name():
    names = figures(["fid", "class_coverage", "prdc"], "pca")
    assert list(names)[:3] == ["pca_fid", "classes", "class_kl"]
    assert names["pca_recall"] == "recall"
    assert list(score(SIDES, ["kid"], KEY, features="pca")) == ["pca_kid"]
    every = {figure for entry in SCORES.values() for figure in entry.figures}
    assert every >= HIGHER_IS_BETTER


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("memorisation", {"held_out": None}),
        ("class_coverage", {"num_classes": None}),
        ("inception_score", {"fake": SIDES.fake._replace(class_logits=None)}),
        ("intra_fid", {"real": SIDES.real._replace(labels=None)}),
        ("mixture_modes", {}),
    ],
)
def test_what_is_missing_is_told(name, change):
    with pytest.raises(ConfigError, match=f"metric '{name}': it needs"):
        score(SIDES._replace(**change), [name], KEY)


def test_every_metric_is_a_score():
    assert set(SCORES) == set(METRICS)


def test_an_unknown_metric_is_told():
    with pytest.raises(ConfigError, match="unknown metric 'fidd'; did you mean 'fid'"):
        check_names(["fidd"])


def test_the_floor_takes_other_real_samples():
    of_held_out = floor_sides(SIDES)
    assert len(of_held_out.fake.features) == 150
    assert set(map(tuple, of_held_out.fake.features)) == set(map(tuple, SIDES.held_out.features))
    halves = floor_sides(SIDES._replace(held_out=None))
    one, other = (set(map(tuple, side.features)) for side in (halves.real, halves.fake))
    assert len(one) == len(other) == 150 and not one & other
    split = floor_sides(SIDES, splits=True)
    one, other = (set(map(tuple, side.features)) for side in (split.held_out, split.fake))
    assert len(one) == len(other) == 75 and not one & other
