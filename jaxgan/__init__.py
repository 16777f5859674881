"""jaxgan: functional training of generative adversarial networks in JAX.

Public names are imported on first use, so that `import jaxgan` and `--help` need no jax.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "AUGMENTATIONS": "jaxgan.augmentations",
    "Algorithm": "jaxgan.games",
    "Batch": "jaxgan.types",
    "Comparison": "jaxgan.studies.comparison",
    "Config": "jaxgan.config",
    "Correlations": "jaxgan.metrics",
    "DATASETS": "jaxgan.data",
    "FEATURES": "jaxgan.features",
    "GAMES": "jaxgan.games",
    "GANState": "jaxgan.training.state",
    "Game": "jaxgan.games",
    "KERNELS": "jaxgan.kernels",
    "LOSSES": "jaxgan.losses",
    "Losses": "jaxgan.types",
    "MEASURES": "jaxgan.training.controllers",
    "METRICS": "jaxgan.metrics",
    "NETWORKS": "jaxgan.networks",
    "Nets": "jaxgan.games",
    "OPTIMIZERS": "jaxgan.training.optimizers",
    "Outputs": "jaxgan.types",
    "PENALTIES": "jaxgan.penalties",
    "Prediction": "jaxgan.runs.predictions",
    "Program": "jaxgan.runs.build",
    "Ramp": "jaxgan.ramp",
    "Run": "jaxgan.runs.run",
    "build": "jaxgan.runs.build",
    "compare": "jaxgan.studies.compare",
    "correlations": "jaxgan.metrics",
    "load": "jaxgan.runs.run",
    "make_train_step": "jaxgan.training.steps",
    "search": "jaxgan.studies.search",
    "sweep": "jaxgan.studies.sweep",
    "train": "jaxgan.runs.loop",
}
_MODULES = (
    "augmentations",
    "data",
    "evaluation",
    "features",
    "games",
    "kernels",
    "losses",
    "metrics",
    "networks",
    "penalties",
)

__all__ = [*_HOMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"jaxgan.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'jaxgan' has no attribute {name!r}")
