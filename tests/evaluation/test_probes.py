"""Probes of features whose answers are known: blobs, noise, and what scikit-learn says."""

import json

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxgan.errors import ConfigError
from jaxgan.evaluation import (
    Probed,
    anomaly_scores,
    cluster_probe,
    linear_probe,
    probe,
    write_probe,
)
from jaxgan.metrics import Features

CLASSES = 4


def blobs(n, seed, *, spread=0.3, d=6):
    """Samples about one centre for each class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=n)
    centres = 2 * np.eye(CLASSES, d)
    return Features((centres[labels] + spread * rng.normal(size=(n, d))).astype("f"), None, labels)


def noise(n, seed, *, d=6, shift=0.0):
    """Features that know nothing of the labels that `blobs` has."""
    rng = np.random.default_rng(seed)
    return Features(
        (rng.normal(size=(n, d)) + shift).astype("f"), None, rng.integers(CLASSES, size=n)
    )


TRAIN, TEST = blobs(300, 0), blobs(200, 1)


def test_a_linear_probe_reads_what_is_linear_and_no_more():
    rows = TRAIN.features, TRAIN.labels, TEST.features, TEST.labels
    assert linear_probe(*rows).value > 0.99
    nothing = linear_probe(
        noise(300, 0).features, TRAIN.labels, noise(200, 1).features, TEST.labels
    )
    assert nothing.value == pytest.approx(1 / CLASSES, abs=4 * nothing.standard_error)
    share = nothing.value
    # Of n independent hits: sqrt(p (1 - p) / (n - 1)).
    np.testing.assert_allclose(nothing.standard_error, (share * (1 - share) / 199) ** 0.5)


@pytest.mark.slow
def test_clusters_are_found_where_there_are_some():
    found = cluster_probe(TRAIN.features, TEST.features, TEST.labels, num_clusters=CLASSES)
    assert found["cluster_purity"].value > 0.9 and found["cluster_nmi"].value > 0.85
    again = cluster_probe(TRAIN.features, TEST.features, TEST.labels, num_clusters=CLASSES)
    assert found["cluster_nmi"] == again["cluster_nmi"]
    none = cluster_probe(
        noise(300, 0).features, noise(200, 1).features, TEST.labels, num_clusters=CLASSES
    )
    assert none["cluster_nmi"].value < 0.1 and none["cluster_purity"].value < 0.4


@pytest.mark.slow
def test_the_error_of_clusters_is_the_spread_of_draws():
    """Of 30 draws of all samples the deviation is known to 13 %; a factor of 2 is asked for."""
    drawn = [(blobs(150, 2 * i, spread=1.0), blobs(150, 2 * i + 1, spread=1.0)) for i in range(30)]
    found = [
        cluster_probe(a.features, b.features, b.labels, num_clusters=CLASSES)["cluster_nmi"]
        for a, b in drawn
    ]
    spread = np.std([x.value for x in found], ddof=1)
    assert 0.5 < np.mean([x.standard_error for x in found]) / spread < 2


def test_anomaly_scores_are_distances_to_the_fifth_neighbour():
    found = anomaly_scores(TRAIN.features, TEST.features)
    search = NearestNeighbors(n_neighbors=5).fit(TRAIN.features.astype(float))
    expected = search.kneighbors(TEST.features.astype(float))[0][:, 4]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_every_kind_of_features_gets_a_column(tmp_path):
    residuals = np.arange(200.0), np.arange(150.0, 250.0)
    report = probe(
        {
            "encoder": Probed(TRAIN, TEST, noise(100, 2, shift=9.0), residuals),
            "pixels": Probed(noise(300, 0), noise(200, 1), noise(100, 2)),
        },
        num_classes=CLASSES,
    )
    assert report.sizes == {"train": 300, "test": 200, "anomalies": 100}
    encoder, pixels = report.columns["encoder"], report.columns["pixels"]
    assert encoder["anomaly_auc"].value == 1 and 0.4 < pixels["anomaly_auc"].value < 0.6
    # By hand: those of 150 to 199 have 0 to 49 normal ones above them, 50 more have none.
    lost = sum(199 - x + 0.5 for x in range(150, 200)) / (200 * 100)
    np.testing.assert_allclose(encoder["reconstruction_anomaly_auc"].value, 1 - lost)
    assert encoder["linear_accuracy"].value > pixels["linear_accuracy"].value
    lines = report.table()
    assert lines[0].split() == ["encoder", "pixels"] and "+-" in lines[1]
    write_probe(tmp_path / "eval.json", report, {"seed": 0})
    written = json.loads((tmp_path / "eval.json").read_text())
    assert written["num_samples"] == report.sizes
    assert list(written["figures"]) == list(encoder)
    kinds = written["figures"]["reconstruction_anomaly_auc"]
    assert kinds["pixels"] is None and kinds["encoder"]["value"] == pytest.approx(1 - lost)


@pytest.mark.slow
def test_scales_and_constants_of_features_do_not_matter():
    """Nor rotations, where there are more features than are kept."""
    rng = np.random.default_rng(3)
    rotation = np.linalg.qr(rng.normal(size=(300, 300)))[0]

    def wide(x):
        padded = np.concatenate([x.features, np.zeros((len(x.features), 294), "f")], axis=1)
        return x._replace(features=(padded @ rotation).astype("f"))

    def scaled(x):
        return x._replace(features=np.concatenate([x.features * 1e3, 0 * x.features], axis=1))

    parts = TRAIN, TEST, noise(50, 2)
    report = probe(
        {"plain": Probed(*parts), "scaled": Probed(*map(scaled, parts))}, num_classes=CLASSES
    )
    for name, value in report.columns["plain"].items():
        assert report.columns["scaled"][name] == pytest.approx(value.value, abs=1e-6)
    reduced = probe({"x": Probed(wide(TRAIN), wide(TEST))}, num_classes=CLASSES).columns["x"]
    assert reduced["linear_accuracy"].value > 0.99


@pytest.mark.parametrize(
    ("probed", "num_classes", "message"),
    [
        (Probed(TRAIN, TEST), None, "no labels to read features by"),
        (Probed(blobs(8, 0), TEST), CLASSES, "8 training samples of . classes"),
        (Probed(*(x._replace(features=0 * x.features) for x in (TRAIN, TEST))), 4, "the same for"),
        (Probed(TRAIN, TEST), 301, "300 training samples for 301 clusters"),
    ],
)
def test_what_cannot_be_probed_is_told(probed, num_classes, message):
    with pytest.raises(ConfigError, match=message):
        probe({"x": probed}, num_classes=num_classes)


def test_without_labels_anomalies_alone_are_scored():
    bare = TRAIN._replace(labels=None), TEST._replace(labels=None), noise(60, 0, shift=5.0)
    assert list(probe({"x": Probed(*bare)}, num_classes=None).columns["x"]) == ["anomaly_auc"]
