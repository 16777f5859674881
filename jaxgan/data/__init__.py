"""Data sets by name, the order in which they are read, and the pipeline from host to device."""

from jaxgan.config import DataConfig
from jaxgan.data.description import describe, described
from jaxgan.data.embedded import digits
from jaxgan.data.files import folder, npz
from jaxgan.data.host_pipeline import host_batches
from jaxgan.data.loading import load
from jaxgan.data.record import DATASETS, Dataset, dataset
from jaxgan.data.source import (
    Mixture,
    Source,
    fits_on_device,
    from_arrays,
    labelled_few,
    whole,
)
from jaxgan.data.synthetic import grid, ring
from jaxgan.data.tfds import prepared
from jaxgan.pixels import model_batch, to_model, to_uint8
from jaxgan.runtime import cache_directory
from jaxgan.training.data_order import batch_indices, gather, next_batch

__all__ = [
    "DATASETS",
    "Dataset",
    "Mixture",
    "Source",
    "batch_indices",
    "cache_directory",
    "dataset",
    "describe",
    "described",
    "digits",
    "fits_on_device",
    "folder",
    "from_arrays",
    "gather",
    "grid",
    "host_batches",
    "labelled_few",
    "load",
    "model_batch",
    "next_batch",
    "npz",
    "open_source",
    "prepared",
    "ring",
    "to_model",
    "to_uint8",
    "whole",
]


def open_source(config: DataConfig, split: str | None = None) -> Source:
    """`load`s what a config names, or another split of it."""
    return load(
        config.name,
        split=config.split if split is None else split,
        data_dir=config.dir,
        resize=config.resize,
        pad=config.pad,
    )
