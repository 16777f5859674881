"""What a comparison measures of a run: its scores, several times over, and its cost."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config import Config
from jaxgan.data import Source
from jaxgan.evaluation import Reference, conditions, draw, evaluate_samples
from jaxgan.purposes import RESAMPLING
from jaxgan.runs.build import Program, batch_sizes
from jaxgan.runs.evaluators import evaluator_for, metrics_for
from jaxgan.runs.run import Run
from jaxgan.runs.scoring import held_out_of
from jaxgan.types import Batch

# By name, one number for each evaluation; null where it is not finite.
Scores = dict[str, list[float | None]]


def evaluated(
    run: Run, reference: Reference, samplings: int, kept: Mapping[str, list[Any]]
) -> Scores:
    """The scores of the averaged weights by the run's metrics, each evaluation of other samples.

    Evaluation i of a seed draws by the same key in every variant: what the draws have in common
    cancels in differences by seed.

    Args:
        run: What is scored.
        reference: What it is scored against.
        samplings: How many evaluations.
        kept: Those of before, which are not made again.
    """
    evaluate = evaluator_for(run.config, run.program, reference)
    key = jax.random.fold_in(jax.random.key(run.config.seed), RESAMPLING)
    scores: Scores = {name: list(values) for name, values in kept.items()}
    for index in range(max(map(len, scores.values()), default=0), samplings):
        for name, value in evaluate(run.state, jax.random.fold_in(key, index)).items():
            scores.setdefault(name, []).append(value if math.isfinite(value) else None)
    return scores


def own_scores(config: Config, program: Program) -> list[str]:
    """The names of the game's own figures of held-out data; none of a game that fits a reference.

    Raises:
        DataError: data that is missing or unreadable.
    """
    scores, game = program.held_out_scores(), program.game
    held_out = None if scores is None else held_out_of(config.data, program.source)
    if scores is None or held_out is None or getattr(game, "fit", None) is not None:
        return []
    key = jax.random.key(0)
    state = jax.eval_shape(program.init, key)
    return sorted(jax.eval_shape(scores, state, _shapes(held_out, 2), key))


def floor_of(run: Run, reference: Reference) -> dict[str, Any]:
    """What real samples score in the place of a run's, as `jaxgan eval` has it, by score."""
    config, program = run.config, run.program
    samples_key, key = jax.random.split(jax.random.key(0))
    num = config.num_eval_samples
    asked = conditions(program.source, num)
    samples, labels = draw(jax.jit(program.sample), run.state, samples_key, num, conditions=asked)
    evaluation = evaluate_samples(
        reference,
        samples,
        key,
        metrics=metrics_for(config, program, reference),
        labels=labels if program.conditional else None,
    )
    return {
        f"eval/{name}": {"value": of.value, "standard_error": of.standard_error}
        for name, of in evaluation.real_baseline.items()
        if math.isfinite(of.value) and math.isfinite(of.standard_error)
    }


def step_seconds(run: Run) -> float | None:
    """Seconds of a step without compilation, evaluations and files; None where it is not known."""
    per_second = run.summary.get("samples_per_second")
    return batch_sizes(run.config)[""] / per_second if per_second else None


def step_bytes(run: Run) -> int | None:
    """Arguments and temporaries of one compiled step on one device, as XLA counts them.

    The arguments are the state and one batch. None of a run by pmap, or where XLA does not say.
    """
    if run.program.mode == "pmap":
        return None
    rows, program = batch_sizes(run.config), run.program
    batch = _shapes(program.source, rows[""])
    streams = {name: _shapes(stream, rows[name]) for name, stream in program.streams.items()}
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), run.state)
    lowered = jax.jit(program.train_step).lower(state, batch.replace(streams=streams))
    found = lowered.compile().memory_analysis()
    return None if found is None else found.argument_size_in_bytes + found.temp_size_in_bytes


def _shapes(source: Source, rows: int) -> Batch:
    """The shapes and types of so many rows of a data set."""
    one = source.read(np.zeros(1, np.int32))
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((rows, *x.shape[1:]), jnp.asarray(x).dtype), one
    )
