"""Figures of a page: shown there as SVG, and written as files for papers."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure

from blurnet.files import disk_errors, write_whole
from blurnet.report.figures.images import data_uri
from blurnet.report.figures.plots import svg


@dataclass(frozen=True)
class Drawing:
    """A figure of a page.

    Args:
        name: says what it shows; its file is called so, in small letters and dashes.
        alt: what there is to see, for those who hear the page.
        draw: makes the figure.
        caption: more to be said below it.

    """

    block: ClassVar[str] = "drawing"

    name: str
    alt: str
    draw: Callable[[], Figure] = field(repr=False)
    caption: str = ""

    @cached_property
    def figure(self) -> Figure:
        """The figure, drawn once."""
        return self.draw()

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG."""
        return svg(self.figure)

    @cached_property
    def png(self) -> bytes:
        """The figure as PNG, laid out as the SVG is."""
        assert self.svg, "drawn, and so laid out"
        self.figure.set_layout_engine("none")
        content = BytesIO()
        self.figure.savefig(content, format="png")
        return content.getvalue()

    @property
    def uri(self) -> str:
        """The figure as SVG, as an image's source."""
        return data_uri("image/svg+xml", self.svg)

    @property
    def file(self) -> str:
        """The file's name, without suffix."""
        return re.sub(r"[^\w.]+", "-", self.name.lower()).strip("-.")[:100] or "figure"


def drawings_in(content: Any) -> Iterator[Drawing]:
    """Find the drawings in what sections show: dataclasses, tuples and mappings of them.

    What has a ``drawing`` of its own, such as ``Bars``, gives that.
    """
    if isinstance(content, Drawing):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from drawings_in(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from drawings_in(value)
    elif is_dataclass(content) and not isinstance(content, type):
        if not any(each.name == "drawing" for each in fields(content)):
            yield from drawings_in(getattr(content, "drawing", None))
        for each in fields(content):
            yield from drawings_in(getattr(content, each.name))


def write_drawings(
    content: Any, folder: Path, on_step: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write every drawing in ``content`` as PNG and SVG.

    Args:
        content: what sections show.
        folder: where to; made if it does not exist. Files of the same names are replaced.
        on_step: told after each drawing how many are done, and of how many.

    Returns:
        The files' paths. Two drawings of one name get numbers.

    Raises:
        BlurnetError: if the disk does not take them.

    """
    taken: dict[str, int] = {}
    paths: list[Path] = []
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    drawings = list(drawings_in(content))
    for place, drawing in enumerate(drawings, start=1):
        taken[drawing.file] = number = taken.get(drawing.file, 0) + 1
        name = drawing.file + f"-{number}" * (number > 1)
        for suffix, written in (("png", drawing.png), ("svg", drawing.svg)):
            paths.append(folder / f"{name}.{suffix}")
            write_whole(paths[-1], written)
        if on_step is not None:
            on_step(place, len(drawings))
    return paths
