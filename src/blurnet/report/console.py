"""The terminal's renderer: blocks in 80 columns."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from blurnet.experiments.results import AnyResults
from blurnet.report.blocks import Block, Definitions, Heading, Paragraph, Verdict
from blurnet.report.kinds import shown
from blurnet.report.tables import Table

LABELS = 12
"""At least so many columns of the terminal for the rows' labels."""

INTERVAL = "95 %\ninterval"


def print_table(results: AnyResults, console: Console | None = None) -> None:
    """Print an experiment's tables, and what their numbers mean.

    Args:
        results: what ``results.json`` holds.
        console: where to; standard output by default. From 80 columns on no row is wrapped; a label
            that is too long is cut.

    Raises:
        BlurnetError: if the experiment is of a kind that this version does not know.

    """
    print_blocks(shown(results.kind).tables(results), console)


def print_blocks(blocks: Iterable[Block], console: Console | None = None) -> None:
    """Print blocks: tables, headings, paragraphs, verdicts and definitions.

    Args:
        blocks: what to print; figures and what only a page can show are left out.
        console: where to; standard output by default.

    """
    console = console or Console()
    for block in blocks:
        if isinstance(block, Table):
            _print(block, console)
        elif isinstance(block, Heading):
            console.print(Text(block.text, style="bold"))
        elif isinstance(block, Paragraph):
            console.print(Text(f"{block.text}\n"))
        elif isinstance(block, Verdict):
            console.print(Text.assemble((block.title, "bold"), f"\n{block.text}\n"))
        elif isinstance(block, Definitions):
            for measure in block.measures:
                console.print(Text.assemble((measure.name, "bold"), ": ", measure.meaning))


def _print(table: Table, console: Console) -> None:
    unit = f" ({table.unit})" if table.unit else ""
    console.print(Text(f"{table.title}{unit}", style="bold"))
    console.print(_grid(table, console.width))
    if table.below:
        console.print(Text(table.below))
    console.print()


def _grid(table: Table, width: int) -> Grid:
    """Lay a table out; the labels get what the numbers leave of the width."""
    columns: list[tuple[str, str, list[str]]] = []
    for place in table.on_terminal:
        column = table.columns[place]
        cells = [row.cells[place] for row in table.rows]
        columns.append((column.short, column.style, [cell.terminal for cell in cells]))
        if column.interval:
            columns.append((INTERVAL, "dim", [cell.interval for cell in cells]))
    numbers = sum(
        1 + max(len(line) for text in (head, *cells) for line in text.split("\n"))
        for head, _, cells in columns
    )
    grid = Grid(box=box.SIMPLE_HEAD, padding=0, show_edge=False, header_style="")
    label_width = max(LABELS, width - numbers)
    grid.add_column(f"\n{table.labels.lower()}", max_width=label_width, no_wrap=True)
    for head, style, _ in columns:
        grid.add_column(head, style=style, justify="right", no_wrap=True)
    for place, row in enumerate(table.rows):
        texts = [cells[place] for _, _, cells in columns]
        grid.add_row(Text(row.label), *(Text(text) for text in texts))
    return grid
