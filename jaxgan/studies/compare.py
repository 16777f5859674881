"""Trains variants over seeds, evaluates each run several times, and compares them.

What is known is kept in comparison.json after each run, so that a comparison can be interrupted at
any moment, and made larger afterwards: what is there is not run again.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxgan.config import Config
from jaxgan.errors import ConfigError, DivergedError
from jaxgan.evaluation import Reference
from jaxgan.files import Log, read_json, write_json
from jaxgan.metrics import Estimate
from jaxgan.runs.directory import RunDirectory, locked
from jaxgan.runs.evaluators import reference_for
from jaxgan.runs.loop import train
from jaxgan.runs.run import Run
from jaxgan.studies.comparison import Comparison, Record, to_json, variant_of, verdicts_of
from jaxgan.studies.comparison_measures import evaluated, floor_of, step_bytes, step_seconds
from jaxgan.studies.comparison_plan import Plan, folder_of, known_of, planned, spans
from jaxgan.studies.comparison_report import write_report
from jaxgan.studies.exporting import runs_of
from jaxgan.studies.preparation import built
from jaxgan.studies.sweep import sweep


def compare(
    configs: Mapping[str, Config],
    workdir: str | Path,
    *,
    seeds: int = 5,
    score: str | None = None,
    samplings: int = 3,
    baseline: str | None = None,
    higher_is_better: bool = False,
    together: bool = False,
    experiments: Mapping[str, ModuleType] | None = None,
    log: Log = print,
) -> Comparison:
    """Trains each config with each seed, and compares the scores of the final averaged weights.

    First come all variants with one seed, then all with the next. The run of a variant and a seed
    is in WORKDIR/VARIANT/seed-SEED; with `together` the sweep of its seeds, whose members they are,
    is in WORKDIR/VARIANT/seeds-FIRST-LAST. WORKDIR/comparison.json keeps what is known, and with it
    the same call goes on, also with more seeds, evaluations or variants; comparison.md and
    comparison.png show it. A run that diverges is counted as lost: no variant is called better that
    lost more runs than the one it is compared with.

    Args:
        configs: What to compare, by label: at least two, which differ. Their seed is the first.
        workdir: A directory of its own.
        seeds: How many seeds, at least 2.
        score: The name of a score, such as "eval/classifier_fid", or its end, such as "fid", where
            one ends so. None: that which marks the baseline's best checkpoint.
        samplings: Evaluations of each run, each of other samples, at least 1.
        baseline: The variant that the others are compared with; None: the first.
        higher_is_better: Of a game's own figure, such as test_error, of which that is not known.
        together: Whether the seeds of a variant train in one program, as in `jaxgan.sweep`: one
            compilation for all of them, and small networks in less time.
        experiments: By label, the module of a config, which is kept with its runs.
        log: Told of each run.

    Raises:
        ConfigError: variants that cannot be compared or trained, or a directory of another
            comparison.
        JaxganError: see `jaxgan.train`, but for runs that diverge.
    """
    plan = planned(configs, seeds, score, samplings, baseline, higher_is_better)
    root = Path(workdir).expanduser()
    if RunDirectory(root).config.exists():
        raise ConfigError(f"{root} holds a run; choose another --workdir")
    with locked(root):
        study = _Study(root, plan, experiments or {}, log)
        if together:
            for label in plan.configs:
                study.advance_together(label)
        else:
            for seed in plan.seeds:
                for label in plan.configs:
                    study.advance(label, seed)
        return study.concluded()


class _Study:
    """A comparison in progress: what is known, as comparison.json has it, and how to learn more."""

    def __init__(
        self, root: Path, plan: Plan, experiments: Mapping[str, ModuleType], log: Log
    ) -> None:
        self.root, self.plan, self.experiments, self.log = root, plan, experiments, log
        self.path = root / "comparison.json"
        self.known = known_of(self.path, plan)
        self.reference: Reference | None = None
        write_json(self.path, self.known)

    def advance(self, label: str, seed: int) -> None:
        """Trains and evaluates a run, as far as that is not done."""
        if self.is_done(label, seed):
            return
        self.log(f"{label}, seed {seed}")
        directory = RunDirectory(self.root / folder_of(label) / f"seed-{seed}")
        config = dataclasses.replace(self.plan.configs[label], seed=seed)
        run = None
        try:
            if _exit_reason(directory) != "diverged":
                run = train(config, directory.root, experiment=self.experiments.get(label))
        except DivergedError as error:
            self.log(str(error))
        self.keep(label, seed, run, None if run is None else step_seconds(run))

    def advance_together(self, label: str) -> None:
        """Trains the seeds of a variant in one program, and evaluates each."""
        missing = [seed for seed in self.plan.seeds if not self.is_done(label, seed)]
        for first, last in spans(self.root / folder_of(label), missing):
            self.log(f"{label}, seeds {first} to {last}")
            config = dataclasses.replace(self.plan.configs[label], seed=first)
            workdir = self.root / folder_of(label) / f"seeds-{first}-{last}"
            count, experiment = last - first + 1, self.experiments.get(label)
            try:
                sweep(config, {}, workdir, seeds=count, experiment=experiment, log=self.log)
            except DivergedError:  # of all; each is counted
                self.log(f"{label} diverged with every seed")
            runs = runs_of(workdir, built(config))
            for seed in sorted({*missing} & {*range(first, last + 1)}):
                run = runs[seed - first]
                seconds = None if run is None else step_seconds(run)
                self.keep(label, seed, run, None if seconds is None else seconds / count)

    def is_done(self, label: str, seed: int) -> bool:
        """Whether a run has diverged, or as many evaluations as are asked for."""
        kept = self.of(label, seed)
        enough = len(kept["scores"].get(self.plan.score, ())) >= self.plan.samplings
        return kept["state"] == "diverged" or enough

    def of(self, label: str, seed: int) -> dict[str, Any]:
        """What is known of a run."""
        return self.known["runs"].get(label, {}).get(str(seed), {"state": "", "scores": {}})

    def keep(self, label: str, seed: int, run: Run | None, seconds: float | None) -> None:
        """Evaluates a run, and writes what is known of it; None stands for one that diverged."""
        kept = self.of(label, seed)
        if run is None:
            found = {"state": "diverged", "scores": {}, "step_seconds": None}
        else:
            if self.reference is None:
                self.reference = reference_for(run.config, run.program.source, self.log)
            if label not in self.known["step_bytes"]:
                self.known["step_bytes"][label] = step_bytes(run)
            if not self.known["floor"]:
                self.known["floor"] = floor_of(run, self.reference)
            # Those of before, unless they are of another version, without this score.
            before = kept["scores"] if self.plan.score in kept["scores"] else {}
            scores = evaluated(run, self.reference, self.plan.samplings, before)
            found = {"state": "done", "scores": scores, "step_seconds": seconds}
        self.known["runs"].setdefault(label, {})[str(seed)] = found
        write_json(self.path, self.known)

    def concluded(self) -> Comparison:
        """The statistics of all that was asked for, which are written too."""
        plan = self.plan
        variants = {
            label: variant_of(
                {seed: _record(self.known["runs"][label][str(seed)]) for seed in plan.seeds},
                plan.score,
                plan.samplings,
                self.known["step_bytes"].get(label),
            )
            for label in plan.configs
        }
        floor = self.known["floor"].get(plan.score)
        comparison = Comparison(
            workdir=self.root,
            configs=dict(plan.configs),
            score=plan.score,
            higher_is_better=plan.higher_is_better,
            baseline=plan.baseline,
            seeds=plan.seeds,
            samplings=plan.samplings,
            num_samples=plan.configs[plan.baseline].num_eval_samples,
            variants=variants,
            verdicts=verdicts_of(variants, plan.baseline, higher_is_better=plan.higher_is_better),
            floor=None if floor is None else Estimate(**floor),
        )
        write_json(self.path, self.known | {"result": to_json(comparison)})
        write_report(comparison)
        return comparison


def _record(kept: Mapping[str, Any]) -> Record:
    """A run as comparison.json has it."""
    scores = {
        name: [math.nan if value is None else value for value in values]
        for name, values in kept["scores"].items()
    }
    return Record(kept["state"], scores, kept["step_seconds"])


def _exit_reason(directory: RunDirectory) -> str | None:
    """How the run in a directory ended; None where it did not."""
    return read_json(directory.summary)["exit_reason"] if directory.summary.exists() else None
