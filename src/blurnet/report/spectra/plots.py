"""Figures of an experiment's spectra: data in, figures out."""

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from blurnet.report.figures.plots import STYLE

COLUMNS = {"clean": "clean", "attacked": "attacked", "difference": "clean − attacked"}
"""State → a column's title."""

STATES = {
    "clean": ("clean", "#0b5cad", "o"),
    "attacked": ("attacked", "#c2500a", "s"),
    "control": ("random colours", "#6b7280", "^"),
}
"""State → name, colour and marker."""

ROWS, FEW = 8, 4
"""Maps below each other, more stand beside them; and so many at most are drawn large."""

Point = tuple[float, float, float]
"""A value and its interval."""


def map_rows(
    title: str,
    names: Sequence[str],
    spectra: Mapping[str, Tensor],
    photographs: Sequence[Tensor] = (),
) -> Figure:
    """Draw the spectra of maps, a row for each map and a column for each state.

    The spectra of one map share a scale, from the lowest to the highest value they have in any
    column; zero frequency, which is brightness, does not count there and may be off it.

    Args:
        title: what the maps are of.
        names: of the maps.
        spectra: a key of ``COLUMNS`` → log magnitudes, not normalised, K × H × W.
        photographs: what is drawn above the columns, float32 in [0, 1], 3 × H × W.

    """
    scaled = _scaled(torch.stack(list(spectra.values())))
    states, maps, height, width = scaled.shape
    blocks = math.ceil(maps / ROWS)
    down, gap, margin = math.ceil(maps / blocks), max(1, height // 12), (width + 1) // 2
    pitch, across = height + gap, width + gap
    block = states * across + margin
    lefts = [b * block + s * across for b in range(blocks) for s in range(states)]
    sheet = np.full((down * pitch - gap, lefts[-1] + width), np.nan)
    for place in range(maps):
        for state in range(states):
            top, left = place % down * pitch, lefts[place // down * states + state]
            sheet[top : top + height, left : left + width] = scaled[state, place]
    above = pitch if photographs else 0
    inch = (1.25 if maps <= FEW else 0.62) / across
    size = (sheet.shape[1] * inch + 1.2, (sheet.shape[0] + above) * inch + 0.8)
    with mpl.rc_context(STYLE | {"axes.grid": False, "font.size": 7}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        for left, photograph in zip(lefts, photographs, strict=False):
            extent = (left - 0.5, left + width - 0.5, -gap - 0.5, -pitch - 0.5)
            axes.imshow(photograph.permute(1, 2, 0).numpy(), extent=extent, interpolation="none")
        drawn = axes.imshow(sheet, cmap="viridis", vmin=0, vmax=1, interpolation="none")
        axes.set(xlim=(-0.5, sheet.shape[1] - 0.5), ylim=(sheet.shape[0] - 0.5, -above - 0.5))
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        titles = [
            COLUMNS[state].replace(" − ", " − " if maps <= FEW else "\n− ") for state in spectra
        ]
        axes.set_xticks([left + (width - 1) / 2 for left in lefts], titles * blocks)
        axes.set_yticks([])
        for place, name in enumerate(names):
            x, y = lefts[place // down * states] - gap, place % down * pitch + (height - 1) / 2
            axes.text(x, y, name, ha="right", va="center")
        bar = figure.colorbar(drawn, ax=axes, fraction=0.03, pad=0.02, ticks=[0, 1])
        bar.ax.set_yticklabels(["lowest", "highest"])
        bar.set_label("log(1 + |F|), each map's own scale")
        bar.outline.set_visible(False)
        figure.suptitle(title, fontsize=8)
        return figure


def _scaled(values: Tensor) -> npt.NDArray[np.float64]:
    """Put the spectra of each map, states × maps × height × width, on one scale of their own."""
    height, width = values.shape[-2:]
    patterns = values.clone()
    patterns[..., height // 2, width // 2] = values[..., 0, 0]
    low, high = patterns.amin((0, 2, 3), keepdim=True), patterns.amax((0, 2, 3), keepdim=True)
    scaled: npt.NDArray[np.float64] = (
        ((values - low) / torch.where(high > low, high - low, 1)).clamp(0, 1).double().numpy()
    )
    return scaled


def share_bars(title: str, rows: Mapping[str, Mapping[str, Point]]) -> Figure:
    """Draw shares with their intervals, a row for each network, a marker for each state.

    Args:
        title: what the shares are of.
        rows: network → a key of ``STATES`` → share and interval.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 1.1 + 0.36 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for place, states in enumerate(rows.values()):
            for shift, (state, (name, colour, marker)) in enumerate(STATES.items()):
                if state not in states:
                    continue
                value, low, high = (100 * x for x in states[state])
                y = place + 0.24 * (shift - 1)
                axes.plot([low, high], [y, y], color=colour, linewidth=1.4)
                label = name if place == 0 else None
                axes.plot(value, y, marker, color=colour, markersize=4.5, label=label)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set(title=title, xlabel="%", ylim=(len(rows) - 0.4, -0.6))
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
        return figure


def ratio_curves(
    rings: Mapping[str, tuple[Sequence[float], Mapping[str, Sequence[Point]]]], cutoff: float
) -> Figure:
    """Draw what a sticker does to the power at each frequency, as a ratio; 1 is nothing.

    Args:
        rings: layer → frequencies in cycles per pixel of its maps, and attacked over a key of
            ``STATES`` → the ratio and its interval at each.
        cutoff: where high frequencies begin.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 * len(rings) + 0.4, 2.9), layout="constrained")
        panels = figure.subplots(1, len(rings), squeeze=False)[0]
        for axes, (layer, (frequencies, ratios)) in zip(panels, rings.items(), strict=True):
            for state, points in ratios.items():
                name, colour, marker = STATES[state]
                value, low, high = np.array(points).T
                axes.fill_between(frequencies, low, high, color=colour, alpha=0.18, linewidth=0)
                label = f"attacked / {name}"
                axes.plot(frequencies, value, color=colour, marker=marker, ms=3, label=label)
            axes.axhline(1, color="#1a1d23", linewidth=0.8)
            axes.axvline(cutoff, color="#1a1d23", linewidth=0.8, dashes=(4, 3))
            axes.set(title=layer, ylim=(0, None))
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8
        )
        figure.supxlabel(
            f"radial frequency (cycles per pixel of the map); dashed: cut-off {cutoff:g}",
            fontsize=9,
        )
        figure.supylabel("power, ratio", fontsize=9)
        return figure


def depth_curves(
    layers: Sequence[str],
    shares: Mapping[str, Sequence[Point | None]],
    rates: Mapping[str, Mapping[str, Sequence[Point]]],
    baseline: Mapping[str, float],
) -> Figure:
    """Draw, over the layer that is filtered, the share of high frequencies there, and rates.

    Args:
        layers: from the first on.
        shares: a key of ``STATES`` → the share in each layer's maps without the filter, or None
            where the maps are too small to tell.
        rates: a panel's title → the filter's size → the rate with a filter after each layer.
        baseline: a panel's title → the rate without a filter.

    """
    with mpl.rc_context(STYLE):
        panels = 1 + len(rates)
        figure = Figure(figsize=(2.7 * panels + 0.3, 3.0), layout="constrained")
        first, *others = figure.subplots(1, panels, sharey=True)
        for state, points in shares.items():
            name, colour, marker = STATES[state]
            known = [(at, point) for at, point in enumerate(points) if point is not None]
            _line(first, [at for at, _ in known], [p for _, p in known], name, colour, marker)
        first.set_title("high frequencies there,\nno filter", fontsize=9)
        first.set_ylabel("%")
        for axes, (title, sizes) in zip(others, rates.items(), strict=True):
            for (size, rate), colour, marker in zip(
                sizes.items(), ("#8a2b86", "#2f7d4f", "#8c6d00"), "Dv<", strict=False
            ):
                _line(axes, range(len(rate)), rate, f"{size} filter", colour, marker)
            if title in baseline:
                axes.axhline(100 * baseline[title], color="#1a1d23", linestyle=":", linewidth=1.2)
            axes.set_title(title, fontsize=9)
        for axes in (first, *others):
            axes.set_xticks(range(len(layers)), layers)
            axes.set(ylim=(-3, 103), xlim=(-0.3, len(layers) - 0.7))
        first.legend(fontsize=7, loc="best")
        if others:
            others[0].legend(fontsize=7, loc="best")
        figure.supxlabel("filtered layer", fontsize=9)
        return figure


def _line(
    axes: mpl.axes.Axes,
    x: Sequence[int],
    points: Sequence[Point],
    name: str,
    colour: str,
    marker: str,
) -> None:
    if not len(points):
        return
    value, low, high = 100 * np.array(points).T
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
