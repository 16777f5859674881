"""Shows a comparison: tables on the console and in Markdown, and a picture of all seeds."""

import io
import math
from collections.abc import Sequence

import rich.box
import rich.console
import rich.markup
import rich.table

from jaxgan.config import Config, differences, get
from jaxgan.files import write, write_text
from jaxgan.studies.comparison import LEVEL, Comparison
from jaxgan.studies.statistics import Interval

_UNKNOWN = "–"
_FLOOR = "real data"
_MIB = 2**20

_FILE_WIDTH = 120  # of tables that go to a file or another program
_BELOW = 0.2  # of a row's dots, its mean and interval
_SHOWN_CHANGES = 5  # of a variant's config

Table = tuple[list[str], list[list[str]]]  # a head, and rows


def write_report(comparison: Comparison) -> None:
    """Writes comparison.md and comparison.png, whole or not at all."""
    write_text(comparison.workdir / "comparison.md", markdown(comparison))
    write(comparison.workdir / "comparison.png", picture(comparison))


def print_tables(comparison: Comparison) -> None:
    """Prints the tables, and what was lost."""
    console = rich.console.Console(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for title, (head, rows) in tables(comparison).items():
        console.print(f"\n{title}", markup=False)
        table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False)
        for name in head:
            table.add_column(rich.markup.escape(name), overflow="fold")
        for row in rows:
            table.add_row(*map(rich.markup.escape, row))
        console.print(table)
    for line in lost(comparison):
        console.print(line, markup=False)


def markdown(comparison: Comparison) -> str:
    """The tables, what was lost, how variants differ, and how the figures were found."""
    parts = []
    for title, (head, rows) in tables(comparison).items():
        lines = [head, ["---"] * len(head), *rows]
        cells = ([cell.replace("|", "/") for cell in line] for line in lines)
        parts += [f"{title}:", "\n".join(f"| {' | '.join(line)} |" for line in cells)]
    return "\n\n".join([*parts, *lost(comparison), *changes(comparison), *notes(comparison)]) + "\n"


def tables(comparison: Comparison) -> dict[str, Table]:
    """The tables by title: the variants, and what can be said of their differences."""
    return {
        score_title(comparison): scores(comparison),
        f"Against {comparison.baseline}": claims(comparison),
    }


def score_title(comparison: Comparison) -> str:
    """The score, and which of its values are better."""
    better = "higher" if comparison.higher_is_better else "lower"
    return f"{comparison.score.removeprefix('eval/')}, {better} is better"


def scores(comparison: Comparison) -> Table:
    """Means, their spread, and what a step costs, a variant a row; the last is of real data."""
    head = ["variant", "mean", "seeds", "sd training", "sd sampling", "ms/step", "MiB/step"]
    rows = []
    for label, variant in comparison.variants.items():
        seconds, size = variant.step_seconds, variant.step_bytes
        cells = [label, _interval(variant.mean), f"{len(variant.scores)} of {comparison.num_seeds}"]
        cells += map(_number, variant.spread)
        cells += [_UNKNOWN if seconds is None else _number(1000 * seconds)]
        cells += [_UNKNOWN if size is None else _number(size / _MIB)]
        rows.append(cells)
    if comparison.floor is not None:
        rows.append([_FLOOR, str(comparison.floor), *[""] * (len(head) - 2)])
    return head, rows


def claims(comparison: Comparison) -> Table:
    """Differences from the baseline and verdicts, a variant a row."""
    rows = []
    for label, verdict in comparison.verdicts.items():
        difference, (odds, low, high) = verdict.difference, verdict.superiority
        rows.append(
            [
                label,
                _interval(difference.corrected),
                _p_value(difference.p_corrected),
                _p_value(difference.p_sign_flip),
                f"{odds:.2f} [{low:.2f}, {high:.2f}]",
                str(verdict),
            ]
        )
    return ["variant", "difference", "p", "p of signs", "P(better)", "verdict"], rows


def lost(comparison: Comparison) -> list[str]:
    """A line for each variant that lost runs."""
    return [
        f"{label} lost {len(variant.lost)} of {comparison.num_seeds} runs: "
        + ", ".join(f"seed {seed} ({what})" for seed, what in variant.lost.items())
        + "."
        for label, variant in comparison.variants.items()
        if variant.lost
    ]


