"""Look-ups and the binding of hyperparameters."""

import pytest
from flax import linen as nn

from jaxgan.errors import ConfigError
from jaxgan.networks import NETWORKS
from jaxgan.registry import bind, hyperparameters, is_traced, lookup, takes_key


def function(real, fake, *, key, bandwidth=1.0, sigmas=(1.0, 2.0), order=2, kind="a", soft=False):
    return real, fake, key, bandwidth, sigmas, order, kind, soft


def test_lookup_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown loss 'hing'; did you mean 'hinge'\?"):
        lookup({"hinge": 1, "minimax": 2}, "hing", "loss")
    with pytest.raises(ConfigError, match="choose one of: hinge, minimax"):
        lookup({"hinge": 1, "minimax": 2}, "zzz", "loss")


def test_the_signature_is_the_source_of_hyperparameters():
    assert hyperparameters(function) == {
        "bandwidth": 1.0,
        "sigmas": (1.0, 2.0),
        "order": 2,
        "kind": "a",
        "soft": False,
    }
    assert takes_key(function) and not takes_key(bind)
    assert [is_traced(v) for v in hyperparameters(function).values()] == [True, True] + [False] * 3


def test_bind_coerces_to_the_type_of_the_default():
    bound = bind(function, {"bandwidth": 2, "sigmas": [1, 4], "order": 3}, "loss")
    assert bound["bandwidth"] == 2.0 and isinstance(bound["bandwidth"], float)
    assert bound["sigmas"] == (1.0, 4.0) and is_traced(bound["sigmas"])
    assert bound["kind"] == "a"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"bandwith": 1.0}, "did you mean 'bandwidth'?"),
        ({"bandwidth": "wide"}, "loss.kwargs.bandwidth is 'wide'; it must be of type float"),
        ({"order": 1.5}, "of type int"),
        ({"soft": 1}, "of type bool"),
        ({"order": True}, "of type int"),
    ],
)
def test_bind_refuses(kwargs, message):
    with pytest.raises(ConfigError) as error:
        bind(function, kwargs, "loss")
    assert message in str(error.value)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_field_of_a_network_is_a_float(name):
    """Floats of a config are traced; fields of a module are static."""
    for module in NETWORKS[name]:
        if module is not None:
            assert issubclass(module, nn.Module)
            assert not any(map(is_traced, hyperparameters(module).values()))
