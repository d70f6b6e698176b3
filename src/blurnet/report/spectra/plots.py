"""Figures of spectra: data in, figures out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from blurnet.experiments.results import Ring
from blurnet.report.figures.images import picture
from blurnet.report.figures.plots import STYLE
from blurnet.spectra import MeanInterval

COLUMNS = {"clean": "clean", "attacked": "attacked", "difference": "clean − attacked"}
"""State → a panel's title."""


@dataclass(frozen=True)
class Look:
    """How a state is drawn, told apart without colours too."""

    name: str
    colour: str
    marker: str
    dash: str


STATES = {
    "clean": Look("clean", "#0b5cad", "o", "-"),
    "attacked": Look("attacked", "#c2500a", "s", "--"),
    "control": Look("random colours", "#6b7280", "^", ":"),
}

ROWS, FEW = 8, 4
"""So many maps stand below each other, more are laid out in a square; so few are drawn large."""

ROUNDING = 1e-12
"""Power below this part of the highest is rounding and is not drawn."""


@dataclass(frozen=True)
class Estimate:
    """A value and its interval."""

    value: float
    low: float
    high: float


def map_spectra(
    title: str,
    names: Sequence[str],
    spectra: Mapping[str, Tensor],
    photographs: Sequence[Tensor] = (),
) -> Figure:
    """Draw the spectra of maps, a panel for each state; a map has the same place in every panel.

    The spectra of one map share a scale, from the lowest to the highest value they have in any
    panel; zero frequency, which is brightness, does not count there and may be off it.

    Args:
        title: what the maps are of.
        names: of the maps; shown where there are few.
        spectra: a key of ``COLUMNS`` → log magnitudes, not normalised, K × H × W.
        photographs: what is drawn above the panels, as ``picture`` takes it.

    """
    scaled = _scaled(torch.stack(list(spectra.values())))
    states, maps, height, width = scaled.shape
    across = 1 if maps <= ROWS else math.ceil(maps**0.5)
    gap = max(1, height // 12)
    down, pitch = height + gap, width + gap
    panel, apart = across * pitch - gap, (2 + (across > 1)) * gap
    lefts = [state * (panel + apart) for state in range(states)]
    sheet = np.full((math.ceil(maps / across) * down - gap, lefts[-1] + panel), np.nan)
    for place in range(maps):
        for state in range(states):
            top, left = place // across * down, lefts[state] + place % across * pitch
            sheet[top : top + height, left : left + width] = scaled[state, place]
    above = down if len(photographs) else 0
    inch = (1.25 if maps <= FEW else 0.75 if across == 1 else 0.4) / pitch
    size = (sheet.shape[1] * inch + 1.2, (sheet.shape[0] + above) * inch + 0.8)
    with mpl.rc_context(STYLE | {"axes.grid": False, "font.size": 7}):
        figure = Figure(figsize=size, layout="compressed")
        axes = figure.subplots()
        for left, photograph in zip(lefts, photographs, strict=False):
            extent = (left - 0.5, left + panel - 0.5, -gap - 0.5, -down - 0.5)
            shown = np.asarray(picture(photograph).convert("RGB"))
            axes.imshow(shown, extent=extent, interpolation="none")
        drawn = axes.imshow(sheet, cmap="viridis", vmin=0, vmax=1, interpolation="none")
        axes.set(xlim=(-0.5, sheet.shape[1] - 0.5), ylim=(sheet.shape[0] - 0.5, -above - 0.5))
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.set_xticks([left + (panel - 1) / 2 for left in lefts], [COLUMNS[s] for s in spectra])
        named = names if across == 1 else []
        axes.set_yticks([place * down + (height - 1) / 2 for place in range(len(named))], named)
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


def share_bars(title: str, rows: Mapping[str, Mapping[str, Estimate]]) -> Figure:
    """Draw shares with their intervals, a row for each network, a marker for each state.

    Args:
        title: what the shares are of.
        rows: network → a key of ``STATES`` → the share.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 1.1 + 0.36 * len(rows)), layout="constrained")
        axes = figure.subplots()
        told: set[str] = set()
        for place, states in enumerate(rows.values()):
            for shift, (state, look) in enumerate(STATES.items()):
                if state not in states:
                    continue
                share = states[state]
                y = place + 0.24 * (shift - 1)
                axes.plot([100 * share.low, 100 * share.high], [y, y], color=look.colour, lw=1.4)
                label = None if state in told else look.name
                told.add(state)
                axes.plot(100 * share.value, y, look.marker, color=look.colour, ms=4.5, label=label)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set(title=title, xlabel="%", ylim=(len(rows) - 0.4, -0.6))
        axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
        return figure


def ratio_curves(layers: Mapping[str, Sequence[Ring]], cutoff: float) -> Figure:
    """Draw what a sticker does to the power at each frequency, as a ratio; 1 is nothing.

    Args:
        layers: layer → its rings; a ratio that is not known is left out.
        cutoff: where high frequencies begin.

    """
    with mpl.rc_context(STYLE):
        figure, panels = _panels(len(layers), (2.9, 2.5))
        for axes, (layer, rings) in zip(panels, layers.items(), strict=True):
            for state in ("clean", "control"):
                look = STATES[state]
                ratios = [r.over_clean if state == "clean" else r.over_control for r in rings]
                known = [
                    (ring.frequency, ratio.mean, ratio.low, ratio.high)
                    for ring, ratio in zip(rings, ratios, strict=True)
                    if None not in (ratio.mean, ratio.low, ratio.high)
                ]
                if not known:
                    continue
                x, value, low, high = np.array(known, dtype=np.float64).T
                axes.fill_between(x, low, high, color=look.colour, alpha=0.18, linewidth=0)
                label = f"attacked / {look.name}"
                axes.plot(x, value, color=look.colour, marker=look.marker, ms=3, label=label)
            axes.axhline(1, color="#1a1d23", linewidth=0.8)
            axes.axvline(cutoff, color="#1a1d23", linewidth=0.8, dashes=(4, 3))
            axes.set(title=layer, ylim=(0, None))
        _frame(figure, panels, "power, ratio", cutoff)
        return figure


def profile_curves(
    layers: Mapping[str, tuple[Tensor, Mapping[str, MeanInterval]]], cutoff: float
) -> Figure:
    """Draw the mean power over rings of frequencies, with its 95 % band over images.

    Args:
        layers: layer → its rings' frequencies in cycles per pixel, R, and a key of ``STATES`` → the
            mean and its band, each R.
        cutoff: where high frequencies begin, in cycles per pixel.

    """
    with mpl.rc_context(STYLE):
        figure, panels = _panels(len(layers), (3.2, 2.5))
        for axes, (layer, (frequencies, states)) in zip(panels, layers.items(), strict=True):
            x = frequencies[1:].numpy()
            for state, (mean, low, high) in states.items():
                look = STATES[state]
                axes.plot(x, mean[1:].numpy(), look.dash, color=look.colour, label=look.name)
                if not low.isnan().any():
                    bottom = low[1:].clamp(min=float(mean[1:].min()) / 10).numpy()
                    top = high[1:].numpy()
                    axes.fill_between(x, bottom, top, color=look.colour, alpha=0.18, linewidth=0)
            axes.axvline(cutoff, color="#1a1d23", linewidth=0.8, dashes=(4, 3))
            means = torch.stack([band.mean for band in states.values()])
            highest, floor = float(means[:, 1:].max()), ROUNDING * float(means.max())
            if highest > floor:
                axes.set_yscale("log")
                axes.set_ylim(bottom=max(axes.get_ylim()[0], floor))
            axes.set_title(layer)
        _frame(figure, panels, "power spectral density, mean over rings", cutoff)
        return figure


def _panels(count: int, size: tuple[float, float]) -> tuple[Figure, list[mpl.axes.Axes]]:
    """Make panels, at most three beside each other."""
    columns = min(3, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(size[0] * columns + 0.4, size[1] * rows + 0.6), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flatten())
    for axes in panels[count:]:
        axes.set_visible(False)
    return figure, panels[:count]


def _frame(figure: Figure, panels: Sequence[mpl.axes.Axes], y: str, cutoff: float) -> None:
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8)
    figure.supxlabel(
        "radial frequency (cycles per pixel of the map)\n"
        f"zero is left out; dashed: cut-off {cutoff:g}",
        fontsize=9,
    )
    figure.supylabel(y, fontsize=9)
