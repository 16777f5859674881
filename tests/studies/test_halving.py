"""Rungs and survivors, worked out by hand."""

import math

import pytest

from jaxgan.errors import ConfigError
from jaxgan.studies.halving import rungs, survivors


def test_each_rung_has_a_factor_more_steps():
    """Table 1 of Li et al. 2017 (Hyperband, arXiv 1603.06560), s = 4: 81, 27, 9, 3, 1 points."""
    assert rungs(81, 81, 3, multiple=1) == [1, 3, 9, 27]
    assert rungs(1000, 8, 2, multiple=50) == [100, 250, 500]
    assert rungs(1000, 2, 3, multiple=50) == []
    assert rungs(1000, 8, None, multiple=50) == []
    assert rungs(100, 27, 3, multiple=50) == [50]
    with pytest.raises(ConfigError, match="halving is 1; it must be at least 2"):
        rungs(1000, 8, 1, multiple=50)


def test_the_best_go_on():
    scores = {0: [3.0, 5.0], 1: [1.0, 2.0], 2: [9.0, None], 4: [0.0, 0.5], 7: [None, None]}
    assert survivors(scores, 2, highest=True) == [0, 1, 4]
    assert survivors(scores, 5, highest=True) == [0]
    assert survivors(scores, 3, highest=False) == [1, 4]
    assert survivors({3: [None], 5: [math.nan]}, 3, highest=False) == [3]
