"""Generators trained by comparing distributions, beside adversaries: quality, step time, memory.

    python benchmarks/distributional.py [--data spiral,ring,grid] [--methods A,B] [--batches 128,32]
        [--seeds 10] [--steps N] [--out FILE] [--write]

All methods get as many steps and samples, and the generator of the data set:

    spiral   the protocol of arXiv 2607.02375 (`experiments.spiral`): 8,000 steps of 8, 32 or 128
             samples; recall of 60 points of the curve, and the median distance of samples to it
    ring     10,000 training points, 5,000 steps of 256, a generator of three layers of 128 ReLU,
             Adam 5e-3 with a cosine to 2 % (`experiments.ring_mmd`); `mixture_modes`
    grid     the same

Scores are of 4,000 samples. What is compared are the points themselves; bandwidths are five
multiples of the median distance, .1 to 1.6. Adversaries have a discriminator of the generator's
size and the optimiser of `experiments.ring`, with R1 and R2 (on the spiral of weight .05). Seeds
are trained together, by `jax.vmap`; figures are means with 95 % intervals (Student's t). "floor" is
what as many real samples that were not trained on score, ten times over. The time of a step of one
seed is over that of `mmd_batch`; memory is the compiled step's temporaries for one seed. With
--out, results are written to FILE, and after each row to FILE with the suffix .json; the same
command goes on where it was interrupted. --steps N makes all runs N steps long. --write trains
nothing: it puts the tables of FILE into RESULTS.md. Published figures are of one seed each. What
RESULTS.md shows is in distributional.json beside this script, and --out
benchmarks/distributional.md goes on from there.
"""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tables import insert, interval
from timing import alternating, ratio

from jaxgan import runtime
from jaxgan.config import (
    Config,
    GameConfig,
    NetworkConfig,
    PenaltyConfig,
    TermConfig,
    override,
)
from jaxgan.errors import ConfigError

BANDWIDTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
NUM_SAMPLES = 4000
CALL = 250  # steps of one dispatch
ROUNDS, ROUND = 7, 20  # of which step times are medians, and the steps of one
TIMED = "mmd_batch"
DOCUMENT = Path(__file__).parent.parent / "RESULTS.md"

# Recall and distance on the spiral by method and batch size: the paper's own runs.
PUBLISHED = {
    "frechet": {8: ".30 / .378", 32: ".23 / .313", 128: ".32 / .330"},
    "sliced_wasserstein": {8: ".52 / .280", 32: ".97 / .230", 128: ".98 / .140"},
    "drifting": {8: "1.00 / .254", 32: "1.00 / .073", 128: ".00 / .53"},
    "mmd_fourier": {8: ".88 / .189", 32: ".97 / .137", 128: ".98 / .108"},
    "mmd_batch": {8: ".98 / .197", 32: ".98 / .085", 128: "1.00 / .040"},
    "mmd_nystroem": {8: ".98 / .158", 32: "1.00 / .054", 128: "1.00 / .028"},
}


class Method(NamedTuple):
    """How a generator is trained.

    Attributes:
        loss: The name of the loss.
        kwargs: Its hyperparameters.
        critic: Whether it compares outputs of a discriminator: how many; 0 without one.
        absolute: Whether its bandwidths are in the units of the data, not of the median distance.
    """

    loss: str
    kwargs: Mapping[str, Any] = {}
    critic: int = 0
    absolute: bool = False


METHODS = {
    "mmd_batch": Method("mmd_gaussian_mixture", {"bandwidths": BANDWIDTHS}, absolute=True),
    "mmd_reference": Method("mmd_reference", {"bandwidths": BANDWIDTHS}),
    "mmd_nystroem": Method("mmd_nystroem", {"bandwidths": BANDWIDTHS}),
    "mmd_fourier": Method("mmd_fourier", {"bandwidths": BANDWIDTHS}),
    "drifting": Method("drifting"),
    "score_drift": Method("score_drift", {"bandwidths": BANDWIDTHS}),
    "sinkhorn_drift": Method("sinkhorn_drift"),
    "frechet": Method("frechet"),
    "sliced_wasserstein": Method("sliced_wasserstein"),
    "sinkhorn": Method("sinkhorn"),
    "energy_distance": Method("energy_distance"),
    "relativistic_pairing": Method("relativistic_pairing", critic=1),
    "mmd_gan": Method("mmd_repulsive", critic=4),
}


class Cell(NamedTuple):
    """A data set with a batch size."""

    data: str
    batch: int

    def __str__(self) -> str:
        return f"{self.data}, batch {self.batch}"


CELLS = {
    "spiral": (Cell("spiral", 128), Cell("spiral", 32), Cell("spiral", 8)),
    "ring": (Cell("ring", 256),),
    "grid": (Cell("grid", 256),),
}
SHOWN = {
    "spiral": ("curve_recall", "curve_distance"),
    "ring": ("modes", "high_quality", "reverse_kl", "std_ratio"),
}
SHOWN["grid"] = SHOWN["ring"]


