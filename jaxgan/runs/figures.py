"""Figures of samples that are no images: a scatter plot of points, or waveforms as curves."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from jaxgan.runs.sounds import NUM_WAVES


def scatter(fake: np.ndarray, real: np.ndarray | None = None) -> Figure:
    """Generated points [m, d] over real ones [n, d], on the axes of the real ones.

    Of points in more than two dimensions the first two are shown; of numbers, histograms.
    """
    figure = Figure(figsize=(5, 5.3), dpi=120, layout="constrained")
    kinds = {"real": (real, "#bbbbbb", 1.0), "generated": (fake, "#c0392b", 0.6)}
    shown = {name: kind for name, kind in kinds.items() if kind[0] is not None}
    if fake.shape[1] == 1:
        axes = figure.add_subplot()
        for name, (points, colour, alpha) in shown.items():
            axes.hist(points[:, 0], bins=50, density=True, color=colour, alpha=alpha, label=name)
    else:
        axes = figure.add_subplot(aspect="equal")
        for name, (points, colour, alpha) in shown.items():
            x, y = points[:, :2].T
            axes.scatter(x, y, s=4, c=colour, linewidths=0, alpha=alpha, label=name)
        reach = 1.25 * np.abs((fake if real is None else real)[:, :2]).max()
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    figure.legend(loc="outside upper center", ncols=2, markerscale=3, frameon=False)
    return figure


def curves(fake: np.ndarray, real: np.ndarray | None, sample_rate: int) -> Figure:
    """The first generated waveforms [m, length] against time, beside real ones [n, length]."""
    kinds = {"real": (real, "#777777"), "generated": (fake, "#c0392b")}
    shown = {name: kind for name, kind in kinds.items() if kind[0] is not None}
    rows = min(NUM_WAVES, *(len(waves) for waves, _ in shown.values()))
    size = (3.5 * len(shown), 0.8 + 0.7 * rows)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    grid = figure.subplots(rows, len(shown), sharex=True, sharey=True, squeeze=False)
    milliseconds = np.arange(fake.shape[1]) * 1000 / sample_rate
    for column, (name, (waves, colour)) in zip(grid.T, shown.items(), strict=True):
        for axes, curve in zip(column, waves, strict=False):
            axes.plot(milliseconds, curve, color=colour, linewidth=0.9)
        column[0].set(title=name, ylim=(-1.05, 1.05))
        column[-1].set(xlabel="ms")
    return figure


def drawn(figure: Figure) -> Image.Image:
    """The pixels of a figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
