"""Grids of samples show every class that they have room for, in columns of its own."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.evaluation.samples import request
from jaxgan.runs.pictures import class_columns, in_columns, in_rows, save_samples


@pytest.mark.parametrize(
    ("num", "classes", "columns"),
    [(64, 10, 10), (64, 8, 8), (64, 3, 6), (64, 16, 16), (64, 17, 8), (9, 10, 3), (1, 2, 2)],
)
def test_each_class_has_columns_of_its_own(num, classes, columns):
    assert class_columns(num, classes) == columns
    labels = in_columns(num, classes)
    assert labels.tolist() == [i % columns % classes for i in range(num)]
    assert set(labels) == set(range(min(num, classes, columns)))


def test_a_run_asks_for_whole_rows_of_the_classes_that_there_are():
    asked = request(100).replace(labels=np.arange(100, dtype=np.int32) % 10 + 5)
    conditions, columns = in_rows(asked, 64)
    assert columns == 10 and conditions.real.shape[0] == 60
    assert np.array_equal(conditions.labels, np.tile(np.arange(5, 15), 6))
    assert in_rows(request(100), 64)[1] is None


def test_a_picture_has_the_columns_asked_for(tmp_path):
    shades = np.linspace(-1, 1, 6, dtype="f").repeat(32 * 32).reshape(6, 32, 32, 1)
    save_samples(tmp_path / "grid.png", shades, None, 6)
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (6 * 34 + 2, 34 + 2)
        row = [picture.getpixel((18 + 34 * i, 18)) for i in range(6)]
    assert row == [0, 51, 102, 153, 204, 255]