def make_config(cell: Cell, method: Method) -> Config:
    """The config of a method on a data set."""
    from experiments import ring, ring_mmd, spiral

    toy = spiral.config() if cell.data == "spiral" else ring_mmd.config()
    config = dataclasses.replace(toy, game=GameConfig(name="distribution_matching"))
    kwargs = dict(method.kwargs)
    if method.absolute:
        scale = median_distance(cell.data)
        kwargs["bandwidths"] = tuple(scale * b for b in kwargs["bandwidths"])
    loss = TermConfig(name=method.loss, on="images", kwargs=kwargs)
    config = dataclasses.replace(config, loss=loss)
    if method.critic:
        rival = ring.config()
        weight = 0.05 if cell.data == "spiral" else rival.penalties["r1"].weight
        player = rival.discriminator
        network = NetworkConfig(
            name="mlp",
            kwargs={
                "widths": config.generator.network.kwargs["widths"],
                "activation": "leaky_relu",
                "num_outputs": method.critic,
                "final_bias": False,
            },
        )
        penalties = {"r1": PenaltyConfig(weight=weight), "r2": PenaltyConfig(weight=weight)}
        if method.critic > 1:
            penalties = {"jacobian": PenaltyConfig(weight=weight)}
        generator = dataclasses.replace(
            config.generator,
            optimizer=rival.generator.optimizer,
            learning_rate=rival.generator.learning_rate,
            clip_norm=None,
        )
        config = dataclasses.replace(
            config,
            game=GameConfig(),
            loss=dataclasses.replace(config.loss, on="logits"),
            generator=generator,
            discriminator=dataclasses.replace(player, network=network),
            penalties=penalties,
        )
    settings: dict[str, Any] = {"data.name": cell.data, "data.batch_size": cell.batch}
    if cell.data != "spiral":
        settings |= {"steps": 5000, "data.kwargs.size": 10_000}
    for path, value in settings.items():
        config = override(config, path, value)
    return config


def median_distance(data: str) -> float:
    """Of 2,000 training points."""
    from scipy.spatial.distance import pdist

    from jaxgan.data import load

    return float(np.median(pdist(load(data).read(np.arange(2000)).real)))


class Seeds(NamedTuple):
    """Seeds of a config that train together.

    Attributes:
        run: The program of one of them.
        states: Of all.
        call: Steps of one dispatch.
        advance: states -> (states, metrics), compiled; the states are donated.
    """

    run: Any
    states: Any
    call: int
    advance: Any


def started(config: Config, seeds: int) -> Seeds:
    """So many seeds before their first step."""
    import jax
    import jax.numpy as jnp

    from jaxgan.runs.build import build
    from jaxgan.training import parallel

    run = build(config, parallel.make_mesh(jax.devices()[:1]))
    data, keys = jax.device_put(run.data()), jax.vmap(jax.random.key)(jnp.arange(seeds))
    fitted = [run.fit(key) for key in keys]
    references = None if fitted[0] is None else jax.tree.map(lambda *x: jnp.stack(x), *fitted)
    axes = (0, None if references is None else 0)
    states = jax.jit(jax.vmap(run.init, in_axes=axes))(keys, references)
    call = min(CALL, config.steps)
    advance = jax.jit(jax.vmap(lambda s: run.run_steps(s, data, call)), donate_argnums=0)
    return Seeds(run, states, call, advance.lower(states).compile())


