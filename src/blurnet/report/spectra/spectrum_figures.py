"""Figures of spectra, for papers: tensors in, PNG and SVG out."""

import math
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from blurnet.files import disk_errors, write_whole
from blurnet.spectra import MeanInterval

MAPS_SHOWN = 144
"""Of a layer with more maps, this many at even distances are drawn."""

ROWS_UP_TO = 8
"""A layer with at most this many maps is drawn with a row for each; one with more as tiles."""

ROUNDING = 1e-12
"""Power below this part of the highest is rounding and is not drawn."""

STYLES = {
    "clean": ("#0b5cad", "-"),
    "attacked": ("#c2500a", "--"),
    "random colours": ("#6b7280", ":"),
}
"""Colour and dash of a state; told apart without colours too."""

FONT: Any = {"font.size": 9, "axes.titlesize": 10, "svg.hashsalt": "blurnet"}


def spectra_figure(layer: str, spectra: Mapping[str, Tensor], note: str = "") -> Figure:
    """Draw the spectra of a layer's maps, a panel for each state.

    A map stands at the same place in every panel, and its spectra share one scale, from the lowest
    to the highest value they have in any of them, so that panels can be compared. Zero frequency,
    which is brightness, does not count there and may be off the scale.

    Args:
        layer: what the maps are of, for the title.
        spectra: a panel's title → log magnitudes, K × H × W, not normalised; all of one shape.
        note: what else is to be said of them.

    """
    maps, height, width = next(iter(spectra.values())).shape
    shown = torch.linspace(0, maps - 1, min(maps, MAPS_SHOWN)).round().long()
    values = torch.stack([each[shown] for each in spectra.values()])
    patterns = values.clone()
    patterns[..., height // 2, width // 2] = values[..., 0, 0]
    low, high = patterns.amin((0, 2, 3), keepdim=True), patterns.amax((0, 2, 3), keepdim=True)
    panels = ((values - low) / torch.where(high > low, high - low, 1)).clamp(0, 1).numpy()
    across = 1 if len(shown) <= ROWS_UP_TO else math.ceil(len(shown) ** 0.5)
    down = math.ceil(len(shown) / across)
    size = (2.2, 2.2 * down * height / width) if across == 1 else (3.6, 3.6 * down / across)
    with mpl.rc_context(FONT):
        figure = Figure(figsize=(size[0] * len(panels) + 1, size[1] + 0.9), layout="compressed")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, title, panel in zip(axes, spectra, panels, strict=True):
            picture = axis.imshow(_tiled(panel, across), cmap="viridis", vmin=0, vmax=1)
            axis.set_title(title)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
        bar = figure.colorbar(picture, ax=axes, fraction=0.04, pad=0.02, ticks=[0, 1])
        bar.ax.set_yticklabels(["lowest", "highest"])
        bar.set_label("log(1 + |F|), each map's own scale")
        bar.outline.set_visible(False)
        if maps <= ROWS_UP_TO and len(names := _names(layer, maps)) == maps:
            pitch = height + 1
            axes[0].set_yticks([place * pitch + (height - 1) / 2 for place in range(maps)], names)
            axes[0].tick_params(length=0)
        number = "" if maps == 1 else f"{len(shown)} of {maps} maps, " * (len(shown) < maps)
        number = number or (f"{maps} maps, " if maps > ROWS_UP_TO else "")
        figure.suptitle(
            f"{layer}: {number}{height} × {width} frequencies{note and ', '}{note}\n"
            "middle: 0, borders: ±0.5 cycles per pixel of the map",
            fontsize=9,
        )
    return figure


def profiles_figure(
    profiles: Mapping[str, tuple[Tensor, Mapping[str, MeanInterval]]], cutoff: float
) -> Figure:
    """Draw the mean power over rings of frequencies, with its 95 % band over images.

    Args:
        profiles: layer → its rings' frequencies in cycles per pixel, R, and for each state (a key
            of ``STYLES``) the mean and band, each R.
        cutoff: where high frequencies begin, in cycles per pixel.

    """
    columns = min(3, len(profiles))
    rows = math.ceil(len(profiles) / columns)
    with mpl.rc_context(FONT):
        figure = Figure(figsize=(3.2 * columns + 0.4, 2.6 * rows + 0.6), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flatten()
        for axis in axes[len(profiles) :]:
            axis.set_visible(False)
        for axis, (layer, (frequencies, states)) in zip(axes, profiles.items(), strict=False):
            x = frequencies[1:].numpy()
            for state, (mean, low, high) in states.items():
                colour, dash = STYLES[state]
                axis.plot(x, mean[1:].numpy(), dash, color=colour, label=state, linewidth=1.6)
                if not low.isnan().any():
                    bottom = low[1:].clamp(min=float(mean[1:].min()) / 10).numpy()
                    top = high[1:].numpy()
                    axis.fill_between(x, bottom, top, color=colour, alpha=0.18, linewidth=0)
            axis.axvline(cutoff, color="#1a1d23", linewidth=0.8, dashes=(4, 3))
            means = torch.stack([mean for mean, _, _ in states.values()])
            highest, floor = float(means[:, 1:].max()), ROUNDING * float(means.max())
            if highest > floor:
                axis.set_yscale("log")
                axis.set_ylim(bottom=max(axis.get_ylim()[0], floor))
            axis.set_title(layer)
            axis.grid(visible=True, which="major", alpha=0.25, linewidth=0.5)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        figure.supxlabel(
            "radial frequency (cycles per pixel of the map)\n"
            f"zero is left out; dashed: cut-off {cutoff:g}",
            fontsize=9,
        )
        figure.supylabel("power spectral density, mean over rings", fontsize=9)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as ``name``.png (200 dots per inch) and ``name``.svg.

    Args:
        figure: the figure.
        folder: where to; made if it does not exist.
        name: without suffix.

    Returns:
        The files' paths.

    Raises:
        BlurnetError: if the disk does not take them.

    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, more in (("png", {}), ("svg", {"metadata": {"Date": None}})):
        content = BytesIO()
        with mpl.rc_context(FONT):
            figure.savefig(content, format=suffix, dpi=200, bbox_inches="tight", **more)  # type: ignore[arg-type]
        path = folder / f"{name}.{suffix}"
        write_whole(path, content.getvalue())
        paths.append(path)
    return paths


def _tiled(maps: npt.NDArray[np.float64], across: int) -> npt.NDArray[np.float64]:
    """Lay maps out in rows of ``across``, one empty pixel between them."""
    number, height, width = maps.shape
    down = math.ceil(number / across)
    tiled = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for place, each in enumerate(maps):
        top, left = place // across * (height + 1), place % across * (width + 1)
        tiled[top : top + height, left : left + width] = each
    return tiled


def _names(layer: str, maps: int) -> list[str]:
    return ["R", "G", "B"] if layer == "input" and maps == 3 else [str(k) for k in range(maps)]
