"""A trace of some steps of a run: what the host and the devices did, and for how long."""

from pathlib import Path

import jax

from jaxgan.files import Log
from jaxgan.types import PyTree


class Profiler:
    """Traces some steps, from the second call of the compiled steps on: the first one compiles.

    Whole calls are traced, and what happens between them, such as an evaluation.
    """

    def __init__(self, folder: Path, steps: int, log: Log) -> None:
        """Traces at least so many steps; 0: none.

        Args:
            folder: Where the trace is written: a file that Perfetto opens, and TensorBoard's.
            steps: How many.
            log: Told where the file is.
        """
        self._folder, self._left, self._log = folder, steps, log
        self._compiled = self._running = False

    def before(self, state: PyTree) -> None:
        """To be called before each call of the compiled steps, with the state that it gets."""
        if self._compiled and self._left > 0 and not self._running:
            jax.block_until_ready(state)
            jax.profiler.start_trace(self._folder, create_perfetto_trace=True)
            self._running = True

    def after(self, state: PyTree, steps: int) -> None:
        """To be called after each call, with the state that it made and how many steps it took."""
        self._compiled = True
        if self._running:
            self._left -= steps
            if self._left <= 0:
                jax.block_until_ready(state)
                self.close()

    def close(self) -> None:
        """Writes the trace of a run that has ended, and says so where there is none."""
        if self._running:
            jax.profiler.stop_trace()
            self._running = False
            newest = max(
                self._folder.rglob("perfetto_trace.json.gz"), key=lambda x: x.stat().st_mtime
            )
            self._log(f"trace of the steps in {newest}; open it at https://ui.perfetto.dev")
        elif self._left > 0:
            self._log(
                "no step was traced: all fit into the first call, which compiles; lower "
                "--steps-per-call"
            )
        self._left = 0
