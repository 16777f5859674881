"""The workers of a study: their signs of life, and which trials have lost theirs.

A worker writes a counter into the study every few seconds. One whose counter stands still for long,
by the clock of whoever watches (clocks of several machines are never compared), is lost; on the
same machine its process is looked for, which tells at once. This serves every storage: the
heartbeat of Optuna's own is for databases alone, and not for studies that are asked and told.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from jaxgan.files import Log
from jaxgan.studies.trials import WORKER

BEAT = 15.0  # seconds between signs of life

# Of each worker what was seen of it last, and when.
Seen = dict[str, tuple[Any, float]]


@contextmanager
def alive(study: Study, log: Log, *, beat: float = BEAT) -> Iterator[str]:
    """Gives signs of life while the block lasts; yields the name of the worker.

    Args:
        study: Where they are written.
        log: Told when they cannot be.
        beat: Seconds between them.
    """
    pid, host = os.getpid(), socket.gethostname()
    name = f"{host}-{pid}-{uuid.uuid4().hex[:8]}"
    record = {"host": host, "pid": pid, "started": started(pid), "machine": machine()}
    study.set_user_attr(_key(name), {**record, "beats": 0})
    stop = threading.Event()

    def run() -> None:
        beats = 0
        while not stop.wait(beat):
            beats += 1
            try:
                study.set_user_attr(_key(name), {**record, "beats": beats})
            except Exception as error:  # of files and databases; the next one may succeed
                log(f"no sign of life could be written ({type(error).__name__})")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        stop.set()
        thread.join()
        with suppress(Exception):  # what is on the way is more than a study that is lost
            study.set_user_attr(_key(name), {**record, "has_left": True})


def lost(study: Study, seen: Seen, patience: float) -> list[FrozenTrial]:
    """The trials that nobody works on any more.

    Args:
        study: Of many workers.
        seen: What this worker has seen of others; it is brought up to date.
        patience: Seconds without a sign of life after which a worker is lost.
    """
    found, records, now = [], study.user_attrs, time.monotonic()
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        # Between two lines of `ask` a trial has no worker yet.
        name = trial.user_attrs.get(WORKER, f"trial {trial.number}")
        record = records.get(_key(name), {})
        before, since = seen.get(name, (None, now))
        if name not in seen or before != record:
            since = now
        seen[name] = record, since
        if "has_left" in record:
            is_lost = True
        elif record.get("machine") is not None and record["machine"] == machine():
            is_lost = started(record["pid"]) != record["started"]
        else:
            is_lost = now - since > patience
        if is_lost:
            found.append(trial)
    return found


def machine() -> str | None:
    """What processes that see each other's numbers have in common; None where it is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def started(pid: int) -> str | None:
    """When a process began, in the machine's own time; None if it has ended, or is not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _key(name: str) -> str:
    return f"worker {name}"
