"""What a comparison is asked to do, checked before anything is trained, and what of it is known."""

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.config import Config, differences, override
from jaxgan.errors import ConfigError
from jaxgan.fields import from_dict, get, to_dict
from jaxgan.files import read_json
from jaxgan.registry import AT_LEAST_ONE, Range, check_range, unknown
from jaxgan.runs.build import build
from jaxgan.runs.scoring import best_metric, score_names, scored_by
from jaxgan.studies.comparison_measures import own_scores

# What must be one for scores to be comparable.
_OF_EVALUATION = (
    *("num_eval_samples", "eval_features", "eval_metrics"),
    *("data.name", "data.kwargs", "data.split", "data.per_class"),
    *("data.resize", "data.pad", "data.mirror"),
)
_LABEL = re.compile(r"\w[\w .,=+-]*")


class Plan(NamedTuple):
    """What is asked for.

    Attributes:
        configs: By variant.
        seeds: Of each.
        samplings: Evaluations of each run.
        score: The name of what is compared.
        higher_is_better: Whether its highest value is the best.
        baseline: The variant that the others are compared with.
    """

    configs: Mapping[str, Config]
    seeds: tuple[int, ...]
    samplings: int
    score: str
    higher_is_better: bool
    baseline: str


def planned(
    configs: Mapping[str, Config],
    seeds: int,
    score: str | None,
    samplings: int,
    baseline: str | None,
    higher_is_better: bool,
) -> Plan:
    """Checks what `jaxgan.compare` is asked.

    Raises:
        ConfigError: variants that cannot be compared or trained, or a number out of range.
        DataError: data that is missing or unreadable.
    """
    if len(configs) < 2:
        raise ConfigError(f"variants: {', '.join(configs) or 'none'}; it takes two to compare")
    check_range(seeds, Range(low=2), "seeds")
    check_range(samplings, AT_LEAST_ONE, "samplings")
    _check_labels(configs)
    baseline = next(iter(configs)) if baseline is None else baseline
    if baseline not in configs:
        raise unknown("baseline", baseline, configs)
    _check_configs(configs, baseline)
    first = configs[baseline].seed
    check_range(first + seeds - 1, Range(high=2**32, below=True), "the last seed")
    asked, higher = None, False
    for label in (baseline, *(other for other in configs if other != baseline)):
        wanted = score if asked is None else asked
        asked, higher = _score_of(label, configs[label], wanted, higher_is_better)
    assert asked is not None
    return Plan(configs, tuple(range(first, first + seeds)), samplings, asked, higher, baseline)


def folder_of(label: str) -> str:
    """The name of the directory of a variant's runs."""
    return label.replace(" ", "-")


def spans(folder: Path, seeds: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last seed of each sweep that holds some of the seeds, or is to.

    Args:
        folder: That of a variant: sweeps of seeds that began there are gone on with.
        seeds: In ascending order.
    """
    begun = [tuple(map(int, path.name.split("-")[1:])) for path in folder.glob("seeds-*-*")]
    found: list[tuple[int, int]] = []
    for seed in seeds:
        if found and seed <= found[-1][1]:
            continue
        holding = [(first, last) for first, last in begun if first <= seed <= last]
        following = [first for first, _ in begun if first > seed]
        found.append(holding[0] if holding else (seed, min([*following, seeds[-1] + 1]) - 1))
    return found


def known_of(path: Path, plan: Plan) -> dict[str, Any]:
    """What comparison.json says of earlier runs, or of none, with the plan's configs.

    Returns:
        "configs" and "step_bytes" by label, "runs" by label and seed, and "floor" by score.

    Raises:
        ConfigError: it is of another comparison, or unreadable.
    """
    known: dict[str, Any] = {"runs": {}, "step_bytes": {}, "floor": {}}
    if path.exists():
        try:
            known = {name: value for name, value in read_json(path).items() if name != "result"}
            earlier = {label: from_dict(Config, of) for label, of in known["configs"].items()}
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ConfigError(f"{path} cannot be read; remove it to evaluate its runs again") from (
                error
            )
        for label, config in earlier.items():
            _check_same(path.parent, label, config, plan)
    return {"configs": {label: to_dict(config) for label, config in plan.configs.items()}} | {
        name: known[name] for name in ("runs", "step_bytes", "floor")
    }


def _check_same(directory: Path, label: str, earlier: Config, plan: Plan) -> None:
    if label not in plan.configs:
        raise ConfigError(
            f"{directory} holds a comparison with a variant {label!r}; add it, or choose another "
            "--workdir"
        )
    config = plan.configs[label]
    differing = differences(override(earlier, "seed", config.seed), config)
    if differing:
        raise ConfigError(
            f"{directory} holds a comparison whose variant {label!r} has another {differing[0]} "
            f"({len(differing)} differences); choose another --workdir"
        )


def _check_labels(labels: Mapping[str, Any]) -> None:
    folders: dict[str, str] = {}
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise ConfigError(
                f"variant {label!r} names a directory; use letters, digits, spaces and _ . , = + -"
            )
        taken = folders.setdefault(folder_of(label), label)
        if taken != label:
            raise ConfigError(f"variants {taken!r} and {label!r} name one directory; rename one")


def _check_configs(configs: Mapping[str, Config], baseline: str) -> None:
    for (one, first), (other, second) in itertools.combinations(configs.items(), 2):
        if not differences(first, second):
            raise ConfigError(f"variants {one!r} and {other!r} are the same; change a flag of one")
    for label, config in configs.items():
        if config.seed != configs[baseline].seed:
            raise ConfigError(
                f"variant {label!r} has seed {config.seed}, and {baseline!r} "
                f"{configs[baseline].seed}; give all the same --seed, which is the first of --seeds"
            )
        for path in _OF_EVALUATION:
            values = get(configs[baseline], path), get(config, path)
            if values[0] != values[1]:
                raise ConfigError(
                    f"{path} is {values[0]!r} of {baseline!r} and {values[1]!r} of {label!r}; "
                    "scores can be compared only where it is the same"
                )


def _score_of(label: str, config: Config, asked: str | None, own: bool) -> tuple[str, bool]:
    """The full name of the score of a variant, which is built to check it, and its direction.

    Args:
        label: The variant.
        config: Its config.
        asked: A score, or how its name ends; None: that which marks the best checkpoint.
        own: The direction of the game's own figures.
    """
    program = build(config)
    source, conditional = program.source, program.conditional
    if asked is None:
        return best_metric(config, source, conditional=conditional)
    features = scored_by(config, source)
    scores = {f"eval/{name}": own for name in own_scores(config, program)}
    scores |= score_names(config.eval_metrics, source, features, conditional=conditional)
    name = asked.removeprefix("eval/")
    fitting = [full for full in scores if full == f"eval/{name}" or full.endswith(f"_{name}")]
    exact = [full for full in fitting if full == f"eval/{name}"]
    if len(exact or fitting) != 1:
        raise unknown(f"score of {label!r}", asked, scores)
    (found,) = exact or fitting
    return found, scores[found]
