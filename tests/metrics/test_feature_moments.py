import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec
from numpy.testing import assert_allclose

from jaxgan.errors import ConfigError
from jaxgan.metrics import Moments, device_moments, merge, moments


def features(seed, n, d, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1.0 + np.arange(d), size=(n, d))


def assert_moments(found, x, rtol, atol=0.0):
    """Against NumPy's mean and unbiased covariance, in float64."""
    x = np.asarray(x, np.float64)
    assert found.count == len(x)
    assert_allclose(found.mean, x.mean(axis=0), rtol=rtol, atol=atol)
    assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=rtol, atol=atol)


def test_of_batches_merged_are_those_of_all():
    x = features(0, 103, 5, mean=1e4)  # E x^2 - (E x)^2 would lose eight digits here
    total = moments(x[:1])
    for start, end in ((1, 40), (40, 43), (43, 103)):
        total = merge(total, moments(x[start:end]))
    assert_moments(total, x, rtol=1e-10)
    assert_moments(moments(x), x, rtol=1e-10)


def test_of_more_rows_than_a_block_and_of_float32():
    x = features(1, 9001, 3, mean=7.0).astype(np.float32)
    assert_moments(moments(x), x, rtol=1e-10, atol=1e-10)
    assert moments(jnp.asarray(x)).scatter.dtype == np.float64


def test_on_the_device_under_jit_and_vmap_and_merged():
    x = features(2, 60, 4, mean=300.0).astype(np.float32)

    @jax.jit
    def whole(batches):
        both = jax.vmap(device_moments)(batches)
        return merge(Moments(*(leaf[0] for leaf in both)), Moments(*(leaf[1] for leaf in both)))

    assert_moments(whole(x.reshape(2, 30, 4)), x, rtol=1e-5, atol=1e-4)


def test_on_many_devices_are_those_of_the_whole_batch():
    x = features(3, 64, 4, mean=300.0).astype(np.float32)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split = jax.shard_map(
        lambda batch: device_moments(batch, axis_name="data"),
        mesh=mesh,
        in_specs=PartitionSpec("data"),
        out_specs=PartitionSpec(),
    )
    assert_moments(jax.jit(split)(x), x, rtol=1e-5, atol=1e-4)


def test_bad_moments_raise():
    with pytest.raises(ConfigError, match=r"features have shape \(0, 3\)"):
        moments(np.zeros((0, 3)))
    with pytest.raises(ConfigError, match="features hold 1 NaN"):
        moments(np.array([[1.0, np.nan]]))
    with pytest.raises(ConfigError, match="of 2 and of 3 features cannot be merged"):
        merge(moments(np.ones((2, 2))), moments(np.ones((2, 3))))
