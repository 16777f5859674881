"""A run directory: the names of its files, its lock, and where the code of its run came from."""

import errno
import fcntl
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from jaxgan.config import Config, from_json, to_json
from jaxgan.errors import ConfigError, RunDirectoryError, RunInUseError
from jaxgan.fields import from_dict
from jaxgan.files import read_json, write, write_json, write_text

_VERSIONED = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


class RunDirectory(NamedTuple):
    """The files of a run.

    Attributes:
        root: The directory.
        writes: Whether this process writes it; of several that train one run, the first does.
    """

    root: Path
    writes: bool = True

    @property
    def config(self) -> Path:
        """What was run."""
        return self.root / "config.json"

    @property
    def versions(self) -> Path:
        """With which packages."""
        return self.root / "versions.json"

    @property
    def origin(self) -> Path:
        """With which code of the user's, and on what data."""
        return self.root / "origin.json"

    @property
    def code(self) -> Path:
        """Copies of the user's modules."""
        return self.root / "code"

    @property
    def metrics(self) -> Path:
        """A row of figures a line."""
        return self.root / "metrics.jsonl"

    @property
    def summary(self) -> Path:
        """How it ended."""
        return self.root / "summary.json"

    @property
    def evaluation(self) -> Path:
        """What `jaxgan eval` found first; further evaluations are numbered."""
        return self.root / "eval.json"

    @property
    def checkpoints(self) -> Path:
        """One folder a step."""
        return self.root / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """The figures again, for TensorBoard."""
        return self.root / "tensorboard"

    @property
    def profile(self) -> Path:
        """A trace of some steps, where one was asked for."""
        return self.root / "profile"

    def picture(self, step: int, name: str = "step") -> Path:
        """The picture of a step: samples, or another picture of the game's by its name."""
        return self.root / "samples" / f"{name}_{step:08}.png"

    def newest_picture(self) -> Path | None:
        """The newest picture of samples, relative to the directory."""
        return self.pictures()[-1].relative_to(self.root) if self.pictures() else None

    def pictures(self) -> list[Path]:
        """The pictures of samples, by step."""
        return sorted(self.picture(0).parent.glob("step_*.png"))

    def steps(self) -> list[int]:
        """The steps of whole checkpoints, ascending."""
        names = (path.name for path in self.checkpoints.glob("*/"))
        return sorted(int(name) for name in names if name.isdecimal())

    def read_config(self) -> Config:
        """The config of the run; where config.json is missing or damaged, its checkpoint's.

        Raises:
            ConfigError: There is no run.
        """
        try:
            return from_json(self.config.read_text())
        except (OSError, ValueError):
            config = self.checkpointed_config()
            if config is not None:
                return config
            if self.config.exists():
                raise
        raise ConfigError(f"{self.root} holds no run; name a run directory")

    def checkpointed_config(self) -> Config | None:
        """The config that the newest readable checkpoint holds; None without any."""
        for step in reversed(self.steps()):
            try:
                extra = read_json(self.checkpoints / str(step) / "extra" / "metadata")["extra"]
                return from_dict(Config, extra["config"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def describe(
        self,
        config: Config,
        data: dict[str, Any],
        modules: Iterable[ModuleType],
        best_metric: tuple[str, bool],
    ) -> None:
        """Writes what is known before the first step, where it is not written already.

        A process that does not write leaves it to the one that does.

        Args:
            config: What is run.
            data: What `jaxgan.data.describe` says of each stream; "" is the main one.
            modules: The user's modules that the run needs.
            best_metric: The score that marks the best checkpoint, and whether its highest does.
        """
        if not self.writes:
            return
        files = {_name(module): module.__file__ for module in modules if module.__file__}
        for name, file in files.items():
            self.code.mkdir(exist_ok=True)
            write(self.code / f"{name}.py", Path(file).read_bytes())
        write_json(self.versions, {name: version(name) for name in _VERSIONED})
        best = dict(zip(("metric", "highest"), best_metric, strict=True))
        origin = {"path": str(Path.cwd()), "modules": list(files), "data": data, "best": best}
        write_json(self.origin, origin)
        write_text(self.config, to_json(config))  # the last: it makes the directory a run

    def data(self) -> dict[str, Any]:
        """What `describe` got as `data`."""
        return read_json(self.origin)["data"]

    def import_modules(self) -> None:
        """Imports the user's modules of the run: where it was started, else their copies.

        Raises:
            ConfigError: a module that cannot be imported.
        """
        origin = read_json(self.origin)
        if origin["path"] not in sys.path:
            sys.path.append(origin["path"])
        for name in origin["modules"]:
            try:
                found = importlib.util.find_spec(name)
            except (ImportError, ValueError):
                found = None
            try:
                if found is not None:
                    importlib.import_module(name)
                else:
                    _import_file(name, self.code / f"{name}.py")
            except Exception as error:
                raise ConfigError(
                    f"module {name!r} of this run cannot be imported ({error}); repair it, or its "
                    f"copy in {self.code}"
                ) from error


_LOCK = ".lock"


def in_use(directory: Path) -> bool:
    """Whether a process holds a run directory."""
    try:
        handle = os.open(directory / _LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _name(module: ModuleType) -> str:
    """The name of a module; of a script, which is called __main__, that of its file."""
    if module.__name__ != "__main__" or module.__file__ is None:
        return module.__name__
    return Path(module.__file__).stem


def _import_file(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def check_shared(directory: RunDirectory) -> None:
    """Raises ConfigError unless a process that does not write sees what the one that does holds."""
    if not directory.writes and not (directory.root / _LOCK).exists():
        raise ConfigError(
            f"{directory.root.absolute()} is not the folder that process 0 holds; name a --workdir "
            "on a file system that all processes share"
        )


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds a run directory, making it where missing, for this process alone.

    Raises:
        ConfigError: it is a file or no path, or cannot be written.
        RunInUseError: another process holds it.
    """
    if "\0" in str(directory):
        raise ConfigError(f"{str(directory)!r} is no path; choose another --workdir")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f"{directory} is a file; choose another --workdir") from error
    except OSError as error:
        reason = error.strerror.lower() if error.strerror else error
        raise ConfigError(
            f"{directory} cannot be written ({reason}); choose another --workdir"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 20).decode(errors="replace").strip()
            raise RunInUseError(
                f"{directory} is in use by process {holder or '(unknown)'}; "
                "wait for it or choose another --workdir"
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def held(directory: RunDirectory) -> AbstractContextManager[None]:
    """`locked`, for the process that writes it."""
    return locked(directory.root) if directory.writes else nullcontext()


# A write that fails for these names no file; of other errors, the file tells whose they are.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def written(directory: RunDirectory) -> Iterator[None]:
    """Turns what goes wrong when a run directory is written into one line.

    Raises:
        RunDirectoryError: the disk is full, the directory was removed, or a file is in the way.
    """
    try:
        yield
    except OSError as error:
        names = [str(name) for name in (error.filename2, error.filename) if name is not None]
        root = directory.root.absolute()
        inside = [name for name in names if Path(name).absolute().is_relative_to(root)]
        if not inside and error.errno not in _FULL:
            raise
        if not directory.root.is_dir():
            what = f"{directory.root} was removed while it was written"
        else:
            reason = (error.strerror or str(error)).lower()
            what = f"{inside[0] if inside else directory.root} cannot be written ({reason})"
        steps = directory.steps()
        kept = f"the last checkpoint is of step {steps[-1]}" if steps else "there is no checkpoint"
        raise RunDirectoryError(
            f"{what}; {kept}; make room or repair it, and the same command goes on"
        ) from error
