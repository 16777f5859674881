"""Validation, overrides by dotted path, and the JSON round trip."""

import dataclasses
import subprocess
import sys

import pytest

from jaxgan.config import (
    Config,
    DataConfig,
    LatentConfig,
    PenaltyConfig,
    ScheduleConfig,
    TermConfig,
    differences,
    from_json,
    get,
    override,
    to_json,
)
from jaxgan.errors import ConfigError

RICH = Config(
    loss=TermConfig(name="mmd_gaussian", kwargs={"bandwidth": 0.5}),
    terms={"match": TermConfig(name="least_squares", on="features", weight=0.1)},
    penalties={"r1": PenaltyConfig(weight=2.0)},
)


def test_json_round_trip():
    for path, value in {
        "generator.network.kwargs.widths": "128,128",
        "generator.optimizer.kwargs.b1": "0.5",
        "data.pad": "32",
    }.items():
        config = override(RICH, path, value)
        assert from_json(to_json(config)) == config != RICH


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("steps", "7", 7),
        ("generator.learning_rate", "1", 1.0),
        ("fresh_latents", "true", True),
        ("data.dir", "1", "1"),
        ("data.pad", "none", None),
        ("loss.kwargs.bandwidth", "0.25", 0.25),
        ("loss.kwargs.estimator", "biased", "biased"),
        ("generator.network.kwargs.widths", "128,64", (128, 64)),
        ("penalties.r2.weight", "3", 3.0),
        ("terms.far.on", "images", "images"),
        ("parallel", "pmap", "pmap"),
    ],
)
def test_override_parses_to_the_type_of_the_field(path, text, value):
    found = get(override(RICH, path, text), path)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.batch_size", "0", "data.batch_size is 0; it must be at least 1"),
        ("steps", "many", "steps is 'many'; it must be of type int"),
        ("steps", "1.5", "steps is 1.5; it must be of type int"),
        ("step", "3", "unknown field 'step'; did you mean 'steps'?"),
        ("seed.of", "1", "holds a single value"),
        ("loss.on", "logit", "did you mean 'logits'?"),
        ("parallel", "pmpa", "did you mean 'pmap'?"),
        ("loss.weight", "1e999", "loss.weight is inf; it must be finite"),
        ("generator.learning_rate", "-1", "must be at least 0"),
        ("schedule.final", "2", "it must lie in [0, 1]"),
        ("seed", str(2**32), "less than 2**32"),
        ("fresh_latents", "1", "of type bool"),
        ("penalties.r1.every", "0", "penalties.r1.every is 0; it must be at least 1"),
        ("penalties.r1.wieght", "1", "did you mean"),
    ],
)
def test_a_wrong_value_is_answered_with_its_rule(path, value, message):
    with pytest.raises(ConfigError) as error:
        override(RICH, path, value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_another_name_drops_the_arguments_of_the_old_one():
    assert override(RICH, "loss.name", "mmd_gaussian").loss.kwargs == {"bandwidth": 0.5}
    assert override(RICH, "loss.name", "hinge").loss == TermConfig(name="hinge")


def test_warm_up_must_end_before_the_run():
    with pytest.raises(ConfigError, match="less than steps"):
        Config(steps=10, schedule=ScheduleConfig(name="linear", warmup_steps=10))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"stepz": 1}', '{"data": {"nam": "x"}}', '{"steps": "1"}']
)
def test_a_damaged_file_is_refused(text):
    with pytest.raises(ConfigError):
        from_json(text)


def test_differences_name_the_paths():
    other = dataclasses.replace(
        RICH, data=DataConfig(batch_size=5), latent=LatentConfig(dim=3), penalties={}
    )
    assert differences(RICH, RICH) == []
    assert set(differences(RICH, other)) == {
        "data.batch_size",
        "latent.dim",
        "penalties.r1.weight",
        "penalties.r1.kwargs",
        "penalties.r1.every",
    }


def test_the_config_imports_no_jax():
    code = "import sys, jaxgan.config; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
