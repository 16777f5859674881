"""Specs against NumPy's ranges, draws against what their methods promise, and what is refused."""

import dataclasses

import numpy as np
import pytest
from programs import RING

from jaxgan.config import Ramp, override
from jaxgan.errors import ConfigError
from jaxgan.studies.space import METHODS, axis, members, points


def test_specs():
    assert axis("x", "a, b,c").values == ("a", "b", "c")
    assert axis("x", ".1,.2; .3").values == (".1,.2", ".3")
    assert axis("x", "my.module:f,hinge").values == ("my.module:f", "hinge")
    assert axis("x", [0.5, (1, 2)]).values == (0.5, (1, 2))
    found = axis("x", "log:1e-4:1e-2:8").values
    np.testing.assert_allclose(found, np.geomspace(1e-4, 1e-2, 8), rtol=1e-7)
    found = axis("x", "linear:-1:2:4").values
    np.testing.assert_allclose(found, np.linspace(-1, 2, 4), rtol=1e-7)
    assert axis("x", "log:1:100").at(0.5) == 10.0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "no values"),
        (",", "no values"),
        ([], "no values"),
        ("1,2,1", "over 1 twice"),
        ("log:1", "log:LOW:HIGH"),
        ("log:a:b", "log:LOW:HIGH"),
        ("log:1:2:3:4", "log:LOW:HIGH"),
        ("log:1:nan:3", "log:LOW:HIGH"),
        ("linear:2:1:3", "LOW < HIGH"),
        ("log:0:1:3", "greater than 0"),
        ("log:1:2:1", "N must be in"),
        ("log:1:2:2.5", "log:LOW:HIGH"),
    ],
)
def test_specs_that_say_nothing(spec, words):
    with pytest.raises(ConfigError, match=words):
        axis("x", spec)


def test_a_grid_is_every_combination():
    axes = [axis("a", [1, 2]), axis("b", "x,y,z")]
    expected = [{"a": a, "b": b} for a in (1, 2) for b in "xyz"]
    assert points(axes) == expected
    assert points([]) == [{}]


@pytest.mark.parametrize("method", METHODS[1:])
def test_draws_are_in_their_ranges_and_the_same_again(method):
    axes = [axis("a", "log:1e-3:1"), axis("b", "linear:-1:1"), axis("c", "x,y")]
    found = points(axes, method=method, num=20, seed=3)
    assert found == points(axes, method=method, num=20, seed=3)
    assert found != points(axes, method=method, num=20, seed=4)
    assert len(found) == 20
    logs = np.log10([point["a"] for point in found])
    assert (logs >= -3).all() and (logs <= 0).all()
    assert {point["c"] for point in found} == {"x", "y"}


@pytest.mark.parametrize(("method", "strata"), [("latin_hypercube", 16), ("sobol", 16)])
def test_one_draw_in_each_stratum(method, strata):
    """Of every axis: McKay et al. 1979; a scrambled Sobol sequence is a (t, m, s)-net."""
    axes = [axis(name, "linear:0:1") for name in "abc"]
    found = points(axes, method=method, num=strata)
    for name in "abc":
        assert sorted(int(point[name] * strata) for point in found) == list(range(strata))


def test_draws_of_lists_come_once():
    assert len(points([axis("a", "x,y")], method="random", num=50)) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num": 3}, "a grid has its own"),
        ({"method": "random"}, "--num N"),
        ({"method": "sobol", "num": 0}, "at least 1"),
        ({"method": "sobl", "num": 4}, "did you mean 'sobol'"),
    ],
)
def test_methods_that_do_not_fit(options, words):
    with pytest.raises(ConfigError, match=words):
        points([axis("a", "x,y")], **options)


def test_members_are_points_with_seeds():
    config = dataclasses.replace(RING, seed=5)
    found = members(config, {"generator.learning_rate": "0.1,0.2", "latent.dim": "2"}, seeds=3)
    assert [member.index for member in found] == list(range(6))
    assert [member.point for member in found] == [0, 0, 0, 1, 1, 1]
    assert [member.config.seed for member in found] == [5, 6, 7, 5, 6, 7]
    assert found[3].values == {"generator.learning_rate": 0.2, "latent.dim": 2}
    assert found[3].config == override(config, "generator.learning_rate", 0.2)


def test_the_ends_of_a_ramp_vary():
    config = override(RING, "generator.learning_rate", Ramp(0.1, 0.01, shape="cosine"))
    found = members(config, {"generator.learning_rate.start": "0.2,0.3"})
    assert found[1].config.generator.learning_rate == Ramp(0.3, 0.01, shape="cosine")
    assert found[1].values == {"generator.learning_rate.start": 0.3}


@pytest.mark.parametrize(
    ("axes", "options", "words"),
    [
        ({"generator.learning_rat": "1"}, {}, "did you mean 'generator.learning_rate'"),
        ({"generator.learning_rate": "-1"}, {}, "must be at least 0"),
        ({"generator.learning_rate": "fast"}, {}, "must be of type float"),
        ({"latent.dim": "linear:2:4:3"}, {}, "latent.dim is 2.0; it must be of type int"),
        ({"seed": "1,2"}, {}, "--seeds N"),
        ({"steps": "1,2"}, {}, "as many steps"),
        ({"eval_metrics": "fid"}, {}, "one score"),
        ({"latent.dim": "2,3"}, {"seeds": 0}, "at least 1"),
        ({"latent.dim": "2,3"}, {"seeds": 6000}, "12,000 members; at most 10,000"),
        ({"loss.weight": "linear:0:1:9999", "latent.dim": "2,3"}, {}, "at most 10,000"),
    ],
)
def test_members_that_cannot_be(axes, options, words):
    with pytest.raises(ConfigError, match=words):
        members(RING, axes, **options)
