"""Every metric and its record: what it returns, reports and needs; and bare functions."""

import jax
import numpy as np
import pytest

import jaxgan.metrics
from jaxgan.errors import ConfigError
from jaxgan.metrics import METRICS, Estimate, Features, Metric, Sides
from jaxgan.metrics.record import NEEDS
from jaxgan.registry import as_record

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
SAMPLES = RNG.normal(size=(60, 2)).astype(np.float32)
OTHERS = RNG.normal(size=(50, 2)).astype(np.float32)
WAVES = np.random.default_rng(1).normal(size=(30, 16)).astype(np.float32)

CALLS = {
    "class_agreement": ((np.arange(20) % 7, np.arange(20) % 5), {"num_classes": 7}),
    "class_coverage": ((np.arange(20) % 7,), {"num_classes": 10}),
    "cmmd": ((SAMPLES, OTHERS), {}),
    "curve_coverage": ((SAMPLES, np.eye(2), np.linspace([0, 0], [1, 1], 60)), {}),
    "fid": ((SAMPLES, OTHERS), {}),
    "fid_infinity": ((SAMPLES, OTHERS), {"min_size": 20, "key": KEY}),
    "inception_score": ((SAMPLES,), {}),
    "intra_fid": ((SAMPLES, np.arange(60) % 3, OTHERS, np.arange(50) % 3), {"num_classes": 3}),
    "kid": ((SAMPLES, OTHERS), {"num_subsets": 3, "subset_size": 40, "key": KEY}),
    "kid_blocks": ((SAMPLES, OTHERS), {"num_blocks": 5, "key": KEY}),
    "memorisation": ((SAMPLES, OTHERS[:25], OTHERS[25:]), {}),
    "mixture_modes": ((SAMPLES, OTHERS[:4], 0.5), {}),
    "prdc": ((SAMPLES, OTHERS), {}),
    "sliced_wasserstein_distance": ((SAMPLES, OTHERS), {"key": KEY}),
    "spectral_distance": ((WAVES, WAVES[:20]), {"sample_rate": 100}),
    "two_sample_test": ((SAMPLES, OTHERS), {"num_permutations": 19, "key": KEY}),
    "vendi_score": ((SAMPLES,), {}),
}

# What has everything that any metric needs.
LABELS = np.arange(60) % 3
LOGITS = (4.0 * np.eye(3)[LABELS] + RNG.normal(size=(60, 3))).astype(np.float32)
SIDES = Sides(
    real=Features(SAMPLES, LOGITS, LABELS),
    fake=Features(OTHERS, LOGITS[:50], LABELS[:50]),
    held_out=Features(SAMPLES + 0.1),
    num_classes=3,
    mixture=(OTHERS[:4], 0.5),
    curve=(np.eye(2, dtype=np.float32), np.linspace([0, 0], [1, 1], 60, dtype=np.float32)),
    sample_rate=100,
)
WITHOUT = {
    "asked": {"fake": Features(OTHERS, LOGITS[:50])},
    "class_logits": {"fake": Features(OTHERS)},
    "classifier": {"num_classes": 4},
    "curve": {"curve": None},
    "held_out": {"held_out": None},
    "labels": {"real": Features(SAMPLES, LOGITS)},
    "mixture": {"mixture": None},
    "sample_rate": {"sample_rate": None},
}


def test_every_metric_is_called_here():
    assert set(CALLS) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.slow
def test_every_metric_returns_finite_numbers(name):
    args, kwargs = CALLS[name]
    values = jax.tree.leaves(METRICS[name](*args, **kwargs))
    # A class that is asked for less than twice has no error.
    values = values[:1] if name == "class_agreement" else values
    assert all(np.isfinite(value).all() for value in values)


@pytest.mark.parametrize("name", METRICS)
def test_every_record_is_of_the_exported_function_and_says_what_it_reports(name):
    record = METRICS[name]
    assert getattr(jaxgan.metrics, name) is record.function
    assert name in jaxgan.metrics.__all__
    assert set(record.higher_is_better) <= set(record.reports)
    assert set(record.needs) <= set(NEEDS)
    assert all(figure in record.describe() for figure in record.reports)


def test_no_figure_is_reported_twice():
    figures = [figure for record in METRICS.values() for figure in record.reports]
    assert len(figures) == len(set(figures))


@pytest.mark.parametrize(
    ("name", "need"), [(name, need) for name, record in METRICS.items() for need in record.needs]
)
def test_what_is_missing_is_said(name, need):
    with pytest.raises(ConfigError, match=f"it needs {NEEDS[need].text}"):
        METRICS[name].measure(SIDES._replace(**WITHOUT[need]), KEY)


def test_figures_of_a_network_bear_its_name():
    assert list(METRICS["prdc"].full_names("pca")) == [
        f"pca_{figure}" for figure in ("precision", "recall", "density", "coverage")
    ]
    assert METRICS["fid"].full_names(None) == {"fid": "fid"}
    assert METRICS["class_coverage"].full_names("pca") == {
        "classes": "classes",
        "class_kl": "class_kl",
    }


def test_a_bare_function_is_a_metric():
    def shift(real, fake):
        return abs(real.mean() - fake.mean())

    def noise(real, fake, *, key):
        return Estimate(float(jax.random.normal(key)), 1.0)

    value = as_record(Metric, shift).measure(SIDES, KEY)["shift"]
    assert value.value == pytest.approx(abs(SAMPLES.mean() - OTHERS.mean()))
    assert np.isnan(value.standard_error)
    assert as_record(Metric, noise).measure(SIDES, KEY)["noise"] == float(jax.random.normal(KEY))
    assert as_record(Metric, METRICS["fid"]) is METRICS["fid"]
    with pytest.raises(ConfigError, match="unknown need 'label'; did you mean 'labels'"):
        Metric(shift, needs=("label",)).measure(SIDES, KEY)


def test_intra_fid_goes_by_the_classes_asked_for():
    """They stand in the place of the classifier's reading, which needs no logits then."""
    asked = RNG.integers(0, 3, 50)
    fake = Features(OTHERS, None, asked)
    value = METRICS["intra_fid"].measure(SIDES._replace(fake=fake), KEY)["intra_fid"]
    expected = jaxgan.metrics.intra_fid(SAMPLES, LABELS, OTHERS, asked, num_classes=3).mean
    assert value == expected
    unasked = Features(OTHERS, LOGITS[:50])
    value = METRICS["intra_fid"].measure(SIDES._replace(fake=unasked), KEY)["intra_fid"]
    read = LOGITS[:50].argmax(axis=1)
    assert value == jaxgan.metrics.intra_fid(SAMPLES, LABELS, OTHERS, read, num_classes=3).mean
    with pytest.raises(ConfigError, match="it needs a labelled data set and --features classifier"):
        METRICS["intra_fid"].measure(SIDES._replace(fake=Features(OTHERS)), KEY)
