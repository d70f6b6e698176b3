"""Plots, drawn by matplotlib: data in, figures out."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from blurnet.report.figures.images import picture
from blurnet.report.words import short

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
    "figure.dpi": 200,
}
COLOURS = {"accuracy": "#0b5cad", "mean": "#c2500a", "worst": "#8a2b86"}
MARKERS = {"accuracy": "o", "mean": "s", "worst": "^"}

APART = ("#0b5cad", "#c2500a", "#8a2b86", "#2f7d4f", "#8c6d00", "#6b7280", "#b3261e", "#0e7c86")


@dataclass(frozen=True)
class Point:
    """A share at ``x``, with its 95 % interval."""

    x: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A share over something: its name, its points, and the share without it, drawn dotted."""

    name: str
    points: tuple[Point, ...]
    without: float | None = None


def alpha_curves(title: str, curves: Mapping[str, Curve]) -> Figure:
    """Draw shares over a penalty's weight, intervals as bands, the unpenalised network dotted.

    Args:
        title: what is penalised.
        curves: a key of ``COLOURS`` → the curve. α may be 0: it stands left of the smallest other
            one.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        axes = figure.subplots()
        zero = _logarithmic(axes, [point.x for c in curves.values() for point in c.points])
        for key, curve in curves.items():
            _band(axes, curve.points, zero, curve.name, COLOURS[key], MARKERS[key])
            if curve.without is not None:
                axes.axhline(100 * curve.without, color=COLOURS[key], linestyle=":", linewidth=1)
        axes.set(title=textwrap.fill(title, 48), xlabel="α", ylabel="%", ylim=(-3, 103))
        figure.legend(loc="outside lower center", ncols=len(curves), fontsize=8)
        return figure


def setting_curves(title: str, setting: str, curves: Sequence[Curve]) -> Figure:
    """Draw a share over a setting, intervals as bands.

    Args:
        title: what the share is.
        setting: what it is drawn over: λ, steps, the mask's area.
        curves: each of at least two points.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.1 + 0.16 * len(curves)), layout="constrained")
        axes = figure.subplots()
        x = sorted({point.x for curve in curves for point in curve.points})
        zero = 0.0
        if x[0] >= 0 and x[-1] > 20 * (x[0] or x[1]):
            zero = _logarithmic(axes, x)
        else:
            axes.set_xticks(x, [short(value) for value in x])
        for place, curve in enumerate(curves):
            points = sorted(curve.points, key=lambda point: point.x)
            _band(axes, points, zero, curve.name, *told_apart(place))
        axes.set(title=textwrap.fill(title, 48), xlabel=setting, ylabel="%", ylim=(-3, 103))
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        return figure


