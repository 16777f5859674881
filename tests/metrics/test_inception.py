import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import inception_score


def reference(logits, num_splits):
    """Salimans et al. 2016's code, term by term, in float64."""
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    n, scores = len(p), []
    for k in range(num_splits):
        part = p[k * n // num_splits : (k + 1) * n // num_splits]
        marginal = part.mean(axis=0)
        divergences = [
            sum(a * np.log(a / b) for a, b in zip(row, marginal, strict=True)) for row in part
        ]
        scores.append(np.exp(np.mean(divergences)))
    return np.mean(scores), np.std(scores)


def test_agrees_with_the_definition():
    logits = np.random.default_rng(0).normal(0.0, 2.0, size=(53, 7))
    score = inception_score(logits, num_splits=4)  # splits of 13 and of 14
    mean, std = reference(logits, 4)
    assert_allclose(score, mean, rtol=1e-12)
    assert_allclose(score.standard_error, std / np.sqrt(3), rtol=1e-12)


def test_of_confident_samples_is_the_number_of_classes_and_of_equal_ones_is_1():
    # Logits so large that their exponentials overflow, and their probabilities underflow.
    confident = 1e4 * np.tile(np.eye(5, dtype=np.float32), (20, 1))
    assert_allclose(inception_score(confident), 5.0, rtol=1e-12)
    assert_allclose(inception_score(confident).standard_error, 0.0, atol=1e-12)
    assert_allclose(inception_score(np.tile(confident[:1], (30, 1))), 1.0, rtol=1e-12)
    assert_allclose(inception_score(np.zeros((30, 5)), num_splits=3), 1.0, rtol=1e-12)


def test_one_split_has_no_error():
    score = inception_score(np.random.default_rng(1).normal(size=(9, 3)), num_splits=1)
    assert np.isfinite(score)
    assert np.isnan(score.standard_error)


@pytest.mark.parametrize(
    ("logits", "num_splits", "message"),
    [
        (
            np.zeros((5, 3)),
            6,
            "num_splits is 6; it must lie between 1 and .* samples, 5",
        ),
        (np.zeros((5, 3)), 0, "num_splits is 0"),
        (np.full((5, 3), np.nan), 2, "class logits hold 15 NaN"),
        (np.zeros((0, 3)), 2, r"class logits have shape \(0, 3\)"),
    ],
)
def test_bad_input_raises(logits, num_splits, message):
    with pytest.raises(ConfigError, match=message):
        inception_score(logits, num_splits=num_splits)
