import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import cmmd


def reference(x, y, bandwidth, unbiased):
    """Gretton et al. 2012, equations 3 and 5, in float64, all differences at once."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m = len(x), len(y)

    def k(a, b):
        return np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=-1) / (2 * bandwidth**2))

    xx, yy, xy = k(x, x), k(y, y), k(x, y)
    if unbiased:
        within = (xx.sum() - n) / (n * (n - 1)) + (yy.sum() - m) / (m * (m - 1))
    else:
        within = xx.mean() + yy.mean()
    return within - 2 * xy.mean()


def embeddings(seed, n, d, shift=0.0):
    """Of length 1, as CLIP's."""
    x = np.random.default_rng(seed).normal(shift, 1.0, size=(n, d))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("estimator", [pytest.param("biased", marks=pytest.mark.slow), "unbiased"])
@pytest.mark.parametrize(("n", "m"), [pytest.param(41, 30, marks=pytest.mark.slow), (300, 270)])
def test_agrees_with_float64(estimator, n, m):
    real, fake = embeddings(0, n, 20), embeddings(1, m, 20, 0.3)
    expected = 1000 * reference(real, fake, 10.0, estimator == "unbiased")
    # The kernel differs from 1 by 0.02 at most: taken as it is, float32 would be off by 1e-4. What
    # is left is the rounding of squared distances, to 6e-6 with other seeds.
    assert_allclose(cmmd(real, jnp.asarray(fake), estimator=estimator), expected, atol=6e-6)


@pytest.mark.slow
def test_scale_and_bandwidth_do_what_they_say():
    real, fake = embeddings(2, 41, 20), embeddings(3, 30, 20, 0.3)
    expected = reference(real, fake, 0.7, unbiased=False)
    assert_allclose(cmmd(real, fake, bandwidth=0.7, scale=1.0), expected, rtol=1e-5)


@pytest.mark.parametrize("shift", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
@pytest.mark.slow
def test_standard_error_is_the_spread_over_draws(shift):
    rng = np.random.default_rng(4)
    values = [
        cmmd(
            rng.normal(size=(80, 3)).astype(np.float32),
            rng.normal(shift, 1.0, size=(60, 3)).astype(np.float32),
            bandwidth=1.5,
            estimator="unbiased",
        )
        for _ in range(200)
    ]
    error = np.mean([value.standard_error for value in values])
    # On equal distributions the error is a little too large, never far too small.
    assert 0.8 * np.std(values) < error < (1.25 if shift else 1.5) * np.std(values)
    if not shift:  # the estimator is unbiased
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth is 0.0; it must be above 0"),
        ({"bandwidth": float("nan")}, "bandwidth is nan"),
        ({"scale": -1.0}, "scale is -1.0"),
    ],
)
def test_bad_options_raise(options, message):
    with pytest.raises(ConfigError, match=message):
        cmmd(embeddings(5, 10, 3), embeddings(6, 12, 3), **options)


def test_bad_features_raise():
    with pytest.raises(ConfigError, match="real has 3 features and fake has 2"):
        cmmd(embeddings(5, 10, 3), embeddings(6, 12, 2))
    with pytest.raises(ConfigError, match=r"as large as 1e\+25 overflow float32"):
        cmmd(embeddings(0, 41, 20), np.full((30, 20), 1e25, np.float32))
