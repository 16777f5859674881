"""What the registry knows of every penalty."""

import inspect
import re

import pytest

from jaxgan import penalties, registry
from jaxgan.config import Config, PenaltyConfig
from jaxgan.errors import ConfigError
from jaxgan.penalties import PENALTIES, Penalty, penalty
from jaxgan.runs import entries


@pytest.mark.parametrize("name", PENALTIES)
def test_records(name):
    """The package exports each function under its name, and every float has a range."""
    record = PENALTIES[name]
    assert getattr(penalties, name) is record.function
    floats = {k for k, v in record.hyperparameters.items() if isinstance(v, float)}
    assert floats <= set(record.ranges) <= set(record.hyperparameters)
    bound = registry.bind(record.function, {}, name, record.ranges)
    assert bound == record.hyperparameters


@pytest.mark.parametrize(
    ("name", "hyperparameter", "value", "rule"),
    [
        ("wgan_gp", "target", -1.0, "at least 0"),
        ("dragan", "target", -0.5, "at least 0"),
        ("witness_gaussian", "bandwidth", 0.0, "greater than 0"),
        ("consistency", "max_shift", -1, "at least 0"),
        ("balanced_consistency", "noise", -0.1, "at least 0"),
        ("latent_consistency", "generator_weight", -1.0, "at least 0"),
        ("lecam", "decay", 1.0, r"in \[0, 1\)"),
    ],
)
def test_ranges(name, hyperparameter, value, rule):
    record = PENALTIES[name]
    message = rf"{name}\.kwargs\.{hyperparameter} is {value}; it must be {rule}"
    with pytest.raises(ConfigError, match=message):
        registry.bind(record.function, {hyperparameter: value}, name, record.ranges)
    with pytest.raises(ConfigError, match=f"{hyperparameter} of {name} is {value}"):
        record.function(**{hyperparameter: value})


def test_a_weight_that_is_not_set_is_that_of_the_paper():
    """Each as the paper states it; a weight in the config goes before it."""
    unset = dict.fromkeys(("r1", "wgan_gp", "dragan", "consistency", "lecam"), PenaltyConfig())
    config = Config(penalties={**unset, "r2": PenaltyConfig(weight=2.0)})
    found = {path[1]: v for path, v in entries.floats(config).items() if path[-1] == "weight"}
    expected = {"r1": 10, "wgan_gp": 10, "dragan": 10, "consistency": 10, "lecam": 0.3, "r2": 2}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("name", PENALTIES)
def test_docstring_has_a_formula_arguments_and_a_source(name):
    doc = inspect.getdoc(PENALTIES[name].function) or ""
    assert re.match(r"\w+ = E .+", doc)
    assert re.search(r"Source: .+ (19|20)\d\d", doc)
    assert re.search(r"https://arxiv\.org/abs/\d{4}\.\d{5}", doc)
    for argument in inspect.signature(PENALTIES[name].function).parameters:
        assert re.search(rf"^    {argument}: .+", doc, re.MULTILINE), argument


def test_the_decorator_registers_under_the_functions_name(monkeypatch):
    monkeypatch.setattr(penalties.record, "PENALTIES", {})

    @penalty(of_generator=True)
    def twice(critic, generate, z, fake, *, key, axis_name, weight=2.0):
        return weight * z

    assert {"twice": Penalty(twice, of_generator=True)} == penalties.record.PENALTIES
    assert Penalty(twice)(None, None, 3, None, key=None, axis_name=None) == 6
    assert Penalty(twice).hyperparameters == {"weight": 2.0}
