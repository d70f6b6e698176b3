"""The table on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .words import L2_DISSIMILARITY, MEASURES, TRANSFERS, by_transfer, published_words, span

NUMBERS = 59
"""Columns of the terminal that a table's numbers take."""

STYLES = {"attack": "bold", "95 %": "dim", "published": "cyan"}
"""By a column's first line."""


def print_table(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Print an experiment's rows, in percent, a table for each way of transfer.

    Args:
        results: what ``results.json`` holds.
        console: where to; standard output by default. From 80 columns on no row is wrapped; a label
            that is too long is cut.

    """
    console = console or Console()
    for transfer, rows in by_transfer(results["rows"]).items():
        console.print(Text(TRANSFERS[transfer] + " (in %)", style="bold"))
        console.print(_rates(rows, console.width - NUMBERS))
        if any(row["published"] for row in rows):
            console.print(Text(published_words(results["settings"])))
        l2, images = rows[0]["l2_dissimilarity"], rows[0]["images"]
        console.print(Text(f"{L2_DISSIMILARITY.name} {l2:.3f}, {images} images\n"))
    tested = {row["label"]: row for row in results["rows"] if "test_accuracy" in row}
    if tested:
        console.print(Text("The same networks on clean test images (in %)", style="bold"))
        console.print(_test_accuracies(list(tested.values()), console.width - NUMBERS))
        console.print()
    for measure in (*MEASURES.values(), L2_DISSIMILARITY):
        console.print(Text.assemble((measure.name, "bold"), ": ", measure.meaning))


def _rates(rows: Sequence[Mapping[str, Any]], label_width: int) -> Table:
    columns = ["accu-\nracy", "attack\nsuccess", "95 %\ninterval", "predict.\naltered"]
    columns += ["target\nreached", "con-\ntrol"]
    published = any(row["published"] for row in rows)
    if published:
        columns.append("published\nacc/succ.")
    table = _table(label_width, columns)
    for row in rows:
        cells = [
            _number(row["accuracy"]),
            _number(row["attack_success_rate"]),
            span(row["intervals"]["attack_success_rate"]),
            _number(row["prediction_altered_rate"]),
            _number(row["target_reached_rate"]),
            _number(row["control_success_rate"]),
        ]
        if published:
            given = row["published"] or {}
            pair = (given.get("accuracy"), given.get("attack_success_rate"))
            cells.append("/".join("–" if share is None else f"{100 * share:.3g}" for share in pair))
        table.add_row(Text(row["label"]), *cells)
    return table


def _test_accuracies(rows: Sequence[Mapping[str, Any]], label_width: int) -> Table:
    table = _table(label_width, ("test\naccuracy", "95 %\ninterval", "\nimages"))
    for row in rows:
        interval = span(row["intervals"]["test_accuracy"])
        images = str(row["test_images"])
        table.add_row(Text(row["label"]), _number(row["test_accuracy"]), interval, images)
    return table


def _table(label_width: int, columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, header_style="")
    table.add_column("\ndefense", max_width=label_width, no_wrap=True)
    for header in columns:
        style = STYLES.get(header.split("\n")[0], "")
        table.add_column(header, style=style, justify="right", no_wrap=True)
    return table


def _number(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
