"""What the terminal's tables share."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

NUMBERS = 59
"""Columns of the terminal that a table's numbers take."""

STYLES = {"attack": "bold", "95 %": "dim", "published": "cyan"}
"""By a column's first line."""


def table(label_width: int, columns: Sequence[str]) -> Table:
    """Make a table without rows: a column of labels, and numbers to the right."""
    made = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, header_style="")
    made.add_column("\ndefense", max_width=label_width, no_wrap=True)
    for header in columns:
        style = STYLES.get(header.split("\n")[0], "")
        made.add_column(header, style=style, justify="right", no_wrap=True)
    return made


def number(share: float | None) -> str:
    """Write a share in percent, without the sign."""
    return "–" if share is None else f"{100 * share:.1f}"
