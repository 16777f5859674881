from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel

from jaxgan.errors import ConfigError
from jaxgan.kernels import cosine, gaussian
from jaxgan.metrics import vendi_score

ORDERS = [0.5, 1.0, 2.0, np.inf]


def reference(gram, q=1.0):
    """Definition 3.1 in float64, and the Hill number of order q of the eigenvalues."""
    p = np.linalg.svd(gram / len(gram), compute_uv=False)
    p = p[p > 1e-13]
    if q == 1:
        return np.exp(-np.sum(p * np.log(p)))
    return 1 / p.max() if np.isinf(q) else np.sum(p**q) ** (1 / (1 - q))


def features(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(0.3, 1.0, d) + 0.3


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize("shape", [(60, 7), (25, 40)])
def test_agrees_with_the_definition(shape, q):
    x = features(*shape)
    assert_allclose(vendi_score(jnp.asarray(x), q=q), reference(cosine_similarity(x), q), rtol=1e-5)
    assert_allclose(vendi_score(x, q=q), reference(cosine_similarity(x), q), rtol=1e-10)


@pytest.mark.parametrize("q", ORDERS)
def test_any_kernel_of_unit_diagonal(q):
    x = features(40, 5)
    score = vendi_score(x, kernel=partial(gaussian, bandwidth=0.7), q=q)
    assert_allclose(score, reference(rbf_kernel(x, gamma=0.5 / 0.7**2), q), rtol=1e-3)


def test_both_ways_to_the_cosine_spectrum_agree():
    x = features(90, 6)
    through_features, through_samples = (
        vendi_score(x),
        vendi_score(x, kernel=partial(cosine)),
    )
    assert_allclose(through_features, through_samples, rtol=1e-3)
    assert_allclose(through_features.standard_error, through_samples.standard_error, rtol=1e-2)


@pytest.mark.parametrize("q", [0.0, *ORDERS])
def test_counts_kinds_of_samples(q):
    kinds = np.eye(7)
    assert_allclose(vendi_score(np.repeat(kinds[:4], 5, axis=0), q=q), 4.0)
    assert_allclose(vendi_score(kinds, q=q), 7.0)
    assert_allclose(vendi_score(np.ones((9, 3)), q=q), 1.0)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (150, 5)),
        ({"q": 2.0}, (150, 5)),
        ({"q": np.inf}, (150, 5)),
        ({"kernel": partial(gaussian, bandwidth=2.0)}, (60, 3)),
    ],
)
def test_standard_error_is_that_of_new_samples(options, shape):
    scores = [vendi_score(features(*shape, seed), **options) for seed in range(60)]
    # A standard deviation of 60 draws is known to 9 %.
    assert_allclose(np.mean([s.standard_error for s in scores]), np.std(scores), rtol=0.3)


def test_bad_arguments_raise():
    x = features(20, 3)
    with pytest.raises(ConfigError, match=r"q is -1\.0; an order is at least 0"):
        vendi_score(x, q=-1.0)
    with pytest.raises(ConfigError, match=r"k\(x, x\) runs from .*; it must be 1"):
        vendi_score(x, kernel=lambda a, b: 2 * cosine(a, b))
    x[:2] = 0
    with pytest.raises(ConfigError, match="2 samples are zero"):
        vendi_score(x)
