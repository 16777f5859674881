"""Finds what to train by its name: an experiment, or a folder of images."""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from jaxgan.config import Config
from jaxgan.errors import ConfigError
from jaxgan.registry import unknown

# Packages in which experiments are looked for: the user's own, those beside this one, those in it.
_PACKAGES = ("", "experiments.", "jaxgan.experiments.")
# The experiment that takes a folder of images.
_OF_FOLDERS = "folder"


class Experiment(NamedTuple):
    """What to train.

    Attributes:
        name: Of its run directory.
        module: Where its config is made.
        config: Its config.
        command: What trains it.
    """

    name: str
    module: ModuleType
    config: Config
    command: str


def experiment(name: str) -> Experiment:
    """The experiment of this name: a module with `config()`, such as experiments.digits, or digits.

    A folder that is no package is one of images, for which experiments/folder.py makes a config.

    Raises:
        ConfigError: there is none.
        DataError: a folder whose images cannot be trained on.
    """
    cwd = str(Path.cwd())
    if cwd not in sys.path:
        sys.path.insert(0, cwd)  # a console script leaves out the user's own modules
    for prefix in _PACKAGES if "/" not in name else ():
        if _is_module(prefix + name):
            module = importlib.import_module(prefix + name)
            if hasattr(module, "config"):
                command = f"python -m {module.__name__}"
                return Experiment(name.rpartition(".")[2], module, module.config(), command)
            if prefix:
                break
    if "/" not in name and _is_module(name):
        raise ConfigError(f"{name} has no function config(); an experiment needs one")
    folder = Path(name).expanduser()
    if folder.is_dir():
        recipes = (prefix + _OF_FOLDERS for prefix in _PACKAGES[1:])
        module = importlib.import_module(next(filter(_is_module, recipes)))
        config = module.config(folder)
        return Experiment(folder.resolve().name, module, config, f"jaxgan train {name}")
    if "/" in name:
        raise ConfigError(f"there is no folder {name!r}; name a folder of images or an experiment")
    known = [f"{name.rpartition('.')[0]}.{n}".lstrip(".") for n in experiments()]
    raise unknown("experiment", name, known)


def experiments() -> dict[str, str]:
    """The experiments that come with the package, by name, with their modules."""
    for prefix in _PACKAGES[1:]:
        package_name = prefix.rstrip(".")
        if _is_module(package_name):
            package = importlib.import_module(package_name)
            return {
                module.name: f"{package_name}.{module.name}"
                for module in pkgutil.iter_modules(package.__path__)
            }
    return {}


def _is_module(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None  # a folder alone has none
