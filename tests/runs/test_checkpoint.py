"""What Orbax does not do for us: damage is noticed, types are compared, a directory is locked."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.runs.build import build
from jaxgan.runs.checkpoint import Checkpointer, locked
from jaxgan.config import Config, DataConfig, NetworkConfig, PlayerConfig
from jaxgan.errors import CheckpointError, ConfigError, RunInUseError
from jaxgan.training.parallel import make_mesh

PLAYER = PlayerConfig(network=NetworkConfig(kwargs={"widths": (8,)}))
CONFIG = Config(data=DataConfig(name="ring"), generator=PLAYER, discriminator=PLAYER)


@pytest.fixture(scope="module")
def state():
    run = build(CONFIG, make_mesh(jax.devices()[:1]))
    return jax.jit(run.init)(jax.random.key(7))


def save(directory, state, steps, metric=None):
    checkpointer = Checkpointer(directory, best_metric=metric and "score")
    for index, step in enumerate(steps):
        metrics = {"score": metric[index]} if metric else None
        moved = state.replace(step=jnp.int32(step))
        checkpointer.save(moved, extra={"window": {"loss": [0.1]}}, metrics=metrics)
    checkpointer.close()


def restore(directory, like, **kwargs):
    checkpointer = Checkpointer(directory, **kwargs)
    try:
        return checkpointer.restore(like)
    finally:
        checkpointer.close()


def damage(directory, step):
    """Flips one byte in the middle of the largest file of the step's arrays."""
    files = [p for p in (directory / str(step) / "state").rglob("*") if p.is_file()]
    largest = max((p for p in files if "/d/" in str(p)), key=lambda p: p.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    largest.write_bytes(bytes(data))


def test_a_state_comes_back_bit_for_bit(tmp_path, state):
    save(tmp_path, state, [3])
    restored, extra = restore(tmp_path, jax.eval_shape(lambda: state))
    assert extra == {"window": {"loss": [0.1]}}
    assert jax.random.key_data(restored.key).tolist() == jax.random.key_data(state.key).tolist()
    for one, other in zip(
        jax.tree.leaves(state.replace(key=0, step=0)),
        jax.tree.leaves(restored.replace(key=0, step=0)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
        assert jnp.asarray(one).dtype == jnp.asarray(other).dtype
    assert restored.step == 3


def test_nothing_is_restored_from_nothing(tmp_path, state):
    assert restore(tmp_path, state) is None


def test_the_last_three_and_the_best_are_kept(tmp_path, state):
    save(tmp_path, state, [1, 2, 3, 4, 5, 6], metric=[9.0, 2.0, 5.0, 7.0, 8.0, 6.0])
    checkpointer = Checkpointer(tmp_path, best_metric="score")
    assert checkpointer.steps() == [2, 4, 5, 6]
    assert checkpointer.best_step() == 2
    checkpointer.close()


def test_damage_falls_back_to_the_step_before(tmp_path, state):
    save(tmp_path, state, [1, 2])
    damage(tmp_path, 2)
    lines = []
    checkpointer = Checkpointer(tmp_path)
    restored, _ = checkpointer.restore(state, log=lines.append)
    assert restored.step == 1
    assert len(lines) == 1 and "step 2" in lines[0]
    assert checkpointer.steps() == [1]  # so that step 2 can be saved again
    checkpointer.close()


def test_a_reader_deletes_nothing(tmp_path, state):
    save(tmp_path, state, [1, 2])
    damage(tmp_path, 2)
    restored, _ = restore(tmp_path, state, read_only=True)
    assert restored.step == 1
    assert (tmp_path / "2").exists()


def test_nothing_but_damage_is_an_error(tmp_path, state):
    save(tmp_path, state, [1])
    damage(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* can be used"):
        restore(tmp_path, state)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace(hparams={**s.hparams, "loss.weight": jnp.float16(1)}),
        lambda s: s.replace(hparams={**s.hparams, "loss.weight": jnp.ones(2)}),
        lambda s: s.replace(hparams={**s.hparams, "loss.kwargs.other": jnp.ones(())}),
        lambda s: s.replace(discriminator=None),
    ],
    ids=["dtype", "shape", "missing", "surplus"],
)
def test_another_structure_is_refused(tmp_path, state, change):
    save(tmp_path, state, [1])
    with pytest.raises(CheckpointError):
        restore(tmp_path, change(state), read_only=True)


def test_a_run_directory_belongs_to_one_process(tmp_path):
    code = (
        "import pathlib, sys; from jaxgan.runs.checkpoint import locked\n"
        f"with locked(pathlib.Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunInUseError, match=f"process {holder.pid}"), locked(tmp_path):
            pytest.fail("two holders")
        holder.communicate(b"\n")
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_a_file_is_no_run_directory(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    for workdir in (path, path / "below"):
        with pytest.raises(ConfigError, match="is a file"), locked(workdir):
            pytest.fail("locked a file")
