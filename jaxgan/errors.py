"""Errors that a user can cause, each with the exit code that the command line gives it.

A message is one line: the value, the rule, the remedy.
"""


class JaxganError(Exception):
    """Base of the errors that end a command with one line instead of a traceback.

    Attributes:
        exit_code: Of the command.
        everywhere: Whether each of the processes that train one run raises it.
    """

    exit_code = 1
    everywhere = False


class ConfigError(JaxganError, ValueError):
    """A configuration or command line that cannot be run."""

    exit_code = 2


class DataError(JaxganError):
    """Data that is missing, unprepared or unreadable."""

    exit_code = 3


class DivergedError(JaxganError):
    """A loss, gradient or parameter became NaN or infinite."""

    exit_code = 4
    everywhere = True


class InterruptedRun(JaxganError):  # noqa: N818 - not a fault: the run was saved and can go on
    """SIGINT or SIGTERM arrived; the state was saved."""

    exit_code = 5
    everywhere = True


class RunInUseError(JaxganError):
    """Another process holds the run directory."""

    exit_code = 6


class CheckpointError(JaxganError):
    """No checkpoint could be restored."""

    exit_code = 7


class RunDirectoryError(JaxganError):
    """The run directory cannot be written: a full disk, or something in the way of a file."""

    exit_code = 8
