"""Scores of a state in training, evaluations after it, and the files they are written to."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import from_arrays
from jaxgan.errors import ConfigError
from jaxgan.evaluation import (
    average_scores,
    evaluate_samples,
    make_evaluator,
    make_reference,
    score,
    write_evaluation,
)
from jaxgan.features import FeatureNetwork
from jaxgan.metrics import METRICS, Estimate, Features, Metric, Sides

KEY = jax.random.key(0)
# Images of two pixels: the class, as brightness in thirds, and noise.
RNG = np.random.default_rng(0)


def classified(params, images):
    """Features are the pixels; logits those of the nearest brightness."""
    pixels = images.reshape(len(images), 2)
    return pixels, -((pixels[:, :1] - jnp.array([[-1.0, 0.0, 1.0]])) ** 2)


NETWORK = FeatureNetwork("pixels-1", None, jax.jit(classified), accuracy=0.9)


def data_set(n, split):
    labels = RNG.permutation(np.arange(n) % 3)
    pixels = np.stack([labels * 127, RNG.integers(0, 256, n)], axis=1).astype(np.uint8)
    return from_arrays(pixels.reshape(n, 1, 2, 1), labels, name="thirds", split=split)


TRAIN, TEST = data_set(120, "train"), data_set(60, "test")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return make_reference(TRAIN, TEST, NETWORK, features="thirds", cache_dir=cache)


def obedient(state, key, batch):
    """Makes the class asked for, but `state` of the time the next one."""
    wrong = jax.random.uniform(key, batch.labels.shape) < state
    brightness = (batch.labels + wrong) % 3 - 1.0
    noise = jax.random.uniform(key, batch.labels.shape, minval=-1.0)
    return jnp.stack([brightness, noise], axis=1).reshape(-1, 1, 2, 1)


def chosen(*names):
    return {name: METRICS[name] for name in names}


def test_scores_are_those_of_the_samples_under_their_full_names(reference):
    evaluate = make_evaluator(reference, chosen("fid", "class_coverage"), obedient, num_samples=90)
    scores = evaluate(0.0, KEY)
    assert list(scores) == [
        "eval/thirds_fid",
        "eval/classes",
        "eval/class_kl",
        "eval/thirds_accuracy",
    ]
    assert all(type(value) is float for value in scores.values())
    assert scores["eval/classes"] == 3 and scores["eval/thirds_accuracy"] == 0.9
    assert scores["eval/thirds_fid"] < 0.1
    assert evaluate(0.0, KEY) == scores != evaluate(0.0, jax.random.key(1))


@pytest.mark.parametrize(("wrong", "agreement"), [(0.0, 1.0), (1.0, 0.0), (0.4, 0.6)])
def test_a_conditional_generator_is_scored_class_by_class(reference, wrong, agreement):
    metrics = chosen("class_agreement", "intra_fid", "fid")
    evaluate = make_evaluator(reference, metrics, obedient, num_samples=90, conditional=True)
    scores = evaluate(wrong, KEY)
    assert scores["eval/class_agreement"] == pytest.approx(agreement, abs=0.15)
    # All classes are there whatever was asked for; of each class they are only if it was obeyed.
    assert scores["eval/thirds_fid"] < 0.1
    assert (scores["eval/thirds_intra_fid"] < 0.1) == (wrong == 0)


def test_an_unconditional_generator_is_asked_for_nothing(reference):
    evaluate = make_evaluator(reference, chosen("class_agreement"), obedient, num_samples=90)
    with pytest.raises(ConfigError, match="'class_agreement': it needs the classes"):
        evaluate(0.0, KEY)


def test_a_games_own_figures_are_of_held_out_samples(reference):
    seen = []

    def own(state, batch, key):
        seen.append(batch)
        return {"brightness": state * batch.real[:, 0, 0, 0].astype(float)}

    evaluate = make_evaluator(
        reference, chosen("fid"), obedient, num_samples=30, held_out_scores=own
    )
    scores = evaluate(0.5, KEY)
    assert list(scores) == ["eval/thirds_fid", "eval/brightness", "eval/thirds_accuracy"]
    assert scores["eval/brightness"] == pytest.approx(0.5 * 127)
    assert seen[0].real.dtype == np.uint8 and len(seen[0].real) == 60
    without = reference._replace(held_out=None, held_out_source=None)
    evaluate = make_evaluator(without, chosen("fid"), obedient, num_samples=30, held_out_scores=own)
    assert "eval/brightness" not in evaluate(0.5, KEY)


@pytest.mark.slow
def test_an_evaluation_has_real_samples_in_the_place_of_the_generated(reference):
    labels = np.arange(90) % 3
    images = np.repeat(labels * 127, 2).reshape(90, 1, 2, 1).astype(np.uint8)
    metrics = chosen("class_agreement", "kid")
    evaluation = evaluate_samples(reference, images, KEY, metrics=metrics, labels=labels)
    assert evaluation.values["class_agreement"] == 1 == evaluation.real_baseline["class_agreement"]
    assert evaluation.values["thirds_kid"] > evaluation.real_baseline["thirds_kid"]
    assert (evaluation.num_samples, evaluation.num_real) == (90, 60)
    assert evaluation.features == "pixels-1"
    sides = Sides(
        reference.real,
        Features(*map(np.asarray, classified(None, images / 127.5 - 1)), labels),
        reference.held_out,
        3,
    )
    expected = score(sides, metrics, jax.random.split(KEY)[0], features="thirds")
    np.testing.assert_allclose(evaluation.values["thirds_kid"], expected["thirds_kid"], rtol=1e-5)
    as_floats = evaluate_samples(
        reference, (images / 127.5 - 1).astype(np.float32), KEY, metrics=metrics, labels=labels
    )
    assert as_floats.values["thirds_kid"] == evaluation.values["thirds_kid"]


def test_tables_and_files_hold_what_is_known(reference, tmp_path):
    def median(real, fake):
        return float(np.median(fake))

    own = average_scores(lambda s, batch, k: {"zero": np.zeros(len(batch.real))}, None, TEST, KEY)
    images = RNG.integers(0, 256, (40, 1, 2, 1), dtype=np.uint8)
    evaluation = evaluate_samples(
        reference,
        images,
        KEY,
        metrics={"median": Metric(median, higher_is_better=("median",)), **chosen("fid")},
        further=own,
    )
    header, *lines = evaluation.table()
    assert header.split() == ["better", "generated", "real", "baseline"]
    assert [line.split()[0] for line in lines] == ["thirds_median", "thirds_fid", "zero"]
    assert lines[0].count("+-") == 0 and lines[1].count("+-") == 2
    assert [line.split()[1] for line in lines[:2]] == ["higher", "lower"]
    assert lines[2].split() == ["zero", "0", "+-", "0"]  # what has no direction and no baseline
    few = evaluation._replace(num_real=20)
    assert few.table()[0].endswith("real baseline (20 samples)")

    path = tmp_path / "eval.json"
    write_evaluation(path, evaluation, {"fake": "here"})
    content = json.loads(path.read_text())
    assert content["fake"] == "here" and content["features"] == "pixels-1"
    assert (content["num_samples"], content["num_real"]) == (40, 40)
    figures = content["figures"]
    assert figures["thirds_median"]["generated"]["standard_error"] is None
    assert figures["zero"] == {"generated": {"value": 0.0, "standard_error": 0.0}, "real": None}
    for side, values in (("generated", evaluation.values), ("real", evaluation.real_baseline)):
        fid = values["thirds_fid"]
        assert isinstance(fid, Estimate)
        assert figures["thirds_fid"][side] == {
            "value": fid.value,
            "standard_error": fid.standard_error,
        }
    with pytest.raises(ConfigError, match=r"cannot be written .*; choose another --out"):
        write_evaluation(tmp_path / "nowhere" / "eval.json", evaluation, {})
