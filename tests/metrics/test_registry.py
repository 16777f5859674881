import jax
import numpy as np
import pytest

from jaxgan.metrics import METRICS

RNG = np.random.default_rng(0)
SAMPLES = RNG.normal(size=(60, 2)).astype(np.float32)
OTHERS = RNG.normal(size=(50, 2)).astype(np.float32)

CALLS = {
    "cmmd": ((SAMPLES, OTHERS), {}),
    "fid_infinity": ((SAMPLES, OTHERS), {"min_size": 20, "key": jax.random.key(0)}),
    "inception_score": ((SAMPLES,), {}),
    "intra_fid": ((SAMPLES, np.arange(60) % 3, OTHERS, np.arange(50) % 3), {"num_classes": 3}),
    "kid_blocks": ((SAMPLES, OTHERS), {"num_blocks": 5, "key": jax.random.key(0)}),
    "class_coverage": ((np.arange(20) % 7,), {"num_classes": 10}),
    "fid": ((SAMPLES, OTHERS), {}),
    "kid": ((SAMPLES, OTHERS), {"num_subsets": 3, "subset_size": 40, "key": jax.random.key(0)}),
    "memorisation": ((SAMPLES, OTHERS[:25], OTHERS[25:]), {}),
    "mixture_modes": ((SAMPLES, OTHERS[:4], 0.5), {}),
    "prdc": ((SAMPLES, OTHERS), {}),
    "sliced_wasserstein_distance": ((SAMPLES, OTHERS), {"key": jax.random.key(0)}),
    "two_sample_test": ((SAMPLES, OTHERS), {"num_permutations": 19, "key": jax.random.key(0)}),
    "vendi_score": ((SAMPLES,), {}),
}


def test_every_metric_is_called_here():
    assert set(CALLS) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_returns_finite_numbers(name):
    args, kwargs = CALLS[name]
    assert all(
        np.isfinite(value).all() for value in jax.tree.leaves(METRICS[name](*args, **kwargs))
    )
