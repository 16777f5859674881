"""Full disks, and whatever else keeps a run directory from being written: one line, exit code 8.

A limit on the size of files stands for the full disk: anybody may set it, in any folder.
"""

import re
import resource
import shutil
from contextlib import contextmanager

import jax.numpy as jnp
import pytest
from flax import struct
from processes import run

from jaxgan.cli import main
from jaxgan.errors import RunDirectoryError
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import RunDirectory, written
from jaxgan.runs.writer import Writer

WIDTHS = "--{}.network.kwargs.widths=64,64"
FLAGS = [WIDTHS.format(p) for p in ("generator", "discriminator")]
FLAGS += ["--steps=4", "--log-every=2", "--num-eval-samples=64"]


class State(struct.PyTreeNode):
    step: jnp.ndarray
    weights: jnp.ndarray


@contextmanager
def files_up_to(size):
    """Writing beyond so many bytes of a file fails with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def state(step):
    weights = jnp.sin(jnp.arange(50_000.0))
    return State(jnp.int32(step), weights)


def test_a_full_disk_leaves_the_last_checkpoint_and_one_error(tmp_path, capfd):
    directory = RunDirectory(tmp_path)
    expected = pytest.raises(RunDirectoryError, match=r"too large.* checkpoint is of step 1;")
    with expected, written(directory):
        checkpointer = Checkpointer(directory.checkpoints)
        checkpointer.save(state(1), extra={}, metrics=None)
        checkpointer._manager.wait_until_finished()
        with files_up_to(30_000):
            checkpointer.save(state(2), extra={}, metrics=None)
            checkpointer.close()
    assert capfd.readouterr() == ("", "")
    checkpointer = Checkpointer(directory.checkpoints)
    assert checkpointer.restore(lambda _: state(0))[0].step == 1
    checkpointer.close()


@pytest.mark.slow
def test_a_command_on_a_full_disk_ends_in_one_line(tmp_path):
    """Without JAX's compilation cache, which would warn of the limit too."""
    arguments = ["train", "experiments.ring", f"--workdir={tmp_path}", *FLAGS]
    code = (
        "import resource, sys; from jaxgan.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"sys.exit(main({arguments}))"
    )
    process = run("-c", code, JAX_ENABLE_COMPILATION_CACHE="false")
    assert process.returncode == 8
    assert re.fullmatch(r"jaxgan: .* too large.*; there is no checkpoint; .*\n", process.stderr)


@pytest.mark.parametrize("name", ["versions.json", "tensorboard", "checkpoints"])
def test_something_in_the_way_is_named(name, tmp_path, capfd):
    if name.endswith(".json"):
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("")
    flags = [*FLAGS, f"--workdir={tmp_path}"]
    assert main(["train", "experiments.ring", *flags]) == 8
    message = capfd.readouterr().err
    assert f"{tmp_path / name} cannot be written" in message and message.count("\n") == 1, message


def test_a_removed_directory_is_noticed_at_the_next_row(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    directory.root.mkdir()
    writer = Writer(directory, 0, 4, 1)
    writer.row(1, {"loss/generator": 1.0}, None)
    shutil.rmtree(directory.root)
    with pytest.raises(RunDirectoryError, match="was removed"), written(directory):
        writer.row(2, {"loss/generator": 1.0}, None)
    writer.close()


def test_errors_of_other_folders_are_not_the_run_directorys(tmp_path):
    with pytest.raises(FileNotFoundError), written(RunDirectory(tmp_path / "run")):
        (tmp_path / "data").read_bytes()
