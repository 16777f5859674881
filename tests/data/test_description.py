import json

import numpy as np
import pytest

from jaxgan.data import describe, described, from_arrays, ring, whole
from jaxgan.errors import DataError

TRANSLATION = from_arrays(
    np.zeros((3, 8, 8, 1), np.uint8),
    np.array([0, 1, 4]),
    condition=np.zeros((3, 5), np.float32),
    name="translation",
    split="test",
    version="v2",
)
UNLABELLED = from_arrays(np.zeros((3, 2), np.float32), name="points")


@pytest.mark.parametrize("source", [TRANSLATION, UNLABELLED, ring(size=10)], ids=lambda s: s.name)
def test_all_but_the_samples_survives_a_round_trip_through_json(source):
    description = json.loads(json.dumps(describe(source)))
    restored = described(description)
    for field in ("name", "split", "version", "shape", "size", "num_classes", "dtype", "nbytes"):
        assert getattr(restored, field) == getattr(source, field)
    assert restored.condition_shape == source.condition_shape
    assert restored.condition_dtype == source.condition_dtype
    assert (restored.mixture is None) == (source.mixture is None)
    if source.mixture is not None:
        np.testing.assert_array_equal(restored.mixture.centers, source.mixture.centers)
        assert restored.mixture.centers.dtype == np.float32
        assert restored.mixture.sigma == source.mixture.sigma
    assert describe(restored) == description


def test_its_samples_cannot_be_read():
    restored = described(describe(TRANSLATION))
    with pytest.raises(DataError, match="'translation' is known by its description alone"):
        whole(restored)
