"""Several processes that train one run: all of them run the same loop, and one of them writes.

Whatever decides on what is run next must be known alike in all of them: a process that left the
loop, or took one more step, would leave the others waiting in a collective. Losses, weights and
steps are the same everywhere by construction; what is not, such as a signal or a folder that cannot
be opened, is told to all by the functions here. In a single process they do nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan import errors
from jaxgan.types import PyTree

# Bytes of an error's line that others are told.
_LINE = 1000


def is_first() -> bool:
    """Whether this is the process that writes the run directory."""
    return jax.process_index() == 0


def several() -> bool:
    """Whether there are others."""
    return jax.process_count() > 1


@contextmanager
def together() -> Iterator[None]:
    """A block that all processes leave at once, and that raises in all what it raises in one.

    It must hold no collective, at which the others would wait for the one that failed.

    Raises:
        JaxganError: of another process, of its kind and with its line.
    """
    error, line = None, b""
    try:
        yield
    except Exception as own:
        if not several():
            raise
        error, line = own, f"{type(own).__name__}\n{own}".encode()[:_LINE]
    if not several():
        return
    # As text, of one length: what the others are told must have the same shape in all.
    lines = multihost_utils.process_allgather(np.frombuffer(line.ljust(_LINE, b"\0"), np.uint8))
    if isinstance(error, errors.JaxganError):
        error.everywhere = True
    if error is not None:
        raise error
    for index, padded in enumerate(lines):
        kind, _, message = bytes(padded).rstrip(b"\0").decode(errors="replace").partition("\n")
        if kind:
            raised = getattr(errors, kind, errors.JaxganError)(f"process {index}: {message}")
            raised.everywhere = True
            raise raised


def from_first(tree: PyTree) -> PyTree:
    """The arrays of the first process, in all of them; all must have the same shapes."""
    return multihost_utils.broadcast_one_to_all(tree) if several() else tree


class Anywhere:
    """Whether a flag is set in any process, known to all at the same step.

    To ask costs no waiting: the answer of several processes is that to the question before.

    Args:
        flag: Whether it is set in this process.
    """

    def __init__(self, flag: Callable[[], bool]) -> None:
        self._flag = flag
        self._earlier: jax.Array | None = None

    def __call__(self) -> bool:
        """Whether it was; once a call of the compiled steps, in every process."""
        if not several():
            return self._flag()
        earlier, self._earlier = self._earlier, _any_process(self._flag())
        return earlier is not None and bool(earlier)


def _any_process(flag: bool) -> jax.Array:
    one_a_device, any_of = _reduction()
    flags = np.full(len(jax.local_devices()), flag)
    return any_of(jax.make_array_from_process_local_data(one_a_device, flags))


@cache
def _reduction() -> tuple[NamedSharding, Callable[[jax.Array], jax.Array]]:
    """Where a flag of each device lies, and whether any is set, known to all."""
    mesh = Mesh(np.array(jax.devices()), "devices")
    everywhere = NamedSharding(mesh, PartitionSpec())
    one_a_device = NamedSharding(mesh, PartitionSpec("devices"))
    return one_a_device, jax.jit(jnp.any, out_shardings=everywhere)
