"""Trains what RESULTS.md shows, and writes its tables: a row, and a seed, at a time.

    python benchmarks/results.py [--tables NAME ...] [--rows LABEL ...] [--seeds N]
        [--list] [--write] [--folder DIR]

Each run is the command of its row, with a seed and a folder of its own under --folder. When it has
ended, its figures go to results.json beside this script, with the command, the hardware and the
date, and the tables in RESULTS.md are written anew. What is there is not run again, unless the
command of its row has changed; an interrupted run goes on. First come all rows with one seed, then
all with the next. --list says what is missing, and --write only writes the tables.

The row "real data" is what held-out samples score in the place of generated ones, by `jaxgan eval`.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tables import hardware, insert, interval

ROOT = Path(__file__).parent.parent
STORE = Path(__file__).with_suffix(".json")
DOCUMENT = ROOT / "RESULTS.md"
FLOOR = "real data"

# seed -> {"command", "figures", "steps", "minutes", "hardware", "date"}
Records = Mapping[str, Mapping[str, Any]]


class Row(NamedTuple):
    """A command, and what is said of it.

    Attributes:
        label: Its name in the table.
        command: The experiment and its flags, without those of the table.
        published: A figure to compare with, and whose it is.
    """

    label: str
    command: str
    published: str = ""


class Score(NamedTuple):
    """A column.

    Attributes:
        head: Its title.
        name: In metrics.jsonl.
        digits: After the decimal point.
        factor: 100 for a share in percent.
    """

    head: str
    name: str
    digits: int
    factor: float = 1.0


class Table(NamedTuple):
    """Rows that are compared.

    Attributes:
        scores: Its columns.
        rows: Its rows.
        flags: Those of every command.
        seeds: How many runs a row.
        evaluation: Flags of `jaxgan eval`, whose figures stand in the place of the run's own.
    """

    scores: tuple[Score, ...]
    rows: tuple[Row, ...]
    flags: str = ""
    seeds: int = 3
    evaluation: str = ""


FID = Score("classifier FID", "eval/classifier_fid", 2)
KID = Score("KID", "eval/classifier_kid", 3)
CLASSES = Score("classes", "eval/classes", 1)
CLASS_KL = Score("KL of classes", "eval/class_kl", 4)
AGREEMENT = Score("read as asked, %", "eval/class_agreement", 1, 100)
RECONSTRUCTION = Score("reconstruction error", "eval/reconstruction_mse", 4)
VENDI = Score("Vendi score", "eval/classifier_vendi_score", 2)
MODES = Score("modes", "eval/modes", 1)
HIGH_QUALITY = Score("high quality, %", "eval/high_quality", 1, 100)
SPREAD = Score("std / sigma", "eval/std_ratio", 3)
REVERSE_KL = Score("reverse KL", "eval/reverse_kl", 4)

_PIXELS = "mnist_drifting --loss.on images --loss.label-scale 20"
_RANDOM = "mnist_drifting --loss.on frozen:random_conv --loss.label-scale 2"
_CODES = "mnist_drifting --loss.on frozen:autoencoder --loss.label-scale 4"
_FLOOR_FLAGS = "--metrics fid,kid,class_coverage --num-samples 10000"
_PLAIN = "mnist_kernel_gan --loss.name mmd_gaussian"
_DECODED = (
    "--game.name mmd_gan --networks.decoder.network.name dcgan --penalties.witness.weight 0 "
    "--loss.name mmd_gaussian_mixture --discriminator.clip-weights 0.01"
)
_RIVAL = "mnist_conditional --terms.classes.weight 0 --discriminator.network.kwargs.width 16"


def _on(view: str, command: str, losses: Sequence[str]) -> Iterator[Row]:
    for loss in losses:
        yield Row(f"{loss}, {view}", f"{command} --loss.name {loss}")


TABLES = {
    "mixtures": Table(
        scores=(MODES, HIGH_QUALITY, SPREAD, REVERSE_KL),
        rows=(
            Row("ring: relativistic pairing, R1 + R2", "ring", "7.9 +- .1 modes, 95.6 % (PacGAN2)"),
            Row("ring: MMD of the points", "ring_mmd"),
            Row(
                "grid: relativistic pairing, R1 + R2", "grid", "24.8 +- .2 modes, 93.6 % (PacGAN4)"
            ),
        ),
        seeds=10,
    ),
    "mnist": Table(
        scores=(FID, CLASSES, CLASS_KL, AGREEMENT, RECONSTRUCTION),
        rows=(
            Row("dense GAN", "mnist_mlp"),
            Row("DCGAN", "mnist_dcgan"),
            Row("WGAN, clipped", "mnist_wgan"),
            Row("WGAN-GP", "mnist_wgan_gp"),
            Row("VAE", "mnist_vae"),
            Row("VAE-GAN", "mnist_vaegan"),
            Row("WAE-MMD", "mnist_wae"),
            Row("conditional GAN", "mnist_conditional"),
            Row("correlations of features", "mnist_correlation"),
            Row("MMD GAN", "mnist_mmd_gan"),
            Row("MMD GAN with a decoder", f"mnist_mmd_gan {_DECODED}"),
            Row("GMMN", "mnist_gmmn"),
            Row("score drift", "mnist_drifting"),
            Row("reference MMD", "mnist_reference_mmd"),
            Row("Frechet distance", "mnist_frechet"),
        ),
    ),
    "bandwidths": Table(
        scores=(FID, CLASSES, CLASS_KL),
        rows=(
            Row("five, repulsive", "mnist_kernel_gan"),
            Row("learned", f"{_PLAIN} --discriminator.network.kwargs.learned-bandwidth true"),
            Row("1", _PLAIN),
            Row("0.2", f"{_PLAIN} --loss.kwargs.bandwidth 0.2"),
            Row("5", f"{_PLAIN} --loss.kwargs.bandwidth 5"),
            Row("the median", "mnist_kernel_gan --loss.name mmd_median"),
            Row("4 to 0.5", f"{_PLAIN} --loss.kwargs.bandwidth 4 --loss.kwargs.bandwidth.end 0.5"),
        ),
    ),
    "similarity": Table(
        scores=(FID, CLASSES, CLASS_KL, VENDI),
        rows=(
            Row("L2 of means, kept at a target", "mnist_similarity"),
            Row("L2 of means, a fixed weight", "mnist_similarity --controllers.similarity.rate 0"),
            Row(
                "without",
                "mnist_similarity --controllers.similarity.rate 0 --terms.similarity.weight 0.001",
            ),
        ),
        seeds=5,
    ),
    "few images": Table(
        scores=(FID, KID),
        rows=(
            Row("DiffAugment", "mnist_few"),
            Row("none", "mnist_few --augmentation none"),
        ),
        evaluation="--real mnist --metrics fid,kid --num-samples 10000",
    ),
    "semi-supervised": Table(
        scores=(Score("test error, %", "eval/test_error", 2, 100),),
        rows=(
            Row("MNIST, 100 labels", "mnist_semi_supervised", ".93 +- .07 (Salimans et al.)"),
            Row("8 x 8 digits, 100 labels", "digits_semi_supervised"),
        ),
    ),
    "matching on mnist": Table(
        scores=(FID, KID, CLASSES, CLASS_KL, AGREEMENT),
        rows=(
            *_on(
                "pixels",
                _PIXELS,
                (
                    "score_drift",
                    "drifting",
                    "mmd_nystroem",
                    "mmd_fourier",
                    "energy_distance",
                    "sinkhorn_drift",
                    "sliced_wasserstein",
                ),
            ),
            *_on("random convolutions", _RANDOM, ("score_drift", "drifting", "mmd_nystroem")),
            *_on("an autoencoder", _CODES, ("score_drift", "drifting", "mmd_nystroem", "frechet")),
            Row("hinge and projection, adversarial", _RIVAL),
            Row(
                "mmd_repulsive, MMD GAN",
                "mnist_conditional --terms.classes.weight 0 --loss.name mmd_repulsive "
                "--discriminator.network.kwargs.width 16 "
                "--discriminator.network.kwargs.num-outputs 16 "
                "--discriminator.network.kwargs.conditioning concat",
            ),
        ),
        flags="--steps 1000 --batch-size 256 --generator.network.kwargs.width 16 "
        "--num-eval-samples 10000 --eval-every 0 --sample-every 0 --checkpoint-every 500",
    ),
}


def command_of(table: Table, row: Row) -> str:
    """What a row runs, but for the seed and the folder."""
    return f"python -m experiments.{row.command} {table.flags}".strip()


def missing(
    tables: Mapping[str, Table],
    results: Mapping[str, Any],
    labels: Sequence[str],
    seeds: int | None,
) -> Iterator[tuple[str, Row, int]]:
    """What is to be run: the table, the row and the seed, all first seeds first."""
    most = max((seeds or table.seeds for table in tables.values()), default=0)
    for seed in range(most):
        for name, table in tables.items():
            for row in table.rows:
                wanted = seed < (seeds or table.seeds) and (not labels or row.label in labels)
                found = results.get(name, {}).get(row.label, {}).get(str(seed))
                if wanted and (found is None or found["command"] != command_of(table, row)):
                    yield name, row, seed


def trained(command: str, seed: int, folder: Path, evaluation: str) -> dict[str, Any]:
    """Runs a command to its end; what is recorded of it.

    Raises:
        RuntimeError: It failed, with its last words.
    """
    arguments = [*shlex.split(command)[1:], "--seed", str(seed), "--workdir", str(folder)]
    _call(arguments)
    summary = json.loads((folder / "summary.json").read_text())
    figures = {k: v for k, v in summary["metrics"].items() if k.startswith("eval/")}
    return {
        "command": command,
        "figures": evaluated(folder, evaluation, "generated") if evaluation else figures,
        "steps": summary["step"],
        "minutes": round(summary["wall_time"] / 60, 1),
        "hardware": hardware(),
        "date": time.strftime("%Y-%m-%d"),
    }


def evaluated(folder: Path, flags: str, side: str) -> dict[str, float]:
    """What `jaxgan eval` says of a run, or with "real" of held-out samples in their place."""
    out = folder / "results.json"
    _call(["-m", "jaxgan", "eval", str(folder), *shlex.split(flags), "--out", str(out)])
    figures = json.loads(out.read_text())["figures"]
    return {f"eval/{name}": of[side]["value"] for name, of in figures.items() if of[side]}


def _call(arguments: Sequence[str]) -> None:
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise RuntimeError(said[-1])


def line(table: Table, row: Row, records: Records) -> str:
    """A row of a table: figures over all seeds that were run with the row's present command."""
    own = [of for _, of in sorted(records.items()) if of["command"] == command_of(table, row)]
    cells = [row.label, f"`{row.command}`"]
    for score in table.scores:
        values = [of["figures"][score.name] for of in own if score.name in of["figures"]]
        scaled = [score.factor * value for value in values]
        cells.append(interval(scaled, score.digits) if scaled else "")
    measured = sorted({f"{of['hardware']}, {of['date']}" for of in own})
    minutes = interval([of["minutes"] for of in own], 0).partition(" ")[0] if own else ""
    published = [row.published] if any(r.published for r in table.rows) else []
    cells += [*published, str(len(own)) if own else "not run", minutes, "; ".join(measured)]
    return f"| {' | '.join(cells)} |"


