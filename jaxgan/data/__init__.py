"""Data sets by name, the order in which they are read, and the pipeline from host to device."""

from jaxgan.data.description import Unopened, describe, described
from jaxgan.data.embedded import digit_edges, digits
from jaxgan.data.file_pipeline import check_grain, grain_batches
from jaxgan.data.files import folder, npz
from jaxgan.data.host_pipeline import host_batches
from jaxgan.data.image_sets import cifar10, mnist
from jaxgan.data.loading import load, record_of
from jaxgan.data.record import DATASETS, Dataset, dataset
from jaxgan.data.source import (
    Curve,
    Mixture,
    Source,
    fits_on_device,
    from_arrays,
    labelled_few,
    mirrored,
    whole,
)
from jaxgan.data.stacked import stacked_mnist
from jaxgan.data.synthetic import grid, ring, spiral
from jaxgan.data.tables import (
    Columns,
    LinearModel,
    columns_model,
    diabetes,
    gaussian_columns,
    linear_gaussian,
    linear_model,
)
from jaxgan.data.tfds import prepared
from jaxgan.data.waves import sines
from jaxgan.pixels import model_batch, to_model, to_uint8
from jaxgan.runtime import cache_directory
from jaxgan.training.data_order import batch_indices, gather, next_batch

__all__ = [
    "DATASETS",
    "Columns",
    "Curve",
    "Dataset",
    "LinearModel",
    "Mixture",
    "Source",
    "Unopened",
    "batch_indices",
    "cache_directory",
    "check_grain",
    "cifar10",
    "columns_model",
    "dataset",
    "describe",
    "described",
    "diabetes",
    "digit_edges",
    "digits",
    "fits_on_device",
    "folder",
    "from_arrays",
    "gather",
    "gaussian_columns",
    "grain_batches",
    "grid",
    "host_batches",
    "labelled_few",
    "linear_gaussian",
    "linear_model",
    "load",
    "mirrored",
    "mnist",
    "model_batch",
    "next_batch",
    "npz",
    "prepared",
    "record_of",
    "ring",
    "sines",
    "spiral",
    "stacked_mnist",
    "to_model",
    "to_uint8",
    "whole",
]