def trained(config: Config, seeds: int) -> dict[str, Any]:
    """Figures of each seed, and the temporaries of a step."""
    import jax

    from jaxgan.evaluation import request
    from jaxgan.runs.loop import EVALUATION

    run, states, call, advance = started(config, seeds)
    analysis, finite = advance.memory_analysis(), np.ones(seeds, bool)
    for _ in range(config.steps // call):
        states, metrics = advance(states)
        finite &= np.isfinite(np.asarray(metrics["loss/generator"])).all(axis=1)

    def samples(state: Any) -> Any:
        return run.sample(state, jax.random.fold_in(state.key, EVALUATION), request(NUM_SAMPLES))

    points = np.asarray(jax.jit(jax.vmap(samples))(states))
    figures = [scored(run.source, x) for x in points]
    return {
        **{name: [figure[name] for figure in figures] for name in figures[0]},
        "steps": config.steps,
        "finite": finite.tolist(),
        "temporaries": getattr(analysis, "temp_size_in_bytes", 0) / seeds,
    }


def step_times(configs: Mapping[str, Config]) -> dict[str, float]:
    """The time of a step of one seed over that of TIMED: medians of rounds, one after the other."""
    import jax

    seeds = {label: started(override(c, "steps", ROUND), 1) for label, c in configs.items()}
    states = {label: of.states for label, of in seeds.items()}

    def advance(label: str) -> None:
        states[label] = jax.block_until_ready(seeds[label].advance(states[label]))[0]

    calls = {label: partial(advance, label) for label in configs}
    alternating(calls, 1, at_least=0)  # warms up
    times = alternating(calls, ROUNDS, at_least=0)
    return {label: ratio(took, times[TIMED]).median for label, took in times.items()}


def scored(source: Any, samples: np.ndarray) -> dict[str, float]:
    """The figures of one set of samples."""
    from jaxgan.metrics import curve_coverage, mixture_modes

    if source.curve is not None:
        return curve_coverage(samples, *source.curve)._asdict()
    modes = mixture_modes(samples, source.mixture.centers, source.mixture.sigma)
    return {name: float(value) for name, value in modes._asdict().items()}


def floor(cell: Cell) -> dict[str, list[float]]:
    """What held-out real samples score, ten times over."""
    from jaxgan.data import load, whole

    source = load(cell.data, split="test", kwargs={"size": 10 * NUM_SAMPLES})
    parts = np.split(np.asarray(whole(source).real), 10)
    figures = [scored(source, part) for part in parts]
    return {name: [figure[name] for figure in figures] for name in figures[0]}


def row(label: str, names: Sequence[str], figures: Mapping[str, Any]) -> str:
    """A line of the table."""
    cells = [label, *(interval(figures[name], 3) for name in names)]
    if "finite" in figures:
        lost = len(figures["finite"]) - sum(figures["finite"])
        cells += [
            f"{figures['step_time']:.2f}" if "step_time" in figures else "",
            f"{figures['temporaries'] / 2**20:.1f}",
            f"{lost} diverged" if lost else "",
        ]
    else:
        cells += ["", "", "real data"]
    return f"| {' | '.join(cells)} |"


def table(cell: Cell, results: Mapping[str, Any]) -> str:
    """The rows of one data set and batch size."""
    names, published = SHOWN[cell.data], cell.data == "spiral"
    head = ["method", *names, "step time", "MiB", "", *(["published"] if published else [])]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    rows = {label: row(label, names, results[label]) for label in METHODS if label in results}
    rows["floor"] = row("floor", names, floor(cell))
    for label, line in rows.items():
        theirs = PUBLISHED.get(label, {}).get(cell.batch, "")
        lines.append(f"{line} {theirs} |" if published else line)
    return "\n".join([f"**{cell}**", "", *lines, ""])


def write(cells: Sequence[Cell], results: Mapping[str, Any]) -> None:
    """Puts the tables of these cells into RESULTS.md."""
    document = DOCUMENT.read_text()
    for cell in cells:
        if str(cell) in results:
            document = insert(document, str(cell), table(cell, results[str(cell)]))
    DOCUMENT.write_text(document)


def is_of(figures: Mapping[str, Any], config: Config, seeds: int) -> bool:
    """Whether the figures are of so many steps and seeds."""
    return figures["steps"] == config.steps and len(figures["finite"]) == seeds


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is missing, and writes the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", default="spiral,ring,grid")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--batches", default="", help="of the spiral; default: 128,32,8")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    for name in options.data.split(","):
        if name not in CELLS:
            raise ConfigError(f"unknown data {name!r}; choose of: {', '.join(CELLS)}")
    cells = [cell for name in options.data.split(",") for cell in CELLS[name]]
    if options.batches:
        cells = [cell for cell in cells if str(cell.batch) in options.batches.split(",")]
    store = None if options.out is None else options.out.with_suffix(".json")
    results = json.loads(store.read_text()) if store is not None and store.exists() else {}
    if options.write:
        write(cells, results)
        return
    for cell in cells:
        of_cell = results.setdefault(str(cell), {})
        for label in options.methods.split(","):
            config = make_config(cell, METHODS[label])
            config = config if options.steps is None else override(config, "steps", options.steps)
            if label in of_cell and is_of(of_cell[label], config, options.seeds):
                continue
            of_cell[label] = trained(config, options.seeds)
            print(str(cell), row(label, SHOWN[cell.data], of_cell[label]), flush=True)
            if store is not None:
                store.parent.mkdir(parents=True, exist_ok=True)
                store.write_text(json.dumps(results, indent=1))
        if TIMED in of_cell and any("step_time" not in figures for figures in of_cell.values()):
            configs = {label: make_config(cell, METHODS[label]) for label in of_cell}
            for label, ratio in step_times(configs).items():
                of_cell[label]["step_time"] = ratio
            if store is not None:
                store.write_text(json.dumps(results, indent=1))
        text = table(cell, of_cell)
        print(text, flush=True)
    if options.out is not None:
        options.out.write_text("\n".join(table(cell, results[str(cell)]) for cell in cells))


if __name__ == "__main__":
    runtime.prepare()
    main()
