"""Validation, overrides by dotted path, and the JSON round trip."""

import dataclasses
import json
import math
import subprocess
import sys

import pytest

from jaxgan.config import (
    AugmentationConfig,
    Config,
    ControllerConfig,
    DataConfig,
    GameConfig,
    LatentConfig,
    NetworkConfig,
    PenaltyConfig,
    PlayerConfig,
    Ramp,
    TermConfig,
    differences,
    from_json,
    get,
    override,
    to_json,
)
from jaxgan.errors import ConfigError
from jaxgan.fields import override_all

RICH = Config(
    loss=TermConfig(name="mmd_gaussian", kwargs={"bandwidth": 0.5}),
    terms={"match": TermConfig(name="least_squares", on="features", weight=0.1)},
    penalties={"r1": PenaltyConfig(weight=2.0)},
)
FULL = dataclasses.replace(
    RICH,
    game=GameConfig(name="vae_gan", kwargs={"beta": 2.0}),
    networks={"encoder": PlayerConfig(network=NetworkConfig(role="discriminator"))},
    streams={"labelled": DataConfig(name="digits", per_class=10)},
    augmentation=AugmentationConfig(kwargs={"probability": Ramp(0.0, 0.6)}),
    controllers={"c": ControllerConfig()},
    ema_half_life=Ramp(500.0, 50.0, steps=100, shape="exponential", warmup=3),
)


def test_json_round_trip():
    for path, value in {
        "generator.network.kwargs.widths": "128,128",
        "generator.optimizer.kwargs.b1": "0.5",
        "data.pad": "32",
        "generator.learning_rate.shape": "cosine",
        "loss.kwargs.bandwidth.end": "0.1",
        "networks.encoder.optimizer.kwargs.b1": "0.5",
        "streams.labelled.kwargs.noise": "1",
        "augmentation.kwargs.probability.steps": "9",
    }.items():
        config = override(FULL, path, value)
        assert from_json(to_json(config)) == config != FULL
    assert isinstance(from_json(to_json(FULL)).ema_half_life, Ramp)


def test_ramps_from_before_they_could_be_held_are_read():
    text = json.dumps(_without_hold(json.loads(to_json(FULL))))
    assert "hold" not in text and from_json(text) == FULL


def _without_hold(tree):
    if isinstance(tree, list):
        return [_without_hold(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: _without_hold(item) for name, item in tree.items() if name != "hold"}


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
        ("generator.learning_rate.shape", "cosine", Ramp(2e-4, shape="cosine")),
        ("generator.learning_rate.hold", "0.5", Ramp(2e-4, 0.0, hold=0.5)),
        ("penalties.r1.weight.end", "1", Ramp(2.0, 1)),
        ("loss.kwargs.bandwidth.end", "0.1", Ramp(0.5, 0.1)),
        ("networks.encoder.learning_rate", "1e-3", 1e-3),
        ("networks.encoder.network.kwargs.widths", "8,8", (8, 8)),
        ("streams.labelled.name", "digits", "digits"),
        ("augmentation.name", "ada", "ada"),
        ("augmentation.kwargs.probability", "0.5", 0.5),
        ("game.kwargs.beta", "2.5", 2.5),
    ],
)
def test_override_parses_to_the_type_of_the_field(path, text, value):
    config = override(RICH, path, text)
    found = get(config, path.rpartition(".")[0] if isinstance(value, Ramp) else path)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.batch_size", "0", "data.batch_size is 0; it must be at least 1"),
        ("steps", "many", "steps is 'many'; it must be of type int"),
        ("steps", "1.5", "steps is 1.5; it must be of type int"),
        ("step", "3", "unknown field 'step'; did you mean 'steps'?"),
        ("seed.of", "1", "holds a single value"),
        ("parallel", "pmpa", "did you mean 'pmap'?"),
        ("loss.weight", "1e999", "loss.weight is inf; it must be finite"),
        ("generator.learning_rate", "-1", "must be at least 0"),
        ("discriminator_share", "2", "discriminator_share is 2.0; it must be in [0, 1]"),
        ("discriminator_share.end", "2", "discriminator_share is a ramp without a start"),
        ("seed", str(2**32), f"seed is {2**32}; it must be in [0, {2**32})"),
        ("loss.weight.shape", "cosin", "loss.weight.shape 'cosin'; did you mean 'cosine'?"),
        ("loss.weight.ende", "1", "did you mean 'loss.weight.end'?"),
        ("loss.weight.end", "many", "loss.weight.end is 'many'; it must be a finite number"),
        ("loss.weight.shape", "exponential", "goes from 1.0 to 0.0 exponentially; both ends must"),
        ("generator.learning_rate.end", "-1", "generator.learning_rate is Ramp(start=0.0002"),
        ("steps.end", "1", "'steps' holds a single value"),
        ("networks.generator.learning_rate", "1", "is the player 'generator' itself; set it there"),
        ("fresh_latents", "1", "of type bool"),
        ("penalties.r1.every", "0", "penalties.r1.every is 0; it must be at least 1"),
        ("penalties.r1.weight", "-5", "penalties.r1.weight is -5.0; it must be at least 0"),
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


