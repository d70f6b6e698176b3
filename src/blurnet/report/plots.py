"""Plots as SVG, drawn by matplotlib; data in, bytes out."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from .words import short

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "blurnet",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d5d9e0",
    "legend.frameon": False,
}
COLOURS = {"accuracy": "#0b5cad", "mean": "#c2500a", "worst": "#8a2b86"}
MARKERS = {"accuracy": "o", "mean": "s", "worst": "^"}

Point = tuple[float, float, float, float]
"""x, and a share with its interval: value, low, high."""


def alpha_curves(
    title: str, series: Mapping[str, tuple[str, Sequence[Point]]], baseline: Mapping[str, float]
) -> bytes:
    """Draw shares over a penalty's weight, intervals as bands, the unpenalised network dotted.

    Args:
        title: what is penalised.
        series: a key of ``COLOURS`` → the curve's name, and its points. α may be 0: it stands left
            of the smallest other one.
        baseline: a key of ``COLOURS`` → the share of the network without the penalty.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = figure.subplots()
        alphas = sorted({point[0] for _, points in series.values() for point in points})
        least = min((alpha for alpha in alphas if alpha > 0), default=1.0)
        for key, (name, points) in series.items():
            x = [alpha or least / 10 for alpha, *_ in points]
            value, low, high = 100 * np.array(points).T[1:]
            axes.fill_between(x, low, high, color=COLOURS[key], alpha=0.15, linewidth=0)
            axes.plot(x, value, color=COLOURS[key], marker=MARKERS[key], markersize=4, label=name)
            if key in baseline:
                axes.axhline(100 * baseline[key], color=COLOURS[key], linestyle=":", linewidth=1)
        axes.set_xscale("log")
        ticks = [alpha or least / 10 for alpha in alphas]
        axes.set_xticks(ticks, [short(alpha) for alpha in alphas])
        axes.minorticks_off()
        axes.set(title=title, xlabel="α", ylabel="%", ylim=(-3, 103))
        figure.legend(loc="outside lower center", ncols=len(series), fontsize=8)
        return _svg(figure)


def kernel_sheet(kernels: Tensor, responses: Tensor, count: int = 12) -> bytes:
    """Draw learned kernels, and below each what frequencies it lets through.

    Args:
        kernels: K × k × k.
        responses: K × s × s, at least 0, zero frequency in the middle.
        count: how many to draw, spread evenly over the channels.

    """
    with mpl.rc_context(STYLE | {"axes.grid": False, "font.size": 7}):
        places = np.unique(np.linspace(0, len(kernels) - 1, count).round().astype(int))
        figure = Figure(figsize=(0.72 * len(places) + 0.7, 1.75), layout="constrained")
        axes = figure.subplots(2, len(places), squeeze=False)
        most = float(kernels.abs().max())
        highest = float(responses.max())
        for column, place in enumerate(places.tolist()):
            above, below = axes[:, column]
            weights = above.imshow(kernels[place].numpy(), cmap="RdBu_r", vmin=-most, vmax=most)
            through = below.imshow(responses[place].numpy(), cmap="viridis", vmin=0, vmax=highest)
            above.set_title(f"map {place}", fontsize=7)
            for each in (above, below):
                each.set(xticks=[], yticks=[])
        axes[0, 0].set_ylabel("weights")
        axes[1, 0].set_ylabel("response")
        figure.colorbar(weights, ax=axes[0], fraction=0.02, pad=0.01)
        figure.colorbar(through, ax=axes[1], fraction=0.02, pad=0.01)
        return _svg(figure)


def _svg(figure: Figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()
