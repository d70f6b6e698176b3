"""One description of a table, for the terminal and for the page: written once, shown twice."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from blurnet.report.cells import (
    NOTHING,
    Cell,
    Number,
    Published,
    Share,
    Words,
    number_cell,
    rate_cell,
    share_cell,
)

__all__ = [
    "NOTHING",
    "Cell",
    "Column",
    "Head",
    "Number",
    "Published",
    "Row",
    "Share",
    "Table",
    "Words",
    "number_cell",
    "rate_cell",
    "share_cell",
]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        title: the page's; "" leaves it out there.
        short: the terminal's, in two lines; "" leaves it out there.
        group: what the page writes over neighbouring columns of one group.
        interval: whether the terminal has the cells' intervals in a column of their own.
        style: how the terminal writes it, as ``rich`` has it.
        published: whether it holds what others published.

    """

    title: str
    short: str = ""
    group: str = ""
    interval: bool = False
    style: str = ""
    published: bool = False


@dataclass(frozen=True)
class Row:
    """A row: what it is called, more about it in small letters (page only), and its cells."""

    label: str
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        title: what it is about.
        columns: of its cells; that of the labels is left out.
        rows: each with a cell for each column.
        labels: what the labels are.
        unit: of the terminal's cells, after the title.
        caption: what the page says below it.
        below: what the terminal says below it.
        words: whether the cells are text, which may be wrapped.
        bars: "success" or "accuracy": what its cells' bars show; "" if they have none.

    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    labels: str = "Defense"
    unit: str = "in %"
    caption: str = ""
    below: str = ""
    words: bool = False
    bars: Literal["", "success", "accuracy"] = ""

    block: ClassVar[str] = "table"

    @property
    def classes(self) -> str:
        """The page's CSS classes."""
        return " ".join(filter(None, ["words" * self.words, self.bars and f"compared {self.bars}"]))

    @property
    def depth(self) -> int:
        """How many rows of headings the page has."""
        return 1 + any(self.columns[place].group for place in self.on_page)

    @property
    def on_page(self) -> tuple[int, ...]:
        """The places of the columns that the page shows."""
        return tuple(place for place, column in enumerate(self.columns) if column.title)

    @property
    def on_terminal(self) -> tuple[int, ...]:
        """The places of the columns that the terminal shows."""
        return tuple(place for place, column in enumerate(self.columns) if column.short)

    @property
    def heads(self) -> tuple["Head", ...]:
        """The page's first row of headings."""
        heads: list[Head] = []
        for place in self.on_page:
            column = self.columns[place]
            if column.group and heads and heads[-1].title == column.group:
                heads[-1] = Head(column.group, heads[-1].columns + 1, grouped=True)
            elif column.group:
                heads.append(Head(column.group, 1, grouped=True))
            else:
                heads.append(Head(column.title, 1, published=column.published))
        return tuple(heads)


@dataclass(frozen=True)
class Head:
    """A heading over ``columns`` columns; one that is not ``grouped`` stands for one of its own."""

    title: str
    columns: int
    grouped: bool = False
    published: bool = False