def loss_curves(title: str, series: Mapping[str, Sequence[float]], step: str = "step") -> Figure:
    """Draw losses over their steps; logarithmic where all are above 0.

    Args:
        title: what is minimised.
        series: name → a value for each step, not a number where there was none.
        step: what a step is.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.1 + 0.16 * (len(series) > 1) * len(series)))
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        for place, (name, values) in enumerate(series.items()):
            steps = range(1, len(values) + 1)
            axes.plot(steps, values, color=told_apart(place)[0], label=name, linewidth=1.4)
        if not any(value <= 0 for values in series.values() for value in values):
            axes.set_yscale("log")
        axes.set(title=textwrap.fill(title, 48), xlabel=step, ylabel="loss")
        if len(series) > 1:
            figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        return figure


def picture_sheet(
    title: str, columns: Sequence[str], rows: Mapping[str, Sequence[tuple[Tensor, str]]]
) -> Figure:
    """Lay out photographs: a row for each network, an answer below each.

    Args:
        title: what was done to them.
        columns: the photographs' names.
        rows: name → an image, as ``picture`` takes it, and the answer, for each column; all of one
            size.

    """
    with mpl.rc_context(STYLE | {"axes.grid": False, "font.size": 6}):
        height, width = next(iter(rows.values()))[0][0].shape[-2:]
        tile = (round(1.3 * height), round(1.1 * width))
        page = np.full((tile[0] * len(rows), tile[1] * len(columns), 3), 255, np.uint8)
        figure = Figure(
            figsize=(len(columns) + 1.3, 1.2 * len(rows) + 0.5), layout="constrained", dpi=100
        )
        axes = figure.subplots()
        for line, shots in enumerate(rows.values()):
            for column, (image, answer) in enumerate(shots):
                top, left = line * tile[0], column * tile[1]
                shown = np.asarray(picture(image).convert("RGB"))
                page[top : top + height, left : left + width] = shown
                below = (left + width / 2, top + height)
                axes.annotate(answer, below, ha="center", va="top", fontsize=6)
        axes.imshow(page, interpolation="none")
        middles = [line * tile[0] + height / 2 for line in range(len(rows))]
        axes.set_yticks(middles, [textwrap.fill(name, 18, max_lines=4) for name in rows])
        names = [textwrap.shorten(name, 18, placeholder="…") for name in columns]
        axes.set_xticks([column * tile[1] + width / 2 for column in range(len(columns))], names)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.set_title(title, fontsize=8)
        return figure


def kernel_sheet(kernels: Tensor, responses: Tensor, count: int = 12) -> Figure:
    """Draw learned kernels, and below each what frequencies it lets through.

    Args:
        kernels: K × k × k.
        responses: K × s × s, at least 0, zero frequency in the middle.
        count: how many to draw, spread evenly over the channels.

    """
    with mpl.rc_context(STYLE | {"axes.grid": False, "font.size": 7}):
        places = np.unique(np.linspace(0, len(kernels) - 1, count).round().astype(int)).tolist()
        figure = Figure(figsize=(0.72 * len(places) + 0.9, 1.9), layout="constrained")
        above, below = figure.subplots(2, 1)
        most, highest = float(kernels.abs().max()), float(responses.max())
        scales: Any = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
        titles = [f"map {place}" for place in places]
        weights = above.imshow(_side_by_side(above, kernels[places], titles), **scales)
        through = below.imshow(
            _side_by_side(below, responses[places], [""] * len(places)), vmin=0, vmax=highest
        )
        above.set_ylabel("weights")
        below.set_ylabel("response")
        figure.colorbar(weights, ax=above, fraction=0.02, pad=0.01)
        figure.colorbar(through, ax=below, fraction=0.02, pad=0.01)
        return figure


def _side_by_side(axes: Axes, panels: Tensor, titles: Sequence[str]) -> npt.NDArray[np.float64]:
    """Join square panels in one row, a gap between them, and name each on the axis above it."""
    size = panels.shape[-1]
    gap = max(1, round(size / 8))
    row = np.full((size, len(panels) * (size + gap) - gap), np.nan)
    starts = [place * (size + gap) for place in range(len(panels))]
    for start, panel in zip(starts, panels, strict=True):
        row[:, start : start + size] = panel.numpy()
    axes.set_xticks([start + (size - 1) / 2 for start in starts], titles)
    axes.tick_params(top=False, bottom=False, labeltop=True, labelbottom=False)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return row


def svg(figure: Figure) -> bytes:
    """Write a figure as a page shows it: text stays text, and the same figure gives the same."""
    content = BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def _band(
    axes: Axes, points: Sequence[Point], zero: float, name: str, colour: str, marker: str
) -> None:
    x = [point.x or zero for point in points]
    value, low, high = 100 * np.array([(p.value, p.low, p.high) for p in points]).T
    axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, value, color=colour, marker=marker, markersize=4, label=name)


def _logarithmic(axes: Axes, x: Sequence[float]) -> float:
    """Make the axis logarithmic; give where 0 stands on it, left of the smallest other value."""
    zero = min((value for value in x if value > 0), default=1.0) / 10
    axes.set_xscale("log")
    ticks = sorted(set(x))
    axes.set_xticks([value or zero for value in ticks], [short(value) for value in ticks])
    axes.minorticks_off()
    return zero


def told_apart(place: int) -> tuple[str, str]:
    """Give a colour and a marker to the curve in this place."""
    return APART[place % len(APART)], "os^Dv<>P"[place % 8]
