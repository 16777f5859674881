"""What Orbax does not do for us: damage is noticed, types are compared, a directory is locked."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from programs import player, start, with_float

from jaxgan.config import Config, DataConfig, OptimizerConfig
from jaxgan.errors import CheckpointError, ConfigError, RunInUseError
from jaxgan.runs.checkpoint import Checkpointer
from jaxgan.runs.directory import locked
from jaxgan.training.schedules import with_value

REFERENCE = {"moments": {"mean": jnp.arange(3.0), "count": jnp.int32(7)}, "key": jnp.ones((2, 2))}


@pytest.fixture(scope="module")
def state():
    adam = player(2e-4, optimizer=OptimizerConfig())
    return start(Config(data=DataConfig(name="ring"), generator=adam, discriminator=adam))[1]


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
        return checkpointer.restore(lambda reference: like)
    finally:
        checkpointer.close()


def damage(directory, step):
    """Flips one byte in the middle of the largest file of the step's arrays."""
    files = [p for p in (directory / str(step) / "state").rglob("*") if p.is_file()]
    largest = max((p for p in files if "/d/" in str(p)), key=lambda p: p.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    largest.write_bytes(bytes(data))


def check_equal(one, other):
    one, other = (tree.replace(key=jax.random.key_data(tree.key)) for tree in (one, other))
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
        assert jnp.asarray(a).dtype == jnp.asarray(b).dtype


def test_a_state_comes_back_bit_for_bit(tmp_path, state):
    save(tmp_path, state, [3])
    restored, extra = restore(tmp_path, jax.eval_shape(lambda: state))
    assert extra == {"window": {"loss": [0.1]}}
    check_equal(restored, state.replace(step=jnp.int32(3)))


def test_a_reference_comes_back_without_being_fitted(tmp_path, state):
    """`like` gets it, nested as it was; of a state without one it gets None."""
    given = []

    def like(reference):
        given.append(reference)
        return jax.eval_shape(lambda: state.replace(reference=reference))

    save(tmp_path / "with", state.replace(reference=REFERENCE), [1])
    save(tmp_path / "without", state, [1])
    for folder in ("with", "without"):
        checkpointer = Checkpointer(tmp_path / folder)
        restored, _ = checkpointer.restore(like)
        checkpointer.close()
        expected = state.replace(reference=REFERENCE if folder == "with" else None)
        check_equal(restored, expected.replace(step=jnp.int32(1)))
    assert given[0].keys() == REFERENCE.keys() and given[1] is None


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
    restored, _ = checkpointer.restore(lambda reference: state, log=lines.append)
    assert restored.step == 1
    assert len(lines) == 1 and "step 2" in lines[0]
    assert checkpointer.steps() == [1]  # so that step 2 can be saved again
    checkpointer.close()


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("name", ["extra/metadata", "state/_METADATA"])
def test_an_emptied_json_is_damage(name, read_only, tmp_path, state, capfd):
    save(tmp_path, state, [1, 2])
    (tmp_path / "2" / name).write_bytes(b"")
    checkpointer = Checkpointer(tmp_path, read_only=read_only)
    lines = []
    restored, _ = checkpointer.restore(lambda reference: state, log=lines.append)
    checkpointer.close()
    assert restored.step == 1 and len(lines) == 1
    assert capfd.readouterr().err.count("\n") == 0


def test_a_damaged_score_costs_no_state(tmp_path, state):
    save(tmp_path, state, [1, 2], metric=[1.0, 0.0])
    (tmp_path / "2" / "metrics" / "metrics").write_bytes(b"")
    with pytest.raises(CheckpointError, match="metrics is damaged; remove it"):
        Checkpointer(tmp_path, best_metric="score", read_only=True)
    checkpointer = Checkpointer(tmp_path, best_metric="score")
    assert checkpointer.restore(lambda reference: state)[0].step == 2
    assert checkpointer.best_step() == 1
    checkpointer.close()


def test_what_is_beside_the_arrays_has_a_digest(tmp_path, state):
    save(tmp_path, state, [1, 2])
    path = tmp_path / "2" / "extra" / "metadata"
    text = path.read_text()
    assert text.count("0.1]") == 1
    path.write_text(text.replace("0.1]", "0.9]"))
    restored, extra = restore(tmp_path, state)
    assert restored.step == 1 and extra == {"window": {"loss": [0.1]}}


def test_a_state_of_another_structure_is_no_damage(tmp_path, state):
    """As after a change of the user's code: no checkpoint is deleted."""
    save(tmp_path, state, [1, 2])
    with pytest.raises(CheckpointError, match=r"loss/other is missing .* the code has changed"):
        restore(tmp_path, with_float(state, "loss.other", 1.0))
    assert {"1", "2"} <= {path.name for path in tmp_path.iterdir()}


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
        lambda s: s.replace(hparams=with_value(s.hparams, ("loss", "weight"), jnp.float16(1))),
        lambda s: with_float(s, "loss.weight", [1.0, 1.0]),
        lambda s: with_float(s, "loss.other", 1.0),
        lambda s: s.replace(players={"generator": s.players["generator"]}),
        lambda s: s.replace(reference={"mean": jnp.ones(2)}),
    ],
    ids=["dtype", "shape", "missing", "surplus", "reference"],
)
def test_another_structure_is_refused(tmp_path, state, change):
    save(tmp_path, state, [1])
    with pytest.raises(CheckpointError):
        restore(tmp_path, change(state), read_only=True)


def test_a_run_directory_belongs_to_one_process(tmp_path):
    code = (
        "import pathlib, sys; from jaxgan.runs.directory import locked\n"
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
