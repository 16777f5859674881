"""What is said of variants whose scores are known, and how it is shown."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from jaxgan.config import Config, override
from jaxgan.metrics import Estimate
from jaxgan.studies.comparison import (
    Comparison,
    Record,
    more_seeds,
    to_json,
    variant_of,
    verdicts_of,
)
from jaxgan.studies.comparison_plan import spans
from jaxgan.studies.comparison_report import markdown, picture, tables
from jaxgan.studies.statistics import paired_differences

SCORE = "eval/fid"
NOISE = (0.3, -0.2, 0.1, -0.3, 0.1)


@pytest.mark.parametrize(
    ("begun", "seeds", "found"),
    [
        ([], (0, 1, 2), [(0, 2)]),
        (["seeds-0-4"], (2, 3), [(0, 4)]),  # their evaluations were cut short
        (["seeds-0-1"], (0, 1, 2, 3), [(0, 1), (2, 3)]),
        (["seeds-0-1"], (2, 3), [(2, 3)]),
        (["seeds-4-5"], (2, 3, 4, 5, 6), [(2, 3), (4, 5), (6, 6)]),
        (["seeds-0-1", "seed-2"], (), []),
    ],
)
def test_sweeps_that_began_are_gone_on_with(begun, seeds, found, tmp_path):
    for name in begun:
        (tmp_path / name).mkdir()
    assert spans(tmp_path, seeds) == found


def variant(means, lost=()):
    """Runs with two evaluations each, .1 above and below these means."""
    records = {
        seed: Record("done", {SCORE: [mean - 0.1, mean + 0.1]}, 0.01 * (seed + 1))
        for seed, mean in enumerate(means)
    }
    diverged = {len(means) + i: Record("diverged", {}, None) for i in range(len(lost))}
    return variant_of(records | diverged, SCORE, 2, 3 * 2**20)


def compared(higher_is_better=False, **variants):
    (baseline, *_), floor = variants, Estimate(1.0, 0.25)
    configs = {
        label: override(Config(), "loss.weight", 1.0 + i) for i, label in enumerate(variants)
    }
    verdicts = verdicts_of(variants, baseline, higher_is_better=higher_is_better)
    seeds = tuple(range(5))
    place = Path("runs"), configs, SCORE, higher_is_better, baseline
    return Comparison(*place, seeds, 2, 1000, variants, verdicts, floor)


def shifted(by, scale=1.0):
    return [5 + by + scale * noise for noise in NOISE]


def test_scores_of_a_variant_by_hand():
    found = variant([1.0, 2.0, 6.0])
    assert found.mean.value == pytest.approx(3) and found.step_seconds == pytest.approx(0.02)
    # Mean squares: 2 * 7 between and .02 within; (14 - .02) / 2.
    assert found.spread == pytest.approx((6.99**0.5, 0.02**0.5))
    assert found.step_bytes == 3 * 2**20 and not found.lost
    records = {
        0: Record("done", {SCORE: [1.0, 2.0, 9.0]}, None),
        1: Record("done", {SCORE: [1.0, math.nan, 9.0]}, None),
        2: Record("diverged", {}, None),
    }
    found = variant_of(records, SCORE, 2, None)
    assert found.mean.value == 1.5 and list(found.scores) == [0]
    assert found.lost == {1: "score not finite", 2: "diverged"} and found.step_seconds is None


@pytest.mark.parametrize("higher", [False, True])
def test_verdicts(higher):
    found = compared(
        higher,
        base=variant(shifted(0)),
        lower=variant(shifted(-2, 0.5)),
        upper=variant(shifted(2, 0.5)),
        same=variant([5.1, 4.9, 4.8, 5.2, 5.0]),
    ).verdicts
    assert list(found) == ["lower", "upper", "same"]
    assert found["lower"].word == ("worse" if higher else "better")
    assert found["upper"].word == ("better" if higher else "worse")
    assert found["lower"].superiority.value == (0 if higher else 1)
    assert found["same"].word == "inconclusive" and "more seeds" in found["same"].note
    assert found["upper"].difference.corrected.value == pytest.approx(2)


def test_nothing_is_claimed_of_a_variant_that_lost_more_runs():
    """The runs that finished are not a fair sample of it."""
    low, high = shifted(-2, 0.5)[:3], shifted(0)[:3]
    whole, part = variant([*high, 5.0, 5.1]), variant(low, lost="xx")
    verdict = compared(base=whole, other=part).verdicts["other"]
    assert (verdict.word, verdict.note) == ("inconclusive", "lost 2 more of its runs")
    assert verdict.difference.n == 3 and verdict.difference.sign == -1
    assert verdict.superiority.value == pytest.approx(3 / 5)
    reverse = compared(base=part, other=whole).verdicts["other"]
    assert (reverse.word, reverse.note) == ("inconclusive", "lost 2 fewer of its runs")
    assert reverse.superiority.value == pytest.approx(2 / 5)
    # What is worse without the lost runs is worse with them.
    assert (
        compared(base=variant(low, lost="x"), other=variant(high, lost="xx")).verdicts["other"].word
        == "worse"
    )


def test_all_runs_of_a_variant_may_be_lost():
    found = compared(base=variant(shifted(0)), other=variant([], lost="xxxxx"))
    verdict = found.verdicts["other"]
    assert str(verdict) == "inconclusive: too few seeds" and verdict.superiority.value == 0
    assert "other lost 5 of 5 runs: seed 0 (diverged), seed 1" in markdown(found)
    assert "| other | – | 0 of 5 | – | – | – | 3 |" in markdown(found)
    assert "| other | – | 1.000 | 1.000 | 0.00 [0.00," in markdown(found)
    assert picture(found)[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        # ((1.960 + .842) / 1)^2 = 7.85 seeds for an effect of one standard deviation
        ([0.0, 1.0, 2.0], "about 5 more seeds"),
        ([3.0, 4.5, 3.2, 4.3], "about 1 more seed"),
        ([-1.0, 1.01, 0.0], "more than 1,000 more seeds"),
        ([-1.0, 1.0], "no difference seen"),
        ([1.0], "too few seeds"),
    ],
)
def test_how_many_more_seeds(differences, words):
    (found,) = paired_differences([np.array(differences)])
    assert more_seeds(found) == words


def test_tables_and_files():
    found = compared(base=variant(shifted(0)), low=variant(shifted(-2, 0.5)))
    (title, (head, rows)), (against, (_, claims)) = tables(found).items()
    assert title == "fid, lower is better" and against == "Against base"
    cells = dict(zip(head, rows[1], strict=True))
    assert cells["variant"] == "low" and cells["seeds"] == "5 of 5"
    assert cells["mean"].startswith("3.00 [2.8")
    assert (cells["ms/step"], cells["MiB/step"], cells["sd sampling"]) == ("30", "3", "0.141")
    assert rows[-1][:2] == ["real data", "1.00 +- 0.25"]
    (claim,) = claims
    assert claim[0] == "low" and claim[-1] == "better" and claim[1].startswith("-2.00 [-2.1")
    text = markdown(found)
    assert "low: `loss.weight` 2.0 instead of 1.0." in text
    assert "Student's t); the score" in text and "1 comparison by Holm" in text
    data = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert data["verdicts"]["low"]["word"] == "better" and data["baseline"] == "base"
    assert data["variants"]["low"]["scores"]["0"] == pytest.approx([3.05, 3.25])
