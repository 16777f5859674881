"""A description of a data set, enough to build the networks of a run where its data is not."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.source import Curve, Mixture, Source
from jaxgan.errors import DataError
from jaxgan.types import Batch

_FIELDS = ("name", "split", "version", "size", "num_classes")


class Unopened(NamedTuple):
    """The `read` of a source that is known by its description alone.

    Attributes:
        name: The data set's.
    """

    name: str

    def __call__(self, _: np.ndarray) -> Batch:
        """Raises DataError."""
        raise DataError(
            f"the data set {self.name!r} is known by its description alone; open it with "
            "jaxgan.data.load"
        )


def describe(source: Source) -> dict[str, Any]:
    """All of a source but its samples, as JSON."""
    mixture, curve = source.mixture, source.curve
    return {field: getattr(source, field) for field in _FIELDS} | {
        "shape": list(source.shape),
        "dtype": np.dtype(source.dtype).name,
        "condition_shape": None if source.condition_shape is None else [*source.condition_shape],
        "condition_dtype": source.condition_dtype and np.dtype(source.condition_dtype).name,
        "mixture": mixture and {"centers": mixture.centers.tolist(), "sigma": mixture.sigma},
        "curve": curve and {"plane": curve.plane.tolist(), "points": curve.points.tolist()},
        "sample_rate": source.sample_rate,
    }


def described(description: Mapping[str, Any]) -> Source:
    """The source that `describe` described; its `read` is `Unopened`."""
    condition_shape, mixture = description["condition_shape"], description["mixture"]
    condition_dtype, curve = description["condition_dtype"], description.get("curve")
    return Source(
        **{field: description[field] for field in _FIELDS},
        shape=tuple(description["shape"]),
        dtype=np.dtype(description["dtype"]).type,
        read=Unopened(description["name"]),
        condition_shape=None if condition_shape is None else tuple(condition_shape),
        condition_dtype=condition_dtype and np.dtype(condition_dtype).type,
        mixture=mixture
        and Mixture(np.array(mixture["centers"], np.float32), float(mixture["sigma"])),
        curve=curve and Curve(**{name: np.array(x, np.float32) for name, x in curve.items()}),
        sample_rate=description.get("sample_rate"),
    )
