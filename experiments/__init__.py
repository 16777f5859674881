"""Experiments: one module each, with a docstring that says what to run and what to expect."""

import sys
from types import TracebackType


def _in_one_line(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    print("jaxgan: stopped before anything began", file=sys.stderr)
    sys.exit(130)


if sys.argv[:1] == ["-m"]:  # python -m experiments.NAME, interrupted while it is imported
    sys.excepthook = _in_one_line
