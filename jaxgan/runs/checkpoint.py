"""Checkpoints of a whole run state: asynchronous and atomic by Orbax, verified on restore by us.

Orbax writes atomically but loads a flipped bit without a word, casts dtypes silently and lets two
processes write one folder. So every leaf has a digest, shapes and dtypes are compared, and a
damaged step falls back to the one before. (`jaxgan.runs.directory` locks the folder.)

Orbax also prints the traceback of every error, some from threads, before it raises it. Here an
error is raised alone.
"""

import errno
import hashlib
import json
import logging
import operator
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental.multihost_utils import process_allgather
from orbax.checkpoint import checkpoint_managers as policies

from jaxgan.errors import CheckpointError
from jaxgan.files import read_json
from jaxgan.types import PyTree

_NUM_LATEST = 3


class Checkpointer:
    """The checkpoints of one run: the last three and, by `best_metric`, the best.

    Args:
        directory: Holds one folder a step.
        best_metric: Name of the metric whose lowest value marks the best; None keeps the last only.
        highest: Its highest value marks the best instead.
        read_only: For looking at a run that another process may be writing.

    Raises:
        CheckpointError: read-only, and the score of a step is damaged.
        OSError: the directory cannot be made.
    """

    def __init__(
        self,
        directory: Path,
        *,
        best_metric: str | None = None,
        highest: bool = False,
        read_only: bool = False,
    ) -> None:
        _check_scores(directory, read_only)
        keep: list[Any] = [policies.LatestN(_NUM_LATEST)]
        best = operator.itemgetter(best_metric) if best_metric else None
        if best:
            keep.append(
                policies.BestN(
                    get_metric_fn=best,
                    reverse=not highest,
                    n=1,
                    keep_checkpoints_without_metrics=False,
                )
            )
        self._best_metric = best_metric
        self._read_only = read_only
        self._directory = directory
        if not read_only:
            directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as quiet, _os_errors(directory):
            quiet.enter_context(_without_tracebacks())
            self._manager = ocp.CheckpointManager(
                directory.absolute(),
                options=ocp.CheckpointManagerOptions(
                    preservation_policy=None if read_only else policies.AnyPreservationPolicy(keep),
                    best_fn=best,
                    best_mode="max" if highest else "min",
                    create=not read_only,
                    read_only=read_only,
                    # Asynchronous creation hangs for minutes on a read-only file system.
                    async_options=ocp.AsyncOptions(create_directories_asynchronously=False),
                ),
                item_handlers={
                    "state": ocp.StandardCheckpointHandler(),
                    "extra": ocp.JsonCheckpointHandler(),
                },
            )
            self._quiet = quiet.pop_all()

    def steps(self) -> list[int]:
        """Steps with a complete checkpoint, ascending."""
        return sorted(self._manager.all_steps())

    def best_step(self) -> int | None:
        """The step with the best `best_metric`, if any checkpoint has it."""
        return self._manager.best_step() if self._best_metric else None

    def save(
        self, state: PyTree, *, extra: Mapping[str, Any], metrics: Mapping[str, float] | None
    ) -> None:
        """Copies the state to the host and writes it in the background.

        Of several processes all must call it: each writes its parts of what is split over them.

        Args:
            state: Of step t; a checkpoint of t that is there already is kept.
            extra: JSON-serialisable host state.
            metrics: An evaluation of this very state, where there is one.

        Raises:
            OSError: this checkpoint cannot be written, or the one before could not be.
        """
        step = int(state.step)
        if step in self._manager.all_steps():
            return
        leaves = {_name(path): _plain(leaf) for path, leaf in jax.tree.leaves_with_path(state)}
        digests = {name: _digest(_whole(leaf)) for name, leaf in leaves.items()}
        arrays = {name: _own(leaf) for name, leaf in leaves.items()}
        tracked = metrics if metrics and self._best_metric in metrics else None
        beside = {"digests": digests, "extra": dict(extra), "extra_digest": _json_digest(extra)}
        with _os_errors(self._directory):
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(arrays), extra=ocp.args.JsonSave(beside)
                ),
                metrics=dict(tracked) if tracked else None,
            )

    def restore_step(self, step: int, like: Callable[[PyTree], PyTree]) -> PyTree:
        """The state of one step; see `restore`.

        Raises:
            CheckpointError: there is no checkpoint of this step, or it cannot be used.
        """
        if step not in self.steps():
            kept = ", ".join(map(str, self.steps())) or "none"
            raise CheckpointError(
                f"{self._manager.directory} holds no checkpoint of step {step}; it holds {kept}"
            )
        try:
            arrays, _ = self._read(step)
        except CheckpointError as error:
            raise CheckpointError(
                f"checkpoint of step {step} is unusable ({error}); take another one"
            ) from error
        return _filled(like(_reference(arrays)), arrays)

    def restore(
        self, like: Callable[[PyTree], PyTree], *, log: Callable[[str], None] = logging.warning
    ) -> tuple[PyTree, dict[str, Any]] | None:
        """The newest undamaged state and its `extra`; None where there is no checkpoint.

        Damaged newer steps are reported and, unless read-only, deleted.

        Args:
            like: From the checkpoint's `reference` (nested dicts of arrays, or None), a state, or
                its shapes (`jax.eval_shape`), of the same structure.
            log: Called with one line for each damaged step.

        Raises:
            CheckpointError: there are checkpoints, and none can be used: all are damaged, or the
                newest whole one is of another structure.
        """
        steps = self.steps()
        reason = ""
        for step in reversed(steps):
            try:
                arrays, extra = self._read(step)
            except CheckpointError as error:
                reason = str(error)
                log(f"checkpoint of step {step} is unusable ({reason}); trying the one before")
                if not self._read_only and step != steps[0]:
                    self._manager.delete(step)
            else:
                return _filled(like(_reference(arrays)), arrays), extra
        if steps:
            raise CheckpointError(
                f"no checkpoint in {self._manager.directory} can be used ({reason}); "
                "restore the folder from a copy, or start anew in another --workdir"
            )
        return None

    def _read(self, step: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The arrays of a step and its `extra`; CheckpointError if they are damaged."""
        try:
            # As NumPy arrays, whatever devices it was saved on.
            saved: Any = self._manager.item_metadata(step)["state"]
            like = {name: np.empty(leaf.shape, leaf.dtype) for name, leaf in saved.tree.items()}
            state = ocp.args.StandardRestore(like)
            args = ocp.args.Composite(state=state, extra=ocp.args.JsonRestore())
            restored = self._manager.restore(step, args=args)
            arrays = {name: np.asarray(array) for name, array in restored["state"].items()}
            digests, extra = restored["extra"]["digests"], restored["extra"]["extra"]
            extra_digest = restored["extra"]["extra_digest"]
        except Exception as error:  # Orbax and tensorstore raise a dozen kinds on damaged bytes
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(reason or type(error).__name__) from error
        for name in {*arrays, *digests}:
            if name not in arrays or name not in digests:
                raise CheckpointError(f"{name} is missing")
            if _digest(arrays[name]) != digests[name]:
                raise CheckpointError(f"{name} is damaged: its digest differs")
        if _json_digest(extra) != extra_digest:
            raise CheckpointError("what is beside the arrays is damaged: its digest differs")
        return arrays, extra

    def close(self) -> None:
        """Waits for pending writes.

        Raises:
            OSError: one of them failed.
        """
        with self._quiet, _os_errors(self._directory):
            try:
                self._manager.wait_until_finished()
            finally:
                self._manager.close()


def _filled(like: PyTree, arrays: Mapping[str, np.ndarray]) -> PyTree:
    """The tree with these leaves; CheckpointError unless names, shapes and dtypes agree."""
    leaves, treedef = jax.tree.flatten_with_path(like)
    values = []
    for path, leaf in leaves:
        name = _name(path)
        is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        expected = jax.eval_shape(jax.random.key_data, leaf) if is_key else leaf
        if name not in arrays:
            raise CheckpointError(f"{name} is missing{_REMEDY}")
        array = arrays[name]
        if array.shape != expected.shape or array.dtype != expected.dtype:
            raise CheckpointError(
                f"{name} is {array.dtype}{list(array.shape)}, "
                f"not {expected.dtype}{list(expected.shape)}{_REMEDY}"
            )
        values.append(jax.random.wrap_key_data(jnp.asarray(array)) if is_key else array)
    if len(arrays) != len(leaves):
        raise CheckpointError(f"it has {len(arrays)} arrays, not {len(leaves)}{_REMEDY}")
    return treedef.unflatten(values)


_REMEDY = " in the checkpoint; the code has changed since: restore it, or start anew elsewhere"


def _check_scores(directory: Path, read_only: bool) -> None:
    """Removes scores that Orbax, which reads those of all steps at once, would fail on."""
    for path in directory.glob("*/metrics/metrics"):
        try:
            read_json(path)
        except ValueError as error:
            if read_only:
                raise CheckpointError(
                    f"{path} is damaged; remove it: the score of one step is lost, no state"
                ) from error
            path.unlink(missing_ok=True)  # another process of the run may have done so


@contextmanager
def _os_errors(directory: Path) -> Iterator[None]:
    """Makes OSErrors, with a number and the folder, of what Orbax and tensorstore raise."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        found = re.search(r"os_error_code='(\d+)'", str(error))
        number = int(found[1]) if found else getattr(error, "errno", None) or errno.EIO
        raise OSError(number, os.strerror(number), str(directory)) from error


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """Prints no traceback that Orbax logs, nor what tensorstore tells an event loop too late."""
    logger, hook = logging.getLogger("absl"), sys.unraisablehook

    def has_none(record: logging.LogRecord) -> bool:
        return not record.exc_info

    def unless_too_late(unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            hook(unraisable)

    logger.addFilter(has_none)
    sys.unraisablehook = unless_too_late
    try:
        yield
    finally:
        logger.removeFilter(has_none)
        sys.unraisablehook = hook


def _reference(arrays: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """What the game fitted to the data, nested as it was; it is not fitted again to be restored."""
    nested: dict[str, Any] = {}
    for name, array in arrays.items():
        outermost, *outer = name.split("/")
        if outermost != "reference":
            continue
        inner = nested
        for key in outer[:-1]:
            inner = inner.setdefault(key, {})
        inner[outer[-1]] = array
    return nested or None


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _plain(leaf: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
    """The numbers of a leaf, which may be keys."""
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf


def _is_split(leaf: jax.Array | np.ndarray) -> bool:
    """Whether other processes have parts of a leaf that this one lacks."""
    is_array = isinstance(leaf, jax.Array)
    return is_array and not (leaf.is_fully_addressable or leaf.is_fully_replicated)


def _whole(leaf: jax.Array | np.ndarray) -> np.ndarray:
    """A leaf on the host, with the parts that other processes have."""
    return np.asarray(process_allgather(leaf, tiled=True) if _is_split(leaf) else leaf)


def _own(leaf: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
    """What this process saves of a leaf: its parts, which Orbax copies before it returns, or all.

    That is a copy on the host, since later steps may donate the original.
    """
    return leaf if _is_split(leaf) else np.array(leaf)


def _digest(array: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()


def _json_digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
