"""What features know of a data set, with no further training: probes, clusters and anomalies.

Features are centred, divided by their deviations over the training samples, and, where they are
more, turned into their first 256 principal components; a constant feature is left out. Any features
of the same samples can be compared so: those of a network, of an untrained one, and raw pixels.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxgan.errors import ConfigError
from jaxgan.evaluation.evaluator import figure_json, figure_text, write_report
from jaxgan.metrics import (
    Estimate,
    Features,
    normalised_mutual_information,
    probability_below,
    purity,
)
from jaxgan.metrics.neighbours import nearest

Figures = dict[str, Estimate]

_COMPONENTS = 256
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # of the linear probe: inverse weights of its penalty
_ITERATIONS = 300
_SEEDS = 5  # of k-means
_RESAMPLED = 100  # bootstrap samples
_NEIGHBOUR = 5  # whose distance is the anomaly score


class Probed(NamedTuple):
    """One kind of features of the samples that are probed.

    Attributes:
        train: Of samples that probes are fitted to.
        test: Of other samples of the same distribution.
        anomalies: Of samples of another; None without any.
        residuals: Where a game reconstructs, the anomaly scores of the samples of `test` and of
            `anomalies` by what is lost.
    """

    train: Features
    test: Features
    anomalies: Features | None = None
    residuals: tuple[Float[np.ndarray, "n"], Float[np.ndarray, "m"]] | None = None


class ProbeReport(NamedTuple):
    """Figures of probes, with their standard errors.

    Attributes:
        columns: Of each kind of features, its figures by name.
        sizes: How many samples there were, by part.
    """

    columns: dict[str, Figures]
    sizes: dict[str, int]

    def table(self) -> list[str]:
        """Lines of a table; of all figures the highest value is the best."""
        names = dict.fromkeys(name for figures in self.columns.values() for name in figures)
        lines = [f"  {'':<26}" + "".join(f" {column:<20}" for column in self.columns)]
        for name in names:
            shown = (
                figure_text(figures[name]) if name in figures else ""
                for figures in self.columns.values()
            )
            lines.append(f"  {name:<26}" + "".join(f" {text:<20}" for text in shown))
        return [line.rstrip() for line in lines]


def probe(probed: Mapping[str, Probed], *, num_classes: int | None, seed: int = 0) -> ProbeReport:
    """Probes several kinds of features of the same samples.

    Figures, of `test` samples: `linear_accuracy`, see `linear_probe`; `cluster_nmi` and
    `cluster_purity`, see `cluster_probe`, with as many clusters as classes; `anomaly_auc`, see
    `anomaly_scores`, and `reconstruction_anomaly_auc`, that of the residuals: the probability that
    an anomaly has the higher score.

    Args:
        probed: The features, by the name of their kind.
        num_classes: Of the data set; None without labels: then anomalies alone are scored.
        seed: Of the choice of a penalty, of k-means and of resampling.

    Raises:
        ConfigError: Neither labels nor anomalies, or too few samples.
    """
    first = next(iter(probed.values()))
    if num_classes is None and first.anomalies is None:
        raise ConfigError(
            "the data has no labels to read features by, and there are no anomalies; name labelled "
            "data, or --anomalies"
        )
    parts = {"train": first.train, "test": first.test, "anomalies": first.anomalies}
    sizes = {name: len(part.features) for name, part in parts.items() if part is not None}
    columns = {name: _figures(x, num_classes, seed) for name, x in probed.items()}
    return ProbeReport(columns, sizes)


def _figures(probed: Probed, num_classes: int | None, seed: int) -> Figures:
    others = [probed.test] + ([] if probed.anomalies is None else [probed.anomalies])
    train, test, *anomalies = _comparable(probed.train.features, *(x.features for x in others))
    found: Figures = {}
    if num_classes is not None:
        assert probed.train.labels is not None and probed.test.labels is not None
        labels, wanted = probed.train.labels, probed.test.labels
        found["linear_accuracy"] = linear_probe(train, labels, test, wanted, seed=seed)
        found |= cluster_probe(train, test, wanted, num_clusters=num_classes, seed=seed)
    for anomalous in anomalies:
        normal, others = (anomaly_scores(train, x) for x in (test, anomalous))
        found["anomaly_auc"] = probability_below(normal, others)
    if probed.residuals is not None:
        found["reconstruction_anomaly_auc"] = probability_below(*probed.residuals)
    return found


def linear_probe(
    train: Float[np.ndarray, "n d"],
    train_labels: Int[np.ndarray, "n"],
    test: Float[np.ndarray, "m d"],
    test_labels: Int[np.ndarray, "m"],
    *,
    seed: int = 0,
) -> Estimate:
    """The accuracy of a logistic regression on frozen features.

    Its L2 penalty is the one, of four, that serves best on a fifth of the training samples when
    fitted to the others. The standard error is that of independent test samples.

    Args:
        train: Features of n samples.
        train_labels: Their classes.
        test: Features of m other samples.
        test_labels: Their classes.
        seed: Of the fifth.

    Raises:
        ConfigError: Fewer than 10 training or 2 test samples, or a single class.

    Source: Alain and Bengio 2017, Understanding intermediate layers using linear classifier probes,
    https://arxiv.org/abs/1610.01644; on a discriminator's features, Radford et al. 2016,
    https://arxiv.org/abs/1511.06434, section 5.1.
    """
    # Imported here: scikit-learn takes a second to import, and most runs do not need it.
    from sklearn.linear_model import LogisticRegression

    if len(train) < 10 or len(test) < 2 or len(np.unique(train_labels)) < 2:
        raise ConfigError(
            f"{len(train)} training samples of {len(np.unique(train_labels))} classes and "
            f"{len(test)} test samples; a linear probe needs 10 of 2 classes, and 2: take more data"
        )

    def fitted(strength: float, rows: Int[np.ndarray, "k"]) -> LogisticRegression:
        model = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=1e-3)
        return model.fit(train[rows], train_labels[rows])

    order = np.random.default_rng(seed).permutation(len(train))
    fifth, rest = np.split(order, [len(order) // 5])
    scores = [
        fitted(strength, rest).score(train[fifth], train_labels[fifth])
        if len(np.unique(train_labels[rest])) > 1
        else 0.0
        for strength in _STRENGTHS
    ]
    predicted = np.asarray(fitted(_STRENGTHS[int(np.argmax(scores))], order).predict(test))
    hits = np.equal(predicted, test_labels)
    return Estimate(hits.mean(), hits.std(ddof=1) / np.sqrt(len(hits)))


def cluster_probe(
    train: Float[np.ndarray, "n d"],
    test: Float[np.ndarray, "m d"],
    test_labels: Int[np.ndarray, "m"],
    *,
    num_clusters: int,
    seed: int = 0,
) -> Figures:
    """How clusters that k-means finds in training samples agree with the classes of test samples.

    `cluster_nmi` is the normalised mutual information and `cluster_purity` the purity of the test
    samples in the clusters of their nearest centres: means over five starts of k-means++. Standard
    errors are deviations over bootstrap samples of starts and of test samples.

    Args:
        train: Features of n samples.
        test: Features of m other samples.
        test_labels: Their classes.
        num_clusters: How many clusters, at most n.
        seed: Of the starts and of resampling.

    Raises:
        ConfigError: Fewer training samples than clusters.

    Source: k-means++ of Arthur and Vassilvitskii 2007,
    https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf
    """
    from sklearn.cluster import KMeans

    if len(train) < num_clusters:
        raise ConfigError(
            f"{len(train)} training samples for {num_clusters} clusters; k-means needs one for "
            "each: take more data"
        )
    starts: dict[str, Any] = {"n_clusters": num_clusters, "n_init": 1}
    found = np.stack(
        [KMeans(**starts, random_state=seed + i).fit(train).predict(test) for i in range(_SEEDS)]
    )
    rng = np.random.default_rng(seed)
    figures = {"cluster_nmi": normalised_mutual_information, "cluster_purity": purity}
    drawn = [
        (rng.integers(_SEEDS, size=_SEEDS), rng.integers(len(test), size=len(test)))
        for _ in range(_RESAMPLED)
    ]

    def estimate(figure: Any) -> Estimate:
        def mean(starts: Any, rows: Any) -> float:
            # A start that is drawn twice is counted twice, and computed once.
            kinds, counts = np.unique(starts, return_counts=True)
            values = [figure(test_labels[rows], found[start][rows]) for start in kinds]
            return float(np.average(values, weights=counts))

        value = mean(np.arange(_SEEDS), np.arange(len(test)))
        return Estimate(value, float(np.std([mean(*draws) for draws in drawn], ddof=1)))

    return {name: estimate(figure) for name, figure in figures.items()}


def anomaly_scores(
    train: Float[np.ndarray, "n d"], x: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "m"]:
    """How unlike the training samples others are: the distance to the fifth nearest of them.

    One pass of a network, and no search for a latent as in AnoGAN, whose second term, the distance
    of features from those of a generated image, this resembles: here real images stand for it.

    Args:
        train: Features of n normal samples.
        x: Features of m samples to be told.

    Source: Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors,
    https://arxiv.org/abs/2204.06507; AnoGAN is Schlegl et al. 2017,
    https://arxiv.org/abs/1703.05921
    """
    return np.sqrt(nearest(x, train, k=min(_NEIGHBOUR, len(train)))[0][:, -1])


def write_probe(path: Path, report: ProbeReport, described: Mapping[str, Any]) -> None:
    """Writes figures of probes as JSON, whole or not at all; an unknown error is null.

    Raises:
        ConfigError: the file cannot be written.
    """
    names = dict.fromkeys(name for column in report.columns.values() for name in column)
    figures = {
        name: {kind: figure_json(column.get(name)) for kind, column in report.columns.items()}
        for name in names
    }
    write_report(path, {**described, "num_samples": report.sizes, "figures": figures})


def _comparable(
    train: Float[np.ndarray, "n d"], *others: Float[np.ndarray, "_m d"]
) -> list[Float[np.ndarray, "_m k"]]:
    """The features of training and of other samples, standardised, and reduced where many."""
    from sklearn.decomposition import PCA

    mean, deviation = train.mean(axis=0), train.std(axis=0)
    varies = deviation > 1e-6 * max(float(np.abs(train).max()), 1e-30)
    if not varies.any():
        raise ConfigError("the features are the same for all samples; take those of another player")
    scaled = [
        ((x - mean[None]) / np.where(varies, deviation, 1)[None])[:, varies]
        for x in (train, *others)
    ]
    if min(scaled[0].shape) <= _COMPONENTS:
        return scaled
    components = PCA(_COMPONENTS, svd_solver="randomized", random_state=0).fit(scaled[0])
    return [components.transform(x) for x in scaled]
