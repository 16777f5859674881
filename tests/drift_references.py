"""Fields that fakes follow, by loops over fakes and targets in float64.

Each takes (real, fake, *, what the loss asks for, **hyperparameters) and returns both players'
losses. A `frozen` batch of fakes makes the field where the value is of others: the gradient of such
a loss is that of its value at a field that stays as it is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.distance import pdist
from scipy.special import logsumexp, softmax

# Whose gradient is not that of the value: the field is taken as constant.
FIELDS = ("drifting", "conditional_drifting", "score_drift", "sinkhorn_drift")

TEMPERATURES = (0.02, 0.05, 0.2)


def flat(x):
    return np.asarray(x, np.float64).reshape(len(x), -1)


def drifting_field(
    x, y, negatives=(), x_weights=None, y_weights=None, negative_weights=None, r=TEMPERATURES
):
    """Deng et al. 2026, by its public code (drift_loss.py): V and the unit."""
    x, y = flat(x), flat(y)
    n, d = x.shape
    negatives = np.reshape(negatives, (-1, d))
    sets = ((x, x_weights), (negatives, negative_weights), (y, y_weights))
    weights = np.concatenate([np.ones(len(z)) if w is None else w for z, w in sets])
    targets, count = np.concatenate([x, negatives, y]), n + len(negatives)
    distances = np.array([[np.linalg.norm(a - t) for t in targets] for a in x])
    mean = np.mean(distances * weights) / np.mean(weights)
    unit, own = max(mean / d**0.5, 1e-3), 100 * np.eye(n, len(targets))
    field = np.zeros_like(x)
    for temperature in r:
        logits = -(distances / max(mean, 1e-3) + own) / temperature
        product = softmax(logits, axis=1) * softmax(logits, axis=0)
        affinity = np.sqrt(np.maximum(product, 1e-6)) * weights
        force = np.zeros_like(x)
        for i, a in enumerate(affinity):
            for j, target in enumerate(targets):
                coefficient = -a[j] * a[count:].sum() if j < count else a[j] * a[:count].sum()
                force[i] += coefficient * (target - x[i]) / unit
        field += force / np.sqrt(max(np.mean(force**2), 1e-8))
    return field, unit


def followed(x, frozen, field, unit):
    """The loss of x that follow the field of other, or the same, fakes."""
    return np.mean((x / unit - (frozen / unit + field)) ** 2), 0.0


def drifting(real, fake, temperatures=TEMPERATURES, frozen=None):
    x = flat(fake)
    frozen = x if frozen is None else flat(frozen)
    return followed(x, frozen, *drifting_field(frozen, real, r=temperatures))


def conditional_drifting(real, fake, labels, temperatures=TEMPERATURES, guidance=1.0, frozen=None):
    """The same within each class, fake by fake, with means over all that is compared."""
    x = flat(fake)
    at = x if frozen is None else flat(frozen)
    y, (n, d) = flat(real), x.shape
    rows = []  # of each fake: the targets that it sees, their weights, distances and signs
    for i in range(n):
        alike = np.flatnonzero(labels == labels[i])
        guide = (guidance - 1) * (len(alike) - 1) / n
        others = np.arange(n) if guidance > 1 else []
        seen = [(at[j], 1.0, -1, 100 * (i == j)) for j in alike]
        seen += [(y[j], guide, -1, 0) for j in others] + [(y[j], 1.0, 1, 0) for j in alike]
        points, weights, signs, own = map(np.array, zip(*seen, strict=True))
        rows.append((points, weights, np.linalg.norm(points - at[i], axis=1), signs, own))
    mean = sum(np.sum(w * r) for _, w, r, _, _ in rows) / sum(np.sum(w) for _, w, *_ in rows)
    unit, field = max(mean / d**0.5, 1e-3), np.zeros_like(at)
    for temperature in temperatures:
        force = np.zeros_like(at)
        for i, (points, weights, _, signs, _) in enumerate(rows):
            alike = np.flatnonzero(labels == labels[i])
            logits = np.array(
                [-(rows[k][2] / max(mean, 1e-3) + rows[k][4]) / temperature for k in alike]
            )
            product = (softmax(logits, axis=1) * softmax(logits, axis=0))[alike.tolist().index(i)]
            a = np.sqrt(np.maximum(product, 1e-6)) * weights
            sums = {sign: a[signs == sign].sum() for sign in (-1, 1)}
            for coefficient, sign, point in zip(a, signs, points, strict=True):
                force[i] += sign * coefficient * sums[-sign] * (point - at[i]) / unit
        field += force / np.sqrt(max(np.mean(force**2), 1e-8))
    return followed(x, at, field, unit)


def score_drift(real, fake, bandwidths=(0.1, 0.2, 0.4, 0.8, 1.6), kernel="gaussian", frozen=None):
    """Half the integral of each kernel from r^2 on, as a quadrature shows (test_flows.py)."""
    x, y = flat(fake), flat(real)
    at = x if frozen is None else flat(frozen)
    median, values = np.median(pdist(y, "sqeuclidean")) ** 0.5, []
    for h in bandwidths:
        value = 0.0
        for i, a in enumerate(x):
            for points, sign in ((np.delete(at, i, axis=0), 1), (y, -1)):
                logs = [log_shadow(kernel, np.linalg.norm(a - b), h * median) for b in points]
                value += sign * (logsumexp(logs) - np.log(len(points)))
        values.append(value / len(x))
    return np.mean(values), 0.0


def log_shadow(kernel, r, h):
    """log K of two points at a distance r."""
    if kernel == "gaussian":
        return 2 * np.log(h) - r**2 / (2 * h**2)
    if kernel == "laplacian":
        return np.log(h * (r + h)) - r / h
    return np.log(2 * h**2) - np.log(1 + r**2 / (4 * h**2))


def barycentric(x, y, epsilon):
    """Sinkhorn's scaling of exp(-cost / epsilon), until it stands."""
    cost = np.array([[np.sum((a - b) ** 2) for b in y] for a in x])
    kernel = np.exp(-cost / epsilon)
    columns = np.ones(len(y))
    for _ in range(5000):
        rows = 1 / (kernel @ columns) / len(x)
        columns = 1 / (kernel.T @ rows) / len(y)
    plan = rows[:, None] * kernel * columns
    return plan @ y / plan.sum(axis=1, keepdims=True)


def sinkhorn_drift(real, fake, others, epsilon=0.05, step=1.0, num_iterations=50, frozen=None):
    x, y = flat(fake), flat(real)
    at = x if frozen is None else flat(frozen)
    absolute = epsilon * np.mean([np.sum((a - b) ** 2) for a in at for b in y])
    goal = step * (barycentric(at, y, absolute) - barycentric(at, flat(others), absolute))
    return np.mean([np.sum((a - b - v) ** 2) for a, b, v in zip(x, at, goal, strict=True)]), 0.0


DRIFT_REFERENCES: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (drifting, conditional_drifting, score_drift, sinkhorn_drift)
}
