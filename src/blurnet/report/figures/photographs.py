"""Photographs clean and attacked, with every network's answers, for any kind of experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from blurnet.report.figures.images import image_uri
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.plots import picture_sheet

Values = Mapping[str, Any]

MOST = 1500
"""About how many attacked photographs a page holds; of more, some of each scene are shown."""

SHEET = 8
"""Views in a figure for a paper."""


def views_shown(views: int, sets: int) -> list[int]:
    """Choose the places of the views that a page shows, spread evenly: all of them if they fit.

    Args:
        views: of a scene.
        sets: how many times the page shows a scene: once for each network that attacked it.

    """
    count = max(2, min(views, MOST // max(sets, 1)))
    return [place * views // min(count, views) for place in range(min(count, views))]


def uris(images: Tensor, places: Sequence[int]) -> list[str]:
    """Give the chosen images, as sources."""
    return [image_uri(images[place]) for place in places]


def answer(
    classes: Sequence[str], given: int, true: int, target: int | None, confidence: float | None
) -> Values:
    """Name an answer, and how it stands: ``right``, ``target`` or ``wrong``."""
    kind = "right" if given == true else "target" if given == target else "wrong"
    return {"class": classes[given], "confidence": confidence, "kind": kind}


def sheet(
    name: str, views: Sequence[str], clean: Tensor, attacked: Mapping[str, tuple[Tensor, Any]]
) -> Drawing:
    """Give a figure of some views, clean, and attacked with each network's answers below.

    Args:
        name: what was done to them.
        views: their names.
        clean: V × 3 × H × W.
        attacked: network → the attacked views, V × 3 × H × W, and its answers on them.

    """
    places = views_shown(len(views), MOST // SHEET)

    def shots(images: Tensor, words: Sequence[str]) -> list[tuple[Tensor, str]]:
        return [(images[place], words[place]) for place in places]

    rows = {"clean": shots(clean, [""] * len(views))} | {
        network: shots(images, [told["class"] for told in answers])
        for network, (images, answers) in attacked.items()
    }
    columns = [views[place] for place in places]
    return Drawing(f"photographs {name}", name, lambda: picture_sheet(name, columns, rows))
