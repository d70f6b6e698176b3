"""Photographs clean and attacked, with every network's answers, for any kind of experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.images import SMALL, image_uri
from blurnet.report.figures.plots import picture_sheet

MOST, MOST_LARGE = 1500, 500
"""About how many attacked photographs a page holds, small or large; of more, some are shown."""

SHEET = 8
"""Views in a figure for a paper."""


@dataclass(frozen=True)
class Answer:
    """A network's answer on one view: the class, its confidence if known, and how it stands."""

    name: str
    confidence: float | None
    kind: Literal["right", "target", "wrong"]


@dataclass(frozen=True)
class Answers:
    """One network's answers on a set of views.

    Args:
        label: the network's name.
        choice: axis → what is chosen, where these answers are shown.
        clean: an answer for each of all views, those that are not shown included.
        attacked: likewise.
        sentence: what came out, counted.
        images: the shown views attacked for this network alone; None if one sticker serves all.

    """

    label: str
    choice: dict[str, str]
    clean: tuple[Answer, ...]
    attacked: tuple[Answer, ...]
    sentence: str
    images: tuple[str, ...] | None = None


@dataclass(frozen=True)
class View:
    """One view that is shown: its name, its place among all, and it clean, and attacked for all."""

    name: str
    place: int
    clean: str
    attacked: str | None = None


@dataclass(frozen=True)
class PhotographSet:
    """A scene under one attack.

    Args:
        title: what was done to it.
        choice: axis → what is chosen, where it is shown.
        networks: whose answers are shown.
        views: those that are shown.
        of: how many there are.
        sheet: the figure for papers.

    """

    title: str
    choice: dict[str, str]
    networks: tuple[Answers, ...]
    views: tuple[View, ...]
    of: int
    sheet: Drawing


@dataclass(frozen=True)
class Photographs:
    """What ``photographs.html.j2`` shows: sets to choose from by the axes."""

    axes: tuple[str, ...]
    sets: tuple[PhotographSet, ...]

    @property
    def confidence_missing(self) -> bool:
        """Whether some answers' confidence is unknown."""
        told = (each for found in self.sets for each in found.networks)
        return any(
            answer.confidence is None for each in told for answer in (*each.clean, *each.attacked)
        )


def views_shown(views: int, sets: int, size: int = SMALL) -> list[int]:
    """Choose the places of the views that a page shows, spread evenly: all of them if they fit.

    Args:
        views: of a scene.
        sets: how many times the page shows a scene: once for each network that attacked it.
        size: the photographs' width in pixels.

    """
    most = MOST if size <= SMALL else MOST_LARGE
    count = max(2, min(views, most // max(sets, 1)))
    return [place * views // min(count, views) for place in range(min(count, views))]


def uris(images: Tensor, places: Sequence[int]) -> tuple[str, ...]:
    """Give the chosen images, as sources."""
    return tuple(image_uri(images[place]) for place in places)


def answers(
    classes: Sequence[str],
    given: Sequence[int],
    true: int | Sequence[int],
    target: int | None,
    confidence: Sequence[float] | None,
) -> tuple[Answer, ...]:
    """Name answers, and say how each stands.

    Args:
        classes: what the logits are called.
        given: the answers.
        true: the true class of all views, or of each.
        target: what was aimed at, if anything.
        confidence: of each answer, if known.

    """
    right = [true] * len(given) if isinstance(true, int) else true
    sure: Sequence[float | None] = [None] * len(given) if confidence is None else confidence
    return tuple(
        Answer(
            classes[each], of, "right" if each == it else "target" if each == target else "wrong"
        )
        for each, it, of in zip(given, right, sure, strict=True)
    )


def sheet(
    name: str,
    views: Sequence[str],
    clean: Tensor,
    attacked: Mapping[str, tuple[Tensor, Sequence[Answer]]],
) -> Drawing:
    """Give a figure of some views, clean, and attacked with each network's answers below.

    Args:
        name: what was done to them.
        views: their names.
        clean: V × C × H × W.
        attacked: network → the attacked views, V × C × H × W, and its answers on them.

    """
    places = views_shown(len(views), MOST // SHEET)

    def shots(images: Tensor, words: Sequence[str]) -> list[tuple[Tensor, str]]:
        return [(images[place], words[place]) for place in places]

    rows = {"clean": shots(clean, [""] * len(views))} | {
        network: shots(images, [each.name for each in told])
        for network, (images, told) in attacked.items()
    }
    columns = [views[place] for place in places]
    return Drawing(f"photographs {name}", name, lambda: picture_sheet(name, columns, rows))
