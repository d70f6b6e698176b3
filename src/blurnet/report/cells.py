"""What stands in the places of a table, each kind with its text for the page and the terminal."""

from dataclasses import dataclass

from blurnet.evaluation import Rate
from blurnet.report.words import ABSENT, Bounded, number, percent, span


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table; this one: nothing was measured.

    The two renderers read the four properties; each kind of cell says what they are.
    """

    @property
    def page(self) -> str:
        """The page's text."""
        return ABSENT

    @property
    def small(self) -> str:
        """What the page has below it in small letters."""
        return ""

    @property
    def terminal(self) -> str:
        """The terminal's text; its column's unit is in the table's title."""
        return self.page

    @property
    def interval(self) -> str:
        """What the terminal has beside it, where the column shows intervals."""
        return ABSENT

    @property
    def drawn(self) -> "Share | None":
        """What the page draws a bar of."""
        return None

    @property
    def struck(self) -> str:
        """Why it is struck through; "" if it is not."""
        return ""


NOTHING = Cell()


@dataclass(frozen=True)
class Words(Cell):
    """Text.

    Args:
        text: the page's.
        note: below it on the page, in small letters.
        short: the terminal's, if it is another.
        beside: the terminal's interval.

    """

    text: str
    note: str = ""
    short: str = ""
    beside: str = ABSENT

    @property
    def page(self) -> str:
        """See ``Cell``."""
        return self.text

    @property
    def small(self) -> str:
        """See ``Cell``."""
        return self.note

    @property
    def terminal(self) -> str:
        """See ``Cell``."""
        return self.short or self.text

    @property
    def interval(self) -> str:
        """See ``Cell``."""
        return self.beside


@dataclass(frozen=True)
class Share(Cell):
    """A rate, or a mean of shares, in percent.

    Args:
        value: in [0, 1].
        limits: its 95 % interval, if it has one.
        note: below it on the page, in small letters, in place of the interval or after it.
        bar: whether the page draws it.

    """

    value: float
    limits: Bounded | None = None
    note: str = ""
    bar: bool = False

    @property
    def drawn(self) -> "Share | None":
        """See ``Cell``."""
        return self if self.bar else None

    @property
    def page(self) -> str:
        """See ``Cell``."""
        return percent(self.value)

    @property
    def small(self) -> str:
        """See ``Cell``."""
        return ", ".join(
            filter(None, ["" if self.limits is None else span(self.limits), self.note])
        )

    @property
    def terminal(self) -> str:
        """See ``Cell``."""
        return number(self.value)

    @property
    def interval(self) -> str:
        """See ``Cell``."""
        return ABSENT if self.limits is None else span(self.limits)


@dataclass(frozen=True)
class Number(Cell):
    """A number that is no share.

    Args:
        value: the number.
        form: how it is written, as ``format`` has it.
        note: below it on the page, in small letters.

    """

    value: float
    form: str = ".3f"
    note: str = ""

    @property
    def page(self) -> str:
        """See ``Cell``."""
        return format(self.value, self.form).replace("-", "−")

    @property
    def small(self) -> str:
        """See ``Cell``."""
        return self.note


@dataclass(frozen=True)
class Struck(Cell):
    """A figure that an audit strikes through, and why; the terminal has it between tildes."""

    cell: Cell
    why: str

    @property
    def page(self) -> str:
        """See ``Cell``."""
        return self.cell.page

    @property
    def small(self) -> str:
        """See ``Cell``."""
        return self.cell.small

    @property
    def terminal(self) -> str:
        """See ``Cell``."""
        return f"~{self.cell.terminal}~"

    @property
    def interval(self) -> str:
        """See ``Cell``."""
        return self.cell.interval

    @property
    def drawn(self) -> "Share | None":
        """See ``Cell``."""
        return self.cell.drawn

    @property
    def struck(self) -> str:
        """See ``Cell``."""
        return self.why


@dataclass(frozen=True)
class Published(Cell):
    """What others published, as shares in [0, 1]; None where they did not."""

    shares: tuple[float | None, ...]

    @property
    def page(self) -> str:
        """See ``Cell``."""
        return "/".join(ABSENT if share is None else percent(share) for share in self.shares)

    @property
    def terminal(self) -> str:
        """See ``Cell``."""
        written = [ABSENT if share is None else f"{100 * share:.3g}" for share in self.shares]
        return "/".join(written)


def rate_cell(
    rate: Rate | None, *, note: str = "", interval: bool = True, bar: bool = False
) -> Cell:
    """Show a rate.

    Args:
        rate: None where there is none.
        note: below it on the page, in small letters.
        interval: whether its interval stands there too.
        bar: whether the page draws it.

    """
    if rate is None:
        return NOTHING
    return Share(rate.value, rate if interval else None, note, bar)


def number_cell(value: float | None, form: str = ".3f", note: str = "") -> Cell:
    """Show a number; see ``Number``."""
    return NOTHING if value is None else Number(value, form, note)


def share_cell(value: float | None, note: str = "") -> Cell:
    """Show a share that has no interval."""
    return NOTHING if value is None else Share(value, None, note)