def test_several_values_are_checked_together():
    """No order of them breaks a rule on the way: the name empties the arguments first."""
    values = {"loss.kwargs.bandwidth.end": "0.1", "loss.kwargs.bandwidth": "2", "loss.name": "gmmn"}
    values |= {"controllers.c.upper": "0.1", "controllers.c.lower": "0.01"}
    for ordered in (values, dict(reversed(values.items()))):
        config = override_all(Config(), ordered)
        assert config.loss == TermConfig(name="gmmn", kwargs={"bandwidth": Ramp(2, 0.1)})
        assert (config.controllers["c"].lower, config.controllers["c"].upper) == (0.01, 0.1)
    assert override_all(RICH, {}) == RICH


@pytest.mark.parametrize(("steps", "last"), [(None, 10), (5, 5)])
def test_warm_up_must_end_before_the_ramp(steps, last):
    for warmup in (last, -1, "long"):
        message = rf"loss.weight.warmup is {warmup}; it must be .* less than its steps \({last}\)"
        with pytest.raises(ConfigError, match=message):
            Config(steps=10, loss=TermConfig(weight=Ramp(1.0, steps=steps, warmup=warmup)))
    Config(steps=10, loss=TermConfig(weight=Ramp(1.0, steps=steps, warmup=last - 1)))


@pytest.mark.parametrize("share", [1.0, -0.1, math.nan, "long"])
def test_a_ramp_is_held_for_a_share_of_its_steps(share):
    with pytest.raises(ConfigError, match=rf"loss.weight.hold is {share}; it must be in \[0, 1\)"):
        Config(steps=10, loss=TermConfig(weight=Ramp(1.0, hold=share)))


def test_a_ramp_stands_for_a_tuple_with_as_many_numbers_at_each_end():
    ramp = Ramp((1.0, 2.0), (0.5, 0.1), shape="exponential")
    config = Config(loss=TermConfig(kwargs={"bandwidths": ramp}))
    assert from_json(to_json(config)) == config
    with pytest.raises(ConfigError, match="as many numbers at its end as at its start"):
        Config(loss=TermConfig(kwargs={"bandwidths": ramp._replace(end=0.1)}))
    with pytest.raises(ConfigError, match="both ends must be greater than 0"):
        Config(loss=TermConfig(kwargs={"bandwidths": ramp._replace(end=(0.1, 0.0))}))
    with pytest.raises(ConfigError, match=r"generator.learning_rate.start is \(1.0, 2.0\)"):
        Config(generator=PlayerConfig(learning_rate=ramp))


def test_ramps_among_arguments_are_checked_too():
    with pytest.raises(ConfigError, match=r"loss.kwargs.bandwidth goes from 1.0 to 0.0 exponent"):
        Config(loss=TermConfig(kwargs={"bandwidth": Ramp(1.0, shape="exponential")}))


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
        "penalties.r1.name",
    }


def test_the_config_imports_no_jax():
    code = "import sys, jaxgan.config; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
