"""Against scikit-learn's normalised mutual information, and purity counted by hand."""

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from jaxgan.errors import ConfigError
from jaxgan.metrics import normalised_mutual_information, purity

RNG = np.random.default_rng(0)
LABELS = RNG.integers(5, size=400)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [2, 5, 40])
def test_mutual_information_is_scikit_learns(share, count):
    told = RNG.random(400) < share
    clusters = np.where(told, LABELS, RNG.integers(count, size=400)) - 7
    expected = normalized_mutual_info_score(LABELS, clusters)
    found = normalised_mutual_information(LABELS, clusters)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_purity_is_the_share_of_the_most_frequent_labels():
    clusters = RNG.integers(7, size=400)
    most = [Counter(LABELS[clusters == c]).most_common(1)[0][1] for c in range(7)]
    np.testing.assert_allclose(purity(LABELS, clusters), sum(most) / 400)


def test_both_are_1_of_the_labels_under_other_names_and_of_one_class():
    for labels, clusters in ((LABELS, 3 * LABELS + 2), (0 * LABELS, 0 * LABELS)):
        assert normalised_mutual_information(labels, clusters) == pytest.approx(1)
        assert purity(labels, clusters) == 1
    assert normalised_mutual_information(LABELS, 0 * LABELS) == 0


@pytest.mark.parametrize("clusters", [LABELS[:-1], LABELS.astype(float)])
@pytest.mark.parametrize("function", [normalised_mutual_information, purity])
def test_clusters_are_one_integer_a_sample(function, clusters):
    with pytest.raises(ConfigError, match=r"clusters are .*; pass one integer"):
        function(LABELS, clusters)
    with pytest.raises(ConfigError, match="labels are int64 of shape"):
        function(LABELS[:0], LABELS[:0])
