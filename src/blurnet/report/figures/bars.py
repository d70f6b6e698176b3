"""Bars with intervals, drawn by matplotlib: data in, figures out."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from blurnet.evaluation import Rate
from blurnet.report.figures.plots import COLOURS, STYLE, told_apart
from blurnet.report.words import Bounded

Bar = tuple[str, Rate, float | None, float | None, float | None]
"""A name, a rate; what was published, what the strongest control does, and filling the place in."""

Mark = tuple[float, Bounded] | None
"""A share and its interval, where it was measured."""


def rate_bars(title: str, bars: Sequence[Bar]) -> Figure:
    """Draw shares as bars, from the top, with their intervals.

    What was published is a diamond, the strongest control a dashed line, the ceiling a dotted one.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 0.9 + 0.27 * len(bars)), layout="constrained")
        axes = figure.subplots()
        for place, (_, rate, published, control, ceiling) in enumerate(bars):
            limits = [100 * rate.low, 100 * rate.high]
            axes.barh(place, 100 * rate.value, color=COLOURS["mean"], alpha=0.65, height=0.62)
            axes.plot(limits, [place, place], color="#1a1d23", linewidth=1.3)
            for share, line in ((control, "--"), (ceiling, ":")):
                if share is not None:
                    across = [place - 0.42, place + 0.42]
                    axes.plot([100 * share] * 2, across, line, color="#0b5cad", linewidth=1.6)
            if published is not None:
                axes.plot(100 * published, place, "D", color="white", mec="#1a1d23", markersize=5)
        axes.set_yticks(range(len(bars)), [name for name, *_ in bars])
        figure.suptitle(textwrap.fill(title, 52), fontsize="large")
        axes.set(xlabel="%", xlim=(0, 100), ylim=(len(bars) - 0.5, -0.5))
        axes.grid(visible=False, axis="y")
        return figure


def compared_rates(title: str, rows: Sequence[str], runs: Mapping[str, Sequence[Mark]]) -> Figure:
    """Draw the same shares of several runs, one below the other for each row, with intervals.

    Args:
        title: what the shares are.
        rows: their names, from the top.
        runs: run → for each row a share and its interval, or None.

    """
    with mpl.rc_context(STYLE):
        height = 1 + (0.16 * len(runs) + 0.14) * len(rows) + 0.16 * len(runs)
        figure = Figure(figsize=(5.8, height), layout="constrained")
        axes = figure.subplots()
        for place, (run, found) in enumerate(runs.items()):
            colour, marker = told_apart(place)
            shift = (place - (len(runs) - 1) / 2) * 0.7 / len(runs)
            known = [(row + shift, *given) for row, given in enumerate(found) if given is not None]
            for y, _, limits in known:
                across = [100 * limits.low, 100 * limits.high]
                axes.plot(across, [y, y], color=colour, linewidth=1.3)
            shares, at = [100 * share for _, share, _ in known], [y for y, *_ in known]
            axes.plot(shares, at, marker, color=colour, markersize=4, label=run)
        axes.set_yticks(range(len(rows)), rows)
        figure.suptitle(textwrap.fill(title, 58), fontsize="large")
        axes.set(xlabel="%", xlim=(-2, 102), ylim=(len(rows) - 0.5, -0.5))
        figure.legend(loc="outside lower center", ncols=1, fontsize=8)
        return figure
