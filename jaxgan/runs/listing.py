"""What `jaxgan list` tells of the entries of a registry."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import jaxgan
from jaxgan.losses import Loss, needs_pairs
from jaxgan.metrics import Metric
from jaxgan.penalties import Penalty
from jaxgan.registry import hyperparameters

# Arguments of registry entries that follow from the rest of the config or from the machine.
_SET_ELSEWHERE = {
    "dtype",
    "axis_name",
    "data_dir",
    "cache_dir",
    "cache_limit",
    "known",
    "terms",
    "penalties",
    "augmentation",
    "measures",
    "frozen",
}


def described_entries(kind: str) -> Iterator[str]:
    """Lines that tell each entry's name, hyperparameters, summary and source.

    Args:
        kind: The name of a registry of `jaxgan` in lower case, such as "losses".
    """
    for name, record in _entries(kind).items():
        function = getattr(record, "function", record)
        settings = hyperparameters(record if hasattr(record, "hyperparameters") else function)
        arguments = ", ".join(
            f"{setting}={getattr(default, '__name__', repr(default))}"
            for setting, default in settings.items()
            if setting not in _SET_ELSEWHERE
        )
        text = inspect.getdoc(function) or ""
        yield f"{name}({arguments})" if arguments else name
        yield f"    {text.partition(chr(10))[0]}"
        if isinstance(record, Loss):
            how = "real i with fake i" if needs_pairs(record) else "set with set"
            yield f"    Compares {', '.join(record.views)}; {how}."
            if record.fit is not None:
                static = f", with these {', '.join(record.fitted)}" if record.fitted else ""
                yield f"    Fitted to the training set once{static}."
        if isinstance(record, Penalty):
            yield f"    Weight {record.weight:g} unless it is set."
        if isinstance(record, Metric):
            yield f"    {record.describe()}"
        if source := re.search(r"^Source: (.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE):
            yield f"    {' '.join(source[0].split())}"


def _entries(kind: str) -> dict[str, Any]:
    registry = getattr(jaxgan, kind.upper())
    if kind != "networks":
        return dict(registry)
    return {
        f"{name} {role}": module
        for name, record in registry.items()
        for role in ("generator", "discriminator")
        if (module := getattr(record, role)) is not None
    }
