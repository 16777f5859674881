"""Figures of metrics, what real samples get in the same place, and a game's own figures."""

import jax
import numpy as np
import pytest

from jaxgan.data import Curve, Mixture, from_arrays
from jaxgan.errors import ConfigError
from jaxgan.evaluation import average_scores, real_baseline, score, scores
from jaxgan.evaluation.scores import baseline_sides
from jaxgan.metrics import METRICS, Estimate, Features, Metric, Sides

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
    curve=Curve(np.eye(2, dtype="f"), np.linspace([0, 0], [4, 0], 60, dtype="f")),
)


# 32 ms of noise.
WAVES = Sides(
    *(
        Features(np.random.default_rng(n).normal(size=(n, 128)).astype("f"))
        for n in (300, 200, 150)
    ),
    sample_rate=4000,
)


def chosen(*names):
    return {name: METRICS[name] for name in names}


def sides_of(name):
    if name == "spectral_distance":
        return WAVES
    return POINTS if name in ("mixture_modes", "curve_coverage") else SIDES


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_figures_and_a_real_baseline(name):
    values, baseline = (f(sides_of(name), chosen(name), KEY) for f in (score, real_baseline))
    assert tuple(values) == METRICS[name].reports == tuple(baseline)
    for value in (*values.values(), *baseline.values()):
        assert isinstance(value, Estimate)
        assert np.isfinite(value) and np.isfinite(value.standard_error)


@pytest.mark.parametrize("name", ["fid", "fid_infinity", "kid", "kid_blocks", "cmmd", "intra_fid"])
def test_a_shift_lies_far_above_the_real_baseline(name):
    (value,), (level,) = (f(SIDES, chosen(name), KEY).values() for f in (score, real_baseline))
    assert value > level + 5 * (value.standard_error + level.standard_error)


def test_what_is_better_the_higher_is_lower_for_a_shift():
    values, baseline = (f(SIDES, chosen("prdc"), KEY) for f in (score, real_baseline))
    assert all(values[name] < baseline[name] for name in values)
    assert set(values) == set(METRICS["prdc"].higher_is_better)


def test_full_names_bear_the_network_and_messages_the_metric():
    assert list(score(SIDES, chosen("kid", "class_coverage"), KEY, features="pca")) == [
        "pca_kid",
        "classes",
        "class_kl",
    ]
    with pytest.raises(ConfigError, match="metric 'mixture_modes': it needs a mixture whose"):
        score(SIDES, chosen("mixture_modes"), KEY)
    assert real_baseline(SIDES, chosen("mixture_modes"), KEY) == {}


def test_a_metric_of_ones_own_is_scored_under_its_name():
    def shift(real, fake):
        return np.linalg.norm(real.mean(axis=0) - fake.mean(axis=0))

    (name,), (value,) = zip(*score(SIDES, {"mine": Metric(shift)}, KEY).items(), strict=True)
    assert name == "shift" and abs(value - 6.0) < 1.0  # 3 in each of 4 dimensions


def test_the_baseline_takes_other_real_samples():
    of_held_out = baseline_sides(SIDES)
    assert len(of_held_out.fake.features) == 150
    assert set(map(tuple, of_held_out.fake.features)) == set(map(tuple, SIDES.held_out.features))
    halves = baseline_sides(SIDES._replace(held_out=None))
    one, other = (set(map(tuple, side.features)) for side in (halves.real, halves.fake))
    assert len(one) == len(other) == 150 and not one & other
    split = baseline_sides(SIDES, splits=True)
    one, other = (set(map(tuple, side.features)) for side in (split.held_out, split.fake))
    assert len(one) == len(other) == 75 and not one & other


def test_the_labels_of_the_baseline_stand_for_those_asked_for():
    """So its agreement is the accuracy of the classifier; without any asked for there are none."""
    read = baseline_sides(SIDES).fake
    agreement = real_baseline(SIDES, chosen("class_agreement"), KEY)["class_agreement"]
    assert agreement == np.mean(read.class_logits.argmax(axis=1) == read.labels)
    unasked = SIDES._replace(fake=SIDES.fake._replace(labels=None))
    assert baseline_sides(unasked).fake.labels is None
    assert real_baseline(unasked, chosen("class_agreement"), KEY) == {}


POINTS_READ = np.arange(7, dtype=np.float32)[:, None]
SOURCE = from_arrays(POINTS_READ, np.arange(7) % 3, name="numbers", split="test")


def test_own_figures_are_means_over_every_sample_once(monkeypatch):
    """The last of the batches of three is filled up, and what fills it is not counted."""
    monkeypatch.setattr(scores, "BATCH_SIZE", 3)
    shapes, keys = set(), set()

    def own(state, batch, key):
        shapes.add(batch.real.shape)
        keys.add(tuple(jax.random.key_data(key).tolist()))
        return {"number": state * batch.real[:, 0], "zero": jax.numpy.asarray(batch.labels == 0)}

    found = average_scores(own, 2.0, SOURCE, KEY)
    assert shapes == {(3, 1)} and len(keys) == 3
    numbers = 2.0 * np.arange(7.0)
    assert found["number"] == pytest.approx(numbers.mean())
    assert found["number"].standard_error == pytest.approx(numbers.std(ddof=1) / np.sqrt(7))
    assert found["zero"] == pytest.approx(3 / 7)
    monkeypatch.setattr(scores, "MAX_HELD_OUT", 1)
    assert np.isnan(average_scores(own, 2.0, SOURCE, KEY)["number"].standard_error)


def test_own_figures_of_a_batch_are_refused():
    with pytest.raises(ConfigError, match=r"score 'mean' has shape \(\) for 7 samples; .* mean"):
        average_scores(lambda s, batch, k: {"mean": batch.real.mean()}, None, SOURCE, KEY)
