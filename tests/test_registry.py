"""Look-ups and the binding of hyperparameters."""

from typing import NamedTuple

import pytest
from flax import linen as nn

from jaxgan.errors import ConfigError
from jaxgan.networks import NETWORKS, module_of
from jaxgan.ramp import Ramp
from jaxgan.registry import (
    AT_LEAST_ONE,
    FRACTION,
    NON_NEGATIVE,
    POSITIVE,
    Range,
    as_record,
    asks_for,
    bind,
    check_range,
    hyperparameters,
    is_traced,
    lookup,
)


def function(real, fake, *, key, bandwidth=1.0, sigmas=(1.0, 2.0), order=2, kind="a", soft=False):
    return real, fake, key, bandwidth, sigmas, order, kind, soft


RANGES = {"bandwidth": POSITIVE, "sigmas": POSITIVE, "order": AT_LEAST_ONE, "absent": FRACTION}


class Record(NamedTuple):
    function: object
    note: str = "none"


def test_lookup_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown loss 'hing'; did you mean 'hinge'\?"):
        lookup({"hinge": 1, "minimax": 2}, "hing", "loss")
    with pytest.raises(ConfigError, match="choose one of: hinge, minimax"):
        lookup({"hinge": 1, "minimax": 2}, "zzz", "loss")


def test_lookup_imports_what_module_and_name_say():
    assert lookup({}, "textwrap:dedent", "loss") is __import__("textwrap").dedent
    with pytest.raises(ConfigError, match=r"unknown loss in textwrap 'dedant'; did you mean 'dede"):
        lookup({}, "textwrap:dedant", "loss")
    with pytest.raises(
        ConfigError, match=r"'no_such_module' cannot be imported .*; run from the f"
    ):
        lookup({}, "no_such_module:x", "loss")


def test_a_bare_function_is_a_record_with_defaults():
    record = Record(function, "mine")
    assert as_record(Record, record) is record
    assert as_record(Record, function) == Record(function)


def test_the_signature_is_the_source_of_hyperparameters():
    assert hyperparameters(function) == {
        "bandwidth": 1.0,
        "sigmas": (1.0, 2.0),
        "order": 2,
        "kind": "a",
        "soft": False,
    }
    assert asks_for(function) == ("key",) and asks_for(bind) == ()
    assert asks_for(lambda real, *, reference, labels, z=None: 0) == ("labels", "reference")
    assert [is_traced(v) for v in hyperparameters(function).values()] == [True, True] + [False] * 3


def test_bind_coerces_to_the_type_of_the_default():
    bound = bind(function, {"bandwidth": 2, "sigmas": [1, 4], "order": 3}, "loss")
    assert bound["bandwidth"] == 2.0 and isinstance(bound["bandwidth"], float)
    assert bound["sigmas"] == (1.0, 4.0) and is_traced(bound["sigmas"])
    assert bound["kind"] == "a"
    ramp = bind(function, {"bandwidth": Ramp(2, 1, shape="cosine")}, "loss", RANGES)["bandwidth"]
    assert ramp == Ramp(2.0, 1.0, shape="cosine") and is_traced(ramp)
    assert all(isinstance(value, float) for value in ramp[:2])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"bandwith": 1.0}, "did you mean 'bandwidth'?"),
        ({"bandwidth": "wide"}, "loss.kwargs.bandwidth is 'wide'; it must be of type float"),
        ({"order": 1.5}, "of type int"),
        ({"soft": 1}, "of type bool"),
        ({"order": True}, "of type int"),
        ({"order": Ramp(1.0)}, "of type int"),
        ({"bandwidth": 0}, "loss.kwargs.bandwidth is 0.0; it must be greater than 0"),
        ({"bandwidth": Ramp(1.0, 0.0)}, "loss.kwargs.bandwidth is Ramp(start=1.0, end=0.0"),
        ({"sigmas": (1.0, -1.0)}, "loss.kwargs.sigmas is (1.0, -1.0); it must be greater than 0"),
        ({"order": 0}, "loss.kwargs.order is 0; it must be at least 1"),
    ],
)
def test_bind_refuses(kwargs, message):
    with pytest.raises(ConfigError) as error:
        bind(function, kwargs, "loss", RANGES)
    assert message in str(error.value)


def test_without_hyperparameters_none_can_be_set():
    with pytest.raises(ConfigError, match="loss takes no hyperparameters; remove 'x'"):
        bind(lambda real, fake: 0, {"x": 1}, "loss")


@pytest.mark.parametrize(
    ("allowed", "inside", "outside", "rule"),
    [
        (POSITIVE, (1e-9, 3), (0, -1), "greater than 0"),
        (NON_NEGATIVE, (0, 3), (-1e-9,), "at least 0"),
        (FRACTION, (0, 0.5, 1), (-0.1, 1.1), "in [0, 1]"),
        (AT_LEAST_ONE, (1, 2), (0, 0.5), "at least 1"),
        (Range(low=0, high=1, below=True), (0, 0.9), (1, -0.1), "in [0, 1)"),
        (Range(low=0, high=2, above=True), (2,), (0, 2.1), "in (0, 2]"),
        (Range(high=4), (-9, 4), (5,), "at most 4"),
        (Range(high=4, below=True), (3,), (4,), "less than 4"),
    ],
    ids=str,
)
def test_ranges(allowed, inside, outside, rule):
    assert str(allowed) == rule
    for value in (*inside, None):
        check_range(value, allowed, "x")
    check_range(tuple(inside), allowed, "x")
    for value in outside:
        for wrong in (value, (inside[0], value), Ramp(inside[0], value), Ramp(value, inside[0])):
            with pytest.raises(ConfigError) as error:
                check_range(wrong, allowed, "x.y")
            assert str(error.value) == f"x.y is {wrong}; it must be {rule}"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_are_modules_with_fields_that_hold_values(name):
    """Their float fields, if any, are traced; all others are hashable, and so static."""
    for role in ("generator", "discriminator"):
        if getattr(NETWORKS[name], role) is not None:
            module = module_of(NETWORKS[name], role)
            assert issubclass(module, nn.Module)
            for value in hyperparameters(module).values():
                assert is_traced(value) or hash(value) is not None
