"""Each metric sees the fault that it should, on real images, and else stays at its baseline."""

import pytest
from benchmark_scripts import load

# What moves by more than five standard errors, and what by less than four.
MNIST = {
    "noise": ("fid kid recall density coverage", "class_kl memorisation_auc"),
    "blur": ("fid kid recall coverage", "precision class_kl memorisation_auc"),
    "dropped class": (
        "fid kid recall coverage class_kl vendi_score",
        "precision density memorisation_auc memorisation_near",
    ),
    "duplicated": ("fid recall coverage", "precision density memorisation_auc memorisation_near"),
    "copies": (
        "memorisation_auc memorisation_near",
        "fid kid precision recall density coverage class_kl vendi_score",
    ),
}
DIGITS = {
    "blur": ("fid kid precision recall coverage", "class_kl memorisation_auc"),
    "duplicated": ("recall coverage", "precision memorisation_near"),
    "copies": ("memorisation_near", "fid kid precision recall coverage class_kl"),
}


@pytest.fixture(scope="module")
def calibration():
    return load("calibration")


def check(calibration, table, expected):
    for fault, (moved, unmoved) in expected.items():
        for figure in moved.split():
            assert calibration.worse(table, fault, figure) > 5, (fault, figure)
        for figure in unmoved.split():
            assert calibration.worse(table, fault, figure) < 4, (fault, figure)
    baseline = table["nothing"]
    for figure, expected_value in (("kid", 0.0), ("memorisation_auc", 0.5), ("density", 1.0)):
        value, error = baseline[figure]
        assert abs(value - expected_value) < 4 * error, figure


@pytest.mark.slow
def test_embedded_digits(calibration):
    table = calibration.calibrate("digits", 150)
    check(calibration, table, DIGITS)
    text = calibration.markdown(table)
    assert text.count("\n") == 2 + len(calibration.FAULTS) and "**" in text


@pytest.mark.slow
def test_mnist(calibration, real_data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(real_data_dir))
    check(calibration, calibration.calibrate("mnist", 4000), MNIST)