def changes(comparison: Comparison) -> list[str]:
    """A line for each variant: how its config differs from the baseline's."""
    baseline = comparison.configs[comparison.baseline]
    lines = []
    for label, config in comparison.configs.items():
        found = [
            f"`{path}` {_at(config, path)} instead of {_at(baseline, path)}"
            for path in differences(baseline, config)
        ]
        hidden = len(found) - _SHOWN_CHANGES
        found = [*found[:_SHOWN_CHANGES], f"and {hidden} more"] if hidden > 0 else found
        lines += [f"{label}: {', '.join(found)}."] if found else []
    return lines


def notes(comparison: Comparison) -> list[str]:
    """How the figures were found, a paragraph a table."""
    methods = dict.fromkeys(v.mean.method for v in comparison.variants.values() if v.mean.method)
    percent, first, last = f"{100 * LEVEL:g} %", comparison.seeds[0], comparison.seeds[-1]
    many = _plural(len(comparison.verdicts), "comparison")
    times = _plural(comparison.samplings, "evaluation")
    return [
        f"Means are over training seeds {first} to {last}, with {percent} intervals "
        f"({', '.join(methods) or 'no run finished'}); the score of a seed is the mean of {times} "
        f"of its final averaged weights, each of {comparison.num_samples:,} new samples. Standard "
        "deviations are variance components: of training again with another seed, and of "
        "evaluating again with other samples. ms/step is the median over seeds, without "
        "compilation and evaluations; MiB/step counts the arguments and temporaries of one "
        "compiled step on one device, as XLA does. "
        f'"{_FLOOR}" is what real samples score in the place of generated ones.',
        "Differences are paired by seed, with intervals and p-values by Student's t, corrected for "
        f"{many} by Holm's procedure: an interval holds zero where nothing can be claimed. "
        "The p of signs is that of the exact permutation test, uncorrected; it decides nothing. "
        "P(better) is the share of pairs of runs in which the variant beats "
        f"{comparison.baseline}, with Newcombe's {percent} interval; a lost run loses. An "
        "inconclusive verdict says how many more seeds would settle a difference of the present "
        "size, with a chance of 80 % (normal approximation).",
    ]


def picture(comparison: Comparison) -> bytes:
    """A PNG: a dot for each seed, the mean and its interval, and the line of real data."""
    # Not above: a second that nobody needs who only asks for help.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(comparison.variants)
    figure = Figure(figsize=(6.4, 1.2 + 0.45 * count), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for row, variant in enumerate(comparison.variants.values()):
        values = [float(scores.mean()) for scores in variant.scores.values()]
        axes.plot(values, [row] * len(values), "o", color="#777777", markersize=4, alpha=0.6)
        value, low, high, _ = variant.mean
        below = row + _BELOW
        if math.isfinite(low):
            axes.plot([low, high], [below, below], color="#c0392b", linewidth=1.5)
        axes.plot([value], [below], "D", color="#c0392b", markersize=4)
    if comparison.floor is not None:
        axes.axvline(comparison.floor.value, color="#2c7fb8", linestyle=":", label=_FLOOR)
        figure.legend(frameon=False, loc="outside upper right")
    axes.set_yticks(range(count), labels=list(comparison.variants))
    axes.set(ylim=(count - 0.5, -0.5))
    axes.set_xlabel(score_title(comparison))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _interval(interval: Interval) -> str:
    """The value and the ends, to two digits of half the width."""
    value, low, high, _ = interval
    if not math.isfinite(low):
        return _number(value)
    decimals = _decimals((high - low) / 2)
    shown: Sequence[float] = [round(x, decimals) + 0.0 for x in (value, low, high)]
    value, low, high = (f"{x:.{max(0, decimals)}f}" for x in shown)
    return f"{value} [{low}, {high}]"


def _decimals(size: float) -> int:
    """Places after the point for two digits of a size above 0."""
    return 1 - math.floor(math.log10(size))


def _number(x: float) -> str:
    return f"{x:.3g}" if math.isfinite(x) else _UNKNOWN


def _at(config: Config, path: str) -> str:
    """The value of a field as text; of one that this config lacks, "none"."""
    try:
        return repr(get(config, path))
    except KeyError:
        return "none"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< .001"