def rendered(table: Table, results: Mapping[str, Records]) -> str:
    """A table in Markdown, and the flags of all its commands."""
    published = ["published"] if any(row.published for row in table.rows) else []
    scores = [score.head for score in table.scores]
    head = ["", "`python -m experiments.`", *scores, *published, "seeds", "minutes", "measured"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [line(table, row, results.get(row.label, {})) for row in table.rows]
    if FLOOR in results:
        found = results[FLOOR]["0"]["figures"]
        known = [
            f"{score.factor * found[score.name]:.{score.digits}f}" if score.name in found else ""
            for score in table.scores
        ]
        cells = [FLOOR, "", *known, *([""] * (len(head) - 2 - len(known)))]
        lines.append(f"| {' | '.join(cells)} |")
    flags = f"Each with `{table.flags} --seed S`, S from 0.\n\n" if table.flags else ""
    return flags + "\n".join(lines)


def written(results: Mapping[str, Any]) -> None:
    """Puts every table into RESULTS.md."""
    document = DOCUMENT.read_text()
    for name, table in TABLES.items():
        document = insert(document, name, rendered(table, results.get(name, {})))
    DOCUMENT.write_text(document)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing, and writes the tables after each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--rows", nargs="+", default=[])
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "results")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    tables = {name: TABLES[name] for name in options.tables}
    results = json.loads(STORE.read_text()) if STORE.exists() else {}
    todo = list(missing(tables, results, options.rows, options.seeds))
    if options.list or options.write:
        for name, row, seed in todo if options.list else []:
            print(f"{name}: {row.label}: seed {seed}")
        if options.write:
            written(results)
        return
    failed = False
    for name, row, seed in todo:
        folder = options.folder / name.replace(" ", "-") / row.label.replace(" ", "-") / str(seed)
        of_table = results.setdefault(name, {})
        try:
            table = tables[name]
            record = trained(command_of(table, row), seed, folder, table.evaluation)
            if FLOOR not in of_table and FID in table.scores:
                flags = table.evaluation or _FLOOR_FLAGS
                of_table[FLOOR] = {"0": {"figures": evaluated(folder, flags, "real")}}
        except RuntimeError as error:
            print(f"{name}: {row.label}, seed {seed}: {error}", file=sys.stderr, flush=True)
            failed = True
            continue
        of_table.setdefault(row.label, {})[str(seed)] = record
        STORE.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        written(results)
        print(line(tables[name], row, of_table[row.label]), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
