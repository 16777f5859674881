"""Prepared TFDS sets: small ones written here without TensorFlow, real ones where they exist."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Read once, before tests set the variable.
REAL = Path(os.environ.get("TFDS_DATA_DIR") or Path(__file__).parents[1].parent / "shared" / "tfds")


@pytest.fixture
def real_data_dir():
    for name in ("mnist", "cifar10_jpeg"):
        if not (REAL / name).is_dir():
            pytest.skip(f"no prepared {name}: neither TFDS_DATA_DIR nor ../shared/tfds holds it")
    return REAL


def encode(image, encoding):
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze()).save(buffer, encoding)
    return buffer.getvalue()


@pytest.fixture
def prepare(tmp_path):
    """A function that writes a set as TFDS prepares it and returns the data directory."""
    from array_record.python.array_record_module import ArrayRecordWriter
    from tensorflow_datasets import features
    from tensorflow_datasets.proto import tf_example_pb2

    def write(name, images, *, labels=None, version="1.0.0", shape=None, encoding="png"):
        directory = tmp_path / "tfds" / name / version
        directory.mkdir(parents=True)
        shape = shape or images[0].shape
        columns = {"image": features.Image(shape=shape, encoding_format=encoding)}
        if labels is not None:
            columns["label"] = features.ClassLabel(num_classes=3)
        (directory / "features.json").write_text(
            json.dumps(features.FeaturesDict(columns).to_json())
        )
        split = {
            "name": "train",
            "numBytes": "1",
            "shardLengths": [str(len(images))],
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        }
        base = name.split("/")[0]
        info = {"name": base, "version": version, "fileFormat": "array_record", "splits": [split]}
        if "/" in name:
            info["configName"] = name.split("/")[1]
        (directory / "dataset_info.json").write_text(json.dumps(info))
        shard = directory / f"{base}-train.array_record-00000-of-00001"
        writer = ArrayRecordWriter(str(shard), "group_size:1")
        for row, image in enumerate(images):
            example = tf_example_pb2.Example()
            column = example.features.feature["image"].bytes_list
            column.value.append(encode(image, encoding))
            if labels is not None:
                example.features.feature["label"].int64_list.value.append(int(labels[row]))
            writer.write(example.SerializeToString())
        writer.close()
        return tmp_path / "tfds"

    return write


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (11, 6, 5, 3), dtype=np.uint8)
