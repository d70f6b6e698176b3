"""The figure of filtering deeper: data in, figure out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from blurnet.report.figures.plots import STYLE
from blurnet.report.spectra.plots import STATES, Estimate

LOOKS = (("#8a2b86", "D"), ("#2f7d4f", "v"), ("#8c6d00", "<"))
"""By filter: colour and marker."""


@dataclass(frozen=True)
class Panel:
    """A rate over the layer that is filtered.

    Args:
        title: what it is.
        filters: a filter's size → the rate with it after each layer.
        without: the rate without a filter, drawn dotted.

    """

    title: str
    filters: Mapping[str, Sequence[Estimate]]
    without: float | None


def depth_curves(
    layers: Sequence[str],
    shares: Mapping[str, Sequence[Estimate | None]],
    panels: Sequence[Panel],
) -> Figure:
    """Draw, over the layer that is filtered, the share of high frequencies there, and rates.

    Args:
        layers: from the first on.
        shares: a key of ``STATES`` → the share in each layer's maps without the filter, or None
            where the maps are too small to tell.
        panels: the rates.

    """
    with mpl.rc_context(STYLE):
        count = 1 + len(panels)
        figure = Figure(figsize=(2.7 * count + 0.3, 3.0), layout="constrained")
        first, *others = figure.subplots(1, count, sharey=True, squeeze=False)[0]
        for state, points in shares.items():
            look = STATES[state]
            known = [(at, point) for at, point in enumerate(points) if point is not None]
            places = [at for at, _ in known]
            _line(first, places, [p for _, p in known], look.name, look.colour, look.marker)
        first.set_title("high frequencies there,\nno filter", fontsize=9)
        first.set_ylabel("%")
        for axes, panel in zip(others, panels, strict=True):
            for (size, rates), (colour, marker) in zip(panel.filters.items(), LOOKS, strict=False):
                _line(axes, range(len(rates)), rates, f"{size} filter", colour, marker)
            if panel.without is not None:
                axes.axhline(100 * panel.without, color="#1a1d23", linestyle=":", linewidth=1.2)
            axes.set_title(panel.title, fontsize=9)
        for axes in (first, *others):
            axes.set_xticks(range(len(layers)), layers)
            axes.set(ylim=(-3, 103), xlim=(-0.3, len(layers) - 0.7))
            if axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=7, loc="best")
        figure.supxlabel("filtered layer", fontsize=9)
        return figure


def _line(
    axes: mpl.axes.Axes,
    x: Sequence[int],
    points: Sequence[Estimate],
    name: str,
    colour: str,
    marker: str,
) -> None:
    if not points:
        return
    value, low, high = 100 * np.array([(p.value, p.low, p.high) for p in points]).T
    axes.errorbar(
        x,
        value,
        yerr=np.clip([value - low, high - value], 0, None),
        color=colour,
        marker=marker,
        markersize=4.5,
        capsize=2.5,
        linewidth=1.4,
        label=name,
    )
