"""Two processes of two devices, with Gloo, against one process of four: the same numbers.

The run itself is in `two_processes.py`; whole commands are slow: a step of four devices that share
one or two cores takes half a second.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from processes import ROOT, environment
from two_processes import trained, unsplit

from jaxgan.cli import main
from jaxgan.errors import ConfigError, DataError
from jaxgan.training import parallel, processes

STEPS = 4
RUN = (
    *("-m", "experiments.ring", f"--steps={STEPS}", "--steps-per-call=2", "--log-every=2"),
    *("--checkpoint-every=2", "--eval-every=0", "--num-eval-samples=100", "--batch-size=16"),
    *("--generator.network.kwargs.widths=16", "--generator.network.kwargs.norm=batch"),
    *("--discriminator.network.kwargs.widths=16", "--loss.name=mmd_gaussian"),
    *("--loss.on=features", "--generator.optimizer.name=sgd", "--discriminator.optimizer.name=sgd"),
)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def devices(count):
    flags = re.sub("--xla_force_host_platform_device_count=8", "", os.environ["XLA_FLAGS"])
    return {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count} {flags}"}


def start(*arguments):
    """A process of two devices."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment(**devices(2), PYTHONPATH=str(ROOT / "tests")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two(*arguments):
    port = free_port()
    flags = [f"--coordinator=127.0.0.1:{port}", "--num-processes=2"]
    return [start(*arguments, *flags, f"--process-id={index}") for index in range(2)]


def finished(started, timeout=300):
    """Exit codes and what was printed."""
    try:
        ended = [process.communicate(timeout=timeout) for process in started]
    finally:
        for process in started:
            process.kill()
    return [(p.returncode, *texts) for p, texts in zip(started, ended, strict=True)]


def rows(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "time"} for line in lines]


def close(rows, expected):
    assert len(rows) == len(expected) > 0
    for row, other in zip(rows, expected, strict=True):
        assert row.keys() == other.keys()
        for name, value in other.items():
            assert row[name] == pytest.approx(value, rel=1e-5, abs=1e-5), name


def test_two_processes_equal_one_of_as_many_devices():
    """A split state, batch norm, a loss that compares sets, and rows that grain reads."""
    port = free_port()
    script = ROOT / "tests" / "two_processes.py"
    ended = finished([start(script, port, index) for index in range(2)])
    expected, _ = trained(unsplit(), parallel.make_mesh(jax.devices()[:4]))
    assert [code for code, *_ in ended] == [0, 0], ended[0][2] + ended[1][2]
    metrics = json.loads(ended[0][1].splitlines()[-1])
    assert "{" not in ended[1][1]  # the first process alone prints
    assert metrics.keys() == expected.keys()
    for name, values in metrics.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("further", [(), ("--fsdp=64", "--data.placement=grain")])
def test_a_run_of_two_processes_goes_on_in_one(further, tmp_path):
    two, one = tmp_path / "two", tmp_path / "one"
    ended = finished(start_two(*RUN, *further, f"--workdir={two}"))
    assert [code for code, *_ in ended] == [0, 0], ended[0][2] + ended[1][2]
    assert "step 2/4" in ended[0][1] and "step" not in ended[1][1]
    for workdir, count, options in ((one, 4, ()), (two, 1, ("--resume", "--steps=6"))):
        done = subprocess.run(
            [sys.executable, *RUN, *options, f"--workdir={workdir}"],
            cwd=ROOT,
            env=environment(**devices(count)),
            capture_output=True,
            text=True,
            check=True,
        )
    close(rows(two)[:2], rows(one))
    assert "going on from step 4 on 1 device, after 4 devices of 2 processes" in done.stdout
    assert [row["step"] for row in rows(two)] == [2, 4, 6]
    assert {path.name for path in two.glob("*")} == {path.name for path in one.glob("*")}


@pytest.mark.slow
def test_a_signal_to_one_process_ends_both_at_the_same_step(tmp_path):
    long = ("--steps=10000", "--sample-every=0", f"--workdir={tmp_path}")
    started = start_two(*RUN, *long)
    while not (tmp_path / "checkpoints" / "4").exists() and started[0].poll() is None:
        time.sleep(0.1)
    started[1].send_signal(signal.SIGTERM)
    ended = finished(started)
    assert [code for code, *_ in ended] == [5, 5], ended[0][2] + ended[1][2]
    lines = [re.findall(r"jaxgan: (interrupted at step \d+) and saved", e[2]) for e in ended]
    assert lines[0] == lines[1] and len(lines[0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "code", "line"),
    [
        ("--generator.learning-rate=1e30", 4, "is nan at step"),
        ("--batch-size=6", 2, "data.batch_size 6 does not divide over 4 devices; try 8"),
        ("--parallel=pmap", 2, "--parallel pmap runs the devices of one process"),
    ],
)
def test_what_ends_one_process_ends_both_with_one_line(flags, code, line, tmp_path):
    for ended in finished(start_two(*RUN, flags, f"--workdir={tmp_path}")):
        assert ended[0] == code and line in ended[2]
        assert "Traceback" not in ended[2]


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ("--num-processes 2", "several processes need --coordinator HOST:PORT too"),
        ("--coordinator a:1 --process-id 0", "several processes need --num-processes N too"),
        ("--coordinator a --num-processes 2 --process-id 0", "must be HOST:PORT of process 0"),
        ("--coordinator a:b --num-processes 2 --process-id 0", "must be HOST:PORT of process 0"),
        ("--coordinator a:1 --num-processes 0 --process-id 0", "it must be at least 1"),
        ("--coordinator a:1 --num-processes 2 --process-id 2", "it must be in [0, 1]"),
        ("--coordinator a:1 --num-processes two --process-id 2", "num"),
        ("--distributed", "finds no TPU pod, SLURM or Open MPI"),
    ],
)
def test_flags_that_do_not_fit_are_one_line(flags, line, capsys, tmp_path):
    assert main(["train", "ring", f"--workdir={tmp_path}", *flags.split()]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and line in message


@pytest.mark.parametrize("command", ["sweep", "compare", "eval"])
def test_other_commands_run_in_one_process(command, capsys):
    assert main([command, "ring", "--seeds=2", "--distributed"]) == 2
    assert f"`jaxgan {command}` runs in one process" in capsys.readouterr().err


def test_a_folder_that_is_not_shared_is_refused(tmp_path):
    from jaxgan.runs.directory import RunDirectory, check_shared, held

    first, other = (RunDirectory(tmp_path / "run", writes=writes) for writes in (True, False))
    with pytest.raises(ConfigError, match="on a file system that all processes share"):
        check_shared(other)
    with held(first), held(other):
        check_shared(other)


def test_an_error_of_one_process_is_raised_in_all(monkeypatch):
    """What `process_allgather` returns where the second of two processes failed."""

    def gathered(line):
        failed = b"DataError\nno such file".ljust(len(line), b"\0")
        return np.stack([line, np.frombuffer(failed, np.uint8)])

    monkeypatch.setattr(processes, "several", lambda: True)
    monkeypatch.setattr(processes.multihost_utils, "process_allgather", gathered)
    with pytest.raises(DataError, match="process 1: no such file") as raised, processes.together():
        pass
    assert raised.value.everywhere
    with pytest.raises(ConfigError, match="mine"), processes.together():
        raise ConfigError("mine")
