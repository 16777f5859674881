"""Every loss of jaxgan on the ring of eight Gaussians: modes, quality, step time.

    python benchmarks/ring_losses.py [--losses A,B] [--steps 2000] [--seeds 5] [--out FILE]

Protocol: all train a generator of 2-D points from z ~ N(0, I_2), two layers of 128 leaky ReLU, for
as many steps of 128 real and 128 fake points; Adam 2e-3, betas (0, .99), cosine to 2 %. Those with
an adversary have one of the same layers, one step a generator step, and the same penalty on the
gradient at the reals: R1 with gamma .05, summed over outputs where there are several (`jacobian`;
`r1` is that of the outputs' sum, and lets each of them grow). Hyperparameters of the losses are
their defaults except where the table says otherwise; those, the views and the penalty were chosen
on seeds that are scored too. Scores are of 2,500 samples of the averaged generator (half-life 100
steps) at the end: VEEGAN's protocol, see `jaxgan.metrics.mixture_modes`.

What is compared depends on the loss's module:

    logit    one logit of the adversary: adversarial, relativistic and f-divergence losses
    critic   4 outputs of the adversary, which maximises the distance: MMDs, means, correlations
    points   the points themselves, without an adversary: GMMN, energy distance, transport, and
             losses of paired samples or of moments alone

Seeds are trained together, by `jax.vmap` over a scan of steps. A step's time is a ratio to that of
`non_saturating` in the same process, in alternating rounds: the median over rounds. With --out the
table is written to FILE after each loss, and the figures of each seed to FILE with the suffix
.json; the same command goes on where it was interrupted. All of it takes 14 minutes on 2 cores.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tables import interval

from jaxgan import runtime
from jaxgan.config import Config, PenaltyConfig, Ramp, override

ROUNDS = 10
REFERENCE = "non_saturating"
QUICK = (REFERENCE, "mmd_gaussian", "energy_distance", "l2_nearest")
NUM_SAMPLES = 2500


def player(name: str) -> dict[str, Any]:
    """The network and the optimiser of either player."""
    return {
        f"{name}.network.name": "mlp",
        f"{name}.network.kwargs.widths": (128, 128),
        f"{name}.network.kwargs.activation": "leaky_relu",
        f"{name}.optimizer.kwargs.b1": 0.0,
        f"{name}.optimizer.kwargs.b2": 0.99,
        f"{name}.learning_rate": Ramp(2e-3, 0.02 * 2e-3, shape="cosine"),
    }


SHARED = {
    **player("generator"),
    "generator.network.kwargs.output": "linear",
    "data.name": "ring",
    "data.batch_size": 128,
    "latent.dim": 2,
    "ema_half_life": 100.0,
}
GAMMA = 0.05
VIEWS: dict[str, dict[str, Any]] = {
    "logit": {**player("discriminator"), "penalties": {"r1": PenaltyConfig(weight=GAMMA)}},
    "critic": {
        **player("discriminator"),
        "discriminator.network.kwargs.num_outputs": 4,
        # Most of these losses do not see it, and Adam would move it by rounding noise.
        "discriminator.network.kwargs.final_bias": False,
        # The mean of |J|^2; R1 is half of the squared gradient.
        "penalties": {"jacobian": PenaltyConfig(weight=GAMMA / 2)},
    },
    "points": {"loss.on": "images"},
}
VIEW_OF_MODULE = {
    "adversarial": "logit",
    "relativistic": "logit",
    "f_divergences": "logit",
    "kernel_gan": "critic",
    "similarity": "critic",
    "correlations": "critic",
    "diversity": "critic",
    "transport": "points",
    "drifts": "points",
    "flows": "points",
}
NOT_APPLICABLE = {"structural_similarity": "compares images; the ring has points"}
# By what a loss asks for.
NOT_ASKED = {
    "labels": "compares class by class; the ring has no labels",
    "z": "depends on z: a further term, beside a loss that compares with the data",
    "reference": "fitted to the training set, and compared without an adversary",
    "others": "compares two batches of fakes with the reals, without an adversary",
}

# Samples of the ring have no counterparts: no adversary could help these.
PAIRED = ("pearson", "spearman", "cca", "barlow_twins")
# The critic's scale enters these with the 2nd, 4th and 6th power, and the penalty with the 2nd: a
# critic that maximises them vanishes or grows without limit.
MOMENTS = ("diversity_matching", "coral", "mmd_polynomial")
VIEW_OF_LOSS = dict.fromkeys(("gmmn", "energy_distance", *PAIRED, *MOMENTS), "points")

QUADRATIC = (
    *("squared_l2", "mse", "feature_matching"),
    *("mmd_linear", "mmd_arc_cosine", "mmd_rational_quadratic_linear"),
)
SCALE_FREE = ("mahalanobis", "cosine", "correlation", "correlation_matching", "mmd_cosine")
NOTES = {
    **dict.fromkeys(PAIRED, "for samples that correspond; those of the ring are unrelated"),
    **dict.fromkeys(QUADRATIC, "quadratic in the critic's scale, as the penalty: either may win"),
    **dict.fromkeys(SCALE_FREE, "blind to the critic's scale: the penalty does not hold it"),
    "ebgan": "energies are logits of any sign, not an autoencoder's errors",
    "gmmn": "the default bandwidths, 2 to 80, are those for MNIST; the ring's radius is 1",
    "coral": "compares covariances alone: a further term",
    "diversity_matching": "compares spread alone: a further term",
    "mmd_polynomial": "compares moments up to the 3rd",
    "kernel_similarity": "nothing keeps the fakes apart: they gather inside the ring",
}
KWARGS = {
    "gmmn": {"bandwidths": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)},
}


class Setting(NamedTuple):
    """How a loss is used."""

    loss: str
    view: str
    kwargs: Mapping[str, Any] = {}
    note: str = ""


def settings() -> dict[str, Setting | str]:
    """The rows of the table by label: a setting each, or why the loss does not apply."""
    from jaxgan.losses import LOSSES
    from jaxgan.registry import asks_for

    rows: dict[str, Setting | str] = {}
    for name, loss in LOSSES.items():
        module = loss.__module__.rpartition(".")[2]
        if module in NOT_APPLICABLE:
            rows[name] = NOT_APPLICABLE[module]
            continue
        if missing := NOT_ASKED.keys() & asks_for(loss.function):
            rows[name] = NOT_ASKED[missing.pop()]
            continue
        view = VIEW_OF_LOSS.get(name) or VIEW_OF_MODULE[module]
        matches = module == "similarity" and name != "feature_matching"
        kwargs = {"match": "mean"} if matches else KWARGS.get(name, {})
        rows[name] = Setting(name, view, kwargs, NOTES.get(name, ""))
    fall = "the default: unrelated pairs draw all samples to one point"
    rows["l2_paired"] = Setting("l2", "points", {"match": "paired"}, fall)
    drop = "each fake goes to the nearest real: nothing asks for all modes"
    rows["l2_nearest"] = Setting("l2", "points", {"match": "nearest"}, drop)
    return rows


def make_config(setting: Setting, steps: int) -> Config:
    """The config of a setting: the protocol with this loss."""
    overrides = {
        **SHARED,
        "steps": steps,
        "loss.name": setting.loss,
        **VIEWS[setting.view],
        **{f"loss.kwargs.{name}": value for name, value in setting.kwargs.items()},
    }
    config = Config()
    for path, value in overrides.items():
        config = override(config, path, value)
    return config


class Training(NamedTuple):
    """Seeds of one config, trained together: their stacked states, and functions of these."""

    states: Any
    advance: Callable[[Any], tuple[Any, Any]]
    """To the states `length` steps on, and whether all metrics were finite [seeds, length]."""
    score: Callable[[Any], Any]
    """To `mixture_modes` of each."""
    length: int


def prepare(config: Config, seeds: int, length: int) -> Training:
    """Compiles the training of a config from seeds 0, 1, ..., in calls of `length` steps."""
    import jax
    import jax.numpy as jnp

    from jaxgan.evaluation import request
    from jaxgan.metrics import mixture_modes
    from jaxgan.runs.build import build
    from jaxgan.runs.loop import EVALUATION
    from jaxgan.training import parallel

    run = build(config, parallel.make_mesh(jax.devices()[:1]))
    mixture = run.source.mixture
    assert mixture is not None
    data = jax.device_put(run.data())

    def advance(state: Any, data: Any) -> tuple[Any, Any]:
        state, metrics = run.run_steps(state, data, length)
        return state, jnp.stack([jnp.isfinite(x) for x in metrics.values()]).all(axis=0)

    def score(state: Any) -> Any:
        # A stream of its own: training folds the step into the key.
        key = jax.random.fold_in(state.key, EVALUATION)
        points = run.sample(state, key, request(NUM_SAMPLES))
        return mixture_modes(points, mixture.centers, mixture.sigma)

    states = jax.jit(jax.vmap(run.init))(jax.vmap(jax.random.key)(jnp.arange(seeds)))
    together = jax.jit(jax.vmap(advance, in_axes=(0, None)))
    compiled = together.lower(states, data).compile()
    return Training(states, lambda x: compiled(x, data), jax.jit(jax.vmap(score)), length)


def timed(training: Training) -> tuple[Training, np.ndarray, float]:
    """The training one call on, whether its steps were finite, and the seconds of a step."""
    start = time.perf_counter()
    states, finite = training.advance(training.states)
    finite = np.asarray(finite)
    seconds = (time.perf_counter() - start) / training.length
    return training._replace(states=states), finite, seconds


def train(training: Training, reference: Training) -> tuple[dict[str, Any], Training]:
    """Figures by name, of each seed: scores, and the step from which it was not finite, or None."""
    finite, ratios, seconds = [], [], []
    for _ in range(ROUNDS):
        reference, _, reference_seconds = timed(reference)
        training, round_finite, own_seconds = timed(training)
        finite.append(round_finite)
        seconds.append(own_seconds)
        ratios.append(own_seconds / reference_seconds)
    ok = np.concatenate(finite, axis=1)
    scores = training.score(training.states)._asdict()
    return {
        **{name: np.asarray(values, float).tolist() for name, values in scores.items()},
        "diverged": [None if row.all() else int(row.argmin()) for row in ok],
        "step_time": statistics.median(ratios),
        "step_time_rounds": ratios,
        "seconds_per_step": statistics.median(seconds),
    }, reference


def line(label: str, row: Setting | str, figures: Mapping[str, Any]) -> str:
    """A row of the table."""
    if isinstance(row, str):
        return f"| {label} | | | | | | | | not applicable: {row} |"
    diverged = [str(step) for step in figures["diverged"] if step is not None]
    percent = [100 * share for share in figures["high_quality"]]
    notes = [*(f"{name}={value}" for name, value in row.kwargs.items()), row.note]
    cells = [
        label,
        row.view,
        interval(figures["modes"], 1),
        interval(percent, 1),
        interval(figures["reverse_kl"], 3),
        interval(figures["std_ratio"], 2),
        f"{figures['step_time']:.2f}",
        f"at step {', '.join(diverged)}" if diverged else "no",
        "; ".join(filter(None, notes)),
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "| loss | compares | modes of 8 | high quality, % | reverse KL | std / sigma | step time "
    "| diverged | note |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def caption(protocol: Mapping[str, Any]) -> str:
    """What stands above the table."""
    return (
        f"`python benchmarks/ring_losses.py --steps {protocol['steps']} "
        f"--seeds {protocol['seeds']}`: {protocol['seeds']} seeds, mean +- 95 % interval "
        "(Student's t). A perfect sampler has 8 modes, 98.89 % of high quality, a reverse KL of "
        f".0014 and a std / sigma of .974. Step times are over that of `{REFERENCE}`."
    )


def table(results: Mapping[str, Any], protocol: Mapping[str, Any]) -> str:
    """The table in markdown: what was run, and what does not apply."""
    lines = [
        line(label, row, results.get(label, {}))
        for label, row in settings().items()
        if label in results or isinstance(row, str)
    ]
    return "\n".join([caption(protocol), "", HEADER, *lines, ""])


def read(out: Path | None, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The results that an interrupted run left."""
    if out is None or not (path := out.with_suffix(".json")).exists():
        return {}
    saved = json.loads(path.read_text())
    if saved["protocol"] != protocol:
        raise SystemExit(
            f"{path} holds results of {saved['protocol']}, not of {dict(protocol)}; "
            "remove it or name another --out"
        )
    return saved["results"]


