"""What a comparison of variants found: records of runs, and the statistics over them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxgan.config import Config
from jaxgan.metrics import Estimate
from jaxgan.studies.statistics import (
    Difference,
    Interval,
    Spread,
    Superiority,
    mean_interval,
    paired_differences,
    spread,
    superiority,
)

LEVEL = 0.95  # of all intervals
_MANY_SEEDS = 1000


class Record(NamedTuple):
    """One run that has ended.

    Attributes:
        state: "done" or "diverged".
        scores: By name, of its final weights: one for each evaluation.
        step_seconds: Seconds of a step; None where it is not known.
    """

    state: str
    scores: dict[str, list[float]]
    step_seconds: float | None


# By variant, then by seed.
Records = Mapping[str, Mapping[int, Record]]


class Variant(NamedTuple):
    """The runs of one variant.

    Attributes:
        scores: Of each finished run, by seed: its evaluations [k].
        lost: Seeds of the others, with what became of them: "diverged", or "score not finite".
        mean: Of the finished runs, with its interval; NaN without any.
        spread: From training and from sampling.
        step_seconds: The median over runs; None where it is not known.
        step_bytes: Arguments and temporaries of one compiled step; None where it is not known.
    """

    scores: dict[int, Float[np.ndarray, "k"]]
    lost: dict[int, str]
    mean: Interval
    spread: Spread
    step_seconds: float | None
    step_bytes: int | None


class Verdict(NamedTuple):
    """A variant against the baseline.

    Attributes:
        word: "better", "worse" or "inconclusive".
        note: Why it is inconclusive, or how many more seeds would settle it; else empty.
        difference: Paired by seed, over seeds with which both runs finished.
        superiority: The probability that a run of the variant beats one of the baseline; a lost run
            loses against each that finished.
    """

    word: str
    note: str
    difference: Difference
    superiority: Superiority

    def __str__(self) -> str:
        return f"{self.word}: {self.note}" if self.note else self.word


class Comparison(NamedTuple):
    """Variants over seeds, and what can be said of them.

    Attributes:
        workdir: The directory of all runs, each in VARIANT/seed-SEED.
        configs: What was run, by label.
        score: The name of what is compared.
        higher_is_better: Whether the highest score is the best.
        baseline: The variant that the others are compared with.
        seeds: The seeds of each variant.
        samplings: Evaluations of each run.
        num_samples: Generated samples of an evaluation.
        variants: By label.
        verdicts: By label, of all but the baseline.
        floor: What real samples score in the place of generated ones; None where they cannot.
    """

    workdir: Path
    configs: dict[str, Config]
    score: str
    higher_is_better: bool
    baseline: str
    seeds: tuple[int, ...]
    samplings: int
    num_samples: int
    variants: dict[str, Variant]
    verdicts: dict[str, Verdict]
    floor: Estimate | None

    @property
    def num_seeds(self) -> int:
        """How many seeds each variant has."""
        return len(self.seeds)


def variant_of(
    records: Mapping[int, Record], score: str, samplings: int, step_bytes: int | None
) -> Variant:
    """The statistics of the runs of one variant.

    Args:
        records: Its runs, by seed.
        score: What is compared.
        samplings: How many evaluations of each to take.
        step_bytes: See `Variant`.
    """
    scores, lost = {}, {}
    for seed, record in records.items():
        values = np.array(record.scores.get(score, [])[:samplings], float)
        if record.state != "done":
            lost[seed] = record.state
        elif not np.isfinite(values).all():
            lost[seed] = "score not finite"
        else:
            scores[seed] = values
    table = np.array(list(scores.values()))
    known = [record.step_seconds for record in records.values() if record.step_seconds is not None]
    return Variant(
        scores=scores,
        lost=lost,
        mean=mean_interval(table.mean(axis=1), level=LEVEL)
        if scores
        else Interval(math.nan, math.nan, math.nan, ""),
        spread=spread(table) if scores else Spread(math.nan, math.nan),
        step_seconds=float(np.median(known)) if known else None,
        step_bytes=step_bytes,
    )


def verdicts_of(
    variants: Mapping[str, Variant], baseline: str, *, higher_is_better: bool
) -> dict[str, Verdict]:
    """Compares each variant with the baseline, by seed."""
    others = [label for label in variants if label != baseline]
    differences = paired_differences(
        [_paired(variants[label], variants[baseline]) for label in others], level=LEVEL
    )
    side = 1.0 if higher_is_better else -1.0
    return {
        label: _verdict(
            difference,
            superiority(
                _with_lost(variants[label], side), _with_lost(variants[baseline], side), level=LEVEL
            ),
            better=int(side) * difference.sign,
            lost=len(variants[label].lost) - len(variants[baseline].lost),
        )
        for label, difference in zip(others, differences, strict=True)
    }


def _paired(one: Variant, other: Variant) -> Float[np.ndarray, "n"]:
    """Differences of mean scores, of the seeds with which both runs finished."""
    both = [seed for seed in one.scores if seed in other.scores]
    return np.array([one.scores[s].mean() - other.scores[s].mean() for s in both], float)


def _with_lost(variant: Variant, side: float) -> Float[np.ndarray, "n"]:
    """Scores of which higher is better, of all runs."""
    finished = [side * float(values.mean()) for values in variant.scores.values()]
    return np.array([*finished, *([-np.inf] * len(variant.lost))], float)


def _verdict(difference: Difference, found: Superiority, *, better: int, lost: int) -> Verdict:
    """The verdict, where a claim must not rest on runs that were lost.

    Args:
        difference: Of the runs that finished.
        found: The probability that a run is better.
        better: 1, -1, or 0 where the difference cannot be claimed.
        lost: How many more runs were lost than of the baseline.
    """
    if better * lost > 0:
        note = f"lost {abs(lost)} {'more' if lost > 0 else 'fewer'} of its runs"
        return Verdict("inconclusive", note, difference, found)
    if better:
        return Verdict("better" if better > 0 else "worse", "", difference, found)
    return Verdict("inconclusive", more_seeds(difference), difference, found)


def more_seeds(difference: Difference) -> str:
    """How many more seeds would settle a difference of the present size, in words."""
    total = difference.seeds_to_settle
    if math.isnan(total):
        return "too few seeds"
    if total == math.inf:
        return "no difference seen"
    if total - difference.n > _MANY_SEEDS:
        return f"more than {_MANY_SEEDS:,} more seeds"
    count = max(1, math.ceil(total) - difference.n)
    return f"about {count:,} more seed{'s' if count > 1 else ''}"


def to_json(comparison: Comparison) -> dict[str, Any]:
    """The statistics as JSON has them: what is not finite is null."""
    described = {
        "score": comparison.score,
        "higher_is_better": comparison.higher_is_better,
        "baseline": comparison.baseline,
        "seeds": comparison.seeds,
        "samplings": comparison.samplings,
        "num_samples": comparison.num_samples,
        "level": LEVEL,
        "floor": None
        if comparison.floor is None
        else {"value": comparison.floor.value, "standard_error": comparison.floor.standard_error},
        "variants": comparison.variants,
        "verdicts": comparison.verdicts,
    }
    return _plain(described)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
