"""What a page is built of, and a terminal's output too: typed blocks, shown by two renderers."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, Literal

from blurnet.evaluation import Rate
from blurnet.report.figures.bars import rate_bars
from blurnet.report.figures.drawings import Drawing
from blurnet.report.tables import Table
from blurnet.report.words import Measure


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    block: ClassVar[str] = "heading"

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a ``caption`` is in small letters and a ``note`` begins with "Mind:"."""

    block: ClassVar[str] = "paragraph"

    text: str
    kind: Literal["plain", "caption", "note"] = "plain"


@dataclass(frozen=True)
class Verdict:
    """What came out, in plain words, in a box."""

    block: ClassVar[str] = "verdict"

    title: str
    text: str


@dataclass(frozen=True)
class Fact:
    """Something that is known, by name."""

    name: str
    text: str


@dataclass(frozen=True)
class Facts:
    """Facts side by side."""

    block: ClassVar[str] = "facts"

    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Details:
    """Preformatted text that is folded away, such as all settings as JSON."""

    block: ClassVar[str] = "details"

    title: str
    text: str


@dataclass(frozen=True)
class Folded:
    """Blocks that are folded away."""

    block: ClassVar[str] = "folded"

    title: str
    blocks: "tuple[Block, ...]"


@dataclass(frozen=True)
class Definitions:
    """What the numbers mean."""

    block: ClassVar[str] = "definitions"

    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Bar:
    """A rate to be drawn.

    Args:
        name: of the bar.
        rate: itself.
        published: what was, if anything.
        control: the same under the strongest sticker that nobody searched for, if known.
        ceiling: the same with the place filled in, likewise.

    """

    name: str
    rate: Rate
    published: float | None = None
    control: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class Bars:
    """Rates as bars with their intervals.

    Args:
        title: what the figure for papers is called.
        measure: what is drawn.
        bars: from the top.
        kind: "success" (lower is better) or "accuracy" (higher is better).

    """

    title: str
    measure: str
    bars: tuple[Bar, ...]
    kind: Literal["success", "accuracy"] = "success"

    @cached_property
    def drawing(self) -> Drawing:
        """The same as a figure for papers."""
        bars = [(bar.name, bar.rate, bar.published, bar.control, bar.ceiling) for bar in self.bars]
        return Drawing(self.title, self.title, partial(rate_bars, self.title, bars))


@dataclass(frozen=True)
class Charts:
    """Bars side by side."""

    block: ClassVar[str] = "charts"

    charts: tuple[Bars, ...]

    @property
    def published(self) -> bool:
        """Whether something that was published is drawn too."""
        return any(bar.published is not None for chart in self.charts for bar in chart.bars)

    @property
    def references(self) -> bool:
        """Whether the control and the ceiling are drawn too."""
        return any(bar.control is not None for chart in self.charts for bar in chart.bars)


@dataclass(frozen=True)
class Plots:
    """Drawings side by side."""

    block: ClassVar[str] = "plots"

    drawings: tuple[Drawing, ...]


@dataclass(frozen=True)
class Part:
    """Blocks that are shown where their choice is made: axis → what is chosen."""

    choice: dict[str, str]
    blocks: "tuple[Block, ...]"


@dataclass(frozen=True)
class Switch:
    """Parts to choose from by the axes; all are shown without the page's script, and in print."""

    block: ClassVar[str] = "switch"

    axes: tuple[str, ...]
    parts: tuple[Part, ...]


Block = (
    Heading
    | Paragraph
    | Verdict
    | Facts
    | Details
    | Folded
    | Definitions
    | Charts
    | Plots
    | Drawing
    | Table
    | Switch
)


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Args:
        title: its heading; unique on a page.
        template: the file in ``templates/`` that shows it.
        content: what the template gets as ``content``: a frozen dataclass, or blocks for
            ``Section.BLOCKS``.

    """

    BLOCKS: ClassVar[str] = "blocks.html.j2"

    title: str
    template: str
    content: Any


def blocks(title: str, *content: Block) -> Section:
    """Make a section of blocks."""
    return Section(title, Section.BLOCKS, content)