def write(out: Path, results: Mapping[str, Any], protocol: Mapping[str, Any]) -> None:
    """Replaces both files whole, so that an interruption leaves the ones before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    raw = json.dumps({"protocol": protocol, "results": results}, indent=1)
    for path, text in ((out.with_suffix(".json"), raw), (out, table(results, protocol))):
        part = path.with_name(f"{path.name}.part")
        part.write_text(text)
        part.replace(path)


def options_from(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked; `labels` are the rows to run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--losses", help="comma-separated rows of the table; default: all")
    parser.add_argument("--steps", type=int, default=2000, help=f"a multiple of {ROUNDS}")
    parser.add_argument("--seeds", type=int, default=5, help="at least 2")
    parser.add_argument("--out", type=Path, help="a file such as ring.md")
    parser.add_argument(
        "--quick", action="store_true", help="four rows, 2 seeds, 300 steps: a minute"
    )
    options = parser.parse_args(arguments)
    rows = settings()
    options.labels = [label for label, row in rows.items() if isinstance(row, Setting)]
    if options.quick:
        options.steps, options.seeds, options.labels = 300, 2, list(QUICK)
    if options.losses:
        options.labels = options.losses.split(",")
    for label in options.labels:
        if not isinstance(rows.get(label), Setting):
            reason = rows.get(label, "choose from the table's first column")
            parser.error(f"no loss {label!r} on the ring: {reason}")
    if options.steps < ROUNDS or options.steps % ROUNDS or options.seeds < 2:
        parser.error(
            f"--steps {options.steps} --seeds {options.seeds}: steps must be a multiple of "
            f"{ROUNDS}, and seeds at least 2"
        )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, prints a row after each loss, and writes the files."""
    runtime.prepare()
    options = options_from(arguments)
    protocol = {"steps": options.steps, "seeds": options.seeds}
    results = read(options.out, protocol)
    rows = settings()
    print(f"{caption(protocol)}\n{os.cpu_count()} cores\n\n{HEADER}", flush=True)
    make = partial(prepare, seeds=options.seeds)
    length = options.steps // ROUNDS
    reference = None
    for label in options.labels:
        row = rows[label]
        assert isinstance(row, Setting)
        if label not in results:
            if reference is None:
                # A few steps suffice for the time.
                config = make_config(Setting(REFERENCE, "logit"), options.steps)
                reference = make(config, length=max(length // 4, 1))
            training = make(make_config(row, options.steps), length=length)
            results[label], reference = train(training, reference)
            if options.out is not None:
                write(options.out, results, protocol)
        print(line(label, row, results[label]), flush=True)


if __name__ == "__main__":
    main()
