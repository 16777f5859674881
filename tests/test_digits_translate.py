"""The report of the experiment on translation, against scikit-learn on arrays made here."""

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits

import jaxgan
from experiments import digits_translate


@pytest.mark.slow
def test_a_short_run_beats_what_ignores_the_edges(tmp_path):
    config = dataclasses.replace(
        digits_translate.config(), steps=300, sample_every=0, eval_every=0, eval_features="pixels"
    )
    jaxgan.train(config, tmp_path)
    found = digits_translate.report(tmp_path)
    images = np.rint(load_digits().data * 255 / 16) / 127.5 - 1
    train, test = np.split(images, [1437])
    for name, guess in (("mean", train.mean(axis=0)), ("median", np.median(train, axis=0))):
        np.testing.assert_allclose(
            found[f"error of the {name}"], np.abs(guess - test).mean(), rtol=1e-5
        )
    assert found["error"] < 0.7 * found["error of the median"]
    assert found["read right"] > 0.6
