"""One measure over another, a dot for each network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from blurnet.report.figures.plots import STYLE, told_apart


@dataclass(frozen=True)
class Dots:
    """A family of networks.

    Args:
        name: of the family.
        groups: (x, y) of each network, in groups whose means are joined by a line.
        notes: one for each group, written beside its mean.

    """

    name: str
    groups: tuple[tuple[tuple[float, float], ...], ...]
    notes: tuple[str, ...]


def dots(x: str, y: str, families: Sequence[Dots]) -> Figure:
    """Draw families of networks.

    Args:
        x: what the horizontal axis is.
        y: what the vertical one is.
        families: told apart by colour and shape.

    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.4 + 0.16 * len(families)), layout="constrained")
        axes = figure.subplots()
        for place, family in enumerate(families):
            colour, marker = told_apart(place)
            each = np.array([point for group in family.groups for point in group])
            small: Any = {"marker": marker, "alpha": 0.45, "linewidths": 0}
            axes.scatter(each[:, 0], each[:, 1], s=9, color=colour, **small)
            means = np.array([np.mean(group, axis=0) for group in family.groups])
            axes.plot(
                *means.T, color=colour, marker=marker, markersize=5, linewidth=1, label=family.name
            )
            for note, mean in zip(family.notes, means, strict=True):
                axes.annotate(note, mean, (3, 3), textcoords="offset points", fontsize=7)
        axes.set(xlabel=x, ylabel=y)
        figure.legend(loc="outside lower center", ncols=3, fontsize=8)
        return figure
