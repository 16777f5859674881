"""SIGINT and SIGTERM, which end a run after the steps in progress."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Sets the event at the first SIGINT or SIGTERM; a second one acts as if nobody listened."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    listened = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in listened}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def listen(number: int, frame: Any) -> None:
        del number, frame
        interrupted.set()
        restore()

    for number in listened:
        signal.signal(number, listen)
    try:
        yield interrupted
    finally:
        restore()
