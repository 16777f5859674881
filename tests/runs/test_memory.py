"""Runs that cannot fit are refused before anything is made. Expected bytes are worked by hand."""

import re

import pytest
from programs import RING, one_device

from jaxgan.cli import main
from jaxgan.config import override
from jaxgan.errors import ConfigError
from jaxgan.runs import memory
from jaxgan.runs.build import build


def needed(path, value):
    config = override(RING, path, value)
    return memory.needed_bytes(config, build(config, one_device()))


def test_what_a_latent_dimension_and_a_sample_take():
    """A row of 8 weights, also averaged, and 16 floats of z; of a sample x and half the products.

    The products of one sample, in floats: the generator's 8 + 2, twice, and the discriminator's
    8 + 1 of a real and of a fake one.
    """
    per_dimension = 2 * 8 * 4 + 16 * 4
    assert needed("latent.dim", 2000) - needed("latent.dim", 1000) == 1000 * per_dimension
    z, x = 2 * 4, 2 * 4
    per_sample = z + x + (2 * (8 + 2) + 2 * (8 + 1)) * 4 // 2
    assert needed("data.batch_size", 48) - needed("data.batch_size", 16) == 32 * per_sample


@pytest.fixture
def limit(monkeypatch):
    def set_limit(count):
        monkeypatch.setattr(memory, "device_bytes", lambda program: count)

    return set_limit


def test_the_largest_dimension_that_fits_is_told(limit):
    config = override(RING, "latent.dim", 4000)
    program = build(config, one_device())
    limit(needed("latent.dim", 1000))
    with pytest.raises(ConfigError, match=r"latent\.dim is 4000: about (\d+) fits") as error:
        memory.check_memory(config, program)
    told = int(re.search(r"about (\d+)", str(error.value))[1])
    assert 900 < told <= 1000
    limit(memory.needed_bytes(config, program))
    memory.check_memory(config, program)


@pytest.mark.slow
def test_a_run_that_cannot_fit_is_refused_in_one_line(limit, tmp_path, capsys):
    limit(1_500_000)
    widths = ["--generator.network.kwargs.widths=400,400"]
    widths += ["--discriminator.network.kwargs.widths=8,8"]
    assert main(["train", "experiments.ring", f"--workdir={tmp_path}", *widths]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "widths is (400, 400): about" in message
    assert not (tmp_path / "config.json").exists()
