"""What a run may go on with: its checkpoint says what was run, whatever became of config.json."""

import dataclasses
import json

import pytest
from programs import player

from jaxgan import train
from jaxgan.config import Config, DataConfig, LatentConfig, Ramp, override, to_json
from jaxgan.errors import ConfigError
from jaxgan.runs.directory import RunDirectory
from jaxgan.runs.resuming import resumed

RAMP = Ramp(1e-3, 1e-5, shape="cosine")
CONFIG = Config(
    steps=2,
    data=DataConfig(name="ring", batch_size=16),
    latent=LatentConfig(dim=2),
    generator=player(RAMP, output="linear"),
    discriminator=player(1e-3),
    log_every=1,
    num_eval_samples=16,
)
LONGER = dataclasses.replace(CONFIG, steps=4)
FASTER = override(CONFIG, "discriminator.learning_rate", 1e-2)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return train(CONFIG, tmp_path_factory.mktemp("run")).workdir


@pytest.fixture
def directory(workdir):
    """The run, with its config.json put back afterwards."""
    found = RunDirectory(workdir)
    yield found
    found.config.write_text(to_json(CONFIG))


def damages():
    other = to_json(FASTER).encode()
    return {"removed": None, "emptied": b"", "cut": to_json(CONFIG).encode()[:99], "edited": other}


@pytest.mark.parametrize("content", damages().values(), ids=damages())
def test_the_checkpoint_knows_the_config(directory, content):
    directory.config.unlink()
    if content is not None:
        directory.config.write_bytes(content)
    with pytest.raises(ConfigError, match=r"another discriminator\.learning_rate"):
        resumed(directory, FASTER, resume=True)
    assert resumed(directory, CONFIG, resume=False) == CONFIG
    expected = FASTER if content == damages()["edited"] else CONFIG
    assert directory.read_config() == expected


def test_config_json_is_written_again(directory):
    directory.config.unlink()
    train(CONFIG, directory.root)
    assert directory.config.read_text() == to_json(CONFIG)


def test_what_has_not_changed_is_not_written_again(directory):
    files = [directory.config, directory.versions, directory.origin]
    before = [file.stat().st_mtime_ns for file in files]
    train(CONFIG, directory.root)
    assert [file.stat().st_mtime_ns for file in files] == before


def test_a_longer_run_keeps_the_length_of_its_ramps(directory):
    """The cosine has reached its end at step 2; of 4 steps it would be back at half its height."""
    lines = []
    longer = resumed(directory, LONGER, resume=True, log=lines.append)
    assert longer == override(LONGER, "generator.learning_rate", RAMP._replace(steps=2))
    assert lines == ["generator.learning_rate ends at step 2, as before"]
    with pytest.raises(ConfigError, match=r"another steps .*, or pass --resume"):
        resumed(directory, LONGER, resume=False)


def test_a_longer_run_goes_on_as_it_was_lengthened(directory, tmp_path):
    """Interrupted and given again, the command finds the lengths in the newest checkpoint."""
    extra = json.loads((directory.checkpoints / "2" / "extra" / "metadata").read_text())
    longer = json.loads(to_json(resumed(directory, LONGER, resume=True, log=print)))
    copy = RunDirectory(tmp_path).checkpoints / "3" / "extra" / "metadata"
    copy.parent.mkdir(parents=True)
    copy.write_text(json.dumps({**extra, "extra": {**extra["extra"], "config": longer}}))
    again = resumed(RunDirectory(tmp_path), LONGER, resume=True)
    assert again.generator.learning_rate == RAMP._replace(steps=2)


def test_a_ramp_may_be_given_with_the_steps_that_it_keeps(directory):
    config = override(LONGER, "generator.learning_rate.steps", 2)
    assert resumed(directory, config, resume=True, log=lambda line: None) == config


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("generator.learning_rate.steps", 4, "generator.learning_rate.steps (2, not 4; 1 more"),
        ("generator.learning_rate.end", 0.0, "generator.learning_rate.end (1e-05, not 0.0; 1 more"),
        ("generator.learning_rate.shape", "linear", "shape (cosine, not linear; 1 more differ)"),
        ("loss.name", "hinge", "loss.name (non_saturating, not hinge; 1 more differ)"),
    ],
)
def test_what_a_resumed_run_cannot_change_is_named(directory, path, value, told):
    """Not the number of steps, which it can."""
    with pytest.raises(ConfigError) as raised:
        resumed(directory, override(LONGER, path, value), resume=True)
    assert told in str(raised.value)
    assert "--resume changes only how long a run is" in str(raised.value)
